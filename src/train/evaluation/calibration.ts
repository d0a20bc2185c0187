/** Whether probabilities mean what they say: of the pictures that are answered with 80 %, are 80 % right? */
import type { Interval } from './intervals.ts';

/** Pictures whose likeliest class has a probability above `low` and up to `high`. */
export interface CalibrationBin {
  low: number;
  high: number;
  count: number;
  /** Mean probability of the likeliest class; null where the bin is empty. */
  confidence: number | null;
  /** Share of them that are right; null where the bin is empty. */
  accuracy: number | null;
  /** Of the accuracy. */
  interval: Interval | null;
}

/** Divides the logits so that probabilities fit (Guo et al. 2017); which class is likeliest stays. */
export interface Temperature {
  /** Above 1 where the network is surer than right, below 1 where it is less sure. */
  value: number;
  /** Whether it was fitted on the pictures that are scored, or on others. */
  fittedHere: boolean;
  /** Expected calibration error and mean cross-entropy with the logits divided by it. */
  ece: number;
  loss: number;
  /** The reliability bins with it. */
  bins: CalibrationBin[];
}

export interface Calibration {
  bins: CalibrationBin[];
  /** Expected calibration error: Σ (count / all)·|accuracy − confidence| over the bins. */
  ece: number;
  /** Null where none fits: of pictures that are all answered rightly, the surest network has the lowest loss. */
  temperature: Temperature | null;
}
