/**
 * As on paper: one invocation an element of C, one product after the other.
 *
 *   C[row, column] = Σ_k A[row, k] · B[k, column]
 */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';

const naiveProgram = program(
  elementwise({
    name: 'ladder-matmul-naive',
    bindings: { a: 'read f32', b: 'read f32', c: 'write f32' },
    params: { k: 'u32', n: 'u32' },
    wgsl: `
fn element(i: u32) {
  let row = i / p.n;
  let column = i % p.n;
  var sum = 0f;
  for (var k = 0u; k < p.k; k++) {
    sum += a[row * p.k + k] * b[k * p.n + column];
  }
  c[i] = sum;
}`,
  }),
);

export const naive: Rung<MatmulProblem> = {
  name: 'naive',
  limit: 'two loads of one number for each multiply-add',
  program: () => naiveProgram,
  run(problem) {
    const { m, k, n, a, b } = problem;
    const c = empty(a.device, [m, n]);
    a.device.run(naiveProgram, {
      bindings: { a: a.buffer, b: b.buffer, c: c.buffer },
      params: { count: m * n, k, n },
      flops: matmulFlops(problem),
    });
    return c;
  },
};
