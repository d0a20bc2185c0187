/**
 * How far a figure may be from what more pictures of the same kind would show: 95 % intervals.
 *
 * A share (accuracy, recall, precision) has Wilson's score interval, which stays within 0 to 1 and does not close where
 * all of a few are right. A mean of shares (balanced accuracy) has those combined by square and add. AUC and macro F1 are
 * resampled (bootstrap.ts).
 */

/** From `low` to `high`, both within what the figure can be. */
export interface Interval {
  low: number;
  high: number;
}

/** `93.1–98.6 %`, never rounded up to 100. */
export function percentRange({ low, high }: Interval): string {
  const end = (share: number): string => (share > 0.9995 && share < 1 ? '>99.9' : (100 * share).toFixed(1));
  return `${end(low)}–${end(high)} %`;
}

/** Of all intervals here. */
export const CONFIDENCE = 0.95;
/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval of a share (Wilson 1927): the p for which |p̂ − p| ≤ z·√(p(1 − p)/n),
 *
 *     (p̂ + z²/2n ± z·√(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n),   p̂ = right / count
 *
 * statsmodels: `proportion_confint(method='wilson')`. Null where nothing was counted. `count` need not be whole.
 */
export function wilson(right: number, count: number): Interval | null {
  if (!(count > 0)) return null;
  const share = right / count;
  const centre = share + Z ** 2 / (2 * count);
  const half = Z * Math.sqrt((share * (1 - share)) / count + Z ** 2 / (4 * count ** 2));
  const scale = 1 + Z ** 2 / count;
  // At the ends rounding would leave 1e-17.
  return {
    low: right === 0 ? 0 : Math.max((centre - half) / scale, 0),
    high: right === count ? 1 : Math.min((centre + half) / scale, 1),
  };
}

/** `wilson` of a share of `count`, for figures that are kept as shares. */
export const wilsonOfShare = (share: number, count: number): Interval | null =>
  wilson(Math.round(share * count), count);

/**
 * The interval of a mean of independent figures that have intervals (square and add; Newcombe 1998, Zou & Donner 2008):
 * mean − √Σ(xᵢ − lowᵢ)²/k to mean + √Σ(highᵢ − xᵢ)²/k.
 */
export function meanInterval(values: readonly number[], intervals: readonly Interval[]): Interval {
  const k = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / k;
  const below = values.reduce((sum, value, i) => sum + (value - intervals[i].low) ** 2, 0);
  const above = values.reduce((sum, value, i) => sum + (intervals[i].high - value) ** 2, 0);
  return { low: Math.max(mean - Math.sqrt(below) / k, 0), high: Math.min(mean + Math.sqrt(above) / k, 1) };
}

/**
 * The score interval of an area under the ROC curve (Newcombe 2006, method 5): the A for which
 * |Â − A| ≤ z·√V(A), with Hanley & McNeil's variance (1982)
 *
 *     V(A) = A(1 − A)·(1 + (n* − 1)·((1 − A)/(2 − A) + A/(1 + A))) / (m·n),   n* = (m + n)/2
 *
 * for m positives and n negatives. It does not close where every positive scores above every negative.
 */
export function aucScoreInterval(auc: number, positives: number, negatives: number): Interval | null {
  if (positives === 0 || negatives === 0) return null;
  const n = (positives + negatives) / 2 - 1;
  const within = (a: number): boolean => {
    const variance = (a * (1 - a) * (1 + n * ((1 - a) / (2 - a) + a / (1 + a)))) / (positives * negatives);
    return (auc - a) ** 2 <= Z ** 2 * variance;
  };
  const edge = (end: 0 | 1): number => {
    let [inside, outside] = [auc, end as number];
    if (auc === end) return end;
    for (let i = 0; i < 60; i++) {
      const middle = (inside + outside) / 2;
      if (within(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return { low: edge(0), high: edge(1) };
}

/**
 * The interval of the difference of two shares of the same pictures, before − after (Newcombe 1998, paired, method 10):
 * Wilson's intervals of both by square and add, with their correlation φ.
 * @param counts how many were right both times, only before, only after, never
 */
export function pairedDifference(counts: {
  both: number;
  before: number;
  after: number;
  neither: number;
}): Interval | null {
  const { both, before, after, neither } = counts;
  const n = both + before + after + neither;
  const [first, second] = [wilson(both + before, n), wilson(both + after, n)];
  if (!first || !second) return null;
  const [p, q] = [(both + before) / n, (both + after) / n];
  const spread = (both + before) * (after + neither) * (both + after) * (before + neither);
  const product = both * neither - before * after;
  // With Newcombe's correction for continuity where the correlation is positive.
  const phi = spread === 0 ? 0 : (product > 0 ? Math.max(product - n / 2, 0) : product) / Math.sqrt(spread);
  const distance = (a: number, b: number): number =>
    Math.sqrt(Math.max(a ** 2 - 2 * phi * a * b + b ** 2, 0));
  return {
    low: Math.max(p - q - distance(p - first.low, second.high - q), -1),
    high: Math.min(p - q + distance(first.high - p, q - second.low), 1),
  };
}

/**
 * The interval of a figure that was resampled, widened by its score interval: a set that is drawn from a small one cannot show
 * a mistake that it does not hold, so that of ten pictures that are all right the drawn sets say 100 % to 100 %. And an end
 * that the pictures refute is the score's: drawn sets may lack the one mistake that was seen, and 100 % is none the less wrong.
 */
export function widened(value: number, drawn: Interval, score: Interval): Interval {
  const low = drawn.low === 0 && value > 0 ? score.low : Math.min(drawn.low, score.low);
  const high = drawn.high === 1 && value < 1 ? score.high : Math.max(drawn.high, score.high);
  return { low: Math.min(low, value), high: Math.max(high, value) };
}

/** The 2.5 % and the 97.5 % quantile. */
export function quantiles(values: Float64Array): Interval {
  const sorted = Float64Array.from(values).sort();
  return { low: quantileOf(sorted, 0.025), high: quantileOf(sorted, 0.975) };
}

/** The value below which `share` of them lie, between two in proportion, as NumPy's; they are sorted, and one at least. */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const [below, rest] = [Math.floor(place), place % 1];
  return sorted[below] + rest * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/** Of two in the middle their mean; there is one value at least. */
export function median(values: ArrayLike<number>): number {
  const sorted = new Float64Array(values);
  // Few values, in a loop that resamples them: the sort of typed arrays costs more than they do.
  for (let at = 1; at < sorted.length && sorted.length <= FEW_VALUES; at++) {
    const value = sorted[at];
    let place = at;
    for (; place > 0 && sorted[place - 1] > value; place--) sorted[place] = sorted[place - 1];
    sorted[place] = value;
  }
  if (sorted.length > FEW_VALUES) sorted.sort();
  return quantileOf(sorted, 0.5);
}

const FEW_VALUES = 16;
