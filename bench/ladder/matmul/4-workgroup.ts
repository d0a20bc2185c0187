/**
 * The textbook's tile for GPUs: a workgroup of 8 × 8 invocations computes 32 × 32 elements. It copies 32 × 32 of A and of B into
 * memory that the workgroup shares, waits until all have done so, and works from there: each number that comes from storage is
 * used 32 times.
 *
 * On a GPU that memory is as near as a cache. Where a processor plays GPU it is ordinary memory, and the barriers, at which all
 * invocations stop, mean that none of them keeps its values in registers: there this rung is a step down.
 */
import { program } from '../../../src/gpu/index.ts';
import { empty } from '../../../src/tensor/index.ts';
import { FOUR, type MatmulProblem, matmulFlops, type Rung } from '../rung.ts';

const rows = [0, 1, 2, 3];
const each = (line: (row: number) => string): string => rows.map(line).join('\n');

const workgroupProgram = program({
  name: 'ladder-matmul-workgroup',
  bindings: { a: 'read vec4f', b: 'read vec4f', c: 'write vec4f' },
  params: { k: 'u32', n: 'u32' },
  wgsl: `${FOUR}
var<workgroup> tileA: array<array<vec4f, 8>, 32>; // 32 rows, 32 values of k
var<workgroup> tileB: array<array<vec4f, 8>, 32>; // 32 values of k, 32 columns

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) here: vec3u) {
  let row = 4 * here.y;
  let column = 8 * tile.x + here.x;
${each((r) => `  var sum${r} = vec4f(0);`)}
  for (var start = 0u; start < p.k; start += 8) {
${each(
  (r) => `    tileA[row + ${r}][here.x] = a[(32 * tile.y + row + ${r}) * p.k + start + here.x];
    tileB[row + ${r}][here.x] = b[(4 * start + row + ${r}) * p.n + column];`,
)}
    workgroupBarrier();
    for (var k = 0u; k < 8; k++) {
      let b0 = tileB[4 * k][here.x];
      let b1 = tileB[4 * k + 1][here.x];
      let b2 = tileB[4 * k + 2][here.x];
      let b3 = tileB[4 * k + 3][here.x];
${each(
  (r) => `      let a${r} = tileA[row + ${r}][k];
      sum${r} += four(a${r}, b0, b1, b2, b3);`,
)}
    }
    workgroupBarrier();
  }
${each((r) => `  c[(32 * tile.y + row + ${r}) * p.n + column] = sum${r};`)}
}`,
});

export const workgroup: Rung<MatmulProblem> = {
  name: 'workgroup',
  limit: "the workgroup's memory: near on a GPU, ordinary memory and barriers on a processor",
  program: () => workgroupProgram,
  run(problem) {
    const { m, k, n, a, b } = problem;
    const c = empty(a.device, [m, n]);
    a.device.run(workgroupProgram, {
      bindings: { a: a.buffer, b: b.buffer, c: c.buffer },
      params: { k: k / 4, n: n / 4 },
      groups: [n / 32, m / 32, 1],
      flops: matmulFlops(problem),
    });
    return c;
  },
};
