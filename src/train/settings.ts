/**
 * What a run is made of: its settings as checkpoints store them, and what follows from them: what is frozen, which
 * learning rate each group of parameters has, and the schedule.
 */
import type { Augmentation } from '../data/transforms.ts';
import {
  AdamW,
  cosine,
  type FreezeReport,
  freeze,
  type Model,
  type Optimizer,
  type ParameterGroup,
  type Schedule,
  unfreeze,
} from '../nn/index.ts';
import { unknownName } from '../text/suggest.ts';

/** Everything that decides a run's numbers, beside the pictures. Plain JSON. */
export interface TrainSettings {
  /** Folder of the pictures; null for the demo data. */
  data: string | null;
  model: string;
  /** File of the starting weights; 'pretrained' for those that ship; null: from scratch. */
  weights: string | null;
  /** The first stage that trains, 'head' (the last layer only) or 'all'. */
  trainFrom: string;
  epochs: number;
  /** Numbers of epochs after which the run was finished and went on: the schedule begins anew there. */
  restarts?: number[];
  batch: number;
  /** Highest learning rate of the head. */
  lr: number;
  /** Times `lr`: the learning rate of the other stages that train. */
  backboneFactor: number;
  weightDecay: number;
  labelSmoothing: number;
  /** Share of the steps with a rising learning rate. */
  warmup: number;
  /** Side of the network's input, pixels. */
  size: number;
  augmentation: Augmentation;
  seed: number;
}

/**
 * Freezes what does not train: everything but the last layer for 'head', nothing for 'all', else the stages before
 * `trainFrom`.
 * @throws RangeError for a stage that does not exist, with what may have been meant
 */
export function freezeBefore(model: Model, trainFrom: string): FreezeReport {
  const report = unfreeze(model);
  if (trainFrom === 'head') return freeze(model, { except: [model.classifier] });
  if (trainFrom !== 'all' && !model.stages.includes(trainFrom))
    throw new RangeError(unknownName('stage', trainFrom, [...model.stages, 'head', 'all']));
  return trainFrom === 'all' || trainFrom === model.stages[0] ? report : freeze(model, { before: trainFrom });
}

/** The parameters that train, in two groups: the head at `lr`, the rest at `lr · backboneFactor`. */
export function parameterGroups(
  model: Model,
  { lr, backboneFactor }: Pick<TrainSettings, 'lr' | 'backboneFactor'>,
): ParameterGroup[] {
  const trains = [...model.namedParameters()].filter(([, parameter]) => parameter.requiresGrad);
  const of = (head: boolean) =>
    trains.filter(([name]) => model.isHead(name) === head).map(([, parameter]) => parameter);
  return [
    { params: of(true), lr },
    { params: of(false), lr: lr * backboneFactor },
  ].filter(({ params }) => params.length > 0);
}

/** AdamW over what trains. */
export function optimizerOf(model: Model, settings: TrainSettings): Optimizer {
  const { lr, weightDecay } = settings;
  return new AdamW(parameterGroups(model, settings), { lr, weightDecay });
}

/**
 * A short warm-up, then half a cosine down to 0; anew from each restart to the next, as in a run of those epochs alone
 * (warm restarts, Loshchilov & Hutter 2016).
 * @param steps of the whole run
 */
export function scheduleOf({ warmup, epochs, restarts = [] }: TrainSettings, steps: number): Schedule {
  const starts = [0, ...restarts].map((epoch) => (epoch * steps) / epochs);
  return (step) => {
    const at = starts.findLastIndex((start) => start <= step);
    const length = (starts[at + 1] ?? steps) - starts[at];
    return cosine({ warmup: Math.round(warmup * length) })(step - starts[at], length);
  };
}
