/**
 * From the settings of a run to what it is made of: what trains in which phase and at which rates, the optimiser, the
 * schedules, the step.
 */
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
import { unknownName } from '../text/suggest.ts';
import { EarlyStopping } from './callbacks/early-stopping.ts';
import { Plateau } from './callbacks/plateau.ts';
import { classWeightsFor } from './class-weights.ts';
import { type CutFound, cutOf } from './cut.ts';
import type { Phase } from './fit.ts';
import { type LabelsCriterionOptions, posWeightsFor } from './labels/criterion.ts';
import { mixPictures } from './mix.ts';
import {
  epochsOf,
  mixes,
  type PhaseSettings,
  phaseAt,
  type ScheduleName,
  type TrainSettings,
  type Trains,
  trainsOf,
} from './settings.ts';
import type { PlainStepOptions, UpdateOptions } from './step.ts';

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

/** Of a run's settings, what decides which parameters learn, and at which rates. */
export type Learning = Pick<
  TrainSettings,
  | 'phases'
  | 'trainNorms'
  | 'weightDecay'
  | 'decayNorms'
  | 'lrDecayPerStage'
  | 'schedule'
  | 'warmup'
  | 'accumulate'
>;

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
export function parameterGroups(model: Model, settings: Learning): RateGroup[] {
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
export function optimizerOf(model: Model, settings: Learning): Optimizer {
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
  { schedule, warmup, accumulate }: Learning,
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
  settings: Learning,
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
  const fewer = mixes(settings) || settings.teacher ? 0 : settings.views;
  // A phase that is over before a view comes again has as many views as epochs anyway.
  const views = cutsOf(model, settings).map(({ cut }, phase) =>
    cut && phases[phase].epochs > fewer ? fewer : 0,
  );
  return (epoch) => views[phaseAt(phases, epoch)];
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

/**
 * The same of pictures of several labels.
 * @param counts pictures that train of each label
 * @param pictures that train
 * @throws RangeError where the weights of labels name one that there is not
 */
export function labelsOptions(
  settings: TrainSettings,
  classes: readonly string[],
  counts: readonly number[],
  pictures: number,
): LabelsCriterionOptions & UpdateOptions {
  const { labelSmoothing, classWeights } = settings;
  return {
    labelSmoothing,
    posWeight: posWeightsFor(classWeights, classes, counts, pictures),
    mix: mixPictures(settings),
    accumulate: settings.accumulate,
    clipNorm: settings.clip ?? undefined,
  };
}
