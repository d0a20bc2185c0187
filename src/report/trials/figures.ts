/** What summary.json of many runs holds. */
import type { Shard } from '../../runner/shard.ts';
import type { Setting } from '../../runner/sweep.ts';
import type { Interval } from '../../train/evaluation/intervals.ts';
import type { Spread } from '../../train/evaluation/student.ts';
import type { Scored } from '../../train/evaluation/threshold.ts';
import type { Pooled } from './pooled.ts';

/** The figures that are put together, by their names in `Metrics`. */
export const FIGURES = ['accuracy', 'balancedAccuracy', 'macroF1', 'auc', 'map', 'loss'] as const;
export type Figure = (typeof FIGURES)[number];

/** A trial as the summary has it. */
export interface TrialFigures {
  name: string;
  setting: number;
  seed: number;
  fold: number | null;
  /** Null where it failed; then `error` says why. */
  figures: Partial<Record<Figure, number>> | null;
  error: string | null;
  /** Of the pictures that the figures are of: which, how many, and what accuracy has for an interval. */
  scored: Scored | null;
  count: number;
  interval: Interval | null;
  bestEpoch: number | null;
  epochs: number;
  seconds: number | null;
}

export interface SettingFigures {
  name: string;
  values: Setting;
  /** Trials of it that the list has, and those that came to an end with figures. */
  planned: number;
  finished: number;
  /** Over its trials; a figure that not all of them have is not there. */
  figures: Partial<Record<Figure, Spread>>;
  /** Of the accuracy, 95 %: of the mean over runs (t), or of one run over its pictures (Wilson's). */
  interval: (Interval & { over: 'runs' | 'pictures' }) | null;
  /** Of folds: all pictures together, each as the run answered that did not learn from it; for each seed. */
  pooled: Pooled[];
}

/** A setting against the best one. */
export interface SettingPair {
  /** Index of the other setting. */
  other: number;
  /** How it is decided: by differences of runs, or by pictures of one run each. */
  by: 'runs' | 'pictures';
  /** Runs or pictures in pairs. */
  pairs: number;
  /** Accuracy of the best less that of the other, and its 95 % interval. */
  difference: number;
  interval: Interval | null;
  /** Corrected for as many settings as there are (Holm). */
  p: number;
  corrected: number;
}

export interface TrialsSummary {
  format: 1;
  /** Whether all trials of the list came to an end. */
  finished: boolean;
  model: string | null;
  data: string | null;
  seeds: readonly number[];
  folds: number | null;
  shard: Shard;
  /** Trials of the list (of this shard), those that have figures, and those that failed. */
  planned: number;
  done: number;
  failed: number;
  settings: SettingFigures[];
  /** Index of the setting with the highest mean accuracy; null where none has one. */
  best: number | null;
  pairs: SettingPair[];
  trials: TrialFigures[];
  /** What may be said, sentences. */
  sentences: string[];
}
