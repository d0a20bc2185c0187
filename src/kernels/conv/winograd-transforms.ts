/**
 * The transforms of Winograd's filtering; the maths is in winograd.ts, the matrices in winograd-tilings.ts. All four are
 * a square D between a matrix and its transpose, T · D · Tᵀ. An invocation does one, for two channels:
 *
 *   D's rows, one a turn            D · Tᵀ              T · (D · Tᵀ), one column a turn
 *
 *   d d d d ── times Tᵀ ──┐       ┌ ─ ─ ─ ─ ┐           │
 *                         │       │ a a a a │ ▲         │ ◀── a  a  a  a
 *                         │       │ b b b b │ │ up      ▼     b  b  b  b
 *                         └─────▶ └ c c c c ┘           T     c  c  c  c
 *
 * A row enters below and pushes the others up; a column leaves at the left and the others move there. So nothing is
 * indexed by the turn, which on lavapipe costs as much as memory (an array in memory for each lane: 2.1 times slower). And
 * the number of turns is a parameter and no constant, though it is one: Mesa unrolls loops whose ends it knows, and
 * LLVM then compiles a transform of F(4×4) for 1.8 s in place of 0.24, for nothing in return.
 *
 * Transformed values lie `p.count` apart, one in each of the matrices that are multiplied. Limited by memory: 4 bytes a
 * value of x or y, and 16 (F(2×2)) or 9 (F(4×4)) of V or M.
 */
import { elementwise, family } from '../../gpu/index.ts';
import { EPILOGUE_PARAMS, epilogueBindings, epilogueFunctions } from '../parts/epilogue.ts';
import { DIVIDE, unroll } from '../parts/tile.ts';
import { lineFunction, type Matrix, type TilingSpec, tilingFor, transposed } from './winograd-tilings.ts';

/** The channels that an invocation works on. With four, LLVM takes twice as long for the same speed. */
export const CHANNELS = 2;
export const ELEMENT = `vec${CHANNELS}f`;

/** Turns of the two loops: rows of D, and columns of the result. */
const TURNS = { rows: 'u32', columns: 'u32' } as const;

/**
 * WGSL of `fn transform(here: Place)`, T · D · Tᵀ with T = `matrix`, where D[row, column] is `load(here, row, column)` and
 * what becomes of an element is `store(here, row, column, value)`.
 * @param rolled stores a column's elements in a loop, which compiles `store` once: 0.15 s in place of 0.2 where it has an
 * epilogue, for 3 % of speed; without one it gains nothing
 */
function sandwich(matrix: Matrix, rolled = false): string {
  const [results, terms] = [matrix.length, matrix[0]!.length];
  const list = (first: number, end: number, item: (index: number) => string): string =>
    Array.from({ length: end - first }, (_, index) => item(first + index)).join(', ');
  return `${lineFunction('line', matrix, ELEMENT)}
fn transform(here: Place) {
  var lines: array<array<${ELEMENT}, ${results}>, ${terms}>;
  for (var row = 0u; row < p.rows; row++) {
    let next = line(array(${list(0, terms, (k) => `load(here, row, ${k})`)}));
    lines = array(${list(1, terms, (r) => `lines[${r}]`)}, next);
  }
  for (var column = 0u; column < p.columns; column++) {
    var values = line(array(${list(0, terms, (r) => `lines[${r}][0]`)}));
${
  rolled
    ? `    for (var row = 0u; row < p.columns; row++) {
      store(here, row, column, values[0]);
      values = array(${list(1, results, (r) => `values[${r}]`)}, values[0]);
    }`
    : unroll(results, (r) => `    store(here, ${r}, column, values[${r}]);`)
}
${unroll(terms, (r) => `    lines[${r}] = array(${list(1, results, (k) => `lines[${r}][${k}]`)}, lines[${r}][0]);`)}
  }
}`;
}

/** Where invocation i works: two channels of a patch. `p.first` is the first picture of the chunk. */
const PATCH = `${DIVIDE}
struct Patch { i: u32, picture: u32, y: u32, x: u32, channel: u32 }
fn patchOf(i: u32) -> Patch {
  let tile = divide(i, p.channels);
  let line = divide(tile, low(p.tiles));
  let picture = divide(line, high(p.tiles));
  return Patch(i, p.first + picture, line - picture * high(p.tiles), tile - line * low(p.tiles), i - tile * p.channels);
}
fn insideOf(y: u32, x: u32) -> bool { return y < high(p.size) && x < low(p.size); }
fn addressOf(here: Patch, y: u32, x: u32) -> u32 {
  return ((here.picture * high(p.size) + y) * low(p.size) + x) * p.channels + here.channel;
}`;

const PATCH_PARAMS = {
  ...TURNS,
  first: 'u32',
  size: 'u32', // height, width of a picture
  tiles: 'u32', // rows and columns of tiles in a picture
  channels: 'u32', // elements in a pixel
} as const;

/** V = Bᵀ d B. */
export const transformInput = family((spec: TilingSpec) => {
  const { outputs, patch, input } = tilingFor(spec);
  return elementwise({
    name: `winograd-input-${outputs}`,
    bindings: { x: `read ${ELEMENT}`, v: `write ${ELEMENT}` },
    params: { ...PATCH_PARAMS, top: 'i32', left: 'i32' },
    wgsl: `${PATCH}
alias Place = Patch;
fn load(here: Place, row: u32, column: u32) -> ${ELEMENT} {
  let y = ${outputs} * here.y + row - u32(p.top);
  let x0 = ${outputs} * here.x + column - u32(p.left);
  return select(${ELEMENT}(0), x[addressOf(here, y, x0)], insideOf(y, x0));
}
fn store(here: Place, row: u32, column: u32, value: ${ELEMENT}) {
  v[(${patch} * row + column) * p.count + here.i] = value;
}
${sandwich(input)}
fn element(i: u32) { transform(patchOf(i)); }`,
  });
});

/** dM = A dY Aᵀ. */
export const transformGradient = family((spec: TilingSpec) => {
  const { outputs, patch, output } = tilingFor(spec);
  return elementwise({
    name: `winograd-gradient-${outputs}`,
    bindings: { dy: `read ${ELEMENT}`, m: `write ${ELEMENT}` },
    params: PATCH_PARAMS,
    wgsl: `${PATCH}
alias Place = Patch;
fn load(here: Place, row: u32, column: u32) -> ${ELEMENT} {
  let y = ${outputs} * here.y + row;
  let x = ${outputs} * here.x + column;
  return select(${ELEMENT}(0), dy[addressOf(here, y, x)], insideOf(y, x));
}
fn store(here: Place, row: u32, column: u32, value: ${ELEMENT}) {
  m[(${patch} * row + column) * p.count + here.i] = value;
}
${sandwich(transposed(output))}
fn element(i: u32) { transform(patchOf(i)); }`,
  });
});

/** Y = Aᵀ M A, and what follows the sum. */
export const transformOutput = family(({ curved, ...spec }: TilingSpec & { curved: boolean }) => {
  const { outputs, patch, output } = tilingFor(spec);
  return elementwise({
    name: `winograd-output-${outputs}${curved ? '-curved' : ''}`,
    bindings: { m: `read ${ELEMENT}`, y: `write ${ELEMENT}`, ...epilogueBindings(ELEMENT) },
    params: { ...PATCH_PARAMS, ...EPILOGUE_PARAMS },
    wgsl: `${PATCH}
${epilogueFunctions(ELEMENT, { curved })}
struct Place { tile: Patch, finish: Finish }
fn load(here: Place, row: u32, column: u32) -> ${ELEMENT} {
  return m[(${patch} * row + column) * p.count + here.tile.i];
}
fn store(here: Place, row: u32, column: u32, value: ${ELEMENT}) {
  let y0 = ${outputs} * here.tile.y + row;
  let x = ${outputs} * here.tile.x + column;
  let at = addressOf(here.tile, y0, x);
  if (insideOf(y0, x)) { y[at] = finished(value, here.finish, at); }
}
${sandwich(output, true)}
fn element(i: u32) {
  let here = patchOf(i);
  transform(Place(here, finishOf(here.channel)));
}`,
  });
});

/** U = G g Gᵀ, of the kernel as it is or turned by 180°. One invocation: one input channel, two output channels. */
export const transformKernel = family((spec: TilingSpec) => {
  const { outputs, patch, kernel } = tilingFor(spec);
  return elementwise({
    name: `winograd-kernel-${outputs}`,
    bindings: { w: `read ${ELEMENT}`, u: `write ${ELEMENT}` },
    params: { ...TURNS, turned: 'u32' },
    wgsl: `
alias Place = u32;
fn load(i: Place, row: u32, column: u32) -> ${ELEMENT} {
  let tap = 3 * row + column;
  return w[select(tap, 8 - tap, p.turned == 1) * p.count + i];
}
fn store(i: Place, row: u32, column: u32, value: ${ELEMENT}) { u[(${patch} * row + column) * p.count + i] = value; }
${sandwich(kernel)}
fn element(i: u32) { transform(i); }`,
  });
});
