/** `npm run predict`: names what is in pictures, with a checkpoint of `train` or with weights for ImageNet's classes. */
import type { Command } from 'commander';
import { ignoredNote } from '../data/node/folder.ts';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import { append, listPictures } from '../data/node/walk.ts';
import type { Preprocessing } from '../data/transforms.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { statOrNull } from '../node/files.ts';
import { openDevice } from '../node/open-device.ts';
import { shown, shownJson } from '../text/shown.ts';
import { cutOf, decisionSentence } from '../train/evaluation/threshold.ts';
import { type Inference, inferBatches, NO_NUMBER, unanswered } from '../train/infer.ts';
import { type Cut, largest, percent, predicted, rowOf, softmaxRow } from '../train/metrics.ts';
import { modelOf, newestCheckpoint, readCheckpoint } from '../train/node/checkpoint.ts';
import { IMAGENET_CLASSES } from '../weights/catalog/imagenet-classes.ts';
import { createModel, openStart } from '../weights/node/create-model.ts';
import { atSize, describeWeights } from '../weights/start.ts';
import { RUNS, wholeNumber } from './command-line.ts';
import { fittingBatch } from './train-preflight.ts';
import { announceSoftware, onStop, progressBar, say, UserError } from './ui.ts';

export const description =
  'Names what is in pictures, with probabilities: with a checkpoint of `train` (the newest under runs/ by default), or ' +
  "with --weights. Without either it answers with ImageNet's 1000 classes and the weights that ship.";

export function options(command: Command): void {
  command
    .argument('<image...>', 'pictures, and folders of pictures')
    .option('--checkpoint <file>', 'a checkpoint or the folder of a run (default: the newest under runs/)')
    .option('--model <name>', 'architecture (default: the one that --weights are for)')
    .option(
      '--weights <file>',
      "in place of a checkpoint: a .pth or .safetensors file, a name of the catalog, or 'pretrained'",
    )
    .option('--size <pixels>', "with --weights: side of the network's input", wholeNumber(8))
    .option('--top-k <n>', 'how many classes to name for each picture', wholeNumber(1), 5)
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 16)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface PredictOptions {
  checkpoint?: string;
  model?: string;
  weights?: string;
  size?: number;
  topK: number;
  batch: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

/** What is said about one picture; the array of these is the output of `--json`. */
export interface Prediction {
  file: string;
  /** The class that is called where the checkpoint has a threshold for one, likeliest or not; else absent. */
  called?: string;
  topK: { index: number; label: string; probability: number; logit: number }[];
}

/** A network that is ready to answer. */
interface Classifier {
  model: Model;
  classes: readonly string[];
  preprocessing: Preprocessing;
  /** A class that is called from a threshold on. */
  cut?: Cut;
}

export async function run(args: string[], options: PredictOptions): Promise<number> {
  if (options.checkpoint !== undefined && (options.weights !== undefined || options.model !== undefined))
    throw new UserError('--checkpoint names its model and weights itself; leave out --model and --weights');
  const { files, failures } = await expand(args);
  const open = await chooseClassifier(options);
  const device = await openDevice({ adapter: options.adapter, debug: options.debug });
  announceSoftware(device);
  const stop = onStop('Stopping.');
  try {
    const { model, classes, preprocessing, cut } = await open(device);
    const samples = files.map((file) => ({ file, label: 0 }));
    let done = 0;
    const source = fromSamples(samples, {
      batchSize: await fittingBatch(
        device,
        model,
        preprocessing.inputSize,
        Math.min(options.batch, files.length),
      ),
      preprocessing,
      onUnreadable: (error) => {
        failures.push(error.message);
        done++;
      },
    });
    const bar = source.batches > 1 ? progressBar('Predicting', files.length) : null;
    const output = options.json ? jsonList() : textBlocks();
    for await (const answers of inferBatches(model, device, source.load(0))) {
      const none = new Set(unanswered(answers).map(({ file }) => file));
      for (const file of none) failures.push(`${file}: ${NO_NUMBER}`);
      const text = predictionsOf(answers, classes, options.topK, cut)
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
    if (stop.requested) return stop.exitCode;
    device.close();
  } finally {
    await closeLoader();
    stop.dispose();
  }
  for (const failure of failures) say(`error: ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/**
 * The pictures that the arguments mean, folders searched; and a sentence for each argument, and each entry of a folder, that
 * means none.
 */
async function expand(args: readonly string[]): Promise<{ files: string[]; failures: string[] }> {
  const files: string[] = [];
  const failures: string[] = [];
  const add = async (arg: string): Promise<void> => {
    const found = await statOrNull(arg);
    if (!found) failures.push(`there is no picture ${arg}`);
    else if (!found.isDirectory()) files.push(arg);
    else {
      const { pictures, ignored, lost } = await listPictures(arg);
      for (const note of ignoredNote(arg, ignored)) say(note);
      for (const { path, why } of lost) failures.push(`${path} ${why}`);
      if (pictures.length === 0) failures.push(`the folder ${arg} holds no pictures`);
      append(files, pictures);
    }
  };
  for (const arg of args)
    await add(arg).catch((error: Error) => {
      failures.push(error.message);
    });
  if (files.length === 0) throw new UserError(failures.join('; '));
  return { files, failures };
}

/**
 * A checkpoint, unless weights or a model are named, or there is none: then ImageNet's weights that ship. What is
 * missing or damaged is found here, before there is a device to build it on.
 */
async function chooseClassifier(options: PredictOptions): Promise<(device: Device) => Promise<Classifier>> {
  const named = options.weights !== undefined || options.model !== undefined;
  const path = options.checkpoint ?? (named ? null : await newestCheckpoint(RUNS));
  if (path !== null) {
    const checkpoint = await readCheckpoint(path);
    const { classes, preprocessing, model, epoch, decision } = checkpoint.info;
    say(`${checkpoint.path}: ${model}, epoch ${epoch}, ${classes.length} classes`);
    if (decision) say(decisionSentence(decision));
    const cut = decision && cutOf(decision, classes);
    return async (device) => ({ model: await modelOf(checkpoint, device), classes, preprocessing, cut });
  }
  const start = await openStart(options);
  const { model: name, known, preprocessing: natural, assumed } = start;
  if (!known) throw new UserError(`--model ${name} needs --weights FILE: random weights know nothing`);
  say(`${name} with ${describeWeights(start)}`);
  if (assumed) say(assumed);
  return async (device) => {
    const model = (await createModel(name, { device, weights: known, use: 'answer' })).eval();
    const preprocessing = options.size === undefined ? natural : atSize(natural, options.size);
    return { model, classes: classNames(model.numClasses, known.card.classes), preprocessing };
  };
}

/** Names of the outputs: the weights' own, ImageNet's for 1000 of them, else numbers. */
function classNames(count: number, own: readonly string[] | null): readonly string[] {
  if (own?.length === count) return own;
  if (count === IMAGENET_CLASSES.length) return IMAGENET_CLASSES;
  return Array.from({ length: count }, (_, index) => `class ${index}`);
}

/** The `k` likeliest classes of every picture, and the one that is called where there is a cut. */
export function predictionsOf(
  answers: Inference,
  classes: readonly string[],
  k: number,
  cut?: Cut,
): Prediction[] {
  return answers.samples.map(({ file }, picture) => {
    const logits = rowOf(answers, picture);
    const probabilities = softmaxRow(logits);
    const topK = largest(logits, k).map((index) => ({
      index,
      label: classes[index],
      probability: probabilities[index],
      logit: logits[index],
    }));
    return cut ? { file, called: classes[predicted(logits, cut)], topK } : { file, topK };
  });
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

/** The file, and its classes below. */
function textBlocks(): Printing {
  return {
    item({ file, called, topK }) {
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
