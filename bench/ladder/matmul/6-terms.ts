/**
 * Sixteen rows, and four products before the sum. Twice the rows use each value of B twice as often, but sixteen sums of four
 * numbers are more than there are registers: some lie on the stack, and every time that one is added to it is loaded and
 * stored. So four products are added up first, and go to the sum at once.
 */
import type { PooledBuffer, Traits } from '../../../src/gpu/index.ts';
import { laneSpecOf } from '../../../src/kernels/parts/lanes.ts';
import { empty, type Tensor } from '../../../src/tensor/index.ts';
import { type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';
import { broadcastProgram } from './5-broadcast.ts';

const ROWS = 16;
const programOf = (traits: Traits) => broadcastProgram({ ...laneSpecOf(traits), rows: ROWS, together: true });

/** Records `batches` products, whose matrices follow each other in memory, `into` [batches, m, n]. */
export function recordTerms(
  { m, k, n, a, b }: Pick<MatmulProblem, 'm' | 'k' | 'n'> & Record<'a' | 'b', PooledBuffer>,
  into: Tensor,
  batches = 1,
): Tensor {
  const { device } = into;
  device.run(programOf(device.traits), {
    bindings: { a, b, c: into.buffer },
    params: { m, k: k / 4, n: n / 4, batchB: (k * n) / 4 },
    groups: [Math.ceil(n / 4 / laneSpecOf(device.traits).lanes), Math.ceil(m / ROWS), batches],
    flops: batches * matmulFlops({ m, k, n }),
  });
  return into;
}

export const terms: Rung<MatmulProblem> = {
  name: 'terms',
  limit: 'six loads for 256 multiply-adds, and sums that leave their registers',
  program: programOf,
  run: ({ m, k, n, a, b }) => recordTerms({ m, k, n, a: a.buffer, b: b.buffer }, empty(a.device, [m, n])),
};
