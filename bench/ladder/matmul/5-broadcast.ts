/**
 * Lanes that hand values round. The lanes of a subgroup run in step, each with a vec4 of columns of its own; all need the same
 * rows of A. So lane r loads row r, and the others have it from there, without memory that is shared and without a barrier.
 *
 *            lane 0    lane 1    …             8 rows, 8 lanes: in a step of four along the sum a lane
 *   row 0  [ vec4    | vec4    | … ]             loads 1 vec4 of A, hands it to all,
 *   row 1  [ vec4    | vec4    | … ]             loads 4 of B,
 *   …                                            and does 8 · 16 multiply-adds
 */
import { family, type Traits } from '../../../src/gpu/index.ts';
import { type LaneSpec, laneSpecOf, sharing } from '../../../src/kernels/parts/lanes.ts';
import { empty } from '../../../src/tensor/index.ts';
import { FOUR, type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';

interface BroadcastSpec extends LaneSpec {
  /** Rows of the tile. */
  rows: number;
  /** Four products are added up before they are added to the sum. */
  together: boolean;
}

export const broadcastProgram = family(({ lanes, by, rows, together }: BroadcastSpec) => {
  const loads = by === 'none' ? rows : Math.ceil(rows / lanes);
  const { shares, share, offer, builtins, lane, entry, declarations, subgroups } = sharing(
    { lanes, by },
    loads,
  );
  const rowOfLoad = (load: number): string => (shares ? `lane % ${rows}u + ${load * lanes}u` : `${load}u`);
  const row = (r: number): string =>
    shares ? share('a', Math.floor(r / lanes), `${r % lanes}u`, 'vec4f') : `a${r}`;
  const each = (count: number, line: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => line(index)).join('\n');
  const add = (r: number): string =>
    together
      ? `    sum${r} += four(row${r}, b0, b1, b2, b3);`
      : ['x', 'y', 'z', 'w']
          .map((axis, i) => `    sum${r} = fma(vec4f(row${r}.${axis}), b${i}, sum${r});`)
          .join('\n');
  return {
    name: `ladder-matmul-broadcast-${[lanes, by, rows, together].join('-')}`,
    subgroups,
    bindings: { a: 'read vec4f', b: 'read vec4f', c: 'write vec4f' },
    params: { m: 'u32', k: 'u32', n: 'u32', batchB: 'u32' },
    wgsl: `${declarations}${together ? FOUR : ''}
${entry}
fn main(@builtin(workgroup_id) tile: vec3u, ${builtins}) {
  ${lane}
  let first = ${rows}u * tile.y;
  let column = min(${lanes}u * tile.x + lane, p.n - 1);
${each(loads, (i) => `  let from${i} = (tile.z * p.m + min(first + ${rowOfLoad(i)}, p.m - 1)) * p.k;`)}
${each(rows, (r) => `  var sum${r} = vec4f(0);`)}
  for (var k = 0u; k < p.k; k++) {
${each(loads, (i) => `    let a${i} = a[from${i} + k];`)}
    ${offer('a', loads, 'vec4f')}
    let at = tile.z * p.batchB + 4 * k * p.n + column;
    let b0 = b[at];
    let b1 = b[at + p.n];
    let b2 = b[at + 2 * p.n];
    let b3 = b[at + 3 * p.n];
${each(rows, (r) => `    let row${r} = ${row(r)};\n${add(r)}`)}
  }
  if (${lanes}u * tile.x + lane >= p.n) { return; }
${each(rows, (r) => `  if (first + ${r}u < p.m) { c[(tile.z * p.m + first + ${r}u) * p.n + column] = sum${r}; }`)}
}`,
  };
});

const ROWS = 8;
const programOf = (traits: Traits) =>
  broadcastProgram({ ...laneSpecOf(traits), rows: ROWS, together: false });

export const broadcast: Rung<MatmulProblem> = {
  name: 'broadcast',
  limit: 'five loads for 128 multiply-adds; sums that leave their registers',
  program: programOf,
  run(problem) {
    const { m, k, n, a, b } = problem;
    const c = empty(a.device, [m, n]);
    a.device.run(programOf(a.device.traits), {
      bindings: { a: a.buffer, b: b.buffer, c: c.buffer },
      params: { m, k: k / 4, n: n / 4, batchB: 0 },
      groups: [Math.ceil(n / 4 / laneSpecOf(a.device.traits).lanes), Math.ceil(m / ROWS), 1],
      flops: matmulFlops(problem),
    });
    return c;
  },
};
