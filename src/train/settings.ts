/** The settings of a run as checkpoints store them, and what follows from them alone. */

import { type InputSize, inputSizeUpTo, MOST_SIZE, pixelsOf } from '../data/input-size.ts';
import { FITS, type Fit } from '../data/placing.ts';
import { SAMPLERS, type Sampler } from '../data/sampler.ts';
import { AUGMENTATION, type Augmentation } from '../data/transforms.ts';
import {
  all,
  among,
  between,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  type Rule,
  text,
  whole,
} from '../text/rules.ts';
import { CLASS_WEIGHTS, type ClassWeights } from './class-weights.ts';
import { BEST_BY, type BestBy } from './metrics.ts';
import { MIX_ALPHA } from './mix.ts';
import { MOST_EPOCHS } from './progress.ts';

/** Epochs in which the same stages train, with a schedule of their own. Plain JSON. */
export interface PhaseSettings {
  /** The first stage that trains, 'head' (the last layer only) or 'all'. */
  trainFrom: string;
  epochs: number;
  /** Highest learning rate of the head. */
  lr: number;
  /** Times `lr`: the learning rate of the other stages that train, before `lrDecayPerStage`. */
  backboneFactor: number;
}

/** Warm-up and half a cosine, one cycle, or warm-up and then a rate that falls where the loss does not, or stays. */
export const SCHEDULES = ['cosine', 'one-cycle', 'plateau', 'constant'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Everything that decides a run's numbers, beside the pictures. Plain JSON. */
export interface TrainSettings {
  /** Folder of the pictures; null for the demo data. */
  data: string | null;
  model: string;
  /** File of the starting weights; 'pretrained' for those that ship; null: from scratch. */
  weights: string | null;
  /** How many classes the weights brought along that hold their rows of the last layer (`Model.holdClasses`). */
  keptClasses: number;
  /** What trains, one phase after the other: a new head alone, then later stages with it, for example. */
  phases: PhaseSettings[];
  /** Whether the batch norms of the stages that train do so too; else weights and running statistics stay. */
  trainNorms: boolean;
  batch: number;
  weightDecay: number;
  /**
   * F: rates fall by it with every stage towards the input (`rateOf`); 1 where they do not. Discriminative fine-tuning
   * (Howard & Ruder 2018, section 3.1), timm's `--layer-decay` by stages.
   */
  lrDecayPerStage: number;
  /** Whether norms and biases decay as well, as they did in runs that were begun before phases were. */
  decayNorms: boolean;
  labelSmoothing: number;
  /** How the learning rate goes over the steps of a phase. */
  schedule: ScheduleName;
  /** α of mixup and of CutMix (mix.ts); 0: none. */
  mixup: number;
  cutmix: number;
  /** How much a picture of each class counts in the loss (class-weights.ts). */
  classWeights: ClassWeights;
  /** Which pictures an epoch draws (src/data/sampler.ts). */
  sampler: Sampler;
  /** A network whose answers are learnt as well (distil.ts), as it was named, and SHA-256 of its file; null: none is. */
  teacher: { name: string; hash: string } | null;
  /** Share of a phase's steps with a rising learning rate. */
  warmup: number;
  /** Batches to an update. */
  accumulate: number;
  /** The largest length of an update's gradients together; null: as they are. */
  clip: number | null;
  /** Decay of the moving average of the weights, which validates and is kept as the best; null: there is none. */
  average: number | null;
  /** Epochs of the last phase without a better one, after which the run is finished; null: it comes to its end. */
  patience: number | null;
  /** The figure that the best epoch is chosen by; null: `better` (metrics.ts) has a default. */
  best: BestBy | null;
  /** The network's input in pixels, a side or [height, width]. */
  size: InputSize;
  /** How pictures fit into it; where it is left out they are cropped. */
  fit?: Fit | undefined;
  augmentation: Augmentation;
  /**
   * In how many random views a picture is shown, one after the other, while what is in front of what trains is frozen
   * (feature-cache.ts); 0: a new one in every epoch. Where everything trains or pictures are mixed, every epoch has its own.
   */
  views: number;
  seed: number;
  /** What the split must not part, beside copies (src/data/node/groups.ts). */
  groupBy: readonly string[];
  /** Which of how many folds validates, counted from 1; null: `val/` does, or a share of the pictures. */
  fold: { index: number; of: number } | null;
  /** Name of the class that is the positive one; null: of two the second. */
  positive: string | null;
  /**
   * Probability from which it is called (of several labels, each of them); 'f1': the one that gives the highest F1 on the
   * validation pictures; null: the likeliest class is, or a target decides.
   */
  threshold: number | 'f1' | null;
  /** What the threshold is chosen to reach on the validation pictures; null where it is not. */
  targetPrecision: number | null;
  targetRecall: number | null;
}

/** What a run did before there were these settings: files of older formats lack them. */
export const BEFORE = {
  // Files of the present format may lack these two as well.
  groupBy: [],
  fold: null,
  keptClasses: 0,
  lrDecayPerStage: 1,
  views: 0,
  schedule: 'cosine',
  accumulate: 1,
  clip: null,
  average: null,
  patience: null,
  best: null,
  positive: null,
  threshold: null,
  targetPrecision: null,
  targetRecall: null,
  mixup: 0,
  cutmix: 0,
  classWeights: 'none',
  sampler: 'shuffled',
  teacher: null,
} as const satisfies Partial<TrainSettings>;

const name = text(256);
const rate = number(0, 1e6);
const share = orNull(number(0, 1));
const THRESHOLD: Rule = (value, place) => (value === 'f1' ? null : share(value, place));

const PHASE: Rule = object({
  trainFrom: name,
  epochs: whole(1, MOST_EPOCHS),
  lr: rate,
  backboneFactor: rate,
} satisfies Record<keyof PhaseSettings, Rule>);

/** Letters of a pattern of `groupBy`, and how many there may be. */
const MOST_PATTERN = 1000;
const MOST_GROUPINGS = 16;
/** How pictures are grouped, out of a file. */
export const GROUP_BY: Rule = list(text(MOST_PATTERN), 0, MOST_GROUPINGS);
const MOST_FOLDS = 10_000;

const FOLD: Rule = all(object({ index: whole(1, MOST_FOLDS), of: whole(2, MOST_FOLDS) }), (value, place) =>
  whole(1, (value as { of: number }).of)((value as { index: number }).index, `${place}.index`),
);

/** As many as a checkpoint may name. */
const MOST_CLASSES = 65_536;

/** Pixels of a step, at most: more fit no machine, and nothing is allocated because a file says so. */
const MOST_PIXELS = 2 ** 30;

/** `TrainSettings` out of a file. */
export const SETTINGS: Rule = all(
  object({
    data: orNull(text(10_000)),
    model: name,
    weights: orNull(text(10_000)),
    keptClasses: whole(0, MOST_CLASSES),
    phases: list(PHASE, 1, 1000),
    trainNorms: flag,
    batch: whole(1, MOST_PIXELS),
    weightDecay: rate,
    lrDecayPerStage: number(0, 1),
    decayNorms: flag,
    labelSmoothing: number(0, 1),
    schedule: among(SCHEDULES),
    mixup: MIX_ALPHA,
    cutmix: MIX_ALPHA,
    classWeights: CLASS_WEIGHTS,
    sampler: among(SAMPLERS),
    teacher: orNull(object({ name: text(10_000), hash: text(1000) })),
    warmup: number(0, 1),
    accumulate: whole(1, MOST_PIXELS),
    clip: orNull(between(0, 1e6)),
    average: orNull(number(0, 1 - 2 ** -20)),
    patience: orNull(whole(1, MOST_EPOCHS)),
    best: orNull(among(BEST_BY)),
    size: inputSizeUpTo(MOST_SIZE),
    fit: optional(among(FITS)),
    augmentation: AUGMENTATION,
    views: whole(0, MOST_EPOCHS),
    seed: whole(0, Number.MAX_SAFE_INTEGER),
    groupBy: GROUP_BY,
    fold: orNull(FOLD),
    positive: orNull(text(1000)),
    threshold: THRESHOLD,
    targetPrecision: share,
    targetRecall: share,
  } satisfies Record<keyof TrainSettings, Rule>),
  (value, place) => {
    const { batch, size } = value as TrainSettings;
    return whole(1, Math.floor(MOST_PIXELS / pixelsOf(size)))(batch, `${place}.batch`);
  },
  (value, place) =>
    whole(1, MOST_EPOCHS)(epochsOf(value as TrainSettings), `the sum of the epochs of ${place}.phases`),
);

/** Epochs of the whole run. */
export function epochsOf({ phases }: { phases: readonly Pick<PhaseSettings, 'epochs'>[] }): number {
  return phases.reduce((sum, { epochs }) => sum + epochs, 0);
}

/** The first epoch of a phase, counted from 0. */
export const firstEpoch = (phases: readonly Pick<PhaseSettings, 'epochs'>[], phase: number): number =>
  epochsOf({ phases: phases.slice(0, phase) });

/** The number of the phase that an epoch (counted from 0) belongs to; of the last one behind the end. */
export function phaseAt(phases: readonly Pick<PhaseSettings, 'epochs'>[], epoch: number): number {
  let end = 0;
  const found = phases.findIndex(({ epochs }) => {
    end += epochs;
    return epoch < end;
  });
  return found < 0 ? phases.length - 1 : found;
}

/** What a phase leaves to train: its first stage, and whether norms do. */
export type Trains = Pick<PhaseSettings, 'trainFrom'> & Pick<TrainSettings, 'trainNorms'>;

/** What each phase of a run leaves to train. */
export function trainsOf({ phases, trainNorms }: Pick<TrainSettings, 'phases' | 'trainNorms'>): Trains[] {
  return phases.map(({ trainFrom }) => ({ trainFrom, trainNorms }));
}

/** Whether a run's steps mix pictures with one another. */
export const mixes = ({ mixup, cutmix }: Pick<TrainSettings, 'mixup' | 'cutmix'>): boolean =>
  mixup > 0 || cutmix > 0;
