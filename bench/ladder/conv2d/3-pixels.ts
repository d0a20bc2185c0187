/** A tile in registers: four pixels beside each other share what is loaded of the weight. */
import { elementwise, program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type ConvProblem, convFlops, FOUR, type Rung } from '../rung.ts';

const pixels4 = [0, 1, 2, 3];
const each = (line: (pixel: number) => string): string => pixels4.map(line).join('\n');

const pixelsProgram = program(
  elementwise({
    name: 'ladder-conv-pixels',
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f' },
    params: { height: 'u32', width: 'u32', cin: 'u32', cout: 'u32' },
    wgsl: `${FOUR}
fn element(i: u32) {
  let co = i % p.cout;
  let across = (p.width + 3) / 4;
  let column = 4 * (i / p.cout % across);
  let row = i / p.cout / across;
${each((q) => `  var sum${q} = vec4f(0);`)}
  for (var ky = 0u; ky < 3; ky++) {
    for (var kx = 0u; kx < 3; kx++) {
      let r = row + ky - 1;
      if (r >= p.height) { continue; }
      let c = column + kx - 1;
      for (var ci = 0u; ci < p.cin; ci++) {
        let at = ((ky * 3 + kx) * p.cin + ci) * 4 * p.cout + co;
        let w0 = w[at];
        let w1 = w[at + p.cout];
        let w2 = w[at + 2 * p.cout];
        let w3 = w[at + 3 * p.cout];
${each(
  (q) => `        if (c + ${q}u < p.width) {
          let v = x[(r * p.width + c + ${q}u) * p.cin + ci];
          sum${q} += four(v, w0, w1, w2, w3);
        }`,
)}
      }
    }
  }
${each((q) => `  if (column + ${q}u < p.width) { y[(row * p.width + column + ${q}u) * p.cout + co] = sum${q}; }`)}
}`,
  }),
);

export const pixels: Rung<ConvProblem> = {
  name: 'pixels',
  limit: 'eight loads for sixty-four multiply-adds',
  program: () => pixelsProgram,
  run(problem) {
    const { height, width, cin, cout, x, w } = problem;
    const y = empty(x.device, [1, height, width, cout]);
    x.device.run(pixelsProgram, {
      bindings: { x: x.buffer, w: w.buffer, y: y.buffer },
      params: {
        count: height * Math.ceil(width / 4) * (cout / 4),
        ...{ height, width, cin: cin / 4, cout: cout / 4 },
      },
      flops: convFlops(problem),
    });
    return y;
  },
};
