/**
 * The network that answers for pictures, as `predict` and `explain` choose it: a checkpoint of `train`, or weights for
 * ImageNet's classes.
 */
import type { Command } from 'commander';
import type { Preprocessing } from '../data/transforms.ts';
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { compileAhead } from '../train/ahead.ts';
import { type Decided, decidedIn } from '../train/decided.ts';
import { DEFAULT_THRESHOLD } from '../train/labels/answers.ts';
import {
  type Checkpoint,
  modelOf,
  networkIn,
  newestCheckpoint,
  readCheckpoint,
} from '../train/node/checkpoint.ts';
import { IMAGENET_CLASSES } from '../weights/catalog/imagenet-classes.ts';
import { createModel, openStart } from '../weights/node/create-model.ts';
import { filesOfWeights } from '../weights/node/weights-files.ts';
import { describeWeights, preparedFor } from '../weights/start.ts';
import { refuseBesideCheckpoint } from './checkpoint-options.ts';
import { RUNS } from './command-line.ts';
import { fitOption, type SizeOptions, sizeOption, unusualInput } from './size-options.ts';
import { say, UserError } from './ui.ts';

/** What a command was told of the network. */
export interface ClassifierOptions extends SizeOptions {
  checkpoint?: string;
  model?: string;
  weights?: string;
}

/** Gives a command the options of `ClassifierOptions`. */
export function classifierOptions(command: Command): Command {
  return command
    .option('--checkpoint <file>', 'a checkpoint or the folder of a run (default: the newest under runs/)')
    .option('--model <name>', 'architecture (default: the one that --weights are for)')
    .option(
      '--weights <file>',
      "in place of a checkpoint: a .pth or .safetensors file, a folder of timm's, a name of the catalog, or 'pretrained'",
    )
    .addOption(sizeOption("with --weights: side of the network's input"))
    .addOption(fitOption('with --weights: '));
}

/** A network that is ready to answer. */
export interface Classifier extends Decided {
  model: Model;
  classes: readonly string[];
  preprocessing: Preprocessing;
}

/** A network that was chosen, before there is a device to build it on. */
export interface Chosen {
  /** What it was read from. */
  files: readonly string[];
  /** @param pictures how many at a time it will answer for, where that is known: its programs are compiled meanwhile */
  on(device: Device, pictures?: number): Promise<Classifier>;
}

/**
 * A checkpoint, unless weights or a model are named, or there is none: then ImageNet's weights that ship. What is
 * missing or damaged is found here, before there is a device to build it on.
 */
export async function chooseClassifier(options: ClassifierOptions): Promise<Chosen> {
  if (options.checkpoint !== undefined) refuseBesideCheckpoint('--checkpoint', options);
  const named = options.weights !== undefined || options.model !== undefined;
  const path = options.checkpoint ?? (named ? null : await newestCheckpoint(RUNS));
  if (path !== null) {
    refuseBesideCheckpoint(`${path}, the newest checkpoint,`, options);
    const checkpoint = await readCheckpoint(path);
    const { task, classes, preprocessing, model, epoch } = checkpoint.info;
    const { decided, sentence } = decidedIn(checkpoint.info);
    say(`${checkpoint.path}: ${model}, epoch ${epoch}, ${classes.length} ${task ?? 'classes'}`);
    if (sentence) say(sentence);
    sayInput(preprocessing);
    return {
      files: [checkpoint.path],
      async on(device, pictures) {
        if (pictures !== undefined) await compileCheckpoint(device, checkpoint, pictures);
        return { model: await modelOf(checkpoint, device), classes, preprocessing, ...decided };
      },
    };
  }
  const start = await openStart(options);
  const { model: name, network, weights, known, preprocessing: natural, assumed } = start;
  if (!known) throw new UserError(`--model ${name} needs --weights FILE: random weights know nothing`);
  say(`${name} with ${describeWeights(start)}`);
  if (assumed) say(assumed);
  const preprocessing = preparedFor(natural, options);
  sayInput(preprocessing);
  return {
    files: await filesOfWeights(weights!, network),
    async on(device, pictures) {
      const numClasses = known.card.classes?.length ?? IMAGENET_CLASSES.length;
      if (pictures !== undefined)
        await compileAhead(device, network, { numClasses }, { pictures, size: preprocessing.inputSize });
      const model = (await createModel(name, { device, weights: known, use: 'answer' })).eval();
      const classes = classNames(model.numClasses, known.card.classes);
      const several = known.card.task === 'labels';
      return {
        ...{ model, classes, preprocessing },
        ...(several && { thresholds: classes.map(() => DEFAULT_THRESHOLD) }),
      };
    },
  };
}

/** Has what a checkpoint's network runs for so many pictures at a time compiled, while its weights are read. */
export const compileCheckpoint = (device: Device, checkpoint: Checkpoint, pictures: number): Promise<void> =>
  compileAhead(
    device,
    networkIn(checkpoint),
    { numClasses: checkpoint.info.classes.length },
    { pictures, size: checkpoint.info.preprocessing.inputSize },
  );

function sayInput(preprocessing: Preprocessing): void {
  const sentence = unusualInput(preprocessing);
  if (sentence) say(sentence);
}

/** Names of the outputs: the weights' own, ImageNet's for 1000 of them, else numbers. */
export function classNames(count: number, own: readonly string[] | null): readonly string[] {
  if (own?.length === count) return own;
  if (count === IMAGENET_CLASSES.length) return IMAGENET_CLASSES;
  return Array.from({ length: count }, (_, index) => `class ${index}`);
}
