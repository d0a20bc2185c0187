/**
 * What a batch asks of a network and how its answer is judged, apart from what is done with the loss (step.ts): so that one
 * network learns by it, several in turn on the same pictures, or one from another (distil.ts).
 */
import type { Batch } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import { crossEntropy, type Model } from '../nn/index.ts';
import { type Tensor, tensor } from '../tensor/index.ts';
import { answerTo, inputOf } from './infer.ts';
import type { Mixer } from './mix.ts';

/** Of a step's context (step.ts), what a criterion needs. */
export interface CriterionPlace {
  readonly model: Model;
  readonly device: Device;
  readonly epoch: number;
  readonly index: number;
}

/** A batch as it is put to networks. Its tensors live in the scope in which it was made. */
export interface Question {
  /** Pictures [N, H, W, 3] as the network is shown them, or features of a FeatureCache. */
  readonly input: Tensor;
  /** What a network says to the input: logits [N, classes]. */
  ask(model: Model): Tensor;
  /** What such an answer costs: a scalar, a mean over the batch. */
  lossOf(logits: Tensor): Tensor;
  /** What that mean was divided by: the number of pictures, or the sum of their weights (update.ts). */
  readonly divisor: number;
}

/** Makes a question of a batch; to be called inside a scope. */
export type Criterion = (batch: Batch, place: CriterionPlace) => Question;

export interface LabelOptions {
  /** Share of each target that is spread over all classes (Szegedy et al. 2015). Default 0. */
  labelSmoothing?: number;
  /** How much a picture of each class counts. Default: all the same. PyTorch: `weight` of `CrossEntropyLoss`. */
  classWeights?: readonly number[] | undefined;
  /** Mixup, CutMix (mix.ts). Default: pictures stay as they are. */
  mix?: Mixer | undefined;
}

/** Cross entropy of the pictures' labels. */
export function labelCriterion({ labelSmoothing = 0, classWeights, mix }: LabelOptions = {}): Criterion {
  return (batch, { model: { numClasses }, device, epoch, index }) => {
    const { batch: shown, targets } = mix
      ? mix(batch, numClasses, { epoch, index })
      : { batch, targets: batch.labels as Int32Array<ArrayBuffer> };
    const input = inputOf(shown, device);
    const labels =
      targets instanceof Int32Array ? targets : tensor(targets, [batch.size, numClasses], { device });
    return {
      input,
      ask: (model) => answerTo(model, input, shown),
      lossOf: (logits) => crossEntropy(logits, labels, { labelSmoothing, weight: classWeights }),
      divisor: divisorOf(labels, batch.size, classWeights),
    };
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
