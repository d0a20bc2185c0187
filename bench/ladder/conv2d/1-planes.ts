/**
 * As in the textbook, channels as planes (NCHW): one invocation a value of y.
 *
 *   y[co, r, c] = Σ_{ci, ky, kx} x[ci, r + ky − 1, c + kx − 1] · w[co, ci, ky, kx]
 */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type ConvProblem, convFlops, type Rung } from '../rung.ts';

const planesProgram = program(
  elementwise({
    name: 'ladder-conv-planes',
    bindings: { x: 'read f32', w: 'read f32', y: 'write f32' },
    params: { height: 'u32', width: 'u32', cin: 'u32' },
    wgsl: `
fn element(i: u32) {
  let column = i % p.width;
  let row = i / p.width % p.height;
  let co = i / p.width / p.height;
  var sum = 0f;
  for (var ci = 0u; ci < p.cin; ci++) {
    for (var ky = 0u; ky < 3; ky++) {
      for (var kx = 0u; kx < 3; kx++) {
        let r = row + ky - 1; // below 0 it is a very large number
        let c = column + kx - 1;
        if (r < p.height && c < p.width) {
          sum += x[(ci * p.height + r) * p.width + c] * w[((co * p.cin + ci) * 3 + ky) * 3 + kx];
        }
      }
    }
  }
  y[i] = sum;
}`,
  }),
);

export const planes: Rung<ConvProblem> = {
  name: 'planes',
  limit: 'two loads of one number for each multiply-add, and a test whether they are inside',
  program: () => planesProgram,
  run(problem) {
    const { height, width, cin, cout } = problem;
    const { x, w } = problem.planes;
    const y = empty(x.device, [cout, height, width]);
    x.device.run(planesProgram, {
      bindings: { x: x.buffer, w: w.buffer, y: y.buffer },
      params: { count: height * width * cout, height, width, cin },
      flops: convFlops(problem),
    });
    return y;
  },
};
