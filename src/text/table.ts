/** Tables of plain text, for a terminal and for what is printed there. */
import { shown } from './shown.ts';

/** Rows with their columns aligned and what they name shown (text/shown.ts), the first to the left and the others to the right unless `left` says otherwise. */
export function table(
  given: readonly (readonly string[])[],
  { gap = '  ', left = (column: number): boolean => column === 0 } = {},
): string {
  const rows = given.map((row) => row.map(shown));
  const widths = rows[0].map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column].length), 0),
  );
  const align = (cell: string, column: number): string =>
    left(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return rows.map((row) => row.map(align).join(gap).trimEnd()).join('\n');
}

const WIDEST_NAME = 16;

/** A name for a column that is not to grow without end. */
export const cut = (name: string): string =>
  name.length > WIDEST_NAME ? `${name.slice(0, WIDEST_NAME - 1)}…` : name;
