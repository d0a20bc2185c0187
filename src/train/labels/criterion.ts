/** What a batch of pictures of several labels asks of a network: each label for itself, by binary cross-entropy. */
import { binaryCrossEntropy } from '../../nn/index.ts';
import { tensor } from '../../tensor/index.ts';
import { type ClassWeights, classWeightsFor } from '../class-weights.ts';
import type { Criterion } from '../criterion.ts';
import { answerTo, inputOf } from '../infer.ts';
import type { Mixer } from '../mix.ts';
import { targetsOf } from './answers.ts';

export interface LabelsCriterionOptions {
  /** ε: targets are (1 − ε)·t + ε/2, so that nothing is asked to be quite sure. Default 0. */
  labelSmoothing?: number;
  /** How much a yes of each label counts beside a no. Default: as much. PyTorch: `pos_weight` of `BCEWithLogitsLoss`. */
  posWeight?: readonly number[] | undefined;
  /** Mixup, CutMix (mix.ts). Default: pictures stay as they are. */
  mix?: Mixer | undefined;
}

/** Binary cross-entropy of the pictures' labels (`Sample.labels`). */
export function labelsCriterion({
  labelSmoothing = 0,
  posWeight,
  mix,
}: LabelsCriterionOptions = {}): Criterion {
  return (batch, { model: { numClasses }, device, epoch, index }) => {
    const { batch: shown, targets } = mix
      ? mix(batch, numClasses, { epoch, index })
      : { batch, targets: Float32Array.from(targetsOf(batch.samples, numClasses)) };
    const smoothed =
      labelSmoothing === 0
        ? targets
        : targets.map((target) => (1 - labelSmoothing) * target + labelSmoothing / 2);
    const input = inputOf(shown, device);
    const labels = tensor(smoothed, [batch.size, numClasses], { device });
    return {
      input,
      ask: (model) => answerTo(model, input, shown),
      lossOf: (logits) => binaryCrossEntropy(logits, labels, { posWeight }),
      divisor: batch.size,
    };
  };
}

/**
 * What `binaryCrossEntropy` takes as `posWeight`; undefined where every label has 1. 'auto' is (n − n_c) / n_c, so that of each
 * label yes and no count as much in all (PyTorch's advice for `pos_weight`); 1 for a label that no picture has, or every one.
 * @param counts pictures that have each label, among `pictures` that train
 * @throws RangeError for the name of a label that there is not, with what may have been meant
 */
export function posWeightsFor(
  weights: ClassWeights,
  labels: readonly string[],
  counts: readonly number[],
  pictures: number,
): number[] | undefined {
  if (weights !== 'auto') return classWeightsFor(weights, labels, counts);
  const values = counts.map((count) => (count > 0 && count < pictures ? (pictures - count) / count : 1));
  return values.some((weight) => weight !== 1) ? values : undefined;
}
