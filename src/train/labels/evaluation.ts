/**
 * All that is known of a network from its answers to pictures of several labels: what the terminal, the report and `--json` show.
 * Plain JSON, computed on the CPU in double precision. (../evaluation/evaluation.ts is the same for classes.)
 */
import { bitsAt, randomKey } from '../../tensor/random.ts';
import { f1Interval, resamplesFor } from '../evaluation/bootstrap.ts';
import { type Curves, curves } from '../evaluation/curves.ts';
import type { EvaluationBase } from '../evaluation/evaluation.ts';
import {
  aucScoreInterval,
  CONFIDENCE,
  type Interval,
  meanInterval,
  quantiles,
  widened,
  wilson,
  wilsonOfShare,
} from '../evaluation/intervals.ts';
import type { Decision } from '../evaluation/threshold.ts';
import { calledLabels, columnOf, type LabelAnswers, scoresOfLabel } from './answers.ts';
import {
  balancedOf,
  f1Of,
  type LabelCounts,
  labelCounts,
  meanOf,
  measureLabels,
  microF1Of,
} from './metrics.ts';
import { decisionsSentence, type LabelDecisions, thresholdsOf } from './thresholds.ts';

/** A label, with its 95 % intervals; null where a figure is. */
export interface LabelFigures extends LabelCounts {
  name: string;
  /** From which probability it is called, and who chose that; null: nobody. */
  threshold: number;
  decision: Decision | null;
  /** Share of what was called so that is so; null where nothing was. */
  precision: number | null;
  /** Share of those with the label that were found; null where there are none. */
  recall: number | null;
  f1: number | null;
  /** Null where no picture has the label, or every one. */
  auc: number | null;
  averagePrecision: number | null;
  intervals: Record<'precision' | 'recall' | 'f1' | 'auc' | 'averagePrecision', Interval | null>;
  /** ROC and precision against recall; null as `auc`. */
  points: Curves['points'] | null;
}

/** See the head of this file. */
export interface LabelEvaluation extends EvaluationBase {
  task: 'labels';
  perLabel: LabelFigures[];
  /** Why the thresholds are what they are, a sentence. */
  sentence: string;
  /** `together[a][b]`: pictures that have both labels; with itself: that have it. Null of more than `MOST_PAIRED` labels. */
  together: number[][] | null;
  /** `mistaken[a][b]`: pictures that have a, which was missed, and for which b was called, which they have not. */
  mistaken: number[][] | null;
}

export interface LabelEvaluationOptions extends Partial<Pick<EvaluationBase, 'scored' | 'chosen'>> {
  /** Names in the order of the outputs. */
  classes: readonly string[];
  /** Of each label; by default 0.5 for all. */
  decisions?: LabelDecisions | null;
}

/** Of so many labels at the most pairs are counted. */
export const MOST_PAIRED = 60;
/** Points of the curves of each. */
const POINTS = 60;

/** @throws RangeError without pictures, where an answer is no number, and where there are not as many names as labels */
export function labelEvaluation(answers: LabelAnswers, options: LabelEvaluationOptions): LabelEvaluation {
  const { classes, scored = 'folder', chosen = [] } = options;
  const { count, targets } = answers;
  checkAnswers(answers, classes);
  const decisions = options.decisions ?? classes.map(() => null);
  const thresholds = thresholdsOf(decisions);
  const called = calledLabels(answers, thresholds);
  const counts = labelCounts(answers, called);
  const metrics = measureLabels(answers, thresholds);
  const ranked = classes.map((_, label) =>
    curves(scoresOfLabel(answers, label), columnOf(targets, classes.length, label), POINTS),
  );
  const perLabel = classes.map((name, label): LabelFigures => {
    const of = counts[label];
    const found = ranked[label];
    const [auc, averagePrecision] = [found?.auc ?? null, found?.averagePrecision ?? null];
    return {
      name,
      ...of,
      threshold: thresholds[label],
      decision: decisions[label],
      precision: of.called > 0 ? of.right / of.called : null,
      recall: of.count > 0 ? of.right / of.count : null,
      f1: f1Of(of),
      ...{ auc, averagePrecision },
      intervals: {
        precision: wilson(of.right, of.called),
        recall: wilson(of.right, of.count),
        f1: f1Interval(of.right, of.count, of.called),
        auc: auc === null ? null : aucScoreInterval(auc, of.count, count - of.count),
        averagePrecision: averagePrecision === null ? null : apScoreInterval(averagePrecision, of.count),
      },
      points: found?.points ?? null,
    };
  });
  const drawn = resampled(answers, called);
  for (const [label, { auc, averagePrecision, intervals }] of perLabel.entries()) {
    const of = drawn.perLabel[label];
    if (auc !== null) intervals.auc = widened(auc, of.auc, intervals.auc!);
    if (averagePrecision !== null)
      intervals.averagePrecision = widened(
        averagePrecision,
        of.averagePrecision,
        intervals.averagePrecision!,
      );
  }
  const pairs = classes.length <= MOST_PAIRED;
  return {
    task: 'labels',
    scored,
    classes: [...classes],
    metrics,
    intervals: {
      ...meanIntervals(perLabel, drawn, count),
      accuracy: wilsonOfShare(metrics.accuracy, count)!,
    },
    confidence: CONFIDENCE,
    resamples: drawn.resamples,
    perLabel,
    sentence: decisionsSentence(decisions),
    together: pairs ? pairsOf(answers, (a, b) => targets[a] === 1 && targets[b] === 1) : null,
    mistaken: pairs ? pairsOf(answers, (a, b) => targets[a] > called[a] && targets[b] < called[b]) : null,
    chosen: [...chosen],
  };
}

function checkAnswers({ logits, targets, count, classes }: LabelAnswers, names: readonly string[]): void {
  if (count === 0) throw new RangeError('evaluation: there are no pictures to measure');
  if (names.length !== classes || targets.length !== logits.length)
    throw new RangeError(`evaluation: ${names.length} names for ${classes} labels; give one for each`);
  if (!logits.every(Number.isFinite))
    throw new RangeError(
      'evaluation: an answer is NaN or infinite, which has no probabilities; leave it out',
    );
}

/**
 * The interval of an average precision as that of a share of the positives (Boyd, Eng & Page 2013, "Area under the
 * precision-recall curve", the binomial interval; Wilson's in place of Wald's, which closes at 1).
 */
const apScoreInterval = (averagePrecision: number, positives: number): Interval =>
  wilson(averagePrecision * positives, positives)!;

/** [a][b]: pictures for which something holds of two places in their row. */
function pairsOf({ classes, count }: LabelAnswers, holds: (a: number, b: number) => boolean): number[][] {
  return Array.from({ length: classes }, (_, a) =>
    Array.from({ length: classes }, (_, b) => {
      let sum = 0;
      for (let row = 0; row < count; row++) sum += Number(holds(row * classes + a, row * classes + b));
      return sum;
    }),
  );
}

/** The means over the labels, each widened by the intervals of the labels' own figures (square and add). */
function meanIntervals(
  perLabel: readonly LabelFigures[],
  drawn: Resampled,
  count: number,
): Omit<EvaluationBase['intervals'], 'accuracy'> {
  const means = (
    key: 'f1' | 'auc' | 'averagePrecision',
    quantiles: Interval | null,
  ): Interval | undefined => {
    const there = perLabel.filter((one) => one[key] !== null && one.intervals[key] !== null);
    const values = there.map((one) => one[key]!);
    const value = meanOf(values);
    if (value === null || !quantiles) return undefined;
    return widened(
      value,
      quantiles,
      meanInterval(
        values,
        there.map((one) => one.intervals[key]!),
      ),
    );
  };
  const balanced = perLabel.flatMap((one) => {
    const value = balancedOf(one, count);
    if (value === null) return [];
    const [found, kept] = [
      wilson(one.right, one.count)!,
      wilson(count - one.count - (one.called - one.right), count - one.count)!,
    ];
    const shares = [one.right / one.count, 1 - (one.called - one.right) / (count - one.count)];
    return [{ value, interval: meanInterval(shares, [found, kept]) }];
  });
  const all = perLabel.reduce(
    (sum, one) => ({ right: sum.right + one.right, half: sum.half + (one.count + one.called) / 2 }),
    { right: 0, half: 0 },
  );
  const micro = wilson(all.right, all.half);
  const [f1, auc, map] = [
    means('f1', drawn.macroF1),
    means('auc', drawn.auc),
    means('averagePrecision', drawn.map),
  ];
  return {
    ...(balanced.length > 0 &&
      drawn.balancedAccuracy && {
        balancedAccuracy: widened(
          meanOf(balanced.map(({ value }) => value))!,
          drawn.balancedAccuracy,
          meanInterval(
            balanced.map(({ value }) => value),
            balanced.map(({ interval }) => interval),
          ),
        ),
      }),
    ...(f1 && { macroF1: f1 }),
    ...(micro && drawn.microF1 && { microF1: widened(all.right / all.half, drawn.microF1, micro) }),
    ...(auc && { auc }),
    ...(map && { map }),
  };
}

/** Quantiles of what drawn sets of pictures give. */
interface Resampled {
  resamples: number;
  perLabel: { auc: Interval; averagePrecision: Interval }[];
  balancedAccuracy: Interval | null;
  macroF1: Interval | null;
  microF1: Interval | null;
  auc: Interval | null;
  map: Interval | null;
}

/**
 * The bootstrap of ../evaluation/bootstrap.ts, for pictures that are in several labels at once: sets of as many pictures, drawn
 * from all of them with replacement. A label that a set has no picture of, or nothing else, counts nowhere in it.
 */
function resampled(answers: LabelAnswers, called: Uint8Array): Resampled {
  const { classes, count, targets } = answers;
  const resamples = resamplesFor(count * Math.ceil(classes / 4));
  const ranked = Array.from({ length: classes }, (_, label) => rankedBy(scoresOfLabel(answers, label)));
  const truths = Array.from({ length: classes }, (_, label) => columnOf(targets, classes, label));
  const weights = new Uint32Array(count);
  const perLabel = Array.from({ length: classes }, () => ({
    auc: [] as number[],
    averagePrecision: [] as number[],
  }));
  const means = {
    balancedAccuracy: [] as number[],
    macroF1: [] as number[],
    microF1: [] as number[],
    auc: [] as number[],
    map: [] as number[],
  };
  const keep = (into: number[], value: number | null): void => {
    if (value !== null) into.push(value);
  };
  for (let resample = 0; resample < resamples; resample++) {
    const key = randomKey(0, 'bootstrap', resample);
    weights.fill(0);
    for (let i = 0; i < count; i++) weights[Math.floor((bitsAt(key, i) / 2 ** 32) * count)]++;
    const counts = labelCounts(answers, called, weights);
    keep(means.balancedAccuracy, meanOf(counts.map((of) => balancedOf(of, count))));
    keep(means.macroF1, meanOf(counts.map(f1Of)));
    keep(means.microF1, microF1Of(counts));
    const areas = ranked.map((order, label) => areasOf(order, truths[label], weights));
    for (const [label, area] of areas.entries()) {
      if (!area) continue;
      perLabel[label].auc.push(area.auc);
      perLabel[label].averagePrecision.push(area.averagePrecision);
    }
    keep(means.auc, meanOf(areas.map((area) => area?.auc ?? null)));
    keep(means.map, meanOf(areas.map((area) => area?.averagePrecision ?? null)));
  }
  const range = (values: number[]): Interval | null =>
    values.length > 0 ? quantiles(Float64Array.from(values)) : null;
  const whole: Interval = { low: 0, high: 1 };
  return {
    resamples,
    perLabel: perLabel.map(({ auc, averagePrecision }) => ({
      auc: range(auc) ?? whole,
      averagePrecision: range(averagePrecision) ?? whole,
    })),
    balancedAccuracy: range(means.balancedAccuracy),
    macroF1: range(means.macroF1),
    microF1: range(means.microF1),
    auc: range(means.auc),
    map: range(means.map),
  };
}

/** Pictures in the order of their scores, highest first, and where equal ones end. */
interface Ranked {
  order: Uint32Array;
  ends: Uint8Array;
}

function rankedBy(scores: Float64Array): Ranked {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);
  return {
    order,
    ends: Uint8Array.from(order, (index, i) => Number(scores[order[i + 1]] !== scores[index])),
  };
}

/** AUC and average precision where each picture counts so often; null where one side is empty. */
function areasOf(
  { order, ends }: Ranked,
  truth: Float64Array,
  weights: Uint32Array,
): { auc: number; averagePrecision: number } | null {
  let [right, called, wins, area, newRight, newCalled] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < order.length; i++) {
    const weight = weights[order[i]];
    newCalled += weight;
    if (truth[order[i]] === 1) newRight += weight;
    if (!ends[i] || newCalled === 0) continue;
    wins += (newCalled - newRight) * (right + newRight / 2);
    right += newRight;
    called += newCalled;
    area += newRight * (right / called);
    newRight = 0;
    newCalled = 0;
  }
  const others = called - right;
  return right > 0 && others > 0 ? { auc: wins / (right * others), averagePrecision: area / right } : null;
}
