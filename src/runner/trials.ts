/**
 * Many runs of one command as a list of trials: each setting with each seed and each fold. A trial is a run of its own with
 * options of its own; nothing in it hangs on the others.
 */
import { type Setting, settingText } from './sweep.ts';

export interface TrialList {
  /** What is tried, one empty one where only seeds or folds are. */
  settings: readonly Setting[];
  /** Whether the seed was given by the list: then it is a part of a trial's name. */
  seeds: readonly number[];
  /** k of k folds; null: the split is the run's own. */
  folds: number | null;
}

export interface Trial {
  /** Its place in the list, from 0. */
  index: number;
  /** Of its folder: `lr=0.01,seed=1,fold=2`. */
  name: string;
  /** Index of the setting. */
  setting: number;
  seed: number;
  /** From 1 to k. */
  fold: number | null;
}

/** Letters of a folder's name, at most. */
const MOST_CHARACTERS = 100;

/**
 * The trials in the order in which they are run: all settings of a fold, then the next fold, then the next seed, so that
 * settings can be held against each other before the list is through.
 */
export function trialsOf(list: TrialList): Trial[] {
  const { settings, seeds, folds } = list;
  const parts = folds === null ? [null] : Array.from({ length: folds }, (_, fold) => fold + 1);
  const trials = seeds.flatMap((seed) =>
    parts.flatMap((fold) => settings.map((_, setting) => ({ setting, seed, fold }))),
  );
  const names = trials.map((trial) => nameOf(trial, list));
  const readable =
    new Set(names.map((name) => name.toLowerCase())).size === names.length &&
    names.every((name) => name.length <= MOST_CHARACTERS);
  const digits = String(trials.length).length;
  return trials.map((trial, index) => ({
    index,
    name: readable ? names[index] : `trial-${String(index + 1).padStart(digits, '0')}`,
    ...trial,
  }));
}

function nameOf({ setting, seed, fold }: Omit<Trial, 'index' | 'name'>, list: TrialList): string {
  const parts = [
    settingText(list.settings[setting]),
    ...(list.seeds.length > 1 || (list.settings.length === 1 && list.folds === null) ? [`seed=${seed}`] : []),
    ...(fold === null ? [] : [`fold=${fold}`]),
  ];
  return parts
    .filter((part) => part !== '')
    .join(',')
    .replace(/[^\w.,=+-]/g, '-');
}
