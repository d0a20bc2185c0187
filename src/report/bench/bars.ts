/**
 * How long each problem takes: on a logarithmic axis, where equal lengths are equal ratios. A line a variant: from what the
 * nearer ceiling allows (a thin tick) to the median (a thick one) with its 10th and 90th percentile (a box), so that the bar's
 * length is what is left to gain. Lines are rows of the page, so that a filter can take them away.
 */
import { counted, formatNumber } from '../../text/figures.ts';
import { type Html, html } from '../html.ts';
import {
  type Axis,
  drawable,
  logTicks,
  ms,
  place,
  problemsOf,
  type Row,
  type Shown,
  shareText,
} from './rows.ts';
import { coloursOf } from './signs.ts';

const HEIGHT = 18;

export function bars({ rows, result }: Shown): Html {
  const { colour } = coloursOf(rows.map(({ entry }) => entry));
  const parts = (['kernels', 'models'] as const).flatMap((group) => {
    const members = rows.filter(({ entry }) => entry.group === group);
    return members.length > 0 ? [part(group, members)] : [];
  });
  return html`<p>Milliseconds of one run on a logarithmic axis: the thick mark is the median, the box around it reaches from the 10th to the 90th percentile. The pale bar begins where the nearer ceiling would allow, so that its length is what is left to gain; equal lengths are equal ratios. Each name leads to its row of the table.</p>
${parts}
<p><button type="button" class="more" data-of="bars" hidden>Show all</button></p>`;

  function part(group: 'kernels' | 'models', members: readonly Row[]): Html {
    const axis = axisOf(members);
    return html`<div class="times"><h4>${group === 'kernels' ? 'Kernels' : 'Networks'}</h4>
${axis && html`<div class="line axis" aria-hidden="true"><span></span><svg height="16" aria-hidden="true">${axis.ticks.map((tick) => html`<text x="${place(axis, tick)}" y="12" text-anchor="middle">${formatNumber(tick)}</text>`)}</svg><span>ms</span></div>`}
<ol class="bars">${problemsOf(members).map((problem) => problemPart(problem, axis))}</ol></div>\n`;
  }

  function problemPart(problem: readonly Row[], axis: Axis | null): Html {
    const [{ id, entry }] = problem;
    const { name, networks } = entry;
    const where = (entry.group === 'models' ? [] : networks).map(({ name: network, times }) =>
      times > 1 ? `${network} ×${times}` : network,
    );
    return html`<li><p><a href="#${id}">${name}</a>${where.length > 0 && html` <span>${few(where)}</span>`}</p>
${problem.map((row) => line(row, axis))}</li>\n`;
  }

  function line(row: Row, axis: Axis | null): Html {
    const { entry, id } = row;
    const { timing, failed, variant } = entry;
    const label = html`<span class="variant">${variant}</span>`;
    if (failed !== null)
      return html`<div class="line failed" data-of="${id}">${label}<span class="bad">✕ ${failed}</span></div>`;
    if (timing === null || axis === null)
      return html`<div class="line failed" data-of="${id}">${label}<span class="muted">not measured</span></div>`;
    return html`<div class="line" data-of="${id}">${label}${drawn(row, axis, colour(entry))}<span class="figures"><b>${ms(timing.median)} ms</b> <span>${shareText(row, result)}</span></span></div>`;
  }
}

/** The first few of a list, and how many more there are. */
const few = (names: readonly string[], most = 4): string =>
  names.length > most + 1
    ? `${names.slice(0, most).join(', ')} and ${counted(names.length - most, 'network')} more`.replace(
        /networks? more$/,
        'more',
      )
    : names.join(', ');

function drawn({ entry, least }: Row, axis: Axis, colour: number): Html {
  const { median, p10, p90 } = entry.timing!;
  const middle = HEIGHT / 2;
  const at = (value: number): string => place(axis, value);
  return html`<svg height="${HEIGHT}" class="t${colour}" aria-hidden="true">${axis.ticks.map((tick) => html`<line class="grid" x1="${at(tick)}" x2="${at(tick)}" y1="0" y2="${HEIGHT}"/>`)}${
    least !== null &&
    html`<line class="left" x1="${at(least)}" x2="${at(median)}" y1="${middle}" y2="${middle}"/><line class="ceiling" x1="${at(least)}" x2="${at(least)}" y1="3" y2="${HEIGHT - 3}"/>`
  }<line class="spread" x1="${at(p10)}" x2="${at(p90)}" y1="${middle}" y2="${middle}"/><line class="median" x1="${at(median)}" x2="${at(median)}" y1="2" y2="${HEIGHT - 2}"/></svg>`;
}

/** An axis that holds all rows; null where none was timed. */
function axisOf(rows: readonly Row[]): Axis | null {
  const values = rows
    .flatMap(({ entry: { timing, failed }, least }) =>
      timing && failed === null
        ? [timing.p10, timing.median, timing.p90, ...(least === null ? [] : [least])]
        : [],
    )
    .filter(drawable);
  if (values.length === 0) return null;
  const low = values.reduce((least, value) => Math.min(least, value)) / 1.15;
  const high = values.reduce((most, value) => Math.max(most, value)) * 1.15;
  return { low, high, ticks: logTicks(low, high, 8) };
}
