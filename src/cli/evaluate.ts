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
import { type StressTable, stress } from '../train/evaluation/stress.ts';
import { type Inference, infer, isOneAnswer, NO_NUMBER, unanswered } from '../train/infer.ts';
import { type Checkpoint, modelOf, readCheckpoint } from '../train/node/checkpoint.ts';
import type { AnyEvaluation } from '../train/task.ts';
import { compileCheckpoint } from './classifier.ts';
import { chosenCheckpoint, commandLine, flagOf, wholeNumber } from './command-line.ts';
import { listFile, openEvaluation } from './data-source.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { callsOf, judgeOf, thresholdArgs } from './evaluate/judge.ts';
import { evaluationText } from './evaluate-text.ts';
import { evaluationPlace } from './evaluation-place.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { addThresholdOptions, type ThresholdOptions } from './threshold-options.ts';
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
  'with a 95 % interval, calibration, and the confusion matrix; of several labels a picture figures of each label. ' +
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
  const { preprocessing } = info;
  const judge = judgeOf(info, options);
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
    await compileCheckpoint(device, checkpoint, Math.min(samples.length, options.batch));
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
    const measured = answers && judge.evaluate(answers, scored, bar.note);
    const stressed =
      answers && measured && options.stress
        ? await underStress(answers, measured, { model, device, checkpoint, batchSize, bar, onBatch })
        : null;
    bar.stop();
    if (!answers || !measured || stop.requested) return stop.exitCode;
    const history = describeSeen(seen, answers.labels.length, trainedOn);
    say(history);
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
  const args = Object.entries({ checkpoint: path, data, split: options.split, adapter }).flatMap(
    ([name, value]) => (value === undefined ? [] : [flagOf(name), value]),
  );
  args.push(...thresholdArgs(found.evaluation));
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

/** The stress test on the pictures that were answered, with the bar going on. */
function underStress(
  clean: Inference,
  evaluated: AnyEvaluation,
  {
    model,
    device,
    checkpoint: { info },
    batchSize,
    bar,
    onBatch,
  }: {
    model: Model;
    device: Device;
    checkpoint: Checkpoint;
    batchSize: number;
    bar: ProgressBar;
    onBatch: (done: number) => boolean;
  },
): Promise<StressTable | null> {
  const { classes, preprocessing } = info;
  const source = (perturbation?: (typeof PERTURBATIONS)[number]): BatchSource =>
    fromSamples(clean.samples, { batchSize, preprocessing, perturbation, onUnreadable: () => undefined });
  bar.turnTo('Under stress', source().batches * PERTURBATIONS.length);
  return stress(model, device, { source, classes, clean, ...callsOf(evaluated), onBatch });
}

/** The figures by themselves, as scripts read them. */
function summary(of: AnyEvaluation) {
  if (of.task === 'labels')
    return { ...of.metrics, labels: of.perLabel.map(({ points: _, ...figures }) => figures) };
  const { metrics, threshold, perClass, confusion } = of;
  return {
    ...metrics,
    ...(threshold && { threshold: threshold.decision.threshold }),
    classes: perClass,
    /** [actual][predicted] */
    confusion,
  };
}
