/**
 * The row `plain`: a matrix product as it is written on paper, one invocation an element of the result.
 *
 *   C[row, column] = Σ_k A[row, k] · B[k, column]
 *
 * A transposed matrix is the same memory with its strides exchanged, so that one program is all three directions. Slow
 * (every operand is loaded for itself), short, and what the tile loop is held against.
 */
import { elementwise, program } from '../../gpu/index.ts';
import {
  EPILOGUE_PARAMS,
  epilogueBindings,
  epilogueFunctions,
  epilogueRun,
  OWN_FLAGS,
} from '../parts/epilogue.ts';
import { type MatrixRow, multiplyAdds } from './problem.ts';

/** C += …, not C = …. */
const ACCUMULATE = OWN_FLAGS;

const plainProgram = program(
  elementwise({
    name: 'plain-matmul',
    bindings: { a: 'read f32', b: 'read f32', c: 'write f32', ...epilogueBindings('f32') },
    params: {
      terms: 'u32', // values of k
      columns: 'u32', // of C that are computed
      aStart: 'u32',
      aRow: 'u32', // values from a row of A to the next, …
      aTerm: 'u32', // … and from a term of the sum to the next
      bTerm: 'u32',
      bColumn: 'u32',
      cStart: 'u32',
      cRow: 'u32',
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${epilogueFunctions('f32', { curved: true })}
fn element(i: u32) {
  let row = i / p.columns;
  let column = i % p.columns;
  let at = p.cStart + row * p.cRow + column;
  var sum = 0f;
  if ((p.flags & ${ACCUMULATE}) != 0) { sum = c[at]; }
  for (var k = 0u; k < p.terms; k++) {
    sum += a[p.aStart + row * p.aRow + k * p.aTerm] * b[k * p.bTerm + column * p.bColumn];
  }
  c[at] = finished(sum, finishOf(column), at);
}`,
  }),
);

/** A multiply-add here against one of the tile loop. */
const SLOWER = 30;

export const plain: MatrixRow = {
  name: 'plain',
  supports: () => true,
  estimate: (problem) => SLOWER * multiplyAdds(problem),
  record(device, problem, operands) {
    const { direction, sourceChannels: source, resultChannels: result } = problem;
    const { pictures, x: a, slice } = operands;
    const rowsOfWeight = slice?.count ?? (direction === 'input' ? result : source);
    const start = slice?.start ?? 0;
    const [rows, columns, terms] = {
      forward: [pictures, result, rowsOfWeight],
      input: [pictures, rowsOfWeight, source],
      weight: [rowsOfWeight, result, pictures],
    }[direction] as [number, number, number];
    const [b, c, accumulate = false] =
      'dw' in operands ? [operands.dy, operands.dw] : [operands.w, operands.y, operands.accumulate];
    const finish = epilogueRun(problem.epilogue ?? {}, b);
    device.run(plainProgram, {
      bindings: { a, b, c, ...finish.bindings },
      params: {
        count: rows * columns,
        terms,
        columns,
        aStart: direction === 'input' ? 0 : start,
        aRow: direction === 'weight' ? 1 : source,
        aTerm: direction === 'weight' ? source : 1,
        bTerm: direction === 'input' ? 1 : result,
        bColumn: direction === 'input' ? source : 1,
        cStart: direction === 'input' ? start : 0,
        cRow: result,
        ...finish.params,
        flags: finish.params.flags + (accumulate ? ACCUMULATE : 0),
      },
      flops: 2 * rows * columns * terms,
      bytes: 4 * (rows * terms + terms * columns + rows * columns),
    });
  },
};
