/**
 * A tile in registers: four rows by four columns an invocation, and the sum in steps of four. What is loaded of A is used for
 * four columns, what is loaded of B for four rows.
 *
 *   8 loads of a vec4 for 4 × 4 × 4 = 64 multiply-adds, in place of 2 for 4
 */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { FOUR, type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';

const rows = [0, 1, 2, 3];
const each = (line: (row: number) => string): string => rows.map(line).join('\n');

const registersProgram = program(
  elementwise({
    name: 'ladder-matmul-registers',
    bindings: { a: 'read vec4f', b: 'read vec4f', c: 'write vec4f' },
    params: { k: 'u32', n: 'u32' },
    wgsl: `${FOUR}
fn element(i: u32) {
  let row = 4 * (i / p.n);
  let column = i % p.n;
${each((r) => `  var sum${r} = vec4f(0);`)}
  for (var k = 0u; k < p.k; k++) {
    let b0 = b[(4 * k) * p.n + column];
    let b1 = b[(4 * k + 1) * p.n + column];
    let b2 = b[(4 * k + 2) * p.n + column];
    let b3 = b[(4 * k + 3) * p.n + column];
${each(
  (r) => `    let a${r} = a[(row + ${r}) * p.k + k];
    sum${r} += four(a${r}, b0, b1, b2, b3);`,
)}
  }
${each((r) => `  c[(row + ${r}) * p.n + column] = sum${r};`)}
}`,
  }),
);

export const registers: Rung<MatmulProblem> = {
  name: 'registers',
  limit: 'one load of a vec4 for eight multiply-adds',
  program: () => registersProgram,
  run(problem) {
    const { m, k, n, a, b } = problem;
    const c = empty(a.device, [m, n]);
    a.device.run(registersProgram, {
      bindings: { a: a.buffer, b: b.buffer, c: c.buffer },
      params: { count: (m * n) / 16, k: k / 4, n: n / 4 },
      flops: matmulFlops(problem),
    });
    return c;
  },
};
