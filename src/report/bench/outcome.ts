/** What a reader should know before the figures: what is wrong or in doubt, the ceilings, and where most is left to gain. */
import { counted, formatNumber } from '../../text/figures.ts';
import { percent } from '../../train/metrics.ts';
import { type Html, html } from '../html.ts';
import { table } from '../parts.ts';
import { entriesText, ms, problemsOf, type Row, type Shown, shareText } from './rows.ts';

/** So many kernels with much to gain are named. */
const NAMED = 5;

export function outcome({ result, rows }: Shown): Html {
  const wrong = rows.filter(({ entry }) => entry.failed !== null);
  return html`${warnings(result).map((sentence) => html`<p class="note">${sentence}</p>\n`)}${
    wrong.length > 0 &&
    html`<div class="note"><p>${entriesText(wrong.length)} of ${rows.length.toLocaleString('en-US')} ${wrong.length === 1 ? 'has' : 'have'} no figures, because the result was wrong or the work was refused:</p>
<ul>${wrong.slice(0, NAMED).map(({ id, entry }) => html`<li><a href="#${id}">${entry.name}${entry.variant && ` (${entry.variant})`}</a>: ${entry.failed}</li>`)}${wrong.length > NAMED && html`<li>and ${wrong.length - NAMED} more, in the table</li>`}</ul></div>`
  }
${tiles(result, rows)}
${beyond(rows)}
${most(result, rows)}`;
}

/** What makes figures of this document worth less, each a sentence. */
function warnings({ header, ceilings }: Shown['result']): string[] {
  const of = (what: 'arithmetic' | 'bandwidth'): string[] => {
    const doubt = ceilings?.[what].doubt;
    return doubt
      ? [`The ${what} ceiling does not stand: ${doubt}. No share of it is given, and its line is dashed.`]
      : [];
  };
  return [
    ...(ceilings
      ? [...of('arithmetic'), ...of('bandwidth')]
      : ['The ceilings were not measured, so that no share of them is known.']),
    ...(header.adapter.software
      ? [
          'A software adapter: the processor computes what a GPU would. Which kernel is faster here says little of a GPU.',
        ]
      : []),
    ...(header.commit?.endsWith('+') ? ['The sources differed from the commit that is named.'] : []),
  ];
}

function tiles({ ceilings }: Shown['result'], rows: readonly Row[]): Html {
  const shares = quickest(rows)
    .map(({ share }) => share!)
    .sort((a, b) => a - b);
  const checked = rows.filter(({ entry }) => entry.error !== null && entry.failed === null).length;
  const ceiling = (name: 'arithmetic' | 'bandwidth', unit: string): Html => {
    const one = ceilings?.[name];
    return html`<li><span class="name">${name} ceiling</span>${
      one
        ? html`<strong>${formatNumber(one.value)} <small>${unit}</small></strong><span class="range">${one.doubt === null ? one.kernel : html`<b class="bad">in doubt</b>`}</span>`
        : html`<strong>not measured</strong>`
    }</li>`;
  };
  return html`<ul class="tiles">${ceiling('arithmetic', 'GFLOP/s')}${ceiling('bandwidth', 'GB/s')}
<li><span class="name">timed</span><strong>${rows.filter(({ entry }) => entry.timing !== null && entry.failed === null).length.toLocaleString('en-US')}</strong><span class="range">of ${rows.length.toLocaleString('en-US')}; ${checked.toLocaleString('en-US')} held against a reference</span></li>
<li><span class="name">share of the ceiling</span><strong>${shares.length > 0 ? `${Math.round(100 * shares[Math.floor(shares.length / 2)])} %` : 'not known'}</strong><span class="range">${shares.length > 0 && `the median of ${counted(shares.length, 'problem')}, each by its quickest variant`}</span></li></ul>`;
}

/** What reaches more than its ceiling, which has its reasons, or says that the ceiling is too low. */
function beyond(rows: readonly Row[]): Html | null {
  const over = rows.filter(({ share }) => share !== null && share > 1);
  if (over.length === 0) return null;
  const most = over.reduce((high, row) => (row.share! > high.share! ? row : high));
  return html`<p>${entriesText(over.length)} ${over.length === 1 ? 'reaches' : 'reach'} more than ${over.length === 1 ? 'its' : 'their'} ceiling, at most ${percent(most.share!)} of it (<a href="#${most.id}">${most.entry.name}</a>): tensors that fit into a cache pass the bandwidth, algorithms that multiply less than the direct one the arithmetic. Where neither is so, the ceiling was measured while the machine was busy.</p>`;
}

/** The quickest variant of each problem whose share of a ceiling is known. */
const quickest = (rows: readonly Row[]): Row[] =>
  problemsOf(rows.filter(({ share }) => share !== null)).map((problem) =>
    problem.reduce((best, row) => (row.entry.timing!.median < best.entry.timing!.median ? row : best)),
  );

/** The kernels whose quickest variant takes most milliseconds beyond what the ceiling allows. */
function most(result: Shown['result'], rows: readonly Row[]): Html | null {
  const lost = ({ entry, least }: Row): number => entry.timing!.median - least!;
  const slow = quickest(rows)
    .filter((row) => row.entry.group === 'kernels' && row.least !== null && lost(row) > 0)
    .sort((a, b) => lost(b) - lost(a))
    .slice(0, NAMED);
  if (slow.length === 0) return null;
  return html`<h3>Where most is left to gain</h3>${table(
    'Kernels that take most milliseconds beyond what the nearer ceiling allows, each by its quickest variant',
    ['', 'ms', 'at the ceiling', 'share'],
    slow.map((row) => [
      html`<a href="#${row.id}">${row.entry.name}</a>`,
      ms(row.entry.timing!.median),
      ms(row.least!),
      shareText(row, result),
    ]),
  )}`;
}
