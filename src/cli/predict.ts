/** `npm run predict`: names what is in pictures, with a checkpoint of `train` or with weights for ImageNet's classes. */
import type { Command } from 'commander';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import type { Device } from '../gpu/index.ts';
import { hashFile } from '../node/hash.ts';
import { itemsOf, type Shard, WHOLE } from '../runner/shard.ts';
import { shown, shownJson } from '../text/shown.ts';
import { inferBatches, NO_NUMBER, unanswered } from '../train/infer.ts';
import { percent } from '../train/metrics.ts';
import { type LabelPrediction, type Prediction, predictionsOf } from '../train/prediction.ts';
import {
  type Chosen,
  type Classifier,
  type ClassifierOptions,
  chooseClassifier,
  classifierOptions,
} from './classifier.ts';
import { wholeNumber } from './command-line.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { type AnswersPlan, listMark, planPath } from './predict/answers-file.ts';
import { checkEnding } from './predict/answers-format.ts';
import { type Asked, asked } from './predict/pictures.ts';
import { writeAnswers } from './predict/write.ts';
import { type ProfileOption, profiledInto, profileOption } from './profile-option.ts';
import { shardOption } from './shard.ts';
import { fittingBatch } from './train/preflight.ts';
import { announceSoftware, onStop, progressBar, type StopRequest, say, UserError } from './ui.ts';

export const description =
  'Names what is in pictures, with probabilities: with a checkpoint of `train` (the newest under runs/ by default), or ' +
  "with --weights. Without either it answers with ImageNet's 1000 classes and the weights that ship. With --out the answers " +
  'go into a file, however many they are, and the same command goes on where it was ended.';

export function options(command: Command): void {
  profileOption(classifierOptions(command.argument('[image...]', 'pictures, and folders of pictures')))
    .option('--list <file>', 'pictures by name, one a line; - is standard input')
    .option('--out <file>', 'write the answers into a file: .jsonl (a JSON object a line) or .csv')
    .option(
      '--shard <I/N>',
      'with --out: every N-th picture from the I-th on; `merge` puts the files together',
      shardOption,
    )
    .option(
      '--top-k <n>',
      'how many classes to name for each picture (of several labels: those called)',
      wholeNumber(1),
      5,
    )
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 16)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED)
    .option('--json', 'print one JSON document on stdout');
}

interface PredictOptions extends ClassifierOptions {
  list?: string;
  out?: string;
  shard?: Shard;
  topK: number;
  batch: number;
  adapter?: string;
  untuned?: boolean;
  json?: boolean;
  debug?: boolean;
  profile?: ProfileOption;
}

export async function run(args: string[], options: PredictOptions): Promise<number> {
  const { out } = options;
  refuseContradictions(options);
  if (out !== undefined) checkEnding(out);
  const pictures = await asked(args, options.list);
  const classifier = await chooseClassifier(options);
  if (out !== undefined)
    await refuseOverInputs(
      [out, planPath(out)],
      [
        ...inputs('a file of the network', classifier.files),
        ...inputs('a picture', pictures.files),
        ...inputs('the list', options.list ? [options.list] : []),
      ],
    );
  const device = await openCommandDevice(options, { profile: options.profile !== undefined });
  announceSoftware(device);
  const stop = onStop(
    out === undefined ? 'Stopping.' : 'Stopping after these pictures; what is answered is kept.',
  );
  const failures = [...pictures.failures];
  try {
    const atATime = Math.min(pictures.files.length, options.batch);
    const network = await classifier.on(device, options.profile ? undefined : atATime); // it shows what compiling takes
    if (out === undefined) failures.push(...(await printAnswers(device, network, pictures, options, stop)));
    else {
      const shard = options.shard ?? WHOLE;
      const files = itemsOf(pictures.files, shard);
      const refused = await writeAnswers(device, network, {
        path: out,
        plan: await planOf(classifier, network, pictures.files, shard, options),
        files,
        batch: await batchFor(device, network, files.length, options),
        stop,
      });
      if (refused > 0) failures.push(`${out} says of ${refused} of them why there is no answer`);
    }
    if (stop.requested) return stop.exitCode;
    device.close();
  } finally {
    await closeLoader();
    stop.dispose();
  }
  for (const failure of failures) say(`error: ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/** @throws UserError where options say two things */
function refuseContradictions({ out, shard, json, profile }: PredictOptions): void {
  if (out !== undefined && json)
    throw new UserError('--json prints the answers and --out writes them; leave one out');
  if (out !== undefined && profile !== undefined)
    throw new UserError('--profile measures a pass over a few pictures; leave out --out');
  if (out === undefined && shard)
    throw new UserError('--shard needs --out FILE, a file of its own for each shard');
}

/** As many pictures at a time as are asked for, fit, and are there. */
function batchFor(
  device: Device,
  { model, preprocessing }: Classifier,
  pictures: number,
  { batch }: PredictOptions,
): Promise<number> {
  return fittingBatch(device, model, preprocessing.inputSize, Math.max(1, Math.min(batch, pictures)));
}

async function planOf(
  { files }: Chosen,
  { model, classes, preprocessing, calling, thresholds }: Classifier,
  pictures: readonly string[],
  shard: Shard,
  { topK }: PredictOptions,
): Promise<AnswersPlan> {
  const network = {
    name: model.spec?.name ?? 'network',
    files: await Promise.all(files.map((file) => hashFile(file))),
  };
  return {
    format: 1,
    network,
    classes,
    preprocessing,
    calling: calling ?? null,
    ...(thresholds && { thresholds }),
    topK,
    list: listMark(pictures),
    shard,
  };
}

/** Prints the answers. @returns a sentence for each picture that has none */
async function printAnswers(
  device: Device,
  network: Classifier,
  { files }: Asked,
  options: PredictOptions,
  stop: StopRequest,
): Promise<string[]> {
  const { model, preprocessing } = network;
  const course = await profiledInto(options.profile);
  const failures: string[] = [];
  let done = 0;
  const source = fromSamples(
    files.map((file) => ({ file, label: 0 })),
    {
      batchSize: await batchFor(device, network, files.length, options),
      preprocessing,
      onUnreadable: (error) => {
        failures.push(error.message);
        done++;
      },
    },
  );
  const bar = source.batches > 1 ? progressBar('Predicting', files.length) : null;
  const output = options.json ? jsonList() : textBlocks();
  await course?.start(device, model);
  const batches = course ? course.marking(source.load(0)) : source.load(0);
  for await (const answers of inferBatches(model, device, batches)) {
    const none = new Set(unanswered(answers).map(({ file }) => file));
    for (const file of none) failures.push(`${file}: ${NO_NUMBER}`);
    const text = predictionsOf(answers, network, options.topK)
      .filter(({ file }) => !none.has(file))
      .map(output.item)
      .join('');
    const print = () => process.stdout.write(text);
    if (bar) bar.aside(print);
    else print();
    done += answers.samples.length;
    bar?.update(done);
    if (stop.requested) break;
  }
  bar?.stop();
  process.stdout.write(output.end());
  await course?.finish();
  return failures;
}

/** How predictions are printed, one after the other. */
interface Printing {
  item(prediction: Prediction): string;
  end(): string;
}

/** One JSON document, a list, which is closed also where the pass is stopped. */
function jsonList(): Printing {
  let before = '[\n';
  return {
    item(prediction) {
      const text = `${before}${shownJson(prediction).replace(/^/gm, '  ')}`;
      before = ',\n';
      return text;
    },
    end: () => (before === ',\n' ? '\n]\n' : '[]\n'),
  };
}

/** The file, and the labels that are called below, the likeliest first; where there is none, the likeliest of all. */
function labelBlock({ file, labels }: LabelPrediction): string {
  const sorted = labels.toSorted((a, b) => b.probability - a.probability);
  const called = sorted.filter((one) => one.called);
  const listed = called.length > 0 ? called : sorted.slice(0, 1);
  const width = listed.reduce((most, { label }) => Math.max(most, shown(label).length), 0);
  const lines = listed.map(
    ({ label, probability }) => `  ${shown(label).padEnd(width)}  ${percent(probability).padStart(7)}`,
  );
  const none = called.length > 0 ? '' : ': none of the labels; the likeliest is';
  return `${[`${shown(file)}${none}`, ...lines].join('\n')}\n`;
}

/** The file, and its classes below. */
function textBlocks(): Printing {
  return {
    item(prediction) {
      if ('labels' in prediction) return labelBlock(prediction);
      const { file, called, topK } = prediction;
      const width = topK.reduce((most, { label }) => Math.max(most, shown(label).length), 0);
      const lines = topK.map(
        ({ label, probability }) => `  ${shown(label).padEnd(width)}  ${percent(probability).padStart(7)}`,
      );
      const name = called === undefined ? shown(file) : `${shown(file)}: ${shown(called)}`;
      return `${[name, ...lines].join('\n')}\n`;
    },
    end: () => '',
  };
}
