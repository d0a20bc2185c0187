/**
 * How much a picture of each class counts in the loss, where classes have unequal numbers of pictures.
 *
 *   auto    w = n / (k · n_c)     n pictures, n_c of them of class c; k classes have any
 *
 * which is scikit-learn's class_weight='balanced': every class counts as much in all as any other, and a picture 1 on average.
 * The loss with weights is PyTorch's `CrossEntropyLoss(weight)`: Σ w·l / Σ w over a batch, and where targets are mixed
 * (mix.ts) Σ w·l / N, each class's part of a target weighted by its own. So the training loss that is reported is the loss of
 * a set whose classes are weighted so; the validation loss is not weighted.
 */
import { isObject, type Rule, show } from '../text/rules.ts';
import { unknownName } from '../text/suggest.ts';

/** 'auto', 'none' (every picture 1), or weights by the classes' names; of classes that are not named, 1. Plain JSON. */
export type ClassWeights = 'auto' | 'none' | Readonly<Record<string, number>>;

const LEAST = 1e-6;
const MOST = 1e6;

/** Whether a class can have this weight: 0 would leave batches of one class without a loss. */
export const isClassWeight = (value: unknown): value is number =>
  typeof value === 'number' && value >= LEAST && value <= MOST;

/** `ClassWeights` out of a file. */
export const CLASS_WEIGHTS: Rule = (value, place) => {
  if (value === 'auto' || value === 'none') return null;
  if (!isObject(value)) return { place, wanted: 'auto, none or a weight for each class', found: show(value) };
  for (const [name, weight] of Object.entries(value))
    if (!isClassWeight(weight))
      return { place: `${place}.${name}`, wanted: `a number from ${LEAST} to ${MOST}`, found: show(weight) };
  return null;
};

/**
 * n / (k · n_c) for each class, by its number of pictures; 1 for a class without any, which only label smoothing ever asks
 * for. scikit-learn: `compute_class_weight('balanced')`.
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const present = counts.filter((count) => count > 0).length;
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (count > 0 ? all / (present * count) : 1));
}

/**
 * What `crossEntropy` takes as `weight`; undefined where every class has 1.
 * @param counts pictures of each class that train
 * @throws RangeError for the name of a class that there is not, with what may have been meant
 */
export function classWeightsFor(
  weights: ClassWeights,
  classes: readonly string[],
  counts: readonly number[],
): number[] | undefined {
  const values = weights === 'auto' ? balancedWeights(counts) : classes.map(() => 1);
  if (typeof weights === 'object')
    for (const [name, weight] of Object.entries(weights)) {
      const index = classes.indexOf(name);
      if (index < 0) throw new RangeError(`class weights: ${unknownName('class', name, classes)}`);
      values[index] = weight;
    }
  return values.some((weight) => weight !== 1) ? values : undefined;
}

/** The most pictures of a class for one of the rarest that has any. */
export function imbalanceOf(counts: readonly number[]): number {
  const present = counts.filter((count) => count > 0);
  const [least, most] = present.reduce(
    ([low, high], count) => [Math.min(low, count), Math.max(high, count)],
    [Number.POSITIVE_INFINITY, 0],
  );
  return present.length > 0 ? most / least : 1;
}
