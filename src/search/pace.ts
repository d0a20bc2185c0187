/**
 * How long a search's own work takes here: what turns minutes into steps. A few networks of the space are trained and measured
 * for some steps, with the pictures that the search will get, and their seconds fitted by
 *
 *   seconds = a + b · multiply-adds + c · blocks,   a, b, c ≥ 0
 *
 * The figures are recorded in the plan; from them and the seed the search follows.
 */
import type { BatchSource } from '../data/loader.ts';
import type { Step } from '../train/step.ts';
import { costOf } from './cost.ts';
import type { LatencyTable, Plan } from './result.ts';
import type { Choice, SearchSpace } from './space.ts';

export interface PlanOptions {
  /** Seconds of the whole search. */
  seconds: number;
  classes: number;
  /** Training batches as the search's networks get them, and the held pictures. */
  train: BatchSource;
  held: BatchSource;
  /** Pictures in a training batch. */
  batch: number;
  /** Milliseconds of the space's blocks, measured (`measureLatencies`) or kept; null where the target is not in milliseconds. */
  latency: LatencyTable | null;
  /** What trains: a step of its own where a teacher takes part. Default: `plainStep`. */
  step?: () => Step;
  onProgress?: (done: number, of: number) => void;
  signal?: AbortSignal;
}

/** Planned seconds: see `SearchContext`. */
export interface Paces {
  stepSeconds(choice: Choice): number;
  scoreSeconds(choice: Choice): number;
  readonly sharedStepSeconds: number;
  sharedScoreSeconds(choice: Choice): number;
}

/** What a plan says of the networks of its space. */
export function pacesOf(plan: Plan, space: SearchSpace): Paces {
  const multiplyAdds = costOf(space, 'multiply-adds', { latency: null }, { classes: 1 });
  const seconds =
    ({ a, b, c }: Plan['step']) =>
    (choice: Choice): number =>
      a + b * multiplyAdds(choice) + c * choice.reduce((blocks, { depth }) => blocks + depth, 0);
  return {
    stepSeconds: seconds(plan.step),
    scoreSeconds: seconds(plan.score),
    sharedStepSeconds: plan.sharedStep,
    sharedScoreSeconds: seconds(plan.sharedScore),
  };
}
