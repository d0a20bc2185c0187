/** From the options of `train` to the settings of a run, with defaults that depend on what is trained. */
import type { TrainSettings } from '../train/settings.ts';
import type { Start } from '../weights/start.ts';
import { flagOf } from './command-line.ts';
import { UserError } from './ui.ts';

/** The pictures of a step where nobody asks for a number; fewer where these do not fit. */
export const DEFAULT_BATCH = 32;

/** The options of `train`, as commander gives them. */
export interface TrainOptions {
  data?: string;
  model?: string;
  weights?: string;
  trainFrom?: string;
  epochs?: number;
  batch?: number;
  lr?: number;
  seed?: number;
  size?: number;
  out?: string;
  overwrite?: boolean;
  resume?: string;
  /** GiB */
  memory?: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

/** Defaults by what trains: the last layer, later stages too, or everything from random weights. */
const DEFAULTS = {
  head: { epochs: 5, lr: 3e-3, backboneFactor: 0.1 },
  stages: { epochs: 3, lr: 1e-3, backboneFactor: 0.1 },
  scratch: { epochs: 20, lr: 1e-3, backboneFactor: 1 },
} as const;

/**
 * Crops of at least 60 % of a picture. torchvision's 8 % suit ImageNet from scratch; a few epochs of fine-tuning never
 * see enough whole pictures then: on 600 faces with the head of a ResNet-18, 0.89 of the validation pictures were right
 * with 8 %, 0.92 with 35 %, 0.96 with 60 %.
 */
const FINE_TUNING_CROPS = { scale: [0.6, 1] } as const;

/** The demo: small pictures, so that it learns in a minute or two on a processor. From scratch it takes more epochs. */
const DEMO = {
  pretrained: { epochs: 4, size: 96 },
  scratch: { epochs: 8, size: 64 },
  // Its classes differ in texture, which other scales would change.
  augmentation: { scale: [1, 1], ratio: [1, 1] },
} as const;

/**
 * The settings of a new run.
 * @param start the model and the weights that the options mean
 * @param inputSize side of the pictures that the model's published weights expect
 */
export function settingsOf(
  options: TrainOptions,
  { model, weights }: Pick<Start, 'model' | 'weights'>,
  inputSize: number,
): TrainSettings {
  const demo = options.data === undefined;
  const trainFrom = options.trainFrom ?? (weights === null ? 'all' : 'head');
  if (weights === null && trainFrom !== 'all')
    throw new UserError(
      `--train-from ${trainFrom} would freeze random weights; give pretrained ones with --weights FILE, or leave it out`,
    );
  const kind = weights === null ? 'scratch' : trainFrom === 'head' ? 'head' : 'stages';
  const { lr, backboneFactor, epochs } = DEFAULTS[kind];
  const small = demo ? DEMO[weights === null ? 'scratch' : 'pretrained'] : { epochs, size: inputSize };
  return {
    data: options.data ?? null,
    model,
    weights,
    trainFrom,
    epochs: options.epochs ?? small.epochs,
    batch: options.batch ?? DEFAULT_BATCH,
    lr: options.lr ?? lr,
    backboneFactor,
    weightDecay: 0.01,
    labelSmoothing: 0,
    warmup: 0.05,
    size: options.size ?? small.size,
    augmentation: demo ? DEMO.augmentation : weights === null ? {} : FINE_TUNING_CROPS,
    seed: options.seed ?? 0,
  };
}

/** Options that a resumed run takes from its checkpoint. */
const OF_THE_RUN = [
  'model',
  'weights',
  'trainFrom',
  'batch',
  'lr',
  'seed',
  'size',
  'out',
  'overwrite',
] as const;

/** Refuses options that would change a run which is resumed. */
export function checkResumeOptions(options: TrainOptions): void {
  const given = OF_THE_RUN.filter((name) => options[name] !== undefined).map(flagOf);
  if (given.length > 0)
    throw new UserError(
      `--resume goes on with the settings that the run began with; leave out ${given.join(', ')}, or start a new run from its weights with --weights`,
    );
}

/**
 * The settings of a finished run that goes on: the schedule begins anew.
 * @param done epochs that the run has trained
 * @param epochs that it is to have; undefined where nobody asks for more
 * @throws UserError where the run is not finished, or has as many epochs
 */
export function withMoreEpochs(
  settings: TrainSettings,
  { done, finished }: { done: number; finished: boolean },
  epochs: number | undefined,
): TrainSettings {
  if (epochs === undefined) return settings;
  if (!finished)
    throw new UserError(
      `the run is in epoch ${done + 1} of ${settings.epochs}, and its learning rate falls to 0 at their end; leave out --epochs now, and give it when the run is finished to train on`,
    );
  if (epochs <= done)
    throw new UserError(`the run has ${done} epochs already; --epochs ${done + 1} or more adds to them`);
  return { ...settings, epochs, restarts: [...(settings.restarts ?? []), done] };
}
