/** A chart of figures with their intervals: a row each, a dot on a line, filled where the interval leaves the zero line out. */
import { COLOURS, type Pen } from '../chart.ts';
import type { Html } from '../html.ts';

export interface IntervalRow {
  name: string;
  value: number;
  low: number;
  high: number;
}

/** Longer names stand above their rows. */
const MOST_BESIDE = 26;

const longest = (names: readonly string[]): number =>
  names.reduce((most, name) => Math.max(most, name.length), 0);

/** The margin that names beside their rows need, at about 7 pixels a character. */
export const marginFor = (names: readonly string[]): number => 14 + 7 * Math.min(longest(names), MOST_BESIDE);

export function intervalsChart(
  { plot, draw }: Pen,
  figures: readonly IntervalRow[],
  about: { label: string; description?: string },
  x: { label: string; domain?: readonly [number, number]; tickFormat?: string; zero?: boolean },
): Html {
  const { zero, ...axis } = x;
  const rows = figures.filter((row) => [row.value, row.low, row.high].every(Number.isFinite));
  const names = rows.map(({ name }) => name);
  const above = longest(names) > MOST_BESIDE;
  const clear = ({ low, high }: IntervalRow): boolean => !zero || low > 0 || high < 0;
  return draw(
    {
      height: 52 + (above ? 40 : 24) * rows.length,
      marginLeft: above ? 20 : marginFor(names),
      marginTop: above ? 16 : 8,
      x: { ...axis, nice: axis.domain === undefined, grid: true, ticks: 5 },
      y: { domain: names, label: null, axis: above ? null : 'left', tickSize: 0 },
      color: { type: 'identity' },
      marks: [
        zero ? plot.ruleX([0], { stroke: 'currentColor', strokeDasharray: '3 3' }) : null,
        plot.ruleY(rows, {
          ...{ y: 'name', x1: 'low', x2: 'high' },
          ...{ stroke: COLOURS[0], strokeOpacity: 0.55, strokeWidth: 4, strokeLinecap: 'round' },
        }),
        plot.dot(rows, {
          ...{ x: 'value', y: 'name', r: 4.5, stroke: COLOURS[0], strokeWidth: 2 },
          fill: (row: IntervalRow) => (clear(row) ? COLOURS[0] : 'var(--bg)'),
        }),
        above
          ? plot.text(rows, {
              ...{ y: 'name', text: 'name', dy: -15, frameAnchor: 'left', textAnchor: 'start' },
              ...{ stroke: 'var(--bg)', fill: 'currentColor' },
            })
          : null,
      ],
    },
    about,
  );
}
