/** Four columns an invocation: a vec4 of B is one load, and the number of A is used four times. */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';

const columnsProgram = program(
  elementwise({
    name: 'ladder-matmul-columns',
    bindings: { a: 'read f32', b: 'read vec4f', c: 'write vec4f' },
    params: { k: 'u32', n: 'u32' },
    wgsl: `
fn element(i: u32) {
  let row = i / p.n;
  let column = i % p.n;
  var sum = vec4f(0);
  for (var k = 0u; k < p.k; k++) {
    sum += a[row * p.k + k] * b[k * p.n + column];
  }
  c[i] = sum;
}`,
  }),
);

export const columns: Rung<MatmulProblem> = {
  name: 'columns',
  limit: 'two loads for four multiply-adds',
  program: () => columnsProgram,
  run(problem) {
    const { m, k, n, a, b } = problem;
    const c = empty(a.device, [m, n]);
    a.device.run(columnsProgram, {
      bindings: { a: a.buffer, b: b.buffer, c: c.buffer },
      params: { count: (m * n) / 4, k, n: n / 4 },
      flops: matmulFlops(problem),
    });
    return c;
  },
};
