/** Many runs on a terminal: one table, and what may be said of it. */
import type { TrialsSummary } from '../../../report/trials/figures.ts';
import { formatShare } from '../../../text/figures.ts';
import { percentRange } from '../../../train/evaluation/intervals.ts';
import { percent } from '../../../train/metrics.ts';
import { table } from '../../ui.ts';

/** More settings are in summary.json and on the page: the table has those with the highest means. */
const MOST_ROWS = 30;

export function summaryText({ settings, sentences }: TrialsSummary): string[] {
  const deviation = (value: number | null | undefined, digits = 1, scale = 100): string =>
    value === null || value === undefined ? '' : `± ${(scale * value).toFixed(digits)}`;
  const mean = ({ figures }: TrialsSummary['settings'][number]): number => figures.accuracy?.mean ?? -1;
  const shown = settings.length > MOST_ROWS ? settings.toSorted((a, b) => mean(b) - mean(a)) : settings;
  const rows = shown
    .slice(0, MOST_ROWS)
    .map(({ name, finished, planned, interval, figures: { accuracy, auc, loss } }) => [
      name,
      finished === planned ? String(finished) : `${finished} of ${planned}`,
      accuracy ? percent(accuracy.mean) : '–',
      deviation(accuracy?.deviation),
      interval ? percentRange(interval) : '',
      auc ? formatShare(auc.mean, 4) : '–',
      loss ? loss.mean.toFixed(3) : '–',
      deviation(loss?.deviation, 3, 1),
    ]);
  const more = settings.length - rows.length;
  return [
    ...table([
      [
        'setting',
        'runs',
        'accuracy',
        's',
        settings.some(({ interval }) => interval?.over === 'runs') ? '95 % of the mean' : '95 %',
        'AUC',
        'loss',
        's',
      ],
      ...rows,
    ]).split('\n'),
    ...(more > 0 ? [`and ${more} settings with lower means (summary.json)`] : []),
    '',
    ...sentences,
  ];
}
