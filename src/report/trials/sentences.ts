/** What may be said of many runs: the best with its interval, what is told apart from it and what is not, what failed. */
import { counted, formatNumber } from '../../text/figures.ts';
import { percentRange } from '../../train/evaluation/intervals.ts';
import { percent } from '../../train/metrics.ts';
import type { SettingFigures, SettingPair, TrialsSummary } from './figures.ts';

/** Settings are told apart from here on. */
const LEVEL = 0.05;
/** More names are not listed. */
const MOST_NAMES = 6;

export function sentencesOf(summary: Omit<TrialsSummary, 'sentences'>): string[] {
  const { best, settings, failed, planned, done, trials } = summary;
  const sentences = best === null ? ['No run has validated an epoch, so that there is nothing to say.'] : [];
  if (best !== null) {
    sentences.push(meanOf(settings[best], summary));
    if (settings.length > 1) sentences.push(...against(settings[best], summary));
    for (const { seed, pictures, right, accuracy, interval } of settings[best].pooled)
      sentences.push(
        `Of all ${counted(pictures, 'picture')}, each answered by the run that did not learn from it, ${right.toLocaleString('en-US')} are right: ${percent(accuracy)} (${percentRange(interval)}, Wilson's interval over pictures)${summary.seeds.length > 1 ? ` with seed ${seed}` : ''}.`,
      );
  }
  const scored = new Set(trials.flatMap((trial) => trial.scored ?? []));
  if (scored.has('val'))
    sentences.push(
      `The pictures that are measured on chose each run's best epoch${settings.length > 1 ? ' and the best setting' : ''}, which flatters the figures; ${summary.folds === null ? 'a folder test/ beside train/ would not' : '`evaluate` on pictures of another folder would not'}.`,
    );
  if (failed > 0)
    sentences.push(
      `${counted(failed, 'run')} of ${planned} failed: ${named(trials.filter(({ error }) => error !== null).map(({ name }) => name))}.`,
    );
  if (done + failed < planned)
    sentences.push(`${planned - done - failed} of ${counted(planned, 'run')} are still to be run.`);
  return sentences;
}

/** The mean of a setting, with what it is over. */
function meanOf(
  { name, figures, finished, interval: range }: SettingFigures,
  { settings, seeds, folds }: Omit<TrialsSummary, 'sentences'>,
): string {
  const { mean, deviation, interval } = figures.accuracy!;
  const whose = settings.length > 1 ? `${name} has the highest mean accuracy` : 'The mean accuracy is';
  if (deviation === null) {
    const ofOne = `${percent(mean)}${range ? ` (${percentRange(range)}, Wilson's interval over its pictures)` : ''}`;
    return settings.length > 1
      ? `${name} has the highest accuracy, ${ofOne}, of one run each.`
      : `The accuracy of the one run is ${ofOne}.`;
  }
  const over = [
    ...(seeds.length > 1 ? [counted(seeds.length, 'seed')] : []),
    ...(folds === null ? [] : [counted(folds, 'fold')]),
  ].join(' × ');
  const caution =
    folds === null
      ? ' It knows what a seed changes, and not what other pictures would: for that stands the interval of each run.'
      : ' Folds share most of the pictures that they learn from and are not independent, so that the interval is rather too narrow.';
  return `${whose}${settings.length > 1 ? ',' : ''} ${percent(mean)} over ${over || counted(finished, 'run')}: ${interval ? `standard deviation ${(100 * deviation).toFixed(1)} %, 95 % t interval of the mean ${percentRange(interval)}` : 'all are alike, which does not say that more would be'}.${interval ? caution : ''}`;
}

/** The others against the best one. */
function against(
  { name }: SettingFigures,
  { settings, pairs, folds }: Omit<TrialsSummary, 'sentences'>,
): string[] {
  const label = ({ other, corrected }: SettingPair): string =>
    `${settings[other].name} (p ${formatNumber(corrected)})`;
  const apart = pairs.filter(({ corrected, difference }) => corrected < LEVEL && difference > 0);
  const open = pairs.filter((pair) => !apart.includes(pair));
  const test = pairs.some(({ by }) => by === 'runs')
    ? `a t test of the differences of runs with the same ${folds === null ? 'seed' : 'seed and fold, corrected for what folds share (Nadeau & Bengio)'}`
    : "McNemar's exact test on the same pictures";
  const corrected = pairs.length > 1 ? `, corrected for ${pairs.length} settings (Holm)` : '';
  return [
    ...(apart.length > 0 ? [`It is better than ${named(apart.map(label))} by ${test}${corrected}.`] : []),
    ...(open.length > 0
      ? [
          `These runs do not tell it apart from ${named(open.map(label))}${apart.length > 0 ? '' : ` by ${test}${corrected}`}: nobody knows from them whether ${open.length === 1 ? `${name} or that one` : `${name} or one of those`} is better.`,
        ]
      : []),
  ];
}

const named = (names: readonly string[]): string =>
  names.length > MOST_NAMES
    ? `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more`
    : names.join(', ');
