/**
 * All that is known of a network from its answers to some pictures: what the terminal, the report and `--json` show. Plain
 * JSON, computed on the CPU in double precision.
 */
import {
  type Answers,
  type ClassMetrics,
  classMetrics,
  confusionMatrix,
  type Metrics,
  measure,
  predictions,
  scoresOf,
} from '../metrics.ts';
import { f1Interval, resampledIntervals, resamplesFor } from './bootstrap.ts';
import { type Calibration, calibration } from './calibration.ts';
import { type Curves, curves } from './curves.ts';
import { CONFIDENCE, type Interval, wilson, wilsonOfShare } from './intervals.ts';
import {
  type Decision,
  decisionSentence,
  figuresAt,
  isPositive,
  type Scored,
  type ThresholdRow,
  thresholdTable,
} from './threshold.ts';

/** What was chosen on the very pictures that are scored, which flatters the figures. */
export type Choice = 'epoch' | 'threshold' | 'thresholds' | 'temperature';

/** A class, with its 95 % intervals; null where a figure is. */
export interface ClassFigures extends ClassMetrics {
  name: string;
  intervals: { precision: Interval | null; recall: Interval | null; f1: Interval | null };
}

/** One class against the others. */
export interface OneAgainstRest extends Curves {
  /** Index of the class. */
  positive: number;
  /** Pictures of the class, and others. */
  positives: number;
  negatives: number;
  aucInterval: Interval | null;
}

/** The figures of `Metrics` that have an interval. */
export type Intervals = Partial<
  Record<'accuracy' | 'balancedAccuracy' | 'macroF1' | 'microF1' | 'auc' | 'map' | 'top5', Interval>
>;

/** The probability from which the positive class is called, who chose it, and what it makes of the pictures. */
export interface ThresholdFigures {
  decision: Decision;
  /** Why, in words. */
  sentence: string;
  at: ThresholdRow;
  intervals: { accuracy: Interval | null; precision: Interval | null; recall: Interval | null };
}

/** What is known of every network, whatever it is asked of a picture. */
export interface EvaluationBase {
  /** Which pictures were scored. */
  scored: Scored;
  /** Names of classes or labels in the order of the outputs. */
  classes: string[];
  metrics: Metrics;
  /** Of the metrics. */
  intervals: Intervals;
  /** What the intervals are: 0.95; and how often the bootstrap drew. */
  confidence: number;
  resamples: number;
  /** What was chosen on these pictures. `choiceSentence` (headline.ts) has the words. */
  chosen: Choice[];
}

/** See the head of this file. */
export interface Evaluation extends EvaluationBase {
  task?: 'classes';
  perClass: ClassFigures[];
  /** `confusion[actual][predicted]` */
  confusion: number[][];
  /** Index of the class whose curves and thresholds these are; null with more than two classes where none was named. */
  positive: number | null;
  /**
   * Of the positive class; of more than two classes those of each, up to 20. A class that has no pictures, or has them all,
   * has none.
   */
  curves: OneAgainstRest[];
  /** Null: the likeliest class is called. */
  threshold: ThresholdFigures | null;
  /** The positive class called from 0.01, 0.02, … 0.99; empty where there is none. */
  thresholds: ThresholdRow[];
  calibration: Calibration;
}

export interface EvaluationOptions {
  /** Names in the order of the labels. */
  classes: readonly string[];
  /** Default 'folder'. */
  scored?: Scored;
  /** Index of the class that precision, recall and curves are of. Default: of two classes the second. */
  positive?: number;
  /** Where the positive class is called from a threshold: then accuracy and all that follows from calls is with it. */
  decision?: Decision | null;
  /** What was chosen on these pictures before; a temperature that is fitted here is added. */
  chosen?: readonly Choice[];
  /** A temperature that was fitted on other pictures. */
  temperature?: number;
}

/** Of so many classes each is held against the rest. */
const MOST_CURVES = 20;
/** Points of each, where there is more than one. */
const POINTS_OF_MANY = 60;

/**
 * @throws RangeError without pictures, where an answer is no number, where there are not as many names as classes, and where
 *   the decision is of another class than the positive one
 */
export function evaluation(answers: Answers, options: EvaluationOptions): Evaluation {
  const { labels } = answers;
  const { classes, scored = 'folder', decision = null } = options;
  checkAnswers(answers, classes);
  const positive = positiveOf(options);
  const calling = decision && positive !== null ? { threshold: decision.threshold, positive } : undefined;
  const predicted = predictions(answers, calling);
  const confusion = confusionMatrix(predicted, labels, classes.length);
  const metrics = measure(answers, calling);
  const found = curvesOf(answers, positive);
  const against = found.map(({ positive, scores, curves: { auc } }) => ({ positive, scores, auc }));
  const resampled = resampledIntervals({ labels, predicted, classes: classes.length, against });
  const calibrated = calibration(answers, options.temperature);
  const own = found.map(
    ({ positive, curves, positives }, i): OneAgainstRest => ({
      positive,
      positives,
      negatives: labels.length - positives,
      ...curves,
      aucInterval: resampled.aucs[i],
    }),
  );
  const share = (value: number): Interval => wilsonOfShare(value, labels.length)!;
  return {
    scored,
    classes: [...classes],
    metrics,
    intervals: {
      accuracy: share(metrics.accuracy),
      balancedAccuracy: resampled.balancedAccuracy,
      macroF1: resampled.macroF1,
      ...(metrics.auc !== undefined && own[0]?.aucInterval && { auc: own[0].aucInterval }),
      ...(metrics.top5 !== undefined && { top5: share(metrics.top5) }),
    },
    confidence: CONFIDENCE,
    resamples: resamplesFor(labels.length),
    perClass: classFigures(confusion, classes),
    confusion,
    positive,
    curves: own,
    threshold:
      decision && positive !== null
        ? {
            decision,
            sentence: decisionSentence(decision),
            ...figuresAt(answers, positive, decision.threshold),
          }
        : null,
    thresholds: positive === null ? [] : thresholdTable(answers, positive),
    calibration: calibrated,
    chosen: [
      ...(options.chosen ?? []),
      ...(calibrated.temperature?.fittedHere ? (['temperature'] as const) : []),
    ],
  };
}

function checkAnswers({ logits, labels, classes }: Answers, names: readonly string[]): void {
  if (labels.length === 0) throw new RangeError('evaluation: there are no pictures to measure');
  if (names.length !== classes)
    throw new RangeError(`evaluation: ${names.length} names for ${classes} classes; give one for each`);
  if (!logits.every(Number.isFinite))
    throw new RangeError(
      'evaluation: an answer is NaN or infinite, which has no probabilities; leave it out',
    );
  if (labels.some((label) => label < 0 || label >= classes))
    throw new RangeError(`evaluation: a label is not among 0 to ${classes - 1}`);
}

function positiveOf({ classes, positive, decision }: EvaluationOptions): number | null {
  const named = decision ? classes.indexOf(decision.positive) : -1;
  if (decision && (named < 0 || (positive !== undefined && positive !== named)))
    throw new RangeError(
      `evaluation: the threshold is for '${decision.positive}', which is not the positive class`,
    );
  if (positive !== undefined && !(positive in classes))
    throw new RangeError(
      `evaluation: the positive class is ${positive}, not one of 0 to ${classes.length - 1}`,
    );
  return positive ?? (decision ? named : classes.length === 2 ? 1 : null);
}

/** The scores and the curves of the positive class, or of each; those that have none left out. */
function curvesOf(answers: Answers, positive: number | null) {
  const { classes } = answers;
  const all = [...Array(classes).keys()];
  const wanted =
    classes === 2 ? [positive ?? 1] : all.filter((c) => classes <= MOST_CURVES || c === positive);
  // The positive one first.
  const ordered = wanted.sort((a, b) => Number(b === positive) - Number(a === positive));
  return ordered.flatMap((positive) => {
    const scores = scoresOf(answers, positive);
    const labels = isPositive(answers, positive);
    const found = curves(scores, labels, ordered.length > 1 ? POINTS_OF_MANY : undefined);
    const positives = labels.reduce((sum, one) => sum + one, 0);
    return found ? [{ positive, scores, curves: found, positives }] : [];
  });
}

function classFigures(confusion: number[][], classes: readonly string[]): ClassFigures[] {
  return classMetrics(confusion).map((metrics, index) => {
    const right = confusion[index][index];
    const called = confusion.reduce((sum, row) => sum + row[index], 0);
    return {
      name: classes[index],
      ...metrics,
      intervals: {
        precision: wilson(right, called),
        recall: wilson(right, metrics.count),
        f1: f1Interval(right, metrics.count, called),
      },
    };
  });
}
