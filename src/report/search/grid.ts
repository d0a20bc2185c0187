/** Compound scaling: the networks of the grid, each trained for as many steps; loss against cost, and a table. */

import type { Agreement, GridKind, GridPoint, GridResult } from '../../search/result.ts';
import { agreementSentence } from '../../search/scaling/grid.ts';
import { counted, formatCount } from '../../text/figures.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, fixed, share, table } from '../parts.ts';

const NAMES: Readonly<Record<GridKind, string>> = {
  base: 'the network itself',
  compound: 'all three',
  depth: 'layers only',
  width: 'channels only',
  resolution: 'pixels only',
  scaled: 'scaled',
};

export function grid(
  { points, steps, best }: GridResult,
  agreements: readonly Agreement[],
  { plot, draw }: Pen,
): Html {
  const measured = points.flatMap((point) =>
    point.fresh ? [{ ...point, loss: point.fresh.loss, name: NAMES[point.kind] }] : [],
  );
  const kinds = [...new Set(measured.map(({ name }) => name))];
  const chart = draw(
    {
      height: 260,
      color: { domain: kinds, range: kinds.map((_, i) => COLOURS[i % COLOURS.length]!), legend: false },
      x: { label: 'multiply-adds over those of the network itself', grid: true },
      y: { label: 'loss on the fresh pictures', grid: true },
      marks: [
        plot.dot(measured, { x: 'growth', y: 'loss', fill: 'name', r: 4 }),
        plot.text(measured, { x: 'growth', y: 'loss', text: 'name', dy: -9 }),
      ],
    },
    { label: 'Loss against cost', description: 'the table has the figures' },
  );
  return html`<p>Each network was trained from scratch for ${counted(steps, 'step')}, as Tan &amp; Le (2019) compare theirs, with one seed: another seed may put networks that lie close in another order. A larger network takes longer for a step.${best !== null && points[best] && ` Of those that are scaled in all three, ${factors(points[best])} has the lowest loss on the held pictures; it was chosen by it, and the fresh ones chose nothing.`}${agreements.map((agreement) => ` ${agreementSentence(agreement)}`).join('')}</p>
${measured.length > 0 && figure(chart, 'Lower is better. Networks at about one cost are comparable; the network itself costs less.')}
${table(
  'Networks, all trained for as many steps',
  [
    ...['', 'α', 'β', 'γ', 'pixels', 'multiply-adds', 'over the base', 'parameters'],
    ...['held loss', 'its halves', 'fresh loss', 'accuracy'],
  ],
  points.map(row),
)}`;
}

const factors = ({ alpha, beta, gamma }: GridPoint): string => `α ${alpha}, β ${beta}, γ ${gamma}`;

function row(point: GridPoint): (string | number)[] {
  const { kind, alpha, beta, gamma, table, multiplyAdds, growth, parameters, held, fresh } = point;
  return [
    NAMES[kind],
    ...[alpha, beta, gamma, `${table.inputSize}²`],
    ...[formatCount(multiplyAdds), `×${growth.toFixed(2)}`, formatCount(parameters)],
    ...(held ? [fixed(held.loss), held.halves.map((half) => fixed(half)).join(', ')] : ['diverged', '']),
    ...(fresh ? [fixed(fresh.loss), share(fresh.accuracy)] : ['–', '–']),
  ];
}
