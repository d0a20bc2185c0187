/**
 * Writes the report when a run ends: a callback over `fit`. The report is of the whole run, whatever number of processes it
 * took, and of one network, that of the best epoch. report.json has every figure, report.html shows them, predictions.csv
 * has what the network said to each picture.
 */
import type { BatchSource } from '../data/loader.ts';
import type { Preprocessing } from '../data/transforms.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { writeWhole } from '../node/files.ts';
import { demand, object, whole } from '../text/rules.ts';
import { shownJson } from '../text/shown.ts';
import type { Callback, CallbackState, EndEvent, EpochEvent } from '../train/callback.ts';
import type { Checkpoints } from '../train/callbacks/checkpoints.ts';
import type { LossTracer } from '../train/callbacks/loss-trace.ts';
import type { Pace } from '../train/callbacks/pace.ts';
import type { RateTracer } from '../train/callbacks/rate-trace.ts';
import type { RunAnswers, RunEvaluations } from '../train/evaluation/headline.ts';
import { type Inference, infer } from '../train/infer.ts';
import { PAGE, PREDICTIONS, REPORT } from '../train/node/run-folder.ts';
import { isValidated } from '../train/progress.ts';
import type { AnyEvaluation } from '../train/task.ts';
import type { PictureRow } from './document.ts';
import { explainWith } from './explain-with.ts';
import { reportHtml } from './page.ts';
import { makeReport, type Report, type ReportContext } from './report.ts';
import { type RunParts, runDocument } from './run-document.ts';
import { toldOf } from './told.ts';

export interface RunReportOptions {
  /** What the loop does not know of the run; asked at its end. */
  describe(): Omit<
    ReportContext,
    'finished' | 'seconds' | 'firstStepSeconds' | 'imagesPerSecond' | 'peakBytes'
  >;
  /** Of the pictures that were scored, what the weights have learnt from, a sentence; null where that is not known. */
  history: (of: AnyEvaluation) => string | null;
  /** [command, what it does] */
  commands: RunParts['commands'];
  /** Which epoch was the best, the losses, the rates, the times. */
  checkpoints: Checkpoints;
  tracer: LossTracer;
  rates: RateTracer;
  pace: Pace;
  preprocessing: Preprocessing;
  /** Where a file of the run goes. */
  place: (file: string) => Promise<string>;
  device: Device;
  /** The pictures that validate, for a network; and those that are held out; none: null. */
  val: (model: Model) => BatchSource;
  test: BatchSource | null;
  /** Has `work` done with the network of best.safetensors. */
  withBest: <Result>(work: (model: Model) => Promise<Result>) => Promise<Result>;
  /** Most bytes of GPU memory in use at a time in this process. */
  peakBytes: () => number;
  /** All that is known from its answers (`evaluationsOf`). */
  evaluate: (answers: RunAnswers, validatedEpochs: number) => RunEvaluations<AnyEvaluation>;
}

/** What the network of best.safetensors says and looks at. */
interface Findings {
  evaluations: RunEvaluations<AnyEvaluation>;
  answers: Inference | null;
  /** Of the pictures that the headline is of, the answers as a table, and some to look at. */
  headline: { csv: string; pictures: PictureRow[] } | null;
  /** What could not be chosen or made. */
  sentences: string[];
}

/** Before the first epoch was validated. */
const NOTHING: Findings = {
  evaluations: { evaluation: null, validation: null, notChosen: null },
  ...{ answers: null, headline: null, sentences: [] },
};

export class RunReport implements Callback {
  readonly name = 'report';
  /** What was written; null before the end, and where the run failed. */
  report: Report | null = null;
  private answers: Inference | null = null;
  /** Of the processes before. */
  private peakBefore = 0;

  constructor(private readonly options: RunReportOptions) {}

  onEpoch({ record, progress, answers }: EpochEvent): void {
    if (this.options.checkpoints.bestOf(progress.history) === record) this.answers = answers;
  }

  async onEnd({ finished, error, progress, stepsPerEpoch }: EndEvent): Promise<void> {
    if (error !== undefined) return;
    const { describe, history, commands, checkpoints, tracer, rates, pace, place } = this.options;
    const best = checkpoints.bestOf(progress.history);
    const { seconds, firstStepSeconds, imagesPerSecond } = pace;
    const epochs = progress.history.filter(isValidated);
    const found = best ? await this.findings(finished, epochs.length) : NOTHING;
    const figures = {
      epochs,
      best: best && isValidated(best) ? best : null,
      answers: found.answers,
      evaluations: found.evaluations,
    };
    const times = { seconds, firstStepSeconds, imagesPerSecond };
    this.report = makeReport({ ...describe(), finished, ...times, peakBytes: this.peakBytes }, figures);
    await writeWhole(await place(REPORT), `${shownJson(this.report)}\n`);
    const { headline } = found;
    const { evaluation } = found.evaluations;
    if (headline) await writeWhole(await place(PREDICTIONS), headline.csv);
    const curves = { losses: tracer.points(), rates: rates.points(), stepsPerEpoch };
    const pictures = headline?.pictures ?? [];
    const sentences = [evaluation && history(evaluation), ...found.sentences];
    const document = runDocument(this.report, { commands, ...curves, pictures, sentences });
    await writeWhole(await place(PAGE), await reportHtml(document));
  }

  state(): CallbackState {
    return { json: { peakBytes: this.peakBytes } };
  }

  restore({ json }: CallbackState): void {
    demand(object({ peakBytes: whole(0, Number.MAX_SAFE_INTEGER) }), json, 'the state of report');
    this.peakBefore = (json as { peakBytes: number }).peakBytes;
  }

  /**
   * What the network of best.safetensors says and looks at. A run that was stopped keeps nobody waiting: it has the answers
   * that are known already.
   */
  private async findings(finished: boolean, validatedEpochs: number): Promise<Findings> {
    const { device, val, test, withBest } = this.options;
    if (!finished) return this.found({ val: this.answers, test: null }, validatedEpochs, null);
    return withBest(async (model) => {
      const answers = {
        val: this.answers ?? (await infer(model, device, val(model).load(0))),
        test: test && (await infer(model, device, test.load(0))),
      };
      return this.found(answers, validatedEpochs, model);
    });
  }

  private async found(answers: RunAnswers, validatedEpochs: number, model: Model | null): Promise<Findings> {
    const { evaluate, device, preprocessing } = this.options;
    const evaluations = evaluate(answers, validatedEpochs);
    const { evaluation, notChosen } = evaluations;
    const inference = evaluation?.scored === 'test' ? answers.test : answers.val;
    const sentences = notChosen === null ? [] : [notChosen];
    const common = { evaluations, answers: answers.val };
    if (!evaluation || !inference) return { ...common, headline: null, sentences };
    const explain = model && explainWith(model, device);
    const { csv, pictures, missing } = await toldOf(inference, evaluation, { preprocessing, explain });
    return { ...common, headline: { csv, pictures }, sentences: [...sentences, ...missing] };
  }

  private get peakBytes(): number {
    return Math.max(this.peakBefore, this.options.peakBytes());
  }
}
