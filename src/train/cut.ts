/**
 * Where a network can be cut so that what lies in front always gives the same for the same pictures: the deepest place
 * before anything that trains, takes the statistics of a batch, or drops something. Features are cached there.
 */
import { BatchNorm2d, type Cut, Dropout, type Model, type Module, StochasticDepth } from '../nn/index.ts';

/** A cut, or why there is none: the second half of a sentence. */
export type CutFound = { readonly cut: Cut } | { readonly cut: null; readonly reason: string };

/** Why mixed pictures have no features to keep. */
export const MIXED =
  'mixup and CutMix mix pixels, and what a network makes of mixed pictures is no mixture of what it makes of each';

/** Why pictures that a teacher is asked about have none. */
export const TAUGHT =
  'a teacher answers to the pictures themselves, and not to what another network makes of them';

/** What a run does with its batches that matters here. */
export interface CutOptions {
  /** Whether a step mixes the pictures with one another (mix.ts). */
  mixes?: boolean | undefined;
  /** Whether a step asks a teacher about them (distil.ts). */
  taught?: boolean | undefined;
}

/**
 * The deepest cut of a model as it is frozen now: behind the global pooling where the last layer follows it, else between
 * two stages.
 */
export function cutOf(model: Model, { mixes = false, taught = false }: CutOptions = {}): CutFound {
  if (mixes) return none(MIXED);
  if (taught) return none(TAUGHT);
  const { stages } = model;
  const last = stages.length - 1;
  const trains = firstStage(model, [...model.namedParameters()], ([, { requiresGrad }]) => requiresGrad);
  const varies = firstStage(model, [...model.namedModules()], ([, module]) => isLive(module));
  if (trains === 0) return none(`${stages[0]} trains, and it is the first stage`);
  if (varies === 0)
    return none(
      `${stages[0]} has no parameters that train, but it takes the statistics of batches or drops something; freeze(model, …) stills both`,
    );
  const at = Math.min(trains, varies, last);
  return { cut: { from: stages[at], pooled: at === last && model.pooling !== null } };
}

/**
 * The number of the first stage that holds one of the parts (by their names) that are `meant`. What belongs to no stage
 * counts to the first.
 */
function firstStage<Part extends readonly [string, unknown]>(
  model: Model,
  parts: readonly Part[],
  meant: (part: Part) => boolean,
): number {
  const stages = parts.filter(meant).map(([name]) => {
    const stage = model.findStage(name);
    return stage === undefined ? 0 : model.stageIndex(stage);
  });
  return Math.min(model.stages.length, ...stages);
}

/** Whether what a module computes in training hangs on the other pictures of the batch, or on chance. */
function isLive(module: Module): boolean {
  if (module.frozen) return false;
  return (
    module instanceof BatchNorm2d ||
    ((module instanceof Dropout || module instanceof StochasticDepth) && module.p > 0)
  );
}

const none = (reason: string): CutFound => ({ cut: null, reason });

/** `behind the pooling in front of fc`, `in front of layer4`. */
export function describeCut({ from, pooled }: Cut): string {
  return pooled ? `behind the pooling in front of ${from}` : `in front of ${from}`;
}
