/**
 * What is measured on a validation set, from the logits of all its pictures: loss, accuracy, what it hides where classes
 * differ in size, top-5, AUC, and the confusion matrix. On the CPU in double precision: a few thousand numbers, and no
 * kernel to get wrong.
 *
 * With two classes the second one (in alphabetical order) is the positive one unless another is named: the score of a
 * picture is its probability, and the threshold is on that. Evaluation/ has intervals, curves and calibration.
 */

import { number, object, optional, type Rule, whole } from '../text/rules.ts';

/** Answers and truth for `labels.length` pictures: `logits` is [N, classes], row by row. */
export interface Answers {
  logits: Float32Array;
  labels: Int32Array;
  classes: number;
}

export interface Metrics {
  /** Pictures. */
  count: number;
  /** Mean cross-entropy, without label smoothing; of several labels a picture (labels/metrics.ts) the binary one. */
  loss: number;
  /**
   * Share of pictures whose likeliest class is right (where a class is called from a threshold: as it calls them); of several
   * labels a picture, the share of pictures of which every label is. scikit-learn: `accuracy_score`.
   */
  accuracy: number;
  /** Share of the largest class (the commonest set of labels) among the pictures: the accuracy of always answering it. */
  largestShare: number;
  /**
   * Mean recall of the classes that have pictures: accuracy as if each had as many. Of labels, the mean over them as questions
   * of yes and no. scikit-learn: `balanced_accuracy_score`.
   */
  balancedAccuracy: number;
  /** Mean F1 of the classes that have pictures or were called. scikit-learn: `f1_score(average='macro')`. */
  macroF1: number;
  /** F1 of all labels together; several labels a picture only. scikit-learn: `f1_score(average='micro')`. */
  microF1?: number;
  /**
   * Area under the ROC curve of the second class; two classes only, and pictures of both. Of several labels a picture, the mean
   * over them. scikit-learn: `roc_auc_score`.
   */
  auc?: number;
  /** Mean of the labels' average precisions; several labels a picture only. scikit-learn: `average_precision_score`. */
  map?: number;
  /** Share of pictures whose class is among the five likeliest; more than five classes only. */
  top5?: number;
}

const share = number(0, 1);

/** `Metrics` out of a file; those of runs before there were so many lack some. */
export const METRICS: Rule = object({
  count: whole(1, Number.MAX_SAFE_INTEGER),
  loss: number(-Number.MAX_VALUE, Number.MAX_VALUE),
  accuracy: share,
  largestShare: optional(share),
  balancedAccuracy: optional(share),
  macroF1: optional(share),
  microF1: optional(share),
  auc: optional(share),
  map: optional(share),
  top5: optional(share),
} satisfies Record<keyof Metrics, Rule>);

/** What a class was taken for, and what was taken for it. */
export interface ClassMetrics {
  /** Pictures of the class. */
  count: number;
  /** Share of what was called so that is so; null where nothing was. */
  precision: number | null;
  /** Share of the class that was found; null where it has no pictures. */
  recall: number | null;
  /** Harmonic mean of both, 2·right / (pictures + called); null where there are neither pictures nor calls. */
  f1: number | null;
}

/** Softmax of one row: e^(z − max z) / Σ. */
export function softmaxRow(logits: ArrayLike<number>): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) most = Math.max(most, logits[i]);
  const probabilities = Float64Array.from(logits, (logit) => Math.exp(logit - most));
  const total = probabilities.reduce((sum, value) => sum + value, 0);
  return probabilities.map((value) => value / total);
}

/** Row `index` of the logits, a view. */
export function rowOf({ logits, classes }: Answers, index: number): Float32Array {
  return logits.subarray(index * classes, (index + 1) * classes);
}

/** The places of the `k` largest values, largest first; of equal ones the first. */
export function largest(values: ArrayLike<number>, k: number): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index);
  return order.sort((a, b) => values[b] - values[a] || a - b).slice(0, k);
}

/** The place of the largest value; of equal ones the first. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** −log p(label), mean over the pictures. NaN where a logit is not finite. */
export function meanCrossEntropy(answers: Answers): number {
  let sum = 0;
  for (let i = 0; i < answers.labels.length; i++) {
    const row = rowOf(answers, i);
    const most = row[argmax(row)];
    let total = 0;
    for (const logit of row) total += Math.exp(logit - most);
    sum += Math.log(total) + most - row[answers.labels[i]];
  }
  return sum / answers.labels.length;
}

/** The score of a class: its probability. */
export function scoresOf(answers: Answers, positive: number): Float64Array {
  return Float64Array.from(answers.labels, (_, index) => softmaxRow(rowOf(answers, index))[positive]);
}

/** A class that is called wherever its probability reaches a threshold, likeliest or not. */
export interface Calling {
  threshold: number;
  /** Index of the class. Default 1: of two classes the second. */
  positive?: number;
}

/** The class that a picture is taken for: the likeliest; with a `Calling` its class, or the likeliest of the others. */
export function predicted(logits: ArrayLike<number>, calling?: Calling): number {
  if (!calling) return argmax(logits);
  const { threshold, positive = 1 } = calling;
  if (softmaxRow(logits)[positive] >= threshold) return positive;
  const [first, second] = largest(logits, 2);
  return first === positive ? second : first;
}

/** The class that each picture is taken for. */
export function predictions(answers: Answers, calling?: Calling): Int32Array {
  return Int32Array.from(answers.labels, (_, index) => predicted(rowOf(answers, index), calling));
}

/** Share of equal entries. */
export function accuracy(predicted: Int32Array, labels: Int32Array): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) right += Number(predicted[i] === labels[i]);
  return right / labels.length;
}

/** Share of the pictures whose class is among the `k` likeliest. */
export function topKAccuracy(answers: Answers, k: number): number {
  let right = 0;
  for (let i = 0; i < answers.labels.length; i++)
    right += Number(largest(rowOf(answers, i), k).includes(answers.labels[i]));
  return right / answers.labels.length;
}

/**
 * Area under the ROC curve: the chance that a positive (label 1) scores higher than a negative (label 0), ties
 * counting half. From the ranks (Mann & Whitney 1947): (R₁ − n₁(n₁ + 1)/2) / (n₀·n₁), where R₁ is the sum of the
 * positives' ranks and equal scores share the mean of theirs. NaN where one side is empty. scikit-learn:
 * `roc_auc_score`.
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const order = Array.from({ length: labels.length }, (_, index) => index).sort(
    (a, b) => scores[a] - scores[b],
  );
  let rankSum = 0;
  let positives = 0;
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && scores[order[end]] === scores[order[first]]) end++;
    const rank = (first + 1 + end) / 2;
    for (; first < end; first++) {
      if (labels[order[first]] !== 1) continue;
      positives++;
      rankSum += rank;
    }
  }
  const negatives = labels.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** `matrix[actual][predicted]`: how often each class was taken for each. */
export function confusionMatrix(predicted: Int32Array, labels: Int32Array, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) matrix[labels[i]][predicted[i]]++;
  return matrix;
}

/** Precision, recall and F1 of each class. */
export function classMetrics(matrix: readonly (readonly number[])[]): ClassMetrics[] {
  const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);
  return matrix.map((row, index) => {
    const count = row.reduce((sum, value) => sum + value, 0);
    const called = matrix.reduce((sum, other) => sum + other[index], 0);
    const right = row[index];
    return {
      count,
      precision: share(right, called),
      recall: share(right, count),
      f1: share(2 * right, count + called),
    };
  });
}

/** How many pictures each class has. */
export function classCounts(labels: Iterable<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

/** Mean of what is defined. */
function mean(values: readonly (number | null)[]): number {
  const defined = values.filter((value) => value !== null);
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** All figures of one pass over a validation set; top-5 and AUC know no threshold. */
export function measure(answers: Answers, calling?: Calling): Metrics {
  const { labels, classes } = answers;
  const called = predictions(answers, calling);
  const perClass = classMetrics(confusionMatrix(called, labels, classes));
  const both = classes === 2 && labels.includes(0) && labels.includes(1);
  return {
    count: labels.length,
    loss: meanCrossEntropy(answers),
    accuracy: accuracy(called, labels),
    largestShare: perClass.reduce((most, { count }) => Math.max(most, count), 0) / labels.length,
    balancedAccuracy: mean(perClass.map(({ recall }) => recall)),
    macroF1: mean(perClass.map(({ f1 }) => f1)),
    ...(both ? { auc: rocAuc(scoresOf(answers, 1), labels) } : {}),
    ...(classes > 5 ? { top5: topKAccuracy(answers, 5) } : {}),
  };
}

/** What an epoch can be the best by. */
export const BEST_BY = ['loss', 'accuracy', 'balanced-accuracy', 'macro-f1', 'auc', 'map'] as const;
export type BestBy = (typeof BEST_BY)[number];

const SCORES: Record<BestBy, (metrics: Metrics) => number | undefined> = {
  loss: ({ loss }) => -loss,
  accuracy: ({ accuracy }) => accuracy,
  'balanced-accuracy': ({ balancedAccuracy }) => balancedAccuracy,
  'macro-f1': ({ macroF1 }) => macroF1,
  auc: ({ auc }) => auc,
  map: ({ map }) => map,
};

/**
 * Whether `a` is better than `b` by a figure; of equals the one of smaller loss. By default that is the AUC, which two
 * classes of any sizes have, and for more of them the balanced accuracy: accuracy itself can be had from the largest
 * class alone; of several labels a picture the mean average precision, which asks for no thresholds. Where a figure is not defined, the next of those and accuracy decides.
 */
export function better(a: Metrics, b: Metrics, by?: BestBy | null): boolean {
  const asked = by ? [by] : [];
  for (const each of [...asked, 'map', 'auc', 'balanced-accuracy', 'accuracy'] as const) {
    const [scoreA, scoreB] = [SCORES[each](a), SCORES[each](b)];
    if (scoreA === undefined || scoreB === undefined || Number.isNaN(scoreA + scoreB)) continue;
    return scoreA > scoreB || (scoreA === scoreB && a.loss < b.loss);
  }
  return a.loss < b.loss;
}

/** `97.3 %`, never rounded up to 100. */
export function percent(share: number): string {
  const digits = share > 0.9995 && share < 1 ? '>99.9' : (100 * share).toFixed(1);
  return `${digits} %`;
}
