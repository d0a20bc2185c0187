/** All that is known of a network from its answers to some pictures: what the terminal, the report and `--json` show. */
import type { ClassMetrics, Metrics } from '../metrics.ts';
import type { Calibration } from './calibration.ts';
import type { Curves } from './curves.ts';
import type { Interval } from './intervals.ts';
import type { ThresholdFigures, ThresholdRow } from './threshold.ts';

/** What was chosen on the very pictures that are scored, which flatters the figures. */
export type Choice = 'epoch' | 'threshold' | 'temperature';

/** The pictures that are scored. */
export type Scored = 'train' | 'val' | 'test' | 'folder';

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
  Record<'accuracy' | 'balancedAccuracy' | 'macroF1' | 'auc' | 'top5', Interval>
>;

/** Plain JSON. */
export interface Evaluation {
  /** Which pictures were scored. */
  scored: Scored;
  /** Class names in the order of the labels. */
  classes: string[];
  metrics: Metrics;
  /** Of the metrics, 95 %. */
  intervals: Intervals;
  /** What the intervals are: 0.95, and resamples of the bootstrap. */
  confidence: number;
  resamples: number;
  perClass: ClassFigures[];
  /** `confusion[actual][predicted]` */
  confusion: number[][];
  /** Index of the class whose curves and threshold these are; null with more than two classes where none was named. */
  positive: number | null;
  /**
   * Curves of the positive class; of more than two classes those of each, up to 20. A class that has no pictures, or has them
   * all, has none.
   */
  curves: OneAgainstRest[];
  /** Where the positive class is called from a probability that somebody chose; null: the likeliest class is called. */
  threshold: ThresholdFigures | null;
  /** The positive class called from 0.01, 0.02, … 0.99; empty where there is none. */
  thresholds: ThresholdRow[];
  calibration: Calibration;
  /** What was chosen on these pictures. `choiceSentence` has the words. */
  chosen: Choice[];
}
