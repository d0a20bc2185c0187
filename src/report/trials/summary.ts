/**
 * What many runs of `train` say together: summary.json, and what the table and the page show.
 *
 * Of each setting there are as many values as it has seeds and folds: their mean, their standard deviation and the 95 % t
 * interval of the mean. Settings are held against the one with the highest mean by the differences of runs of one seed and
 * one fold, which have the same pictures: what a seed or a fold makes harder, it makes harder for both, and the difference
 * does not know it. Where there is one run of each, by the pictures that both have answered (McNemar).
 */

import { settingText } from '../../runner/sweep.ts';
import { holm } from '../../search/statistics.ts';
import type { Intervals } from '../../train/evaluation/evaluation.ts';
import { type Spread, spreadOf, studentTest } from '../../train/evaluation/student.ts';
import { pairOf } from '../compare/comparison.ts';
import {
  FIGURES,
  type Figure,
  type SettingFigures,
  type SettingPair,
  type TrialFigures,
  type TrialsSummary,
} from './figures.ts';
import type { EndedTrial, FinishedTrials } from './finished-trials.ts';
import { pooledOf } from './pooled.ts';
import { sentencesOf } from './sentences.ts';

export async function summaryOf(trials: FinishedTrials): Promise<TrialsSummary> {
  const { plan, ended } = trials;
  const settings = await Promise.all(plan.settings.map((_, index) => settingOf(trials, index)));
  const best = bestOf(settings);
  const pairs = best === null ? [] : await pairsOf(trials, best);
  const done = ended.filter(({ report }) => report?.evaluation).length;
  const summary: Omit<TrialsSummary, 'sentences'> = {
    format: 1,
    finished: ended.length === trials.trials.length,
    model: sameIn(ended, ({ report }) => report?.model),
    data: sameIn(ended, ({ report }) => report?.settings.data as string | undefined),
    seeds: plan.seeds,
    folds: plan.folds,
    shard: plan.shard,
    planned: trials.trials.length,
    done,
    failed: ended.filter(({ record }) => record.state === 'failed').length,
    settings,
    best,
    pairs,
    trials: ended.map(figuresOf),
  };
  return { ...summary, sentences: sentencesOf(summary) };
}

function figuresOf({ name, setting, seed, fold, record, report }: EndedTrial): TrialFigures {
  const evaluation = report?.evaluation ?? null;
  const metrics: Partial<Record<string, unknown>> = evaluation ? { ...evaluation.metrics } : {};
  const figures = Object.fromEntries(
    FIGURES.flatMap((figure) => (typeof metrics[figure] === 'number' ? [[figure, metrics[figure]]] : [])),
  );
  return {
    ...{ name, setting, seed, fold },
    figures: evaluation && figures,
    error: record.state === 'failed' ? record.error : evaluation ? null : 'no epoch was validated',
    scored: evaluation?.scored ?? null,
    count: evaluation?.metrics.count ?? 0,
    interval: (evaluation?.intervals as Intervals | undefined)?.accuracy ?? null,
    bestEpoch: report?.best?.epoch ?? null,
    epochs: report?.epochs.length ?? 0,
    seconds: report?.seconds ?? null,
  };
}

async function settingOf(trials: FinishedTrials, setting: number): Promise<SettingFigures> {
  const { plan } = trials;
  const own = trials.ended.filter((trial) => trial.setting === setting);
  const found = own.map(figuresOf).flatMap(({ figures }) => (figures ? [figures] : []));
  const spreads = FIGURES.flatMap((figure): [Figure, Spread][] => {
    const values = found.flatMap((figures) => figures[figure] ?? []);
    return values.length > 0 && values.length === found.length
      ? [[figure, figure === 'loss' ? spreadOf(values) : ofShares(spreadOf(values))]]
      : [];
  });
  const figures: SettingFigures['figures'] = Object.fromEntries(spreads);
  const ofMean = figures.accuracy?.interval;
  const [one, ...others] = own
    .map(figuresOf)
    .flatMap(({ figures: has, interval }) => (has ? [interval] : []));
  return {
    name: settingText(plan.settings[setting]) || 'all runs',
    values: plan.settings[setting],
    planned: trials.trials.filter((trial) => trial.setting === setting).length,
    finished: found.length,
    figures,
    interval: ofMean
      ? { ...ofMean, over: 'runs' }
      : one && others.length === 0
        ? { ...one, over: 'pictures' }
        : null,
    pooled: plan.folds === null ? [] : await pooledOf(own, plan.folds, trials.said),
  };
}

/** The spread of shares: t does not know that none passes 0 or 1. */
const ofShares = (spread: Spread): Spread => ({
  ...spread,
  interval: spread.interval && {
    low: Math.max(spread.interval.low, 0),
    high: Math.min(spread.interval.high, 1),
  },
});

/**
 * The setting with the highest mean, of equal ones that with the lowest loss. One of which runs are missing is taken only
 * where all are such: its mean is over other seeds and folds.
 */
function bestOf(settings: readonly SettingFigures[]): number | null {
  const whole = settings.filter(({ finished, planned }) => finished === planned && planned > 0);
  const among = (whole.length > 0 ? whole : settings).filter(({ figures }) => figures.accuracy);
  const [best] = [...among].sort(
    ({ figures: a }, { figures: b }) =>
      b.accuracy!.mean - a.accuracy!.mean || (a.loss?.mean ?? 0) - (b.loss?.mean ?? 0),
  );
  return best ? settings.indexOf(best) : null;
}

/** The share of test pictures to training pictures, by which runs of folds depend on each other (`spreadOf`). */
const sharedBy = (folds: number | null): number => (folds === null ? 0 : 1 / (folds - 1));

async function pairsOf({ plan, ended, said }: FinishedTrials, best: number): Promise<SettingPair[]> {
  const scored = ended.filter(({ report }) => report?.evaluation);
  const accuracy = ({ report }: EndedTrial): number => report!.evaluation!.metrics.accuracy;
  const shared = sharedBy(plan.folds);
  const pairs: Omit<SettingPair, 'corrected'>[] = [];
  for (let other = 0; other < plan.settings.length; other++) {
    if (other === best) continue;
    const twins = scored.flatMap((mine): [EndedTrial, EndedTrial][] => {
      const theirs = scored.find(
        (one) => one.setting === other && one.seed === mine.seed && one.fold === mine.fold,
      );
      return mine.setting === best && theirs ? [[mine, theirs]] : [];
    });
    if (twins.length > 1) {
      const spread = spreadOf(
        twins.map(([a, b]) => accuracy(a) - accuracy(b)),
        shared,
      );
      const p = studentTest(spread, shared);
      const { mean, interval } = spread;
      pairs.push({ other, by: 'runs', pairs: twins.length, difference: mean, interval, p });
    } else if (twins.length === 1) {
      const pair = pairOf(await said(twins[0][0]), await said(twins[0][1]));
      if (pair)
        pairs.push({
          other,
          by: 'pictures',
          pairs: pair.pictures,
          difference: pair.difference,
          interval: pair.interval,
          p: pair.p,
        });
    }
  }
  const corrected = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, index) => ({ ...pair, corrected: corrected[index] }));
}

function sameIn<T>(ended: readonly EndedTrial[], of: (trial: EndedTrial) => T | undefined): T | null {
  const values = new Set(ended.flatMap((trial) => of(trial) ?? []));
  return values.size === 1 ? [...values][0] : null;
}
