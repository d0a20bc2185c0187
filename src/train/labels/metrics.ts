/**
 * What is measured on pictures of several labels: how well each label is ranked (average precision, AUC) and called (F1), as
 * means over the labels, and how many pictures are right as a whole. On the CPU in double precision, like ../metrics.ts.
 *
 * A label counts in a mean where the pictures can say something of it: for ranking some have it and some have not, for F1 some
 * have it or it was called. (scikit-learn counts an F1 of 0 for others, and warns.)
 */
import { curves } from '../evaluation/curves.ts';
import type { Metrics } from '../metrics.ts';
import { calledLabels, columnOf, type LabelAnswers, scoresOfLabel } from './answers.ts';

/** Of one label: pictures that have it, that were called, and both. */
export interface LabelCounts {
  count: number;
  called: number;
  right: number;
}

/**
 * Σ max(x, 0) − x·t + log(1 + e^−|x|) over all answers, divided by their number: `binaryCrossEntropy` in double precision. NaN
 * where a logit is no number.
 */
export function meanBinaryCrossEntropy({ logits, targets }: LabelAnswers): number {
  let sum = 0;
  for (const [i, x] of logits.entries())
    sum += Math.max(x, 0) - x * targets[i] + Math.log1p(Math.exp(-Math.abs(x)));
  return sum / logits.length;
}

/** The counts of each label, weighted by how often each picture counts (once by default). */
export function labelCounts(
  { targets, classes, count }: Pick<LabelAnswers, 'targets' | 'classes' | 'count'>,
  called: Uint8Array,
  weights?: ArrayLike<number>,
): LabelCounts[] {
  const counts = Array.from({ length: classes }, () => ({ count: 0, called: 0, right: 0 }));
  for (let row = 0, at = 0; row < count; row++) {
    const weight = weights ? weights[row] : 1;
    for (const of of counts) {
      const [is, said] = [targets[at] * weight, called[at] * weight];
      of.count += is;
      of.called += said;
      of.right += called[at] ? is : 0;
      at++;
    }
  }
  return counts;
}

/** 2·right / (pictures + called); null where there are neither. */
export const f1Of = ({ count, called, right }: LabelCounts): number | null =>
  count + called > 0 ? (2 * right) / (count + called) : null;

/** (share of those with the label that are called + share of the others that are not) / 2; null where one side is empty. */
export function balancedOf({ count, called, right }: LabelCounts, pictures: number): number | null {
  const others = pictures - count;
  return count > 0 && others > 0 ? (right / count + (others - (called - right)) / others) / 2 : null;
}

/** The F1 of all labels together: scikit-learn's `f1_score(average='micro')`; null where nothing holds and nothing is called. */
export function microF1Of(counts: readonly LabelCounts[]): number | null {
  const all = counts.reduce(
    (sum, of) => ({
      count: sum.count + of.count,
      called: sum.called + of.called,
      right: sum.right + of.right,
    }),
    { count: 0, called: 0, right: 0 },
  );
  return f1Of(all);
}

/** Mean of what is defined; null where nothing is. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length > 0 ? defined.reduce((sum, value) => sum + value, 0) / defined.length : null;
}

/** Whether every label of each picture is called as it is. */
export function allRight({ targets, classes, count }: LabelAnswers, called: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: count }, (_, row) => {
    for (let at = row * classes; at < (row + 1) * classes; at++) if (called[at] !== targets[at]) return 0;
    return 1;
  });
}

/** Share of all answers that are right, label by label. */
const rightShare = ({ targets }: LabelAnswers, called: Uint8Array): number =>
  targets.reduce((sum, target, i) => sum + Number(target === called[i]), 0) / targets.length;

/** Share of the pictures that have the commonest set of labels: the accuracy of always answering it. */
function commonestShare({ targets, classes, count }: LabelAnswers): number {
  const sets = new Map<string, number>();
  let most = 0;
  for (let row = 0; row < count; row++) {
    const key = targets.subarray(row * classes, (row + 1) * classes).join('');
    const met = (sets.get(key) ?? 0) + 1;
    sets.set(key, met);
    most = Math.max(most, met);
  }
  return most / count;
}

/**
 * The figures of one pass over pictures of several labels.
 * @param thresholds from which each label is called; 0.5 by default
 */
export function measureLabels(answers: LabelAnswers, thresholds?: readonly number[]): Metrics {
  const { classes, count, targets } = answers;
  const called = calledLabels(answers, thresholds);
  const counts = labelCounts(answers, called);
  const ranked = Array.from({ length: classes }, (_, label) =>
    curves(scoresOfLabel(answers, label), columnOf(targets, classes, label)),
  );
  const [map, auc] = [
    meanOf(ranked.map((one) => one?.averagePrecision ?? null)),
    meanOf(ranked.map((one) => one?.auc ?? null)),
  ];
  return {
    count,
    loss: meanBinaryCrossEntropy(answers),
    accuracy: allRight(answers, called).reduce((sum, right) => sum + right, 0) / count,
    largestShare: commonestShare(answers),
    balancedAccuracy: meanOf(counts.map((of) => balancedOf(of, count))) ?? rightShare(answers, called),
    // Where no label holds of any picture and none is called, nothing is wrong.
    macroF1: meanOf(counts.map(f1Of)) ?? 1,
    microF1: microF1Of(counts) ?? 1,
    ...(auc !== null && { auc }),
    ...(map !== null && { map }),
  };
}
