/**
 * The row `outer`: products of a single term, which are all products of two numbers, one from each matrix.
 *
 *   y[r, c] = a[r] · b[c]             b0    b1    b2   …
 *                              a0   a0·b0 a0·b1 a0·b2  …
 *                              a1   a1·b0 a1·b1 a1·b2  …
 *
 * That is x · w where x has one column, x · wᵀ as well, and the weight's gradient of a batch of one row. Limited by writing y.
 * On lavapipe 2.2 to 2.5 times as fast as in fours (256 × 1 · 1 × 256), 512 × 512 of one row 1.2 times as fast as the tile loop.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { type Element, elementOf, widthOf } from '../parts/element.ts';
import { DIVIDE } from '../parts/tile.ts';
import { isWhole, type MatrixProblem, type MatrixRow, multiplyAdds } from './problem.ts';

const outerProgram = family(({ element, biased }: { element: Element; biased: boolean }) =>
  elementwise({
    name: `outer-${element}${biased ? '-bias' : ''}`,
    bindings: {
      a: 'read f32',
      b: `read ${element}`,
      ...(biased ? { bias: `read ${element}` as const } : {}),
      y: `write ${element}`,
    },
    params: { columns: 'u32' },
    wgsl: `${DIVIDE}
fn element(i: u32) {
  let row = divide(i, p.columns);
  let column = i - row * p.columns;
  y[i] = ${biased ? `fma(${element}(a[row]), b[column], bias[column])` : 'a[row] * b[column]'};
}`,
  }),
);

/** Columns that may be divided by. */
const MOST_COLUMNS = 2 ** 19;

/** A product here against a multiply-add of the tile loop. */
const SLOWER = 0.5;

const ofOneTerm = ({ direction, several, sourceChannels }: MatrixProblem): boolean =>
  direction === 'weight' ? !several : sourceChannels === 1;

export const outer: MatrixRow = {
  name: 'outer',
  supports: (problem) => ofOneTerm(problem) && isWhole(problem) && problem.resultChannels < MOST_COLUMNS,
  estimate: (problem) => SLOWER * multiplyAdds(problem),
  record(device, problem, operands) {
    const { sourceChannels, resultChannels, epilogue = {} } = problem;
    const [b, y] = 'dw' in operands ? [operands.dy, operands.dw] : [operands.w, operands.y];
    const rows = 'dw' in operands ? sourceChannels : operands.pictures;
    const { bias } = epilogue;
    const element = elementOf(resultChannels);
    const columns = resultChannels / widthOf(element);
    const size = rows * resultChannels;
    device.run(outerProgram({ element, biased: bias !== undefined }), {
      bindings: { a: operands.x, b, ...(bias && { bias }), y },
      params: { count: rows * columns, columns },
      flops: size * (bias ? 2 : 1),
      bytes: 4 * (rows + resultChannels * (bias ? 2 : 1) + size),
    });
  },
};
