/** A chart of figures with their intervals: a row each, a dot on a line, filled where the interval leaves the zero line out. */
import { COLOURS, type Pen } from '../chart.ts';
import type { Html } from '../html.ts';

export interface IntervalRow {
  name: string;
  value: number;
  low: number;
  high: number;
}

const ROW = 24;

/** The margin that the names of rows need, at about 7 pixels a character. */
export const marginFor = (names: readonly string[]): number =>
  Math.min(210, 12 + 7 * names.reduce((most, name) => Math.max(most, name.length), 0));

export function intervalsChart(
  { plot, draw }: Pen,
  rows: readonly IntervalRow[],
  about: { label: string; description?: string },
  x: { label: string; domain?: readonly [number, number]; tickFormat?: string; zero?: boolean },
): Html {
  const { zero, ...axis } = x;
  const clear = ({ low, high }: IntervalRow): boolean => !zero || low > 0 || high < 0;
  return draw(
    {
      height: 52 + ROW * rows.length,
      marginLeft: marginFor(rows.map(({ name }) => name)),
      marginTop: 8,
      x: { ...axis, nice: axis.domain === undefined, grid: true, ticks: 5 },
      y: { domain: rows.map(({ name }) => name), label: null, tickSize: 0 },
      marks: [
        zero ? plot.ruleX([0], { stroke: 'currentColor', strokeDasharray: '3 3' }) : null,
        plot.ruleY(rows, {
          y: 'name',
          x1: 'low',
          x2: 'high',
          stroke: COLOURS[0],
          strokeOpacity: 0.55,
          strokeWidth: 4,
          strokeLinecap: 'round',
        }),
        plot.dot(rows, {
          x: 'value',
          y: 'name',
          r: 4.5,
          stroke: COLOURS[0],
          strokeWidth: 2,
          fill: (row: IntervalRow) => (clear(row) ? 'var(--c1)' : 'var(--bg)'),
        }),
      ],
      color: { type: 'identity' },
    },
    about,
  );
}
