/**
 * Line charts as SVG, written by hand: a page of panels, one below or beside the other, and rows of pictures.
 *
 * Why no library: echarts is 67 MB of packages and 0.6 s of start-up for two panels of lines, and the small ones
 * (d3-scale, d3-shape) leave axes, legends and text to write all the same.
 */

import { shown } from '../text/shown.ts';

export interface Series {
  name: string;
  colour: string;
  /** In the order of x. */
  points: readonly (readonly [x: number, y: number])[];
  /** Dots on the points, for few of them. */
  dots?: boolean;
}

export interface Panel {
  title: string;
  series: readonly Series[];
  /** What the y axis shows at least; the values of the series otherwise. */
  range?: readonly [low: number, high: number];
}

/** A picture with a line of text below it. */
export interface Tile {
  /** As a data URI. */
  href: string;
  caption: string;
  colour: string;
}

export interface PageOptions {
  title: string;
  /** Lines below the title. */
  subtitle: readonly string[];
  xLabel: string;
  panels: readonly Panel[];
  rows?: readonly { title: string; tiles: readonly Tile[] }[];
}

/** Colours that also differ for colour-blind eyes (Okabe & Ito 2008). */
export const COLOURS = {
  blue: '#0072b2',
  orange: '#d55e00',
  green: '#009e73',
  purple: '#cc79a7',
  grey: '#999999',
};

const WIDTH = 880;
const PANEL = { height: 230, left: 52, right: 14, top: 34, bottom: 30 };
const TILE = { size: 98, gap: 8 };
const MARGIN = 24;
const FONT = 'font-family="system-ui, sans-serif"';

/** The whole SVG document. Panels share a row. */
export function chartPage({ title, subtitle, xLabel, panels, rows = [] }: PageOptions): string {
  const width = (WIDTH - 2 * MARGIN) / panels.length;
  const lines = subtitle.map((line, i) => text(MARGIN, 56 + 18 * i, line, 'font-size="12.5" fill="#555"'));
  const top = 48 + 18 * subtitle.length;
  const body: string[] = [
    text(MARGIN, 34, title, 'font-size="19" font-weight="600"'),
    ...lines,
    ...panels.map((panel, index) => group(MARGIN + index * width, top, drawPanel(panel, xLabel, width))),
  ];
  let y = top + PANEL.height + 34;
  for (const row of rows.filter(({ tiles }) => tiles.length > 0)) {
    body.push(text(MARGIN, y, row.title, 'font-size="13.5" font-weight="600"'));
    body.push(group(MARGIN, y + 10, row.tiles.map(drawTile).join('')));
    y += TILE.size + 66;
  }
  const height = y - 14;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" ${FONT}>` +
    `<title>${escaped(title)}</title>` +
    `<rect width="100%" height="100%" fill="#fff"/>${body.join('\n')}</svg>\n`
  );
}

/** About `count` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function drawPanel({ title, series, range }: Panel, xLabel: string, width: number): string {
  const points = series.flatMap((line) => line.points.filter(([, y]) => Number.isFinite(y)));
  const xs = extent([0, ...points.map(([x]) => x)]);
  const ys = extent([...(range ?? []), ...points.map(([, y]) => y)]);
  const right = width - PANEL.right;
  const bottom = PANEL.height - PANEL.bottom;
  const px = (x: number): number => PANEL.left + ((x - xs[0]) / (xs[1] - xs[0])) * (right - PANEL.left);
  const py = (y: number): number => bottom - ((y - ys[0]) / (ys[1] - ys[0])) * (bottom - PANEL.top);

  const parts = [text(PANEL.left, 18, title, 'font-size="13.5" font-weight="600"')];
  for (const y of ticks(ys[0], ys[1], 5))
    parts.push(
      `<path d="M${PANEL.left} ${round(py(y))}H${round(right)}" stroke="#e4e4e4"/>`,
      text(PANEL.left - 6, py(y) + 4, String(y), 'font-size="11" fill="#555" text-anchor="end"'),
    );
  for (const x of ticks(xs[0], xs[1], 6))
    parts.push(text(px(x), bottom + 16, String(x), 'font-size="11" fill="#555" text-anchor="middle"'));
  parts.push(text(right, bottom + 29, xLabel, 'font-size="11" fill="#555" text-anchor="end"'));
  series.forEach((line, index) => {
    parts.push(drawLine(line, px, py));
    const y = 18 + 15 * index;
    const x = right - 8 - 6.6 * series.reduce((most, { name }) => Math.max(most, name.length), 0);
    parts.push(
      `<path d="M${round(x - 20)} ${y - 4}h14" stroke="${line.colour}" stroke-width="2.5"/>`,
      text(x, y, line.name, 'font-size="12"'),
    );
  });
  return parts.join('');
}

function drawLine(
  { points, colour, dots }: Series,
  px: (x: number) => number,
  py: (y: number) => number,
): string {
  const drawn = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => [round(px(x)), round(py(y))]);
  if (drawn.length === 0) return '';
  const line = `<path d="M${drawn.map((point) => point.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
  return dots
    ? line + drawn.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.2" fill="${colour}"/>`).join('')
    : line;
}

function drawTile({ href, caption, colour }: Tile, index: number): string {
  const x = index * (TILE.size + TILE.gap);
  const lines = caption.split('\n');
  return (
    `<image x="${x}" y="0" width="${TILE.size}" height="${TILE.size}" href="${href}" preserveAspectRatio="xMidYMid slice"/>` +
    `<rect x="${x}" y="0" width="${TILE.size}" height="${TILE.size}" fill="none" stroke="${colour}" stroke-width="2"/>` +
    lines.map((line, i) => text(x, TILE.size + 15 + 14 * i, line, 'font-size="11"')).join('')
  );
}

/** Smallest and largest value, a little apart where they are equal. */
function extent(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

const round = (value: number): number => Math.round(value * 10) / 10;
const group = (x: number, y: number, body: string): string =>
  `<g transform="translate(${round(x)} ${round(y)})">${body}</g>`;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (words: string): string =>
  // What is unseen in a name may turn its letters round, or is not allowed in XML.
  shown(words).replace(/[&<>"]/g, (character) => ENTITIES[character]);
const text = (x: number, y: number, words: string, attributes = ''): string =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(words)}</text>`;
