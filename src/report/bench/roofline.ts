/**
 * The roofline: GFLOP/s against FLOPs a byte, on logarithmic axes, under what memory and arithmetic allow (Williams,
 * Waterman & Patterson 2009). A point below the slope waits for memory, one below the flat part for arithmetic; its distance
 * from the line is what is left to gain. Drawn twice, for a desk and for a phone: the page shows the one that fits.
 */
import { PASSES } from '../../bench/result.ts';
import { formatNumber } from '../../text/figures.ts';
import type { Pen, Plot } from '../chart.ts';
import { type Html, html } from '../html.ts';
import { colourOf, signs } from '../marks.ts';
import { legend } from '../parts.ts';
import { drawable, entriesText, logTicks, ms, type Row, type Shown, shareText } from './rows.ts';
import { coloursOf, shapeOf } from './signs.ts';

interface Size {
  width: number;
  height: number;
  radius: number;
  /** Marked values of an axis. */
  most: number;
}
const DESK: Size = { width: 880, height: 520, radius: 4.5, most: 14 };
const PHONE: Size = { width: 400, height: 400, radius: 3.5, most: 7 };
/** More points are drawn smaller. */
const MANY = 150;
const MARGIN = { left: 52, right: 14, top: 26, bottom: 42 };

/** A row that has a place in the chart. */
type Point = Row & { intensity: number; gflops: number };
const isPoint = (row: Row): row is Point => row.intensity !== null && row.gflops !== null;

export function roofline(shown: Shown, pen: Pen): Html | null {
  const { rows, result } = shown;
  const points = rows.filter(isPoint);
  if (points.length === 0) return null;
  const colours = coloursOf(rows.map(({ entry }) => entry));
  const passes = PASSES.filter((pass) => points.some(({ entry }) => entry.pass === pass));
  const others = rows.filter(
    (row) => row.entry.timing !== null && row.entry.failed === null && !isPoint(row),
  );
  return html`<p>A point is an entry of the table, which it leads to. Below the slope memory is the limit, below the flat line arithmetic; how far below says what is left to gain. Points may lie above the slope where their operands fit into a cache.</p>
${signs(passes.map((pass) => [{ sign: shapeOf(pass).sign, colour: 6 }, pass] as const))}${legend(colours.legend)}
<div class="desk">${drawing(shown, points, colours.colour, DESK, pen)}</div><div class="phone">${drawing(shown, points, colours.colour, PHONE, pen)}</div>
<p class="caption">FLOPs are those of the direct algorithm, whatever runs, and bytes those that must move: each operand read once, each result written once.${others.length > 0 && ` ${entriesText(others.length)} without arithmetic or without bytes to count ${others.length === 1 ? 'is' : 'are'} in the table only.`}${result.ceilings === null && ' The ceilings were not measured.'}</p>`;
}

function drawing(
  { result }: Shown,
  points: readonly Point[],
  colour: ReturnType<typeof coloursOf>['colour'],
  { width, height, radius, most }: Size,
  { plot, draw }: Pen,
): Html {
  const roof = roofOf(result.ceilings);
  const x = reach([...points.map(({ intensity }) => intensity), ...(roof ? [roof.ridge] : [])], 1.7);
  const y = reach([...points.map(({ gflops }) => gflops), ...(roof ? [roof.arithmetic] : [])], 1.6);
  const across = (width - MARGIN.left - MARGIN.right) / Math.log10(x[1] / x[0]);
  const up = (height - MARGIN.top - MARGIN.bottom) / Math.log10(y[1] / y[0]);
  // With words of their own: Plot leaves out some of those of a logarithmic axis.
  const [xTicks, yTicks] = [logTicks(...x, most), logTicks(...y, most)];
  const text = (value: number): string => formatNumber(value);
  return draw(
    {
      ...{ width, height, marginLeft: MARGIN.left, marginRight: MARGIN.right, marginTop: MARGIN.top },
      marginBottom: MARGIN.bottom,
      x: { type: 'log', domain: x },
      y: { type: 'log', domain: y },
      symbol: { type: 'identity' },
      color: { type: 'identity' },
      marks: [
        ...[plot.gridX(xTicks), plot.gridY(yTicks)],
        plot.axisX(xTicks, { text, label: 'FLOP per byte', labelOffset: 38 }),
        plot.axisY(yTicks, { text, label: 'GFLOP/s' }),
        ...(roof ? roofLines(plot, roof, x, y) : []),
        plot.dot(points, {
          ...{
            x: 'intensity',
            y: 'gflops',
            r: points.length > MANY ? 0.75 * radius : radius,
            className: 'points',
          },
          href: ({ id }: Point) => `#${id}`,
          title: (row: Point) => titleOf(row, result),
          symbol: ({ entry }: Point) => shapeOf(entry.pass).symbol,
          fill: ({ entry }: Point) => colourOf({ colour: colour(entry) }),
          ...{ fillOpacity: 0.8, stroke: 'var(--bg)', strokeWidth: 0.75 },
        }),
        ...(roof ? roofNames(plot, roof, x, y, Math.atan(up / across)) : []),
      ],
    },
    {
      label: 'Roofline: GFLOP/s against FLOPs a byte',
      description: 'the table has the figures',
      links: true,
    },
  );
}

type Reach = readonly [low: number, high: number];

/** An axis ends at so many times its beginning, at least. */
const LEAST = 30;

/** What holds all of `values`, and `pad` times as much at either end. */
function reach(values: readonly number[], pad: number): Reach {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), 0);
  const room = Math.max(pad, Math.sqrt((LEAST * low) / high));
  return [low / room, high * room];
}

interface Roof {
  arithmetic: number;
  bandwidth: number;
  /** FLOPs a byte from which on arithmetic is the limit. */
  ridge: number;
  doubts: { arithmetic: boolean; bandwidth: boolean };
}

function roofOf(ceilings: Shown['result']['ceilings']): Roof | null {
  if (!ceilings) return null;
  const [arithmetic, bandwidth] = [ceilings.arithmetic.value, ceilings.bandwidth.value];
  const ridge = arithmetic / bandwidth;
  if (![arithmetic, bandwidth, ridge].every(drawable)) return null;
  return {
    ...{ arithmetic, bandwidth, ridge },
    doubts: { arithmetic: ceilings.arithmetic.doubt !== null, bandwidth: ceilings.bandwidth.doubt !== null },
  };
}

/** Where the slope enters the drawing: FLOPs a byte. */
const startOf = ({ bandwidth }: Roof, [left]: Reach, [bottom]: Reach): number =>
  Math.max(left, bottom / bandwidth);

/** The two lines, dashed where there is a doubt. */
function roofLines(plot: Plot, roof: Roof, x: Reach, y: Reach) {
  const { arithmetic, bandwidth, ridge, doubts } = roof;
  const start = startOf(roof, x, y);
  const line = (from: Reach, to: Reach, doubt: boolean) =>
    plot.line([from, to], {
      ...{ strokeWidth: 1.6, stroke: doubt ? 'var(--bad)' : 'currentColor' },
      ...(doubt && { strokeDasharray: '7 5' }),
    });
  return [
    line([start, start * bandwidth], [ridge, arithmetic], doubts.bandwidth),
    line([ridge, arithmetic], [x[1], arithmetic], doubts.arithmetic),
  ];
}

/** Their names, the slope's along it and over the points. `angle`: of the slope on the paper, in radians. */
function roofNames(plot: Plot, roof: Roof, x: Reach, y: Reach, angle: number) {
  const { arithmetic, bandwidth, ridge, doubts } = roof;
  const middle = Math.sqrt(startOf(roof, x, y) * ridge);
  const name = (at: Reach, words: string, doubt: boolean, placed: object) =>
    plot.text([at], {
      text: () => (doubt ? `${words}, in doubt` : words),
      ...{ fill: doubt ? 'var(--bad)' : 'currentColor', stroke: 'var(--bg)', strokeWidth: 4 },
      ...{ lineAnchor: 'bottom' as const, dy: -6, ...placed },
    });
  return [
    name([middle, middle * bandwidth], `${formatNumber(bandwidth)} GB/s`, doubts.bandwidth, {
      ...{ rotate: (-180 / Math.PI) * angle, dx: -7 * Math.sin(angle), dy: -7 * Math.cos(angle) },
    }),
    name([x[1], arithmetic], `${formatNumber(arithmetic)} GFLOP/s`, doubts.arithmetic, { textAnchor: 'end' }),
  ];
}

function titleOf(row: Row, result: Shown['result']): string {
  const { name, variant, timing } = row.entry;
  const { median, p10, p90 } = timing!;
  return [
    `${name}${variant ? ` (${variant})` : ''}`,
    `${ms(median)} ms (${ms(p10)}–${ms(p90)})`,
    `${formatNumber(row.gflops!)} GFLOP/s, ${formatNumber(row.gbytes!)} GB/s, ${formatNumber(row.intensity!)} FLOP/byte`,
    shareText(row, result),
  ].join('; ');
}
