/** Folds put together: every picture as the run answered that did not learn from it. */
import { type Interval, wilson } from '../../train/evaluation/intervals.ts';
import type { Said } from '../compare/finished-run.ts';
import type { EndedTrial, FinishedTrials } from './finished-trials.ts';

export interface Pooled {
  seed: number;
  pictures: number;
  right: number;
  accuracy: number;
  /** Wilson's, over pictures. */
  interval: Interval;
  /** Share right of the pictures of each class. */
  classes: { name: string; pictures: number; right: number; recall: number; interval: Interval }[];
}

/** Of each seed whose folds are all there; of others the pictures would not be those of the data. */
export async function pooledOf(
  trials: readonly EndedTrial[],
  folds: number,
  said: FinishedTrials['said'],
): Promise<Pooled[]> {
  const pooled: Pooled[] = [];
  for (const seed of new Set(trials.map((trial) => trial.seed))) {
    const own = trials.filter((trial) => trial.seed === seed && trial.report?.evaluation);
    if (own.length < folds) continue;
    const all = new Map<string, Said>();
    let rows = 0;
    for (const trial of own)
      for (const [file, one] of await said(trial)) {
        all.set(file, one);
        rows++;
      }
    // A picture that two folds have answered is no picture of folds.
    if (rows > 0 && rows === all.size)
      pooled.push(figuresOf(seed, [...all.values()], own[0].report!.classes));
  }
  return pooled;
}

function figuresOf(seed: number, said: readonly Said[], classes: readonly string[]): Pooled {
  const rightIn = (some: readonly Said[]): number => some.filter(({ right }) => right).length;
  const [pictures, right] = [said.length, rightIn(said)];
  return {
    ...{ seed, pictures, right, accuracy: right / pictures, interval: wilson(right, pictures)! },
    // Of several labels a picture, "cat|dog" is no class.
    classes: (said.every(({ actual }) => classes.includes(actual)) ? classes : []).flatMap((name) => {
      const own = said.filter(({ actual }) => actual === name);
      if (own.length === 0) return [];
      const hits = rightIn(own);
      return [
        {
          name,
          pictures: own.length,
          right: hits,
          recall: hits / own.length,
          interval: wilson(hits, own.length)!,
        },
      ];
    }),
  };
}
