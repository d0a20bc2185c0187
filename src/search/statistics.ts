/**
 * How far lists of losses agree, and whether two networks differ: rank correlations with bootstrap intervals, and McNemar's
 * test. SciPy's and statsmodels' values are what the tests hold these against.
 */
import { bitsAt, randomKey } from '../tensor/random.ts';
import { type Interval, quantiles } from '../train/evaluation/intervals.ts';

/** Two figures of the same networks, by place. */
type Pair = readonly [a: ArrayLike<number>, b: ArrayLike<number>];

/**
 * Kendall's τ-b (Kendall 1945): of all pairs of networks, those that both lists order alike less those that they order
 * otherwise; ties in one list count for neither.
 *
 *     τ = (C − D) / √((pairs not tied in a) · (pairs not tied in b))
 *
 * 1: the same order; −1: the reverse. SciPy: `kendalltau(variant='b')`. Null where a list holds one value only.
 */
export function kendall(...[a, b]: Pair): number | null {
  let [sum, inA, inB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const [first, second] = [Math.sign(a[i] - a[j]), Math.sign(b[i] - b[j])];
      sum += first * second;
      inA += first ** 2;
      inB += second ** 2;
    }
  return inA * inB === 0 ? null : sum / Math.sqrt(inA * inB);
}

/**
 * Pearson's r: Σ(a − ā)(b − b̄) / √(Σ(a − ā)² · Σ(b − b̄)²). SciPy: `pearsonr`. Null where a list holds one value only.
 */
export function pearson(...[a, b]: Pair): number | null {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [product, inA, inB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += (a[i] - meanA) * (b[i] - meanB);
    inA += (a[i] - meanA) ** 2;
    inB += (b[i] - meanB) ** 2;
  }
  return inA * inB === 0 ? null : Math.min(1, Math.max(-1, product / Math.sqrt(inA * inB)));
}

/** Spearman's ρ: Pearson's r of the ranks, equal values having their mean rank. SciPy: `spearmanr`. Null as there. */
export const spearman = (...[a, b]: Pair): number | null => pearson(ranks(a), ranks(b));

/**
 * McNemar's exact test (1947), two-sided: of the pictures that exactly one of two networks has right, how likely a division
 * at least as uneven is where both are equally good.
 *
 *     p = min(1, 2 · Σ_{i ≤ min(b, c)} C(b + c, i) / 2^(b + c))
 *
 * statsmodels: `mcnemar(exact=True)`.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const count = onlyFirst + onlySecond;
  // The terms as logarithms: 2^−count alone is 0 from 1,075 pictures on.
  let term = -count * Math.LN2;
  let sum = Math.exp(term);
  for (let i = 1; i <= Math.min(onlyFirst, onlySecond); i++) {
    term += Math.log((count - i + 1) / i);
    sum += Math.exp(term);
  }
  return Math.min(1, 2 * sum);
}

/**
 * Holm's correction (Holm 1979) of the p of several tests, in their order: sorted, the k-th smallest of m is multiplied by
 * m − k + 1, none is smaller than the one before it, and none passes 1. statsmodels: `multipletests(method='holm')`.
 */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const corrected = new Array<number>(values.length);
  let least = 0;
  for (const [rank, index] of order.entries()) {
    least = Math.max(least, Math.min((values.length - rank) * values[index]!, 1));
    corrected[index] = least;
  }
  return corrected;
}

/**
 * The percentile bootstrap (Efron 1979): the statistic of sets that are drawn with replacement from 0 … count − 1; their 2.5 %
 * and 97.5 % quantiles. The draws are counter-based, so that the same figures have the same interval.
 * @param statistic null where a drawn set has none; such sets are left out
 * @returns null where no set had one
 */
export function bootstrap(
  count: number,
  statistic: (drawn: Uint32Array) => number | null,
  resamples = 1000,
): Interval | null {
  const drawn = new Uint32Array(count);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    const key = randomKey(0, 'bootstrap', resample);
    for (let i = 0; i < count; i++) drawn[i] = Math.floor((bitsAt(key, i) / 2 ** 32) * count);
    const value = statistic(drawn);
    if (value !== null) values.push(value);
  }
  return values.length === 0 ? null : quantiles(Float64Array.from(values));
}

/**
 * Kendall's τ-b of two figures of the same networks with its 95 % bootstrap interval over networks: 1,000 resamples, of more
 * than 300 networks fewer, whose intervals are narrow. Null where a list holds one value only.
 */
export function rankAgreement(
  ...[a, b]: Pair
): { tau: number; interval: [number, number]; count: number } | null {
  const tau = kendall(a, b);
  if (tau === null) return null;
  const resamples = Math.min(1000, Math.max(100, Math.round(1e8 / a.length ** 2)));
  const within = bootstrap(a.length, (drawn) => kendall(picked(a, drawn), picked(b, drawn)), resamples);
  return { tau, interval: within ? [within.low, within.high] : [-1, 1], count: a.length };
}

const picked = (values: ArrayLike<number>, drawn: Uint32Array): Float64Array =>
  Float64Array.from(drawn, (index) => values[index]);

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** From 1; equal values have the mean of their ranks. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, index) => index).sort(
    (a, b) => values[a] - values[b],
  );
  const found = new Float64Array(values.length);
  for (let begin = 0, end = 0; begin < order.length; begin = end) {
    while (end < order.length && values[order[end]] === values[order[begin]]) end++;
    for (let i = begin; i < end; i++) found[order[i]] = (begin + 1 + end) / 2;
  }
  return found;
}
