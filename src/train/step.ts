/**
 * What one training step computes. `fit` decides when a step comes and where the run stands; a step records forward,
 * loss, backward and update of one batch and returns the loss. Everything that varies in a step (accumulated gradients,
 * mixed pictures, cached features, a teacher's answers) is another function of this type.
 */
import type { Batch } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import { crossEntropy, type Model, type Optimizer } from '../nn/index.ts';
import { type Tensor, tensor } from '../tensor/index.ts';
import { logitsOf } from './infer.ts';
import type { Mixer } from './mix.ts';
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

export interface PlainStepOptions {
  /** Share of each target that is spread over all classes (Szegedy et al. 2015). Default 0. */
  labelSmoothing?: number;
  /** How much a picture of each class counts. Default: all the same. PyTorch: `weight` of `CrossEntropyLoss`. */
  classWeights?: readonly number[] | undefined;
  /** Mixup, CutMix (mix.ts). Default: pictures stay as they are. */
  mix?: Mixer | undefined;
  /** Batches to an update (update.ts). Default 1. */
  accumulate?: number;
  /** The largest length of an update's gradients (`clipGradNorm`). Default: as they are. */
  clipNorm?: number | undefined;
}

/**
 * The usual step: cross entropy of the pictures' labels, and an update for each batch or for several. It belongs to one
 * run, since it holds the gradients that wait.
 */
export function plainStep({
  labelSmoothing = 0,
  classWeights,
  mix,
  accumulate = 1,
  clipNorm,
}: PlainStepOptions = {}): Step {
  const update = updateEvery(accumulate, clipNorm);
  return (batch, context) => {
    const { logits, targets } = forward(batch, context, mix);
    const loss = crossEntropy(logits, targets, { labelSmoothing, weight: classWeights });
    return update(loss, divisorOf(targets, batch.size, classWeights), context);
  };
}

/** What the network says to a batch, and what it should say: class indices [N], or probabilities [N, classes]. */
function forward(
  batch: Batch,
  { model, device, epoch, index }: StepContext,
  mix: Mixer | undefined,
): { logits: Tensor; targets: Int32Array<ArrayBuffer> | Tensor } {
  if (!mix)
    return { logits: logitsOf(model, batch, device), targets: batch.labels as Int32Array<ArrayBuffer> };
  const { numClasses } = model;
  const { batch: mixed, targets } = mix(batch, numClasses, { epoch, index });
  return {
    logits: logitsOf(model, mixed, device),
    targets: tensor(targets, [batch.size, numClasses], { device }),
  };
}

/** What cross entropy divides by: the weights of the labels, or the number of pictures where targets are probabilities. */
function divisorOf(
  targets: Int32Array | Tensor,
  pictures: number,
  weights: readonly number[] | undefined,
): number {
  if (!weights || !(targets instanceof Int32Array)) return pictures;
  return targets.reduce((sum, label) => sum + weights[label], 0);
}
