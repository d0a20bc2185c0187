/** The report of `evaluate`: a checkpoint on some pictures, as a page, and what it said to each of them as a table. */
import type { Preprocessing } from '../data/transforms.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { writeWhole } from '../node/files.ts';
import type { StressTable } from '../train/evaluation/stress.ts';
import type { Inference } from '../train/infer.ts';
import { type AnyEvaluation, countsOf } from '../train/task.ts';
import type { CheckpointPart, ReportDocument } from './document.ts';
import { environmentRows } from './environment.ts';
import { explainWith } from './explain-with.ts';
import { reportHtml } from './page.ts';
import { namesOf, sentencesOf } from './run-document.ts';
import { toldOf } from './told.ts';

export interface EvaluationReport {
  /** The network, and the adapter that it is on. */
  model: Model;
  device: Device;
  adapter: { description: string; software: boolean };
  /** Its architecture's name, and the file. */
  name: string;
  checkpoint: CheckpointPart;
  preprocessing: Preprocessing;
  /** What it said, and what that is worth. */
  answers: Inference;
  evaluation: AnyEvaluation;
  stress: StressTable | null;
  /** Where the pictures are from: a folder; null for the demo's. */
  data: string | null;
  /** Sentences on the pictures: what was left out, what is there twice. */
  notes: readonly string[];
  /** What else is to be said of the figures, such as how many of the pictures it has trained on. */
  sentences: readonly string[];
  /** The command that measures again. */
  command: string;
}

/** Where the report of a page goes: predictions beside it, under the same name. */
export const predictionsBeside = (page: string): string => `${page.replace(/\.html?$/i, '')}.csv`;

/**
 * Writes the page and, beside it under the same name, the predictions as a table (.csv).
 * @throws WriteError, a sentence, where one of them cannot be written
 */
export async function writeEvaluationReport(page: string, of: EvaluationReport): Promise<void> {
  const { model, device, answers, evaluation, preprocessing } = of;
  const { classes } = evaluation;
  const explain = explainWith(model, device);
  const { csv, pictures, missing } = await toldOf(answers, evaluation, { preprocessing, explain });
  const document: ReportDocument = {
    title: `${of.name}: ${namesOf(classes)}`,
    summary: [`Measured on pictures of ${of.data ?? 'the demo'}.`],
    checkpoint: of.checkpoint,
    sentences: sentencesOf(evaluation, [...of.sentences, ...missing]),
    evaluation,
    validation: null,
    run: null,
    pictures,
    stress: of.stress,
    savings: null,
    rateTest: null,
    data: {
      classes,
      sides: [{ name: 'measured', counts: countsOf(evaluation), pictures: evaluation.metrics.count }],
      notes: [...of.notes],
    },
    configuration: {
      commands: [[of.command, 'The same figures again:']],
      groups: [{ title: 'Environment', rows: environmentRows(of.adapter) }],
    },
  };
  await writeWhole(predictionsBeside(page), csv);
  await writeWhole(page, await reportHtml(document));
}
