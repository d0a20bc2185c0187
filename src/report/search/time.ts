/** Where the time went. */

import { capital } from '../../search/headline.ts';
import type { SearchResult } from '../../search/result.ts';
import { formatSeconds } from '../../text/figures.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, share, table } from '../parts.ts';
import { marginFor } from './intervals-chart.ts';

export function time({ time: parts, plan, finished }: SearchResult, { plot, draw }: Pen): Html | null {
  if (parts.length === 0) return null;
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = parts.map(({ what, seconds }) => ({ name: capital(what), minutes: seconds / 60, seconds }));
  const chart = draw(
    {
      height: 52 + 26 * rows.length,
      marginLeft: marginFor(rows.map(({ name }) => name)),
      marginRight: 76,
      marginTop: 8,
      x: { label: 'minutes', grid: true, ticks: 5 },
      y: { domain: rows.map(({ name }) => name), label: null, tickSize: 0 },
      marks: [
        plot.barX(rows, {
          x: 'minutes',
          y: 'name',
          fill: COLOURS[0],
          fillOpacity: 0.7,
          insetTop: 3,
          insetBottom: 3,
        }),
        plot.text(rows, {
          x: 'minutes',
          y: 'name',
          text: ({ seconds }) => formatSeconds(seconds),
          textAnchor: 'start',
          dx: 5,
        }),
        plot.ruleX([0]),
      ],
    },
    { label: 'Where the time went', description: 'the table has the figures' },
  );
  return html`<p>${finished ? 'The search took' : 'The search was stopped; so far it took'} ${formatSeconds(total)}; asked for were ${formatSeconds(plan.seconds)}, which its step times, measured before it began, turned into a number of steps.</p>
${figure(chart, 'Over all processes that worked on this search.')}
${table(
  'Parts of the search',
  ['', 'time', 'of the whole'],
  rows.map(({ name, seconds }) => [name, formatSeconds(seconds), total > 0 ? share(seconds / total) : '–']),
)}`;
}
