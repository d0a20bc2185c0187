/**
 * Channels last (NHWC): the channels of a pixel lie side by side, and four of them are one load. An invocation has one pixel
 * and four output channels; four input channels meet a 4 × 4 block of the weight.
 */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type ConvProblem, convFlops, FOUR, type Rung } from '../rung.ts';

const channelsProgram = program(
  elementwise({
    name: 'ladder-conv-channels',
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f' },
    params: { height: 'u32', width: 'u32', cin: 'u32', cout: 'u32' },
    wgsl: `${FOUR}
fn element(i: u32) {
  let co = i % p.cout;
  let column = i / p.cout % p.width;
  let row = i / p.cout / p.width;
  var sum = vec4f(0);
  for (var ky = 0u; ky < 3; ky++) {
    for (var kx = 0u; kx < 3; kx++) {
      let r = row + ky - 1;
      let c = column + kx - 1;
      if (r >= p.height || c >= p.width) { continue; }
      for (var ci = 0u; ci < p.cin; ci++) {
        let v = x[(r * p.width + c) * p.cin + ci];
        let at = ((ky * 3 + kx) * p.cin + ci) * 4 * p.cout + co;
        sum += four(v, w[at], w[at + p.cout], w[at + 2 * p.cout], w[at + 3 * p.cout]);
      }
    }
  }
  y[i] = sum;
}`,
  }),
);

export const channels: Rung<ConvProblem> = {
  name: 'channels',
  limit: 'five loads of a vec4 for sixteen multiply-adds',
  program: () => channelsProgram,
  run(problem) {
    const { height, width, cin, cout, x, w } = problem;
    const y = empty(x.device, [1, height, width, cout]);
    x.device.run(channelsProgram, {
      bindings: { x: x.buffer, w: w.buffer, y: y.buffer },
      params: { count: (height * width * cout) / 4, height, width, cin: cin / 4, cout: cout / 4 },
      flops: convFlops(problem),
    });
    return y;
  },
};
