/**
 * A convolution is a matrix product, once every pixel has its 3×3 neighbours beside it in memory ("im2col"):
 *
 *   [height · width, 9 · cin]  ·  [9 · cin, cout]  =  [height · width, cout]
 *
 * The weight is that matrix as it lies. The best product of the other ladder then does the work, but x is written nine times
 * over and read back.
 */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { recordTerms } from '../matmul/6-terms.ts';
import type { ConvProblem, Rung } from '../rung.ts';

const im2colProgram = program(
  elementwise({
    name: 'ladder-conv-im2col',
    bindings: { x: 'read vec4f', rows: 'write vec4f' },
    params: { height: 'u32', width: 'u32', cin: 'u32' },
    wgsl: `
fn element(i: u32) {
  let ci = i % p.cin;
  let tap = i / p.cin % 9;
  let pixel = i / p.cin / 9;
  let r = pixel / p.width + tap / 3 - 1;
  let c = pixel % p.width + tap % 3 - 1;
  let inside = r < p.height && c < p.width;
  rows[i] = select(vec4f(0), x[select(0, (r * p.width + c) * p.cin + ci, inside)], inside);
}`,
  }),
);

export const im2col: Rung<ConvProblem> = {
  name: 'im2col',
  limit: "the product's loads, and 9 times the memory of x to write and read",
  program: () => im2colProgram,
  run({ height, width, cin, cout, x, w }) {
    const { device } = x;
    const [m, k] = [height * width, 9 * cin];
    const rows = empty(device, [m, k]);
    device.run(im2colProgram, {
      bindings: { x: x.buffer, rows: rows.buffer },
      params: { count: (m * k) / 4, height, width, cin: cin / 4 },
      bytes: 8 * m * k,
    });
    return recordTerms(
      { m, k, n: cout, a: rows.buffer, b: w.buffer },
      empty(device, [1, height, width, cout]),
    );
  },
};
