/** The page of `report A B …`: runs side by side. */

import { formatNumber, formatSeconds } from '../../text/figures.ts';
import { openPen, type Pen } from '../chart.ts';
import { pageHtml, type SectionMaker, sectionsOf } from '../frame.ts';
import { type Html, html } from '../html.ts';
import { decimal, figure, fixed, interval, share, table } from '../parts.ts';
import { intervalsChart } from '../search/intervals-chart.ts';
import type { Disagreement, RunComparison, RunPair } from './comparison.ts';
import { curves } from './curves.ts';

/** More pictures are in the table of `--json`. */
export const MOST_SHOWN = 48;

interface ComparisonPage extends RunComparison {
  /** JPEGs of pictures on which runs disagree, by file; those that are not there any more have none. */
  pictures: ReadonlyMap<string, Uint8Array>;
}

const SECTIONS: readonly SectionMaker<ComparisonPage>[] = [
  ['result', 'Result', result],
  [
    'curves',
    'Course of the runs',
    ({ runs }, pen) =>
      runs.some(({ report }) => report.epochs.length > 0) &&
      curves(
        runs.map(({ name, report }) => ({ name, runs: [report] })),
        pen,
      ),
  ],
  ['settings', 'Settings that differ', settings],
  ['pictures', 'Pictures on which they disagree', disagreed],
];

type Run = RunComparison['runs'][number];

function result({ runs, pairs, sentences }: ComparisonPage, pen: Pen): Html {
  return html`${sentences.map((sentence) => html`<p>${sentence}</p>`)}
<div class="charts">${accuracies(runs, pen)}${pairs.length > 0 && differences(runs, pairs, pen)}</div>
${table(
  'The runs',
  [
    '',
    'network',
    'accuracy',
    '95 %',
    'balanced accuracy',
    'AUC',
    '95 %',
    'loss',
    'pictures',
    'best epoch',
    'time',
  ],
  runs.map(({ name, report: { model, evaluation, best, epochs, seconds, finished } }) => {
    const { metrics, intervals } = evaluation ?? { metrics: null, intervals: null };
    return [
      finished ? name : `${name} (stopped)`,
      model,
      share(metrics?.accuracy),
      interval(intervals?.accuracy),
      share(metrics?.balancedAccuracy),
      decimal(metrics?.auc, 4),
      interval(intervals?.auc, 3),
      fixed(metrics?.loss),
      metrics?.count ?? '–',
      best ? `${best.epoch} of ${epochs.length}` : '–',
      formatSeconds(seconds),
    ];
  }),
)}
${pairs.length > 0 && pairTable(runs, pairs)}`;
}

function accuracies(runs: readonly Run[], pen: Pen): Html {
  const rows = runs.flatMap(({ name, report: { evaluation } }) => {
    const range = evaluation?.intervals.accuracy;
    return evaluation && range ? [{ name, value: evaluation.metrics.accuracy, ...range }] : [];
  });
  const chart = intervalsChart(
    pen,
    rows,
    { label: 'Accuracy of each run with its interval', description: 'the table has the figures' },
    { label: 'share that is right', tickFormat: '.0%' },
  );
  return figure(
    html`<h3>Accuracy</h3>${chart}`,
    'With 95 % intervals (Wilson’s) over pictures. Two that overlap may still be told apart by the pictures that they share.',
  );
}

function differences(runs: readonly Run[], pairs: readonly RunPair[], pen: Pen): Html {
  const rows = pairs.flatMap((pair) =>
    pair.interval ? [{ name: pairName(runs, pair), value: pair.difference, ...pair.interval }] : [],
  );
  const chart = intervalsChart(
    pen,
    rows,
    { label: 'Differences of accuracy with their intervals', description: 'the table has the figures' },
    { label: 'difference of accuracy', tickFormat: '+.0%', zero: true },
  );
  return figure(
    html`<h3>Differences on the same pictures</h3>${chart}`,
    'First less second, with 95 % intervals of paired shares (Newcombe’s). A hollow dot: the interval holds 0.',
  );
}

const pairName = (runs: readonly Run[], { of: [first, second] }: RunPair): string =>
  `${runs[first].name} − ${runs[second].name}`;

function pairTable(runs: readonly Run[], pairs: readonly RunPair[]): Html {
  return table(
    'Pairs on the pictures that both have answered; right alone: pictures that only the first, only the second has right',
    ['', 'pictures', 'both right', 'right alone', 'difference', '95 %', 'McNemar’s p', 'corrected (Holm)'],
    pairs.map((pair) => [
      pairName(runs, pair),
      pair.pictures,
      pair.bothRight,
      `${pair.onlyFirst}, ${pair.onlySecond}`,
      signedShare(pair.difference),
      pair.interval ? `${signedShare(pair.interval.low)} to ${signedShare(pair.interval.high)}` : '',
      formatNumber(pair.p),
      formatNumber(pair.corrected),
    ]),
  );
}

const signedShare = (value: number): string =>
  `${value < 0 ? '−' : '+'}${(100 * Math.abs(value)).toFixed(1)}\u00a0%`;

function settings({ runs, settings: differing }: ComparisonPage): Html {
  if (differing.length === 0) return html`<p>All settings are the same.</p>`;
  const value = (one: unknown): string => (one === undefined ? '–' : one === null ? 'none' : String(one));
  return table(
    'Settings that are not the same in all runs',
    ['', ...runs.map(({ name }) => name)],
    differing.map(({ name, values }) => [name, ...values.map(value)]),
    { words: true },
  );
}

function disagreed({ runs, shared, disagreements, pictures }: ComparisonPage): Html | null {
  if (shared === 0) return null;
  const count = disagreements.length.toLocaleString('en-US');
  if (disagreements.length === 0)
    return html`<p>All runs answer alike to all ${shared.toLocaleString('en-US')} pictures that they share.</p>`;
  const shown = disagreements.slice(0, MOST_SHOWN);
  return html`<p>To ${count} of ${shared.toLocaleString('en-US')} pictures not all runs answer alike${shown.length < disagreements.length && `; these are the ${shown.length} on which the least sure of them is surest`}. A label that all of them contradict may be wrong.</p>
<ul class="pictures">${shown.map((one) => card(one, runs, pictures.get(one.file)))}</ul>`;
}

function card(
  { file, actual, said }: Disagreement,
  runs: readonly Run[],
  jpeg: Uint8Array | undefined,
): Html {
  return html`<li>${jpeg && html`<div><img alt="${actual}" width="160" height="160" loading="lazy" src="data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}"></div>`}
<p>is <b>${actual}</b></p>
${said.map(
  (one, index) =>
    one &&
    html`<p>${runs[index].name}: ${one.predicted === actual ? one.predicted : html`<b>${one.predicted}</b>`}, ${share(one.probability)}</p>`,
)}
<p class="file">${file.split(/[/\\]/).slice(-2).join('/')}</p></li>\n`;
}

/** The whole page, one file that asks no network. */
export async function comparisonHtml(
  comparison: RunComparison,
  pictures: ReadonlyMap<string, Uint8Array>,
): Promise<string> {
  const { runs } = comparison;
  return pageHtml({
    title: runs.length <= 3 ? runs.map(({ name }) => name).join(', ') : `${runs.length} runs`,
    summary: [`Runs of ${runs.map(({ folder }) => folder).join(', ')}, side by side.`],
    sections: sectionsOf(SECTIONS, { ...comparison, pictures }, await openPen()),
  });
}
