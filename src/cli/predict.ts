/** `npm run predict`: names what is in pictures, with a checkpoint of `train` or with weights for ImageNet's classes. */
import type { Command } from 'commander';
import { closeLoader, fromSamples } from '../data/node/loader.ts';
import { openDevice } from '../node/open-device.ts';
import { shown, shownJson } from '../text/shown.ts';
import { type Inference, inferBatches, NO_NUMBER, unanswered } from '../train/infer.ts';
import { type Calling, largest, percent, predicted, rowOf, softmaxRow } from '../train/metrics.ts';
import { type ClassifierOptions, chooseClassifier, classifierOptions } from './classifier.ts';
import { wholeNumber } from './command-line.ts';
import { picturesOf } from './picture-args.ts';
import { type ProfileOption, profiledInto, profileOption } from './profile-option.ts';
import { fittingBatch } from './train/preflight.ts';
import { announceSoftware, onStop, progressBar, say } from './ui.ts';

export const description =
  'Names what is in pictures, with probabilities: with a checkpoint of `train` (the newest under runs/ by default), or ' +
  "with --weights. Without either it answers with ImageNet's 1000 classes and the weights that ship.";

export function options(command: Command): void {
  profileOption(classifierOptions(command.argument('<image...>', 'pictures, and folders of pictures')))
    .option('--top-k <n>', 'how many classes to name for each picture', wholeNumber(1), 5)
    .option('--batch <n>', 'pictures at a time', wholeNumber(1), 16)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface PredictOptions extends ClassifierOptions {
  topK: number;
  batch: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
  profile?: ProfileOption;
}

/** What is said about one picture; the array of these is the output of `--json`. */
export interface Prediction {
  file: string;
  /** The class that is called where the checkpoint has a threshold for one, likeliest or not; else absent. */
  called?: string;
  topK: { index: number; label: string; probability: number; logit: number }[];
}

export async function run(args: string[], options: PredictOptions): Promise<number> {
  const { files, failures } = await picturesOf(args);
  const classifier = await chooseClassifier(options);
  const course = await profiledInto(options.profile);
  const { adapter, debug } = options;
  const device = await openDevice({ adapter, debug, profile: course !== null });
  announceSoftware(device);
  const stop = onStop('Stopping.');
  try {
    const { model, classes, preprocessing, calling } = await classifier.on(device);
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
    await course?.start(device, model);
    const batches = course ? course.marking(source.load(0)) : source.load(0);
    for await (const answers of inferBatches(model, device, batches)) {
      const none = new Set(unanswered(answers).map(({ file }) => file));
      for (const file of none) failures.push(`${file}: ${NO_NUMBER}`);
      const text = predictionsOf(answers, classes, options.topK, calling)
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
    if (stop.requested) return stop.exitCode;
    device.close();
  } finally {
    await closeLoader();
    stop.dispose();
  }
  for (const failure of failures) say(`error: ${failure}`);
  return failures.length > 0 ? 1 : 0;
}

/** The `k` likeliest classes of every picture, and the one that is called where a threshold decides. */
export function predictionsOf(
  answers: Inference,
  classes: readonly string[],
  k: number,
  calling?: Calling,
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
    return calling ? { file, called: classes[predicted(logits, calling)], topK } : { file, topK };
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
