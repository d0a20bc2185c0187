/**
 * The same product without the matrix ("implicit GEMM"): each lane finds the pixel that its row reads at a tap by itself, and
 * hands its values round as in the product. In the margin it hands round zeros.
 */
import { family, type Traits } from '../../../src/gpu/index.ts';
import { type LaneSpec, laneSpecOf, sharing } from '../../../src/kernels/parts/lanes.ts';
import { empty } from '../../../src/tensor/index.ts';
import { type ConvProblem, convFlops, FOUR, type Rung } from '../rung.ts';

const ROWS = 16;

const gatherProgram = family(({ lanes, by }: LaneSpec) => {
  const loads = by === 'none' ? ROWS : Math.ceil(ROWS / lanes);
  const { shares, share, offer, builtins, lane, entry, declarations, subgroups } = sharing(
    { lanes, by },
    loads,
  );
  const rowOfLoad = (load: number): string => (shares ? `lane % ${ROWS}u + ${load * lanes}u` : `${load}u`);
  const row = (r: number): string =>
    shares ? share('v', Math.floor(r / lanes), `${r % lanes}u`, 'vec4f') : `v${r}`;
  const each = (count: number, line: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');
  return {
    name: `ladder-conv-gather-${[lanes, by].join('-')}`,
    subgroups,
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f' },
    params: { height: 'u32', width: 'u32', cin: 'u32', cout: 'u32' },
    wgsl: `${declarations}${FOUR}
${entry}
fn main(@builtin(workgroup_id) tile: vec3u, ${builtins}) {
  ${lane}
  let first = ${ROWS}u * tile.y;
  let co = min(${lanes}u * tile.x + lane, p.cout - 1);
${each(
  loads,
  (i) => `  let pixel${i} = first + ${rowOfLoad(i)};
  let row${i} = pixel${i} / p.width;
  let column${i} = pixel${i} % p.width;`,
)}
${each(ROWS, (r) => `  var sum${r} = vec4f(0);`)}
  for (var tap = 0u; tap < 9; tap++) {
${each(
  loads,
  (i) => `    let r${i} = row${i} + tap / 3 - 1;
    let c${i} = column${i} + tap % 3 - 1;
    let inside${i} = r${i} < p.height && c${i} < p.width;
    let from${i} = select(0, (r${i} * p.width + c${i}) * p.cin, inside${i});`,
)}
    for (var ci = 0u; ci < p.cin; ci++) {
${each(loads, (i) => `      let v${i} = select(vec4f(0), x[from${i} + ci], inside${i});`)}
      ${offer('v', loads, 'vec4f')}
      let at = (tap * p.cin + ci) * 4 * p.cout + co;
      let w0 = w[at];
      let w1 = w[at + p.cout];
      let w2 = w[at + 2 * p.cout];
      let w3 = w[at + 3 * p.cout];
${each(
  ROWS,
  (r) => `      let read${r} = ${row(r)};
      sum${r} += four(read${r}, w0, w1, w2, w3);`,
)}
    }
  }
  if (${lanes}u * tile.x + lane >= p.cout) { return; }
${each(ROWS, (r) => `  if (first + ${r}u < p.height * p.width) { y[(first + ${r}u) * p.cout + co] = sum${r}; }`)}
}`,
  };
});

const programOf = (traits: Traits) => gatherProgram(laneSpecOf(traits));

export const gather: Rung<ConvProblem> = {
  name: 'gather',
  limit: 'six loads for 256 multiply-adds: arithmetic is next',
  program: programOf,
  run(problem) {
    const { height, width, cin, cout, x, w } = problem;
    const { device } = x;
    const y = empty(device, [1, height, width, cout]);
    device.run(programOf(device.traits), {
      bindings: { x: x.buffer, w: w.buffer, y: y.buffer },
      params: { height, width, cin: cin / 4, cout: cout / 4 },
      groups: [Math.ceil(cout / 4 / laneSpecOf(device.traits).lanes), Math.ceil((height * width) / ROWS), 1],
      flops: convFlops(problem),
    });
    return y;
  },
};
