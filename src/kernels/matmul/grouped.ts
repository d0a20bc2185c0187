/**
 * The row `grouped`: products of few columns or few terms, by the kernels of ../conv/grouped.ts. The rows of a batch are the
 * pixels of one line, and the matrices stay as they lie in memory:
 *
 *   x [rows, 3]     a picture of 1 × rows pixels with 3 channels      w [3, 256]     a kernel of one tap, 3 to 256 channels
 *
 * Put in fours, a product of one column takes as long as one of four, and copies beside it. On lavapipe, times as fast as that,
 * forward and in both gradients: 256 × 256 · 256 × 1 2.1 2.2 2.3, 256 × 256 · 256 × 2 1.5 1.8 1.6, 8 × 512 · 512 × 2 2.8 2.7 1.3,
 * 4096 × 64 · 64 × 3 1.8 1.2 2.3.
 */
import type { BufferBinding } from '../../gpu/index.ts';
import { gather } from '../conv/grouped-gather.ts';
import { weightGradient } from '../conv/grouped-weight.ts';
import type { ConvProblem } from '../conv/problem.ts';
import { POINT } from '../parts/tile.ts';
import { isWhole, type MatrixRow, multiplyAdds } from './problem.ts';

/** The longest line: a height or a width has 16 bits, and a binding starts at a multiple of 256 bytes. */
const LONGEST = 65536 - 64;

/** Rows that a lane goes through in one go for a weight's gradient, where there are that many. */
const ABREAST = 8;

/** A multiply-add here against one of the tile loop, where columns are no fours: only `plain` may compute those as well. */
const SLOWER = 8;

/** A line of pixels, or pictures of one line each, that begins at a row of the batch. */
interface Lines {
  width: number;
  pictures: number;
  first: number;
  count: number;
}

/** So many rows as lines: one, or as many of the longest as there are and a rest. */
function linesOf(rows: number): Lines[] {
  if (rows <= LONGEST) return [{ width: rows, pictures: 1, first: 0, count: rows }];
  const pictures = Math.floor(rows / LONGEST);
  const first = pictures * LONGEST;
  const whole = { width: LONGEST, pictures, first: 0, count: first };
  return rows === first ? [whole] : [whole, { width: rows - first, pictures: 1, first, count: rows - first }];
}

/** Rows of a matrix of so many columns; what is bound begins with the first of all. */
function rowsOf(matrix: BufferBinding, { first, count }: Lines, columns: number): BufferBinding {
  if (first === 0) return matrix;
  const { buffer, offset } = 'buffer' in matrix ? matrix : { buffer: matrix, offset: 0 };
  return { buffer, offset: offset + 4 * first * columns, size: 4 * count * columns };
}

export const grouped: MatrixRow = {
  name: 'grouped',
  supports: isWhole,
  estimate: (problem) => SLOWER * multiplyAdds(problem),
  record(device, problem, operands) {
    const product: ConvProblem = { ...POINT, kept: false, ...problem };
    if ('dw' in operands) {
      const width = operands.pictures % ABREAST === 0 ? ABREAST : 1;
      const line = [1, width] as const;
      const pictures = operands.pictures / width;
      weightGradient(device, { ...product, source: line, result: line }, { ...operands, pictures });
      return;
    }
    for (const lines of linesOf(operands.pictures)) {
      const line = [1, lines.width] as const;
      gather(
        device,
        { ...product, source: line, result: line },
        {
          ...operands,
          pictures: lines.pictures,
          x: rowsOf(operands.x, lines, problem.sourceChannels),
          y: rowsOf(operands.y, lines, problem.resultChannels),
        },
      );
    }
  },
};
