/**
 * What a run is made of: its settings as checkpoints store them, and what follows from them: what trains in which
 * phase, at which rates, and the schedule.
 */
import { SAMPLERS, type Sampler } from '../data/sampler.ts';
import { AUGMENTATION, type Augmentation, MOST_SIZE } from '../data/transforms.ts';
import {
  AdamW,
  cosine,
  decayGroups,
  type FreezeReport,
  type Model,
  normNames,
  type Optimizer,
  oneCycle,
  type ParameterGroup,
  perUpdate,
  type Schedule,
  trainOnly,
  warmUp,
} from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import {
  all,
  among,
  between,
  flag,
  list,
  number,
  object,
  orNull,
  type Rule,
  text,
  whole,
} from '../text/rules.ts';
import { unknownName } from '../text/suggest.ts';
import { EarlyStopping } from './callbacks/early-stopping.ts';
import { Plateau } from './callbacks/plateau.ts';
import { CLASS_WEIGHTS, type ClassWeights, classWeightsFor } from './class-weights.ts';
import { type CutFound, cutOf } from './cut.ts';
import type { Phase } from './fit.ts';
import { BEST_BY, type BestBy } from './metrics.ts';
import { MIX_ALPHA, mixPictures } from './mix.ts';
import { MOST_EPOCHS } from './progress.ts';
import type { PlainStepOptions } from './step.ts';

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
  /** Side of the network's input, pixels. */
  size: number;
  augmentation: Augmentation;
  /**
   * In how many random views a picture is shown, one after the other, while what is in front of what trains is frozen
   * (feature-cache.ts); 0: a new one in every epoch. Where everything trains or pictures are mixed, every epoch has its own.
   */
  views: number;
  seed: number;
  /** Name of the class that is the positive one; null: of two the second. */
  positive: string | null;
  /** Probability from which it is called; null: the likeliest class is, or a target decides. */
  threshold: number | null;
  /** What the threshold is chosen to reach on the validation pictures; null where it is not. */
  targetPrecision: number | null;
  targetRecall: number | null;
}

/** What a run did before there were these settings: files of older formats lack them. */
export const BEFORE = {
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
} as const satisfies Partial<TrainSettings>;

const name = text(256);
const rate = number(0, 1e6);
const share = orNull(number(0, 1));

const PHASE: Rule = object({
  trainFrom: name,
  epochs: whole(1, MOST_EPOCHS),
  lr: rate,
  backboneFactor: rate,
} satisfies Record<keyof PhaseSettings, Rule>);

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
    warmup: number(0, 1),
    accumulate: whole(1, MOST_PIXELS),
    clip: orNull(between(0, 1e6)),
    average: orNull(number(0, 1 - 2 ** -20)),
    patience: orNull(whole(1, MOST_EPOCHS)),
    best: orNull(among(BEST_BY)),
    size: whole(1, MOST_SIZE),
    augmentation: AUGMENTATION,
    views: whole(0, MOST_EPOCHS),
    seed: whole(0, Number.MAX_SAFE_INTEGER),
    positive: orNull(text(1000)),
    threshold: share,
    targetPrecision: share,
    targetRecall: share,
  } satisfies Record<keyof TrainSettings, Rule>),
  (value, place) => {
    const { batch, size } = value as TrainSettings;
    return whole(1, Math.floor(MOST_PIXELS / size ** 2))(batch, `${place}.batch`);
  },
  (value, place) =>
    whole(1, MOST_EPOCHS)(epochsOf(value as TrainSettings), `the sum of the epochs of ${place}.phases`),
);

/** Epochs of the whole run. */
export function epochsOf({ phases }: { phases: readonly Pick<PhaseSettings, 'epochs'>[] }): number {
  return phases.reduce((sum, { epochs }) => sum + epochs, 0);
}

/** What a phase leaves to train: its first stage, and whether norms do. */
export type Trains = Pick<PhaseSettings, 'trainFrom'> & Pick<TrainSettings, 'trainNorms'>;

/** What each phase of a run leaves to train. */
export function trainsOf({ phases, trainNorms }: Pick<TrainSettings, 'phases' | 'trainNorms'>): Trains[] {
  return phases.map(({ trainFrom }) => ({ trainFrom, trainNorms }));
}

/**
 * Tells of a parameter's name whether it trains: the last layer's for 'head', every one for 'all', else those of
 * `trainFrom` and the stages after it; those of norms only with `trainNorms`.
 * @throws RangeError for a stage that does not exist, with what may have been meant
 */
function trainsIn(model: Model, { trainFrom, trainNorms }: Trains): (name: string) => boolean {
  if (trainFrom === 'head') return (name) => model.isHead(name);
  const { stages } = model;
  const first = trainFrom === 'all' ? 0 : stages.indexOf(trainFrom);
  if (first < 0) throw new RangeError(unknownName('stage', trainFrom, [...stages, 'head', 'all']));
  const frozen = trainNorms ? new Set<string>() : normNames(model);
  return (name) => stages.indexOf(model.stageOf(name)) >= first && !frozen.has(name);
}

/** [name, parameter] of what trains in any of some phases, in the model's order. */
export function trainedIn(model: Model, phases: readonly Trains[]): [string, Tensor][] {
  const inPhases = phases.map((phase) => trainsIn(model, phase));
  return [...model.namedParameters()].filter(([name]) => inPhases.some((trains) => trains(name)));
}

/**
 * Freezes what does not train, and nothing else; masks stay.
 * @throws RangeError for a stage that does not exist, with what may have been meant
 */
export function freezeFor(model: Model, trains: Trains): FreezeReport {
  return trainOnly(model, trainsIn(model, trains));
}

/** Parameters that share their rates throughout a run. */
export interface RateGroup extends ParameterGroup {
  /** Whether they are the last layer's. */
  head: boolean;
  /** Stages between theirs and the last one, this included; 0 where the rates of a run do not depend on it. */
  distance: number;
}

/**
 * The highest learning rate of a group in a phase:
 *
 *   lr                          the last layer
 *   lr · backboneFactor · Fᵈ    d stages before the last one, F = lrDecayPerStage
 */
export function rateOf(
  { head, distance }: Pick<RateGroup, 'head' | 'distance'>,
  { lr, backboneFactor }: Pick<PhaseSettings, 'lr' | 'backboneFactor'>,
  { lrDecayPerStage }: Pick<TrainSettings, 'lrDecayPerStage'>,
): number {
  return head ? lr : lr * backboneFactor * lrDecayPerStage ** distance;
}

/** How far the stage of a parameter lies before the last one. */
export function distanceOf(model: Model, name: string): number {
  return model.stages.length - 1 - model.stageIndex(model.stageOf(name));
}

/**
 * The parameters that train in any phase: the last layer's, then the others', by stages from the last one where their
 * rates differ; of each those that decay, then norms and biases, which do not.
 */
export function parameterGroups(model: Model, settings: TrainSettings): RateGroup[] {
  const { weightDecay, decayNorms, lrDecayPerStage } = settings;
  const parts = new Map<string, { head: boolean; distance: number; params: Tensor[] }>();
  for (const [name, parameter] of trainedIn(model, trainsOf(settings))) {
    const head = model.isHead(name);
    const distance = head || lrDecayPerStage === 1 ? 0 : distanceOf(model, name);
    const key = `${head} ${distance}`;
    if (!parts.has(key)) parts.set(key, { head, distance, params: [] });
    parts.get(key)!.params.push(parameter);
  }
  return [...parts.values()]
    .sort((a, b) => Number(b.head) - Number(a.head) || a.distance - b.distance)
    .flatMap(({ head, distance, params }) => {
      const groups = decayNorms ? [{ params, weightDecay }] : decayGroups(params, weightDecay);
      return groups.map((group) => ({ ...group, head, distance }));
    });
}

/** AdamW over all that trains in any phase, so that its state outlives each; phases set the rates. */
export function optimizerOf(model: Model, settings: TrainSettings): Optimizer {
  const [{ lr }] = settings.phases;
  return new AdamW(parameterGroups(model, settings), { lr });
}

/** Epochs whose loss is not below the best, which `--schedule plateau` lets pass: runs here are of few. */
const PLATEAU_PATIENCE = 2;

/** What watches the validation loss for `--schedule plateau`; null for others. */
export function plateauOf({ schedule, phases }: TrainSettings): Plateau | null {
  if (schedule !== 'plateau') return null;
  return new Plateau({ patience: PLATEAU_PATIENCE, phases: phases.map(({ epochs }) => epochs) });
}

/** What ends a run that no longer gets better, in its last phase; null where nothing does. */
export function patienceOf(settings: TrainSettings): EarlyStopping | null {
  const { patience, best, phases } = settings;
  if (patience === null) return null;
  return new EarlyStopping({ patience, by: best, after: epochsOf(settings) - phases.at(-1)!.epochs });
}

/** The factor on the learning rates of a phase at each of its batches. */
function scheduleOf(
  { schedule, warmup, accumulate }: TrainSettings,
  epochs: number,
  plateau: Plateau | null,
): Schedule {
  const rise = (total: number): number => Math.round(warmup * total);
  const level: Schedule = (step, total) => warmUp(rise(total))(step, total);
  const schedules: Record<ScheduleName, Schedule> = {
    cosine: (step, total) => cosine({ warmup: rise(total) })(step, total),
    'one-cycle': oneCycle({ rise: warmup }),
    plateau: plateau?.schedule(level) ?? level,
    constant: level,
  };
  return perUpdate(schedules[schedule], accumulate, epochs);
}

/**
 * The phases of a run as `fit` takes them: each freezes what does not train, and has a schedule of its own.
 * @param plateau what `plateauOf` gives, where it is a callback of the run as well
 */
export function phasesOf(
  model: Model,
  optimizer: Optimizer,
  settings: TrainSettings,
  plateau: Plateau | null = null,
): Phase[] {
  const { phases, trainNorms } = settings;
  const groups = parameterGroups(model, settings);
  return phases.map((phase) => ({
    epochs: phase.epochs,
    schedule: scheduleOf(settings, phase.epochs, plateau),
    begin: () => {
      freezeFor(model, { trainFrom: phase.trainFrom, trainNorms });
      for (const [index, group] of groups.entries())
        optimizer.groups[index].lr = rateOf(group, phase, settings);
    },
  }));
}

/** Whether a run's steps mix pictures with one another. */
export const mixes = ({ mixup, cutmix }: Pick<TrainSettings, 'mixup' | 'cutmix'>): boolean =>
  mixup > 0 || cutmix > 0;

/** Where the network is cut in each phase. Leaves the model frozen for the last one. */
export function cutsOf(model: Model, settings: TrainSettings): CutFound[] {
  return trainsOf(settings).map((trains) => {
    freezeFor(model, trains);
    return cutOf(model);
  });
}

/** In how many views each epoch shows its pictures: `LoaderOptions.views`. Leaves the model frozen for the last phase. */
export function viewsOf(model: Model, settings: TrainSettings): (epoch: number) => number {
  const { phases } = settings;
  const fewer = mixes(settings) ? 0 : settings.views;
  // A phase that is over before a view comes again has as many views as epochs anyway.
  const views = cutsOf(model, settings).map(({ cut }, phase) =>
    cut && phases[phase].epochs > fewer ? fewer : 0,
  );
  return (epoch) => views[phaseAt(phases, epoch)];
}

/** The number of the phase that an epoch (counted from 0) belongs to; of the last one behind the end. */
export function phaseAt(phases: readonly Pick<PhaseSettings, 'epochs'>[], epoch: number): number {
  let end = 0;
  const found = phases.findIndex(({ epochs }) => {
    end += epochs;
    return epoch < end;
  });
  return found < 0 ? phases.length - 1 : found;
}

/**
 * What a step of the run does beside the usual.
 * @param pictures of each class that train
 * @throws RangeError where the weights of classes name one that there is not
 */
export function stepOptions(
  settings: TrainSettings,
  classes: readonly string[],
  pictures: readonly number[],
): PlainStepOptions {
  const { labelSmoothing, classWeights } = settings;
  return {
    labelSmoothing,
    classWeights: classWeightsFor(classWeights, classes, pictures),
    mix: mixPictures(settings),
    accumulate: settings.accumulate,
    clipNorm: settings.clip ?? undefined,
  };
}

/** The first epoch of a phase, counted from 0. */
export const firstEpoch = (phases: readonly Pick<PhaseSettings, 'epochs'>[], phase: number): number =>
  epochsOf({ phases: phases.slice(0, phase) });
