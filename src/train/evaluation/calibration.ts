/**
 * Whether probabilities mean what they say: of the pictures that are answered with 80 %, are 80 % right? Guo, Pleiss, Sun &
 * Weinberger, "On Calibration of Modern Neural Networks" (2017).
 */
import { type Answers, argmax, rowOf } from '../metrics.ts';
import { type Interval, wilson } from './intervals.ts';

/** Pictures whose likeliest class has a probability above `low` and up to `high`. */
export interface CalibrationBin {
  low: number;
  high: number;
  count: number;
  /** Mean probability of the likeliest class; null where the bin is empty. */
  confidence: number | null;
  /** Share of them whose likeliest class is right; null where the bin is empty. */
  accuracy: number | null;
  /** Of the accuracy. */
  interval: Interval | null;
}

/** Divides the logits so that probabilities fit; which class is likeliest stays. */
export interface Temperature {
  /** Above 1 where the network is surer than right, below 1 where it is less sure. */
  value: number;
  /** Whether it was fitted on the pictures that are scored, or on others. */
  fittedHere: boolean;
  /** Expected calibration error, mean cross-entropy and bins with the logits divided by it. */
  ece: number;
  loss: number;
  bins: CalibrationBin[];
}

export interface Calibration {
  bins: CalibrationBin[];
  /** Expected calibration error: Σ (count / all)·|accuracy − confidence| over the bins. */
  ece: number;
  /** Null where none fits: of pictures that are all answered rightly, the surest network has the lowest loss. */
  temperature: Temperature | null;
}

/** Of equal width, as in the paper. */
export const BINS = 15;

/**
 * Reliability as it is, and with a temperature.
 * @param temperature one that was fitted on other pictures; without it, it is fitted on these
 */
export function calibration(answers: Answers, temperature?: number): Calibration {
  const plain = reliability(answers, 1);
  const value = temperature ?? fitTemperature(answers);
  if (value === null) return { bins: plain.bins, ece: plain.ece, temperature: null };
  const fitted = reliability(answers, value);
  return {
    bins: plain.bins,
    ece: plain.ece,
    temperature: { value, fittedHere: temperature === undefined, ...fitted },
  };
}

/** Bins, their error, and the mean cross-entropy with the logits divided by `temperature`. */
function reliability(
  answers: Answers,
  temperature: number,
): { bins: CalibrationBin[]; ece: number; loss: number } {
  const { labels } = answers;
  const counts = new Float64Array(BINS);
  const sums = new Float64Array(BINS);
  const right = new Float64Array(BINS);
  let loss = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = rowOf(answers, i);
    const likeliest = argmax(row);
    let total = 0;
    for (const logit of row) total += Math.exp((logit - row[likeliest]) / temperature);
    const confidence = 1 / total;
    loss += Math.log(total) - (row[labels[i]] - row[likeliest]) / temperature;
    // A probability on an edge belongs to the bin below it, as in the paper: (low, high].
    const bin = Math.min(Math.max(Math.ceil(confidence * BINS) - 1, 0), BINS - 1);
    counts[bin]++;
    sums[bin] += confidence;
    right[bin] += Number(likeliest === labels[i]);
  }
  const bins = Array.from(counts, (count, bin): CalibrationBin => {
    const some = count > 0;
    return {
      low: bin / BINS,
      high: (bin + 1) / BINS,
      count,
      confidence: some ? sums[bin] / count : null,
      accuracy: some ? right[bin] / count : null,
      interval: wilson(right[bin], count),
    };
  });
  const ece = Array.from(counts, (_, bin) => Math.abs(right[bin] - sums[bin])).reduce(
    (sum, gap) => sum + gap,
    0,
  );
  return { bins, ece: ece / labels.length, loss: loss / labels.length };
}

/** Temperatures that are looked at: beyond these a minimum is none. */
const RANGE = [0.01, 100] as const;

/**
 * The temperature with the lowest mean cross-entropy, which is convex in β = 1/T: its slope there is the mean over the
 * pictures of E_p[z] − z_label, whose zero is found by Newton's steps within a bracket that halves where they leave it.
 * @returns null where the loss still falls at an end of 0.01 to 100
 */
export function fitTemperature(answers: Answers): number | null {
  let [low, high] = [1 / RANGE[1], 1 / RANGE[0]];
  if (slopeAt(answers, low).slope >= 0 || slopeAt(answers, high).slope <= 0) return null;
  let beta = 1;
  for (let i = 0; i < 60 && high - low > 1e-10 * beta; i++) {
    const { slope, curvature } = slopeAt(answers, beta);
    if (slope === 0) break;
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const inside = newton > low && newton < high;
    if (inside && Math.abs(newton - beta) <= 1e-12 * beta) break;
    beta = inside ? newton : Math.sqrt(low * high);
  }
  return 1 / beta;
}

/** First and second derivative of the mean cross-entropy by β. */
function slopeAt(answers: Answers, beta: number): { slope: number; curvature: number } {
  const { labels } = answers;
  let [slope, curvature] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const row = rowOf(answers, i);
    const most = row[argmax(row)];
    let [total, first, second] = [0, 0, 0];
    for (const logit of row) {
      const z = logit - most;
      const weight = Math.exp(beta * z);
      total += weight;
      first += weight * z;
      second += weight * z * z;
    }
    const mean = first / total;
    slope += mean - (row[labels[i]] - most);
    curvature += second / total - mean * mean;
  }
  return { slope: slope / labels.length, curvature: curvature / labels.length };
}
