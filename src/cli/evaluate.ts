/** `npm run evaluate`: what a checkpoint is worth on pictures, and how many of them it has trained on. */
import type { Command } from 'commander';
import { watched } from '../data/loader.ts';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import { openDevice } from '../node/open-device.ts';
import { describeMetrics } from '../report/report.ts';
import { describeSeen } from '../report/seen-text.ts';
import { shown } from '../text/shown.ts';
import { type Inference, infer, isOneAnswer, NO_NUMBER, unanswered } from '../train/infer.ts';
import {
  type ClassMetrics,
  classMetrics,
  confusionMatrix,
  measure,
  percent,
  predictions,
} from '../train/metrics.ts';
import { modelOf, readCheckpoint } from '../train/node/checkpoint.ts';
import { describeAbsent } from './class-text.ts';
import { chosenCheckpoint, fractionNumber, wholeNumber } from './command-line.ts';
import { openEvaluation } from './data-source.ts';
import { fittingBatch } from './train-preflight.ts';
import {
  announceSoftware,
  formatNumber,
  onStop,
  printJson,
  progressBar,
  say,
  table,
  UserError,
} from './ui.ts';

export const description =
  'Measures a checkpoint on a folder of pictures: accuracy, balanced accuracy and F1, AUC (two classes) or top-5, and ' +
  'the confusion matrix. ' +
  'Without --data it takes the pictures that validated the run.';

export function options(command: Command): void {
  command
    .option(
      '--data <dir>',
      'folder with a folder for each class; of one with train/ and val/, the validation side',
    )
    .option('--checkpoint <file>', 'a checkpoint or the folder of a run (default: the newest under runs/)')
    .option('--threshold <p>', 'two classes: the second one is called at this probability', fractionNumber)
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 32)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface EvaluateOptions {
  data?: string;
  checkpoint?: string;
  threshold?: number;
  batch: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

export async function run(_args: string[], options: EvaluateOptions): Promise<number> {
  const { data, threshold, json } = options;
  const checkpoint = await readCheckpoint(await chosenCheckpoint(options.checkpoint));
  const { info, path, trainedOn } = checkpoint;
  const { classes, preprocessing } = info;
  if (threshold !== undefined && classes.length !== 2)
    throw new UserError(`--threshold is for two classes; ${path} knows ${classes.length}`);
  const { samples, notes } = await openEvaluation(data, info);
  for (const note of notes) say(note);

  const device = await openDevice({ adapter: options.adapter, debug: options.debug });
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
    const answers = await infer(model, device, source.load(0), {
      onBatch: (done) => {
        bar.update(done);
        return !stop.requested;
      },
    });
    bar.stop();
    if (!answers) return stop.exitCode;
    if (answers.labels.length === 0) throw new UserError('none of the pictures could be read');
    const [none] = unanswered(answers);
    if (none) throw new UserError(`${path} cannot be measured. ${none.file}: ${NO_NUMBER}`);
    if (isOneAnswer(answers))
      throw new UserError(
        `${path} gives the same answer to all ${answers.samples.length} pictures, so there is nothing to measure; train it anew, with a lower --lr perhaps`,
      );
    const result = summary(answers, classes, threshold);
    say(describeSeen(seen, result.count, trainedOn));
    const known = trainedOn.complete || trainedOn.pictures.size > 0;
    const about = { checkpoint: path, model: info.model, unreadable, trainedOn: known ? seen : null, notes };
    if (json) printJson({ ...about, ...result });
    else print(result, classes.map(shown));
    device.close();
    return 0;
  } finally {
    await closeLoader();
    stop.dispose();
  }
}

function summary(answers: Inference, classes: string[], threshold?: number) {
  const cut = threshold === undefined ? undefined : { threshold };
  const predicted = predictions(answers, cut);
  const confusion = confusionMatrix(predicted, answers.labels, classes.length);
  return {
    ...measure(answers, cut),
    ...(threshold === undefined ? {} : { threshold }),
    classes: classMetrics(confusion).map((metrics, index) => ({ name: classes[index], ...metrics })),
    /** [actual][predicted] */
    confusion,
  };
}

function print({ count, threshold, confusion, ...rest }: ReturnType<typeof summary>, names: string[]): void {
  const at = threshold === undefined ? '' : `, ${names[1]} from a probability of ${threshold}`;
  const lines = [`${count} pictures: ${describeMetrics({ count, ...rest })}${at}`];
  const absent = describeAbsent(
    rest.classes.map((one) => one.count),
    names,
  );
  if (absent) lines.push(absent);
  lines.push('');
  if (names.length <= MATRIX_CLASSES) lines.push(matrixTable(confusion, names), '');
  lines.push(classTable(rest.classes));
  const confused = names.length > MATRIX_CLASSES ? mostConfused(confusion, names) : [];
  if (confused.length > 0) lines.push('', 'Most confused:', ...confused);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A table with more columns does not fit a terminal. */
const MATRIX_CLASSES = 12;
const WIDEST_NAME = 18;
const cut = (name: string): string =>
  name.length > WIDEST_NAME ? `${name.slice(0, WIDEST_NAME - 1)}…` : name;

/** Rows: what the pictures are; columns: what they were taken for. */
function matrixTable(matrix: number[][], names: string[]): string {
  const short = names.map(cut);
  const rows = [['is \\ taken for', ...short], ...matrix.map((row, i) => [short[i], ...row.map(String)])];
  return table(rows, { gap: '   ' });
}

function classTable(classes: (ClassMetrics & { name: string })[]): string {
  const share = (value: number | null): string => (value === null ? '–' : percent(value));
  return table(
    [
      ['class', 'pictures', 'precision', 'recall', 'F1'],
      ...classes.map(({ name, count, precision, recall, f1 }) => [
        cut(shown(name)),
        formatNumber(count),
        share(precision),
        share(recall),
        f1 === null ? '–' : f1.toFixed(3),
      ]),
    ],
    { gap: '   ' },
  );
}

/** The pairs of classes that were mixed up most often. */
function mostConfused(matrix: number[][], names: string[], most = 10): string[] {
  return matrix
    .flatMap((row, actual) => row.map((count, predicted) => ({ actual, predicted, count })))
    .filter(({ actual, predicted, count }) => actual !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, most)
    .map(({ actual, predicted, count }) => `  ${names[actual]} taken for ${names[predicted]}: ${count}`);
}
