/**
 * The transforms of Winograd's filtering; the maths is in the header of winograd.ts. An invocation transforms one patch
 * of four channels: along its rows by `line`, then along its columns.
 *
 * The sixteen values of a patch lie `p.count` apart, one in each of the sixteen matrices that are multiplied next.
 * Limited by memory: 4 bytes a value of x or y and 16 of V or M.
 */
import { elementwise, family, program } from '../../gpu/index.ts';
import { type EpilogueSpec, epilogueBindings, epilogueFunctions, epilogueParams } from '../parts/epilogue.ts';
import { DIVIDE, unroll } from '../parts/tile.ts';

/** Where invocation i works: four channels of a patch. `p.first` is the first picture of the chunk. */
const PATCH = `${DIVIDE}
struct Patch { tile: u32, picture: u32, y: u32, x: u32, channel: u32 }
fn patchOf(i: u32) -> Patch {
  let tile = divide(i, p.channels);
  let line = divide(tile, low(p.tiles));
  let picture = divide(line, high(p.tiles));
  return Patch(tile, p.first + picture, line - picture * high(p.tiles), tile - line * low(p.tiles), i - tile * p.channels);
}`;

const PATCH_PARAMS = {
  first: 'u32',
  size: 'u32', // height, width of a picture
  tiles: 'u32', // rows and columns of tiles in a picture
  channels: 'u32', // vec4s in a pixel
} as const;

/** V = Bᵀ d B. */
export const transformInput = program(
  elementwise({
    name: 'winograd-input',
    bindings: { x: 'read vec4f', v: 'write vec4f' },
    params: { ...PATCH_PARAMS, top: 'i32', left: 'i32' },
    wgsl: `${PATCH}
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 4> { return array(a - c, b + c, c - b, b - d); }
fn load(here: Patch, row: i32, column: i32) -> vec4f {
  let y = u32(2 * i32(here.y) - p.top + row);
  let x0 = u32(2 * i32(here.x) - p.left + column);
  let inside = y < high(p.size) && x0 < low(p.size);
  let at = ((here.picture * high(p.size) + y) * low(p.size) + x0) * p.channels + here.channel;
  return select(vec4f(0), x[at], inside);
}
fn element(i: u32) {
  let here = patchOf(i);
${unroll(4, (r) => `  let row${r} = line(load(here, ${r}, 0), load(here, ${r}, 1), load(here, ${r}, 2), load(here, ${r}, 3));`)}
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}], row3[${k}]);
${unroll(4, (r) => `  v[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** dM = A dY Aᵀ. */
export const transformGradient = program(
  elementwise({
    name: 'winograd-gradient',
    bindings: { dy: 'read vec4f', m: 'write vec4f' },
    params: PATCH_PARAMS,
    wgsl: `${PATCH}
fn line(a: vec4f, b: vec4f) -> array<vec4f, 4> { return array(a, a + b, a - b, -b); }
fn load(here: Patch, row: u32, column: u32) -> vec4f {
  let y = 2 * here.y + row;
  let x = 2 * here.x + column;
  let at = ((here.picture * high(p.size) + y) * low(p.size) + x) * p.channels + here.channel;
  return select(vec4f(0), dy[at], y < high(p.size) && x < low(p.size));
}
fn element(i: u32) {
  let here = patchOf(i);
  let row0 = line(load(here, 0, 0), load(here, 0, 1));
  let row1 = line(load(here, 1, 0), load(here, 1, 1));
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}]);
${unroll(4, (r) => `  m[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** Y = Aᵀ M A, and what follows the sum. */
export const transformOutput = family((spec: EpilogueSpec) =>
  elementwise({
    name: `winograd-output-${Object.values(spec).join('-')}`,
    bindings: { m: 'read vec4f', y: 'write vec4f', ...epilogueBindings(spec, 'vec4f') },
    params: { ...PATCH_PARAMS, ...epilogueParams(spec) },
    wgsl: `${PATCH}
${epilogueFunctions(spec, 'vec4f')}
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 2> { return array(a + b + c, b - c - d); }
fn store(here: Patch, row: u32, column: u32, sum: vec4f, finish: Finish) {
  let y0 = 2 * here.y + row;
  let x = 2 * here.x + column;
  if (y0 >= high(p.size) || x >= low(p.size)) { return; }
  let at = ((here.picture * high(p.size) + y0) * low(p.size) + x) * p.channels + here.channel;
  y[at] = finished(sum, finish, at);
}
fn element(i: u32) {
  let here = patchOf(i);
${unroll(
  4,
  (r) => `  let row${r} = line(${[0, 1, 2, 3].map((k) => `m[i + ${4 * r + k} * p.count]`).join(', ')});`,
)}
  let column0 = line(row0[0], row1[0], row2[0], row3[0]);
  let column1 = line(row0[1], row1[1], row2[1], row3[1]);
  let finish = finishOf(here.channel);
  store(here, 0, 0, column0[0], finish);
  store(here, 0, 1, column1[0], finish);
  store(here, 1, 0, column0[1], finish);
  store(here, 1, 1, column1[1], finish);
}`,
  }),
);

/** U = G g Gᵀ, of the kernel as it is or turned by 180°. One invocation: one input channel, four output channels. */
export const transformKernel = program(
  elementwise({
    name: 'winograd-kernel',
    bindings: { w: 'read vec4f', u: 'write vec4f' },
    params: { turned: 'u32' },
    wgsl: `
fn line(a: vec4f, b: vec4f, c: vec4f) -> array<vec4f, 4> {
  let outer = 0.5 * (a + c);
  return array(a, outer + 0.5 * b, outer - 0.5 * b, c);
}
fn load(i: u32, tap: u32) -> vec4f { return w[select(tap, 8 - tap, p.turned == 1) * p.count + i]; }
fn element(i: u32) {
${unroll(3, (r) => `  let row${r} = line(load(i, ${3 * r}), load(i, ${3 * r + 1}), load(i, ${3 * r + 2}));`)}
${unroll(
  4,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}]);
${unroll(4, (r) => `  u[i + ${4 * r + k} * p.count] = column${k}[${r}];`)}`,
)}
}`,
  }),
);

/** dg = Gᵀ dU G, summed over the chunks. */
export const transformKernelGradient = program(
  elementwise({
    name: 'winograd-kernel-gradient',
    bindings: { u: 'read vec4f', w: 'write vec4f' },
    params: { accumulate: 'u32' },
    wgsl: `
fn line(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> array<vec4f, 3> {
  return array(a + 0.5 * (b + c), 0.5 * (b - c), 0.5 * (b + c) + d);
}
fn element(i: u32) {
${unroll(
  4,
  (r) => `  let row${r} = line(${[0, 1, 2, 3].map((k) => `u[i + ${4 * r + k} * p.count]`).join(', ')});`,
)}
${unroll(
  3,
  (k) => `  let column${k} = line(row0[${k}], row1[${k}], row2[${k}], row3[${k}]);
${unroll(3, (r) => `  w[i + ${3 * r + k} * p.count] = column${k}[${r}] + select(vec4f(0), w[i + ${3 * r + k} * p.count], p.accumulate == 1);`)}`,
)}
}`,
  }),
);
