/** `npm run evaluate`: what a checkpoint is worth on pictures, and how many of them it has trained on. */
import { type Command, Option } from 'commander';
import { type BatchSource, watched } from '../data/loader.ts';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import { PERTURBATIONS } from '../data/stress.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { WriteError } from '../node/files.ts';
import {
  type EvaluationReport,
  predictionsBeside,
  writeEvaluationReport,
} from '../report/evaluation-report.ts';
import { describeSeen } from '../report/seen-text.ts';
import { type Choice, type Evaluation, evaluation } from '../train/evaluation/evaluation.ts';
import { type StressTable, stress } from '../train/evaluation/stress.ts';
import { callingOf, chooseThreshold, type Decision, type Scored } from '../train/evaluation/threshold.ts';
import { type Inference, infer, isOneAnswer, NO_NUMBER, unanswered } from '../train/infer.ts';
import { type Checkpoint, modelOf, readCheckpoint } from '../train/node/checkpoint.ts';
import { epochsOf } from '../train/settings.ts';
import { chosenCheckpoint, commandLine, flagOf, wholeNumber } from './command-line.ts';
import { listFile, openEvaluation } from './data-source.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { evaluationText } from './evaluate-text.ts';
import { evaluationPlace } from './evaluation-place.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import {
  addThresholdOptions,
  type ThresholdOptions,
  type ThresholdWish,
  thresholdWish,
} from './threshold-options.ts';
import { fittingBatch } from './train/preflight.ts';
import {
  adapterName,
  announceSoftware,
  onStop,
  type ProgressBar,
  printJson,
  progressBar,
  say,
  UserError,
} from './ui.ts';

export const description =
  'Measures a checkpoint on pictures in class folders or a list: accuracy, balanced accuracy and F1, AUC (two classes) or top-5, each ' +
  'with a 95 % interval, calibration, and the confusion matrix. ' +
  'Without --data it takes the test pictures of the run, or those that validated it where it has none.';

export function options(command: Command): void {
  command
    .option(
      '--data <path>',
      'a folder for each class, or a CSV of files; of one with train, val and test, the test or else the validation side',
    )
    .addOption(new Option('--split <side>', 'of such data this side').choices(['val', 'test']))
    .option('--checkpoint <file>', 'a checkpoint or the folder of a run (default: the newest under runs/)');
  addThresholdOptions(command);
  command
    .option('--stress', 'also in grey, under blur, JPEG, noise, at half size, with other crops, flipped')
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 32)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED)
    .option('--report <file>', 'where the report goes, a file or a folder (default: beside the checkpoint)')
    .option('--json', 'print one JSON document on stdout');
}

interface EvaluateOptions extends ThresholdOptions {
  data?: string;
  split?: 'val' | 'test';
  checkpoint?: string;
  stress?: boolean;
  batch: number;
  adapter?: string;
  untuned?: boolean;
  report?: string;
  json?: boolean;
  debug?: boolean;
}

export async function run(_args: string[], options: EvaluateOptions): Promise<number> {
  const { data, json } = options;
  const checkpoint = await readCheckpoint(await chosenCheckpoint(options.checkpoint));
  const { info, path, trainedOn } = checkpoint;
  const { classes, preprocessing } = info;
  // A run that named its positive class means the same one here.
  const positive = options.positive ?? info.settings.positive;
  const wish = thresholdWish({ ...options, positive }, classes);
  const { samples, notes, scored } = await openEvaluation(data, info, options.split);
  for (const note of notes) say(note);
  const page = await evaluationPlace(options.report, { ...options, checkpoint: path });
  // What nobody named is called as no input is.
  if (options.report !== undefined) {
    const pictures = samples.map(({ file }) => file);
    const reads = [
      ...inputs('the checkpoint', [path]),
      ...listFile(data),
      ...inputs('one of the pictures', pictures),
    ];
    await refuseOverInputs([page, predictionsBeside(page)], reads, 'name another place with --report');
  }

  const device = await openCommandDevice(options);
  announceSoftware(device);
  const stop = onStop('Stopping.');
  let [unreadable, seen] = [0, 0];
  try {
    const model = await modelOf(checkpoint, device);
    say(`${path}: ${info.model}, epoch ${info.epoch}, on ${samples.length} pictures`);
    const batchSize = await fittingBatch(device, model, preprocessing.inputSize, options.batch);
    const pictures = fromSamples(samples, {
      batchSize,
      preprocessing,
      onUnreadable: (error) => {
        unreadable++;
        bar.note(`skipped: ${error.message}`);
      },
    });
    const source = watched(pictures, ({ marks }) => {
      if (marks) seen += trainedOn.pictures.count(marks);
    });
    const bar = progressBar('Evaluating', source.batches);
    const onBatch = (done: number): boolean => {
      bar.update(done);
      return !stop.requested;
    };
    const answers = await infer(model, device, source.load(0), { onBatch });
    if (answers) refuseNoAnswers(answers, path);
    const decided = answers && decide(answers, checkpoint, wish, scored, bar.note);
    const stressed =
      answers && decided && options.stress
        ? await underStress(answers, {
            model,
            device,
            checkpoint,
            decision: decided.decision,
            batchSize,
            bar,
            onBatch,
          })
        : null;
    bar.stop();
    if (!answers || !decided || stop.requested) return stop.exitCode;
    const history = describeSeen(seen, answers.labels.length, trainedOn);
    say(history);
    const measured = evaluation(answers, { classes, scored, ...decided });
    const known = trainedOn.complete || trainedOn.pictures.size > 0;
    const about = { checkpoint: path, model: info.model, unreadable, trainedOn: known ? seen : null, notes };
    if (json) printJson({ ...about, ...summary(measured), evaluation: measured, stress: stressed });
    else process.stdout.write(`${evaluationText(measured, stressed).join('\n')}\n`);
    if (!json || options.report !== undefined)
      await report(page, options, checkpoint, {
        ...{ model, device, answers, evaluation: measured, stress: stressed, notes },
        sentences: [history],
      });
    device.close();
    return 0;
  } finally {
    await closeLoader();
    stop.dispose();
  }
}

/** Writes the report; where nobody named its place, one that cannot be written costs no figures. */
async function report(
  page: string,
  options: EvaluateOptions,
  { path, info }: Checkpoint,
  found: Pick<
    EvaluationReport,
    'model' | 'device' | 'answers' | 'evaluation' | 'stress' | 'notes' | 'sentences'
  >,
): Promise<void> {
  const { data, adapter } = options;
  const { threshold } = found.evaluation;
  const args = Object.entries({ checkpoint: path, data, split: options.split, adapter }).flatMap(
    ([name, value]) => (value === undefined ? [] : [flagOf(name), value]),
  );
  if (threshold) {
    const { positive, threshold: value } = threshold.decision;
    args.push('--positive', positive, '--threshold', String(value));
  }
  try {
    await writeEvaluationReport(page, {
      ...found,
      adapter: { description: adapterName(found.device.info), software: found.device.software },
      name: info.model,
      checkpoint: { file: path, epoch: info.epoch, epochs: null },
      preprocessing: info.preprocessing,
      data: data ?? info.settings.data,
      command: commandLine('evaluate', found.stress ? [...args, '--stress'] : args),
    });
    say(`The report to look at: ${page}; what was said to each picture: ${predictionsBeside(page)}`);
  } catch (error) {
    if (!(error instanceof WriteError) || options.report !== undefined) throw error;
    say(`There is no report: ${error.message}. Name another place with --report.`);
  }
}

function refuseNoAnswers(answers: Inference, path: string): void {
  if (answers.labels.length === 0) throw new UserError('none of the pictures could be read');
  const [none] = unanswered(answers);
  if (none) throw new UserError(`${path} cannot be measured. ${none.file}: ${NO_NUMBER}`);
  if (isOneAnswer(answers))
    throw new UserError(
      `${path} gives the same answer to all ${answers.samples.length} pictures, so there is nothing to measure; train it anew, with a lower --lr perhaps`,
    );
}

/**
 * The class that is called from a threshold: as the options ask, else as the checkpoint says; and what was chosen on these
 * very pictures.
 */
function decide(
  answers: Inference,
  { info }: Checkpoint,
  wish: ThresholdWish,
  scored: Scored,
  note: (line: string) => void,
): { positive?: number; decision: Decision | null; chosen: Choice[] } {
  const { classes, settings } = info;
  // Of the run's weights the best were taken by these pictures, and the last as they were.
  const byEpoch = scored === 'val' && info.progress === undefined && epochsOf(settings) > 1;
  const chosen: Choice[] = byEpoch ? ['epoch'] : [];
  const { positive } = wish;
  if (wish.target) {
    const found = chooseThreshold(answers, { positive: positive!, classes, scored }, wish.target);
    if ('sentence' in found) note(found.sentence);
    return { positive, decision: found.decision, chosen: found.decision ? [...chosen, 'threshold'] : chosen };
  }
  const own = info.decision ?? null;
  const follows = own && !wish.decision && (positive === undefined || classes[positive] === own.positive);
  if (own && !wish.decision && !follows)
    note(`The checkpoint's threshold is for ${own.positive}; it is left aside.`);
  const decision = wish.decision ?? (follows ? own : null);
  const here = decision !== null && decision.on !== null && decision.on === scored;
  return { positive, decision, chosen: here ? [...chosen, 'threshold'] : chosen };
}

/** The stress test on the pictures that were answered, with the bar going on. */
function underStress(
  clean: Inference,
  {
    model,
    device,
    checkpoint: { info },
    decision,
    batchSize,
    bar,
    onBatch,
  }: {
    model: Model;
    device: Device;
    checkpoint: Checkpoint;
    decision: Decision | null;
    batchSize: number;
    bar: ProgressBar;
    onBatch: (done: number) => boolean;
  },
): Promise<StressTable | null> {
  const { classes, preprocessing } = info;
  const source = (perturbation?: (typeof PERTURBATIONS)[number]): BatchSource =>
    fromSamples(clean.samples, { batchSize, preprocessing, perturbation, onUnreadable: () => undefined });
  bar.turnTo('Under stress', source().batches * PERTURBATIONS.length);
  const calling = decision ? callingOf(decision, classes) : undefined;
  return stress(model, device, { source, classes, clean, calling, onBatch });
}

/** The figures by themselves, as scripts read them. */
function summary({ metrics, threshold, perClass, confusion }: Evaluation) {
  return {
    ...metrics,
    ...(threshold && { threshold: threshold.decision.threshold }),
    classes: perClass,
    /** [actual][predicted] */
    confusion,
  };
}
