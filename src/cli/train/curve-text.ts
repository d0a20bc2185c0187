/** A curve in a terminal: enough to see where it falls. */

export interface CurveText {
  /** Of each point, from left to right, one a column or more. */
  values: readonly number[];
  /** Under the left and the right end. */
  from: string;
  to: string;
  /** The place of the value that is marked; null where none is. */
  marked: number | null;
}

const HEIGHT = 10;
const WIDTH = 60;

/** `◆` marks one value, `•` are the others, each column the mean of those that fall into it. */
export function curveText({ values, from, to, marked }: CurveText): string[] {
  const width = Math.min(WIDTH, values.length);
  const columnOf = (index: number): number => Math.floor((index * width) / values.length);
  const columns = Array.from({ length: width }, (_, column) => {
    const inside = values.filter((_, index) => columnOf(index) === column);
    return inside.reduce((sum, value) => sum + value) / inside.length;
  });
  const most = columns.reduce((a, b) => Math.max(a, b));
  const least = columns.reduce((a, b) => Math.min(a, b));
  const rowOf = (value: number): number => Math.round(((most - value) / (most - least || 1)) * (HEIGHT - 1));
  const label = (row: number): string =>
    row === 0 ? most.toFixed(3) : row === HEIGHT - 1 ? least.toFixed(3) : '';
  const rows = Array.from({ length: HEIGHT }, (_, row) => {
    const points = columns.map((value, column) =>
      rowOf(value) !== row ? ' ' : marked !== null && columnOf(marked) === column ? '◆' : '•',
    );
    return `${label(row).padStart(8)} │${points.join('')}`.trimEnd();
  });
  return [
    ...rows,
    `${' '.repeat(8)} └${'─'.repeat(width)}`,
    `${' '.repeat(10)}${from}${to.padStart(Math.max(width - from.length, to.length + 1))}`,
  ];
}
