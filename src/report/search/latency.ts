/** What the table of latencies is worth: whole networks, predicted from their blocks and measured. */

import { latencyWarning } from '../../search/cost/latency.ts';
import { formatCost } from '../../search/cost/target.ts';
import { capital, roleName } from '../../search/headline.ts';
import type { Final, LatencyTable, SearchResult } from '../../search/result.ts';
import { counted, formatNumber } from '../../text/figures.ts';
import type { Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { colourOf, signs } from '../marks.ts';
import { details, figure, fixed, share, table } from '../parts.ts';
import { FINAL_MARK, key, rungMark } from './marks.ts';

/** More blocks make no table that anybody reads; plan.json has them all. */
const MOST_BLOCKS = 500;

export function latency({ plan, finals }: SearchResult, pen: Pen): Html | null {
  const measured = plan.latency;
  if (!measured) return null;
  const { batch, inputSize, base, blocks, check, r2, meanError } = measured;
  const warning = latencyWarning(measured);
  const names = Object.keys(blocks);
  return html`<p>${names.length.toLocaleString('en-US')} blocks and heads were timed on ${plan.adapter}, ${counted(batch, 'picture')} of ${inputSize}² at a time, and a network's time is predicted as the sum of its blocks and ${formatCost(base, 'ms')} for what surrounds them. Of ${counted(check.length, 'whole network')} that were timed for comparison the prediction explains R² ${fixed(r2, 2)}, with a mean error of ${share(meanError)}.</p>
${warning && html`<p class="note">${capital(warning)}. Networks near the target may be on its wrong side.</p>`}
${
  check.length > 0 &&
  html`<div class="charts">${figure(
    html`<h3>Predicted and measured</h3>${scatter(measured, finals, pen)}`,
    'On the dashed line they are the same.',
  )}${checkTable(measured, finals)}</div>`
}
${
  names.length <= MOST_BLOCKS &&
  details(
    'The blocks',
    table(
      'Milliseconds of each block',
      ['block', 'ms'],
      names.map((name) => [html`<code>${name}</code>`, formatNumber(blocks[name])]),
    ),
  )
}`;
}

/** The finals that were timed themselves, after the search. */
const timed = (finals: readonly Final[]) =>
  finals.flatMap(({ role, network, cost: predicted, measured }) =>
    measured === null || network === null ? [] : [{ role, predicted, measured }],
  );

function scatter({ check }: LatencyTable, finals: readonly Final[], { plot, draw }: Pen): Html {
  const ends = timed(finals);
  const values = [...check, ...ends].flatMap(({ predicted, measured }) => [predicted, measured]);
  const low = 0.9 * values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = 1.06 * values.reduce((most, value) => Math.max(most, value), 0);
  const [mark, final] = [rungMark(0), FINAL_MARK];
  const axis = { domain: [low, high], ticks: 5 };
  const dot = (
    of: readonly { predicted: number; measured: number }[],
    { symbol, r, fill }: { symbol: 'circle' | 'star'; r: number; fill: string },
  ) => plot.dot(of, { x: 'predicted', y: 'measured', symbol, r, fill, fillOpacity: 0.85 });
  const chart = draw(
    {
      height: 380,
      marginLeft: 48,
      x: { ...axis, label: 'predicted, ms' },
      y: { ...axis, label: 'measured, ms', grid: true },
      marks: [
        plot.line(
          [
            [low, low],
            [high, high],
          ],
          { stroke: 'var(--muted)', strokeDasharray: '3 3' },
        ),
        dot(check, { symbol: 'circle', r: 3.6, fill: colourOf(mark) }),
        dot(ends, { symbol: 'star', r: 6, fill: colourOf(final) }),
      ],
    },
    {
      label: 'Measured against predicted latency of whole networks',
      description: 'the table has the figures',
    },
  );
  return html`${
    ends.length > 0 &&
    signs([
      [mark, 'timed before the search'],
      [final, 'the finals, timed after it'],
    ])
  }${chart}`;
}

function checkTable({ check }: LatencyTable, finals: readonly Final[]): Html {
  const rows = [
    ...check.map((one) => ({ ...one, name: key(one.network) })),
    ...timed(finals).map((one) => ({ ...one, name: capital(roleName(one.role)) })),
  ];
  return table(
    'Whole networks',
    ['network', 'predicted', 'measured', 'error'],
    rows.map(({ name, predicted, measured }) => [
      name,
      formatCost(predicted, 'ms'),
      formatCost(measured, 'ms'),
      `${predicted < measured ? '−' : '+'}${share(Math.abs(predicted - measured) / measured)}`,
    ]),
  );
}
