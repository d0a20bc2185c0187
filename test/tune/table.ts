/** Tables of convolutions whose rows expect and compute something else, for tests of what is chosen. */
import { plain } from '../../src/kernels/conv/plain.ts';
import type { ConvRow } from '../../src/kernels/conv/problem.ts';
import { CONV_ROWS } from '../../src/kernels/conv/table.ts';
import { tile } from '../../src/kernels/conv/tile.ts';

/** `body` with a table in which rows estimate and compute otherwise, with `more` at its end. */
export async function inTable<Result>(
  changes: readonly [ConvRow, Partial<ConvRow>][],
  body: () => Promise<Result>,
  more: readonly ConvRow[] = [],
): Promise<Result> {
  const table = CONV_ROWS as ConvRow[];
  const before = [...table];
  table.splice(
    0,
    table.length,
    ...before.map((row) => ({ ...row, ...changes.find(([of]) => of === row)?.[1] })),
    ...more,
  );
  try {
    return await body();
  } finally {
    table.splice(0, table.length, ...before);
  }
}

/** `plain` expects to be a little cheaper than `tile`. */
export const MISLED: [ConvRow, Partial<ConvRow>][] = [
  [plain, { estimate: (problem, traits) => 0.9 * tile.estimate(problem, traits) }],
];
