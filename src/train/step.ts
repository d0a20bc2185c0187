/**
 * What one training step computes. `fit` decides when a step comes and where the run stands; a step records forward,
 * loss, backward and update of one batch and returns the loss. Everything that varies in a step (accumulated gradients,
 * mixed pictures, cached features, a teacher's answers) is another function of this type.
 */
import type { Batch } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import type { Model, Optimizer } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { type Criterion, type LabelOptions, labelCriterion } from './criterion.ts';
import { updateEvery } from './update.ts';

/** What a step works with, and where it stands. */
export interface StepContext {
  readonly model: Model;
  readonly device: Device;
  /** Its `lrFactor` is set already. */
  readonly optimizer: Optimizer;
  /** Counted from 0. */
  readonly epoch: number;
  /** Number of the step since the run began, counted from 0; dropout draws its masks from it. */
  readonly step: number;
  /** Number of the batch in its epoch, counted from 0, and how many batches an epoch has. */
  readonly index: number;
  readonly count: number;
  /**
   * Whether this is the last batch of the epoch that comes, although later ones may have been announced: pictures that
   * cannot be read may take the end of an epoch with them. A step that gets it must update.
   */
  readonly last: boolean;
  /**
   * Says that this step's gradients wait for a later batch before they update anything. Until a step does not say so,
   * `fit` neither saves nor stops: what waits on the GPU is in no checkpoint.
   */
  holdUpdate(): void;
}

/**
 * Records forward, loss, backward and update of a batch, inside a scope of `fit`'s, and returns the loss: a scalar,
 * the mean over the batch. Synchronous: nothing is computed yet when it returns. What has to outlive the step is
 * marked by `keep` and belongs to the step.
 */
export type Step = (batch: Batch, context: StepContext) => Tensor;

export interface UpdateOptions {
  /** Batches to an update (update.ts). Default 1. */
  accumulate?: number | undefined;
  /** The largest length of an update's gradients (`clipGradNorm`). Default: as they are. */
  clipNorm?: number | undefined;
}

export type PlainStepOptions = LabelOptions & UpdateOptions;

/**
 * The usual step: cross entropy of the pictures' labels, and an update for each batch or for several. It belongs to one
 * run, since it holds the gradients that wait.
 */
export function plainStep({ accumulate, clipNorm, ...labels }: PlainStepOptions = {}): Step {
  return stepOf(labelCriterion(labels), { accumulate, clipNorm });
}

/** A step that asks the network what a criterion asks, and updates for each batch or for several. It belongs to one run. */
export function stepOf(criterion: Criterion, { accumulate = 1, clipNorm }: UpdateOptions = {}): Step {
  const update = updateEvery(accumulate, clipNorm);
  return (batch, context) => {
    const { ask, lossOf, divisor } = criterion(batch, context);
    return update(lossOf(ask(context.model)), divisor, context);
  };
}
