/**
 * What a network says where several labels may hold of a picture: each logit is the answer to a question of its own, and its
 * sigmoid the probability that the label holds.
 */
import { labelsOf, type Sample } from '../../data/sample.ts';
import type { Inference } from '../infer.ts';

/** Answers and truth for `count` pictures: both [count, classes], row by row. */
export interface LabelAnswers {
  logits: Float32Array;
  /** 1 where the label holds, 0 where not. */
  targets: Uint8Array;
  classes: number;
  count: number;
}

/** The targets of pictures: [pictures, classes] of 1 where a label holds and 0 where not. */
export function targetsOf(samples: readonly Sample[], classes: number): Uint8Array {
  const targets = new Uint8Array(samples.length * classes);
  for (const [row, sample] of samples.entries())
    for (const label of labelsOf(sample)) targets[row * classes + label] = 1;
  return targets;
}

/** Answers with the truth that their samples carry. */
export const labelAnswers = ({ logits, samples, classes }: Inference): LabelAnswers => ({
  logits,
  targets: targetsOf(samples, classes),
  classes,
  count: samples.length,
});

/** σ(x) = 1 / (1 + e^−x), in the form whose exponential does not overflow. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/** The probabilities of a row of logits, each label's for itself. */
export const sigmoidRow = (logits: ArrayLike<number>): Float64Array => Float64Array.from(logits, sigmoid);

/** The values of one label: a column of [count, classes]. */
export function columnOf<Values extends Float32Array | Uint8Array>(
  values: Values,
  classes: number,
  label: number,
): Float64Array {
  return Float64Array.from({ length: values.length / classes }, (_, row) => values[row * classes + label]);
}

/** The probabilities of one label. */
export const scoresOfLabel = ({ logits, classes }: LabelAnswers, label: number): Float64Array =>
  columnOf(logits, classes, label).map(sigmoid);

/** The probability from which a label is called where nobody chose another. */
export const DEFAULT_THRESHOLD = 0.5;

/**
 * Which labels are called: [count, classes] of 1 where the probability reaches the label's threshold.
 * @param thresholds one for each label; `DEFAULT_THRESHOLD` by default
 */
export function calledLabels(
  { logits, classes }: Pick<LabelAnswers, 'logits' | 'classes'>,
  thresholds?: readonly number[],
): Uint8Array {
  return Uint8Array.from(logits, (logit, i) =>
    Number(sigmoid(logit) >= (thresholds?.[i % classes] ?? DEFAULT_THRESHOLD)),
  );
}
