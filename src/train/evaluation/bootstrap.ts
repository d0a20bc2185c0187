/**
 * The bootstrap: what AUC, balanced accuracy and macro F1 would have been on other pictures, as many sets show it that are
 * drawn from the present one with replacement, as many of each class as it has; their 2.5 % and 97.5 % quantiles are the
 * interval (Efron's percentile method).
 *
 * Of few pictures that says too much: the score interval of each figure widens it (`widened` in intervals.ts).
 *
 * The draws are counter-based: the same answers have the same intervals.
 */
import { bitsAt, randomKey } from '../../tensor/random.ts';
import { aucScoreInterval, type Interval, meanInterval, quantiles, widened, wilson } from './intervals.ts';

/** Sets that are drawn: 1000, fewer of more than 10,000 pictures, whose intervals are narrow, and at least 200. */
export function resamplesFor(pictures: number): number {
  return Math.min(1000, Math.max(200, Math.round(1e7 / pictures)));
}

/** What every picture is (`labels`), was taken for, and the scores of the classes that are held against the rest. */
export interface Resampled {
  labels: Int32Array;
  predicted: Int32Array;
  classes: number;
  against: readonly { positive: number; scores: Float64Array; auc: number }[];
}

export interface ResampledIntervals {
  balancedAccuracy: Interval;
  macroF1: Interval;
  /** Of each in `against`; null where one side is empty. */
  aucs: (Interval | null)[];
}

export function resampledIntervals(given: Resampled): ResampledIntervals {
  const { labels, predicted, classes, against } = given;
  const members = membersOf(labels, classes);
  const counts = members.map(({ length }) => length);
  const ranked = against.map(({ positive, scores }) => rankedBy(scores, labels, positive, counts[positive]));
  const weights = new Uint32Array(labels.length);
  const resamples = resamplesFor(labels.length);
  const [balanced, f1s] = [new Float64Array(resamples), new Float64Array(resamples)];
  const aucs = against.map(() => new Float64Array(resamples));
  for (let resample = 0; resample < resamples; resample++) {
    draw(weights, members, randomKey(0, 'bootstrap', resample));
    const means = classMeans(countsOf(labels, predicted, classes, weights));
    balanced[resample] = means.recall;
    f1s[resample] = means.f1;
    for (const [i, one] of ranked.entries()) if (one) aucs[i][resample] = aucOf(one, weights);
  }
  const { recalls, f1, recallIntervals, f1Intervals } = ownIntervals(given);
  const means = classMeans(countsOf(labels, predicted, classes, null));
  return {
    balancedAccuracy: widened(means.recall, quantiles(balanced), meanInterval(recalls, recallIntervals)),
    macroF1: widened(means.f1, quantiles(f1s), meanInterval(f1, f1Intervals)),
    aucs: against.map(({ auc, positive }, i) => {
      const score = aucScoreInterval(auc, counts[positive], labels.length - counts[positive]);
      return score && widened(auc, quantiles(aucs[i]), score);
    }),
  };
}

/** The pictures of each class. */
function membersOf(labels: Int32Array, classes: number): Int32Array[] {
  const lists = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) lists[label].push(index);
  return lists.map((list) => Int32Array.from(list));
}

/** How often each picture is in a set. */
function draw(weights: Uint32Array, members: readonly Int32Array[], key: number): void {
  weights.fill(0);
  let index = 0;
  for (const own of members)
    for (let i = 0; i < own.length; i++)
      weights[own[Math.floor((bitsAt(key, index++) / 2 ** 32) * own.length)]]++;
}

/** Of each class: pictures, those that were taken for it, and those of these that are of it. */
interface ClassCounts {
  count: Float64Array;
  called: Float64Array;
  right: Float64Array;
}

function countsOf(
  labels: Int32Array,
  predicted: Int32Array,
  classes: number,
  weights: ArrayLike<number> | null,
): ClassCounts {
  const [count, called, right] = [0, 0, 0].map(() => new Float64Array(classes));
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? weights[i] : 1;
    count[labels[i]] += weight;
    called[predicted[i]] += weight;
    if (labels[i] === predicted[i]) right[labels[i]] += weight;
  }
  return { count, called, right };
}

/** Mean recall of the classes that have pictures, and mean F1 of those that have or were called. */
function classMeans({ count, called, right }: ClassCounts): { recall: number; f1: number } {
  let [recalls, present, f1s, met] = [0, 0, 0, 0];
  for (let c = 0; c < count.length; c++) {
    if (count[c] > 0) {
      recalls += right[c] / count[c];
      present++;
    }
    if (count[c] + called[c] === 0) continue;
    f1s += (2 * right[c]) / (count[c] + called[c]);
    met++;
  }
  return { recall: recalls / present, f1: f1s / met };
}

/**
 * Wilson's interval of F1 as the share that it is: right / ((pictures + called) / 2), with the mean of both counts for n. Null
 * where there are neither.
 */
export function f1Interval(right: number, count: number, called: number): Interval | null {
  return wilson(right, (count + called) / 2);
}

/** The figures of each class and their score intervals. */
function ownIntervals({ labels, predicted, classes }: Resampled) {
  const { count, called, right } = countsOf(labels, predicted, classes, null);
  const all = [...count.keys()];
  const present = all.filter((c) => count[c] > 0);
  const met = all.filter((c) => count[c] + called[c] > 0);
  return {
    recalls: present.map((c) => right[c] / count[c]),
    recallIntervals: present.map((c) => wilson(right[c], count[c])!),
    f1: met.map((c) => (2 * right[c]) / (count[c] + called[c])),
    f1Intervals: met.map((c) => f1Interval(right[c], count[c], called[c])!),
  };
}

/** Pictures in the order of their scores, lowest first. */
interface Ranked {
  order: Uint32Array;
  /** Whether the picture there is positive, and whether its score is the last of equal ones. */
  positive: Uint8Array;
  ends: Uint8Array;
  pairs: number;
}

function rankedBy(
  scores: Float64Array,
  labels: Int32Array,
  positive: number,
  positives: number,
): Ranked | null {
  const pairs = positives * (labels.length - positives);
  if (pairs === 0) return null;
  const order = Uint32Array.from(labels.keys()).sort((a, b) => scores[a] - scores[b]);
  return {
    order,
    positive: Uint8Array.from(order, (index) => Number(labels[index] === positive)),
    ends: Uint8Array.from(order, (index, i) => Number(scores[order[i + 1]] !== scores[index])),
    pairs,
  };
}

/** The share of pairs of a positive and another in which the positive has the higher score, ties counting half. */
function aucOf({ order, positive, ends, pairs }: Ranked, weights: Uint32Array): number {
  let [wins, below, tiedPositives, tiedOthers] = [0, 0, 0, 0];
  for (let i = 0; i < order.length; i++) {
    const weight = weights[order[i]];
    if (positive[i]) tiedPositives += weight;
    else tiedOthers += weight;
    if (!ends[i]) continue;
    wins += tiedPositives * (below + tiedOthers / 2);
    below += tiedOthers;
    tiedPositives = 0;
    tiedOthers = 0;
  }
  return wins / pairs;
}
