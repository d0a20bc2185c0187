/** How the figures of one class move with the probability from which it is called, and which probability to choose. */
import type { Interval } from './intervals.ts';

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
  f1: number | null;
}

/** Who chose the threshold. */
export type ThresholdSource = 'given' | 'target-precision' | 'target-recall' | 'checkpoint';

/** The probability from which the positive class is called, and what that makes of the pictures. */
export interface ThresholdFigures {
  value: number;
  source: ThresholdSource;
  /** Why it was chosen, a sentence. */
  sentence: string;
  at: ThresholdRow;
  intervals: { accuracy: Interval | null; precision: Interval | null; recall: Interval | null };
}
