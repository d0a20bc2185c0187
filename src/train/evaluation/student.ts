/**
 * Few measurements of one thing, such as the accuracy of three seeds: their mean and how far it may be from that of many
 * more, by Student's t. SciPy's `t.ppf` and `t.cdf` are what the tests hold this against.
 */
import type { Interval } from './intervals.ts';

export interface Spread {
  count: number;
  mean: number;
  /** Of the sample, with n − 1; null of a single value. */
  deviation: number | null;
  /** 95 % t interval of the mean; null of a single value, and of values that are all alike, which do not say how others vary. */
  interval: Interval | null;
}

/**
 * Mean, standard deviation and the 95 % t interval of the mean (Student 1908),
 *
 *     x̄ ± t · s · √(1/n + shared),   t the 97.5 % quantile with n − 1 degrees of freedom
 *
 * @param shared 0 where the values are independent. Runs whose training pictures overlap are not: with test pictures per
 *   training picture here the interval is that of Nadeau & Bengio (2003, the corrected resampled t test); k folds have
 *   1/(k − 1).
 */
export function spreadOf(values: readonly number[], shared = 0): Spread {
  const count = values.length;
  const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  // What rounding adds to differences that are all alike is no deviation.
  if (most - least <= 1e-12 * Math.max(Math.abs(least), Math.abs(most)))
    return { count, mean: values[0], deviation: count < 2 ? null : 0, interval: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = studentQuantile(0.975, count - 1) * deviation * Math.sqrt(1 / count + shared);
  return { count, mean, deviation, interval: { low: mean - half, high: mean + half } };
}

/**
 * The two-sided p of a mean that is 0 (the t test of one sample): how likely one at least as far from 0 is. 1 where values that
 * are all alike, or a single one, say nothing of it.
 */
export function studentTest({ count, mean, deviation }: Spread, shared = 0): number {
  if (!deviation) return 1;
  const t = mean / (deviation * Math.sqrt(1 / count + shared));
  return 2 * studentTail(Math.abs(t), count - 1);
}

/** P(T > t) of Student's t for t ≥ 0: half of the regularised incomplete beta function I_x(ν/2, 1/2) at x = ν / (ν + t²). */
export function studentTail(t: number, freedom: number): number {
  return 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/** The t that so large a share of Student's t lies below, for shares from 0.5 to below 1. */
export function studentQuantile(share: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (studentTail(high, freedom) > 1 - share) high *= 2;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (studentTail(middle, freedom) > 1 - share) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * I_x(a, b) by its continued fraction (Lentz's method; Press et al., Numerical Recipes, section 6.4), which converges fast for
 * x < (a + 1) / (a + b + 2); the other x by I_x(a, b) = 1 − I_{1−x}(b, a).
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const least = 1e-300;
  const away = (value: number): number => (Math.abs(value) < least ? least : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 500; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}

/** ln Γ(x) for x > 0: Stirling's series behind x ≥ 10, and Γ(x) = Γ(x + 1) / x before. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  const square = 1 / (x * x);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
