/** Compound scaling: the networks of the grid, each trained for as many steps; loss against cost, and a table. */

import type { Agreement, GridKind, GridPoint, GridResult } from '../../search/result.ts';
import { agreementSentence } from '../../search/scaling/grid.ts';
import { counted, formatCount } from '../../text/figures.ts';
import { wilsonOfShare } from '../../train/evaluation/intervals.ts';
import { COLOURS, type Pen } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { figure, fixed, interval, share, table } from '../parts.ts';
import { marginFor } from './intervals-chart.ts';

const NAMES: Readonly<Record<Exclude<GridKind, 'compound' | 'scaled'>, string>> = {
  base: 'the network itself',
  depth: 'layers only',
  width: 'channels only',
  resolution: 'pixels only',
};

export function grid(
  { points, steps, best }: GridResult,
  agreements: readonly Agreement[],
  { plot, draw }: Pen,
): Html {
  const rows = points.map((point) => ({ point, name: nameOf(point) }));
  const losses = rows.flatMap(({ point: { held, fresh }, name }) => [
    ...(held ? [{ name, loss: held.loss, of: 'held' }] : []),
    ...(fresh ? [{ name, loss: fresh.loss, of: 'fresh' }] : []),
  ]);
  const names = rows.map(({ name }) => name);
  const chart = draw(
    {
      height: 52 + 24 * names.length,
      marginLeft: marginFor(names),
      marginTop: 8,
      x: { label: 'loss', grid: true, nice: true, ticks: 5 },
      y: { domain: names, label: null, tickSize: 0 },
      color: { type: 'identity' },
      marks: [
        plot.dot(losses, {
          ...{ x: 'loss', y: 'name', r: 4.5, stroke: COLOURS[0], strokeWidth: 2 },
          fill: ({ of }: (typeof losses)[number]) => (of === 'fresh' ? COLOURS[0] : 'var(--bg)'),
        }),
      ],
    },
    { label: 'Losses of the scaled networks', description: 'the table has the figures' },
  );
  return html`<p>Each network was trained from scratch for ${counted(steps, 'step')}, as Tan &amp; Le (2019) compare theirs, with one seed: another seed may put networks that lie close in another order. A larger network takes longer for a step.${best !== null && points[best] && ` Of those that are scaled in all three, ${factors(points[best])} has the lowest loss on the held pictures; it was chosen by it, and the fresh ones chose nothing.`}${agreements.map((agreement) => ` ${agreementSentence(agreement)}`).join('')}</p>
${losses.length > 0 && figure(chart, 'Filled: on the fresh pictures, hollow: on the held ones; left is better. In brackets the multiply-adds over those of the network itself: those at about one cost are comparable.')}
${table(
  'What they know, all trained for as many steps',
  ['', 'held loss', 'its halves', 'fresh loss', 'accuracy', '95 %'],
  rows.map(({ name, point: { held, fresh } }) => [
    name,
    ...(held ? [fixed(held.loss), held.halves.map((half) => fixed(half)).join(', ')] : ['diverged', '']),
    ...(fresh
      ? [fixed(fresh.loss), share(fresh.accuracy), interval(wilsonOfShare(fresh.accuracy, fresh.pictures))]
      : ['–', '–', '–']),
  ]),
)}
${table(
  'What they are',
  ['', 'α', 'β', 'γ', 'pixels', 'multiply-adds', 'parameters'],
  rows.map(({ name, point: { alpha, beta, gamma, table: network, multiplyAdds, parameters } }) => [
    name,
    ...[alpha, beta, gamma, `${network.inputSize}²`],
    ...[formatCount(multiplyAdds), formatCount(parameters)],
  ]),
)}`;
}

/** `α 1.1 β 1.1 γ 1.25 (×3.00)`, `layers only (×2.83)` */
function nameOf({ kind, alpha, beta, gamma, growth }: GridPoint): string {
  const inAll = kind === 'compound' || kind === 'scaled';
  return `${inAll ? `α ${alpha} β ${beta} γ ${gamma}` : NAMES[kind]} (×${growth.toFixed(2)})`;
}

const factors = ({ alpha, beta, gamma }: GridPoint): string => `α ${alpha}, β ${beta}, γ ${gamma}`;
