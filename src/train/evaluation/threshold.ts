/**
 * The probability from which a class is called: how the figures move with it, and one that is chosen for a target. A target
 * is met on the pictures that it is chosen on; on others the figures differ, as their intervals say.
 */
import { among, number, object, orNull, type Rule, text, whole } from '../../text/rules.ts';
import { type Answers, type Calling, percent, scoresOf } from '../metrics.ts';
import { type Step, steps } from './curves.ts';
import { type Interval, wilson, wilsonOfShare } from './intervals.ts';

/** The figures of the positive class where it is called from a probability of `threshold`. */
export interface ThresholdRow {
  threshold: number;
  /** Pictures that are called. */
  called: number;
  /** Share of the pictures for which called or not is right. */
  accuracy: number;
  /** Null where nothing is called. */
  precision: number | null;
  /** Null where there is no positive. */
  recall: number | null;
  /** Null where there is neither. */
  f1: number | null;
}

/** What is asked of the threshold. */
export type ThresholdTarget = { precision: number } | { recall: number } | 'f1';

/** A threshold, who chose it, and on what: what a checkpoint holds. Plain JSON. */
export interface Decision {
  /** Name of the class that is called from `threshold` on; below it the likeliest of the others is. */
  positive: string;
  /** Reaching it counts. */
  threshold: number;
  /** Whether somebody gave it, or what it was chosen to reach: a precision or recall of `target`, or the highest F1. */
  by: 'given' | 'precision' | 'recall' | 'f1';
  target: number | null;
  /** The pictures it was chosen on, and how many; null where it was given. */
  on: Scored | null;
  pictures: number | null;
}

/** The pictures that are scored: of a run those that train, validate or are held out; else a folder's. */
export const SCORED = ['train', 'val', 'test', 'folder'] as const;
export type Scored = (typeof SCORED)[number];

/** `the 100 validation pictures` */
export function describeScored(scored: Scored, count: number): string {
  const kind = { train: 'training ', val: 'validation ', test: 'test ', folder: '' }[scored];
  return count === 1 ? `the one ${kind}picture` : `the ${count.toLocaleString('en-US')} ${kind}pictures`;
}

/** `Decision` out of a file. */
export const DECISION: Rule = object({
  positive: text(1000),
  threshold: number(0, 1),
  by: among(['given', 'precision', 'recall', 'f1']),
  target: orNull(number(0, 1)),
  on: orNull(among(SCORED)),
  pictures: orNull(whole(1, Number.MAX_SAFE_INTEGER)),
} satisfies Record<keyof Decision, Rule>);

/** Who chose a threshold and why, a sentence. */
export function decisionSentence({ positive, threshold, by, target, on, pictures }: Decision): string {
  const called = `'${positive}' is called from a probability of ${threshold}`;
  if (by === 'given' || on === null) return `${called}, as was asked for.`;
  const there = describeScored(on, pictures ?? 0);
  if (by === 'f1' || target === null)
    return `${called}: of all thresholds the one with the highest F1 on ${there}.`;
  const other = by === 'precision' ? 'recall' : 'precision';
  return `${called}: of all thresholds with a ${by} of at least ${percent(target)} on ${there}, the one with the highest ${other}.`;
}

/** The decision for classes that are known. */
export const callingOf = ({ positive, threshold }: Decision, classes: readonly string[]): Calling => ({
  threshold,
  positive: classes.indexOf(positive),
});

/** The decision of whoever names a threshold. */
export const givenDecision = (positive: string, threshold: number): Decision => ({
  positive,
  threshold,
  by: 'given',
  target: null,
  on: null,
  pictures: null,
});

/** Labels as 1 for the positive class and 0 for the others. */
export const isPositive = ({ labels }: Answers, positive: number): Uint8Array =>
  Uint8Array.from(labels, (label) => Number(label === positive));

/** The figures at 0.01, 0.02, … 0.99. */
export function thresholdTable(answers: Answers, positive: number): ThresholdRow[] {
  const row = rowsOf(answers, positive);
  return Array.from({ length: 99 }, (_, i) => row((i + 1) / 100));
}

/** The figures at a threshold, and their intervals. */
export function figuresAt(
  answers: Answers,
  positive: number,
  threshold: number,
): {
  at: ThresholdRow;
  intervals: { accuracy: Interval | null; precision: Interval | null; recall: Interval | null };
} {
  const at = rowsOf(answers, positive)(threshold);
  const count = answers.labels.length;
  const positives = isPositive(answers, positive).reduce((sum, one) => sum + one, 0);
  const right = (at.precision ?? 0) * at.called;
  return {
    at,
    intervals: {
      accuracy: wilsonOfShare(at.accuracy, count),
      precision: wilson(Math.round(right), at.called),
      recall: wilson(Math.round(right), positives),
    },
  };
}

function rowsOf(answers: Answers, positive: number): (threshold: number) => ThresholdRow {
  const all = steps(scoresOf(answers, positive), isPositive(answers, positive));
  return (threshold) => rowOf(all, lastReaching(all, threshold), threshold);
}

/** Place of the last step whose score reaches the threshold; −1 where none does. */
function lastReaching(all: readonly Step[], threshold: number): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle].score >= threshold) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function rowOf(all: readonly Step[], place: number, threshold: number): ThresholdRow {
  const { called: count, right: positives } = all.at(-1) ?? { called: 0, right: 0 };
  const { called, right } = all[place] ?? { called: 0, right: 0 };
  const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);
  return {
    threshold,
    called,
    accuracy: (right + (count - positives) - (called - right)) / count,
    precision: share(right, called),
    recall: share(right, positives),
    f1: share(2 * right, positives + called),
  };
}

/** A threshold for a target; or none, and why. */
export type Chosen = { decision: Decision; row: ThresholdRow } | { decision: null; sentence: string };

/**
 * Of the thresholds that reach the target, the one with the highest of the other figure (recall where a precision is asked
 * for); of equal ones the highest. It lies between two scores, so that rounding on another device changes no call.
 */
export function chooseThreshold(
  answers: Answers,
  { positive, classes, scored }: { positive: number; classes: readonly string[]; scored: Scored },
  target: ThresholdTarget,
): Chosen {
  const [scores, truth] = [scoresOf(answers, positive), isPositive(answers, positive)];
  return chooseAmong(scores, truth, { name: classes[positive], scored }, target);
}

/** What is to be reached, and the figure that decides among what reaches it. */
function goalOf(target: ThresholdTarget): {
  by: 'precision' | 'recall' | 'f1';
  wanted: number;
  other: 'precision' | 'recall' | 'f1';
} {
  if (target === 'f1') return { by: 'f1', wanted: 0, other: 'f1' };
  return 'precision' in target
    ? { by: 'precision', wanted: target.precision, other: 'recall' }
    : { by: 'recall', wanted: target.recall, other: 'precision' };
}

/**
 * `chooseThreshold` by scores.
 * @param scores of each picture, its probability
 * @param truth 1 where the picture is what `name` says
 */
export function chooseAmong(
  scores: Float64Array,
  truth: ArrayLike<number>,
  { name, scored }: { name: string; scored: Scored },
  target: ThresholdTarget,
): Chosen {
  const { by, wanted, other } = goalOf(target);
  const pictures = describeScored(scored, truth.length);
  const all = steps(scores, truth);
  if (!all.at(-1)?.right)
    return {
      decision: null,
      sentence: `No picture of ${pictures} is of '${name}', so no threshold can be chosen on them.`,
    };
  const rows = all.map(({ score }, place) => rowOf(all, place, score));
  let best = -1;
  let nearest = 0;
  for (const [place, row] of rows.entries()) {
    if (row[by]! > rows[nearest][by]!) nearest = place;
    if (row[by]! >= wanted && (best < 0 || row[other]! > rows[best][other]!)) best = place;
  }
  if (best < 0) {
    const most = rows[nearest];
    return {
      decision: null,
      sentence:
        `No threshold gives '${name}' a ${by} of ${percent(wanted)} on ${pictures}: the highest is ${percent(most[by]!)}, ` +
        `from a probability of ${shortBetween(all[nearest + 1]?.score ?? 0, most.threshold)} (${other} ${percent(most[other]!)}); ask for less, or train on.`,
    };
  }
  const threshold = shortBetween(all[best + 1]?.score ?? 0, all[best].score);
  const decision: Decision = {
    positive: name,
    threshold,
    by,
    target: target === 'f1' ? null : wanted,
    on: scored,
    pictures: truth.length,
  };
  return { decision, row: { ...rows[best], threshold } };
}

/** The number of fewest digits above `low` and up to `high`, near their middle. */
function shortBetween(low: number, high: number): number {
  const middle = (low + high) / 2;
  for (let digits = 2; digits < 17; digits++) {
    const short = Number(middle.toFixed(digits));
    if (short > low && short <= high) return short;
  }
  return high;
}
