/**
 * The products of `tile.ts` in tiles that a workgroup shares through its memory, for adapters where that is fast: it is on a
 * GPU, and not where a processor computes (lavapipe: 6 to 8 GFLOP/s against 20). Rows, columns and the sum over k are
 *
 *              rows                columns           k
 *   forward    pixels of y         channels of y     taps · channels of x, tap by tap
 *   input      pixels of dx        channels of dx    taps · channels of dy, tap by tap (by residues, as in tile-gather.ts)
 *   weight     taps · channels of x   channels of dy   pixels of a split (as in tile-weight.ts)
 *
 * For each 16 values of k all invocations fetch a strip of both operands into the workgroup's memory, then each multiplies
 * for itself 8 rows by 8 columns of it: four vec4s read for sixteen multiply-adds of vec4.
 *
 *                      columns: 128, 64 or 32                 invocation (across, down)
 *                    ┌────────────────────┐
 *                 16 │ b, vec4s of columns│                     across  + half
 *                    └────────────────────┘                  ┌──────┬ ─ ─ ┬──────┐
 *             16     ┌────────────────────┐           down   │ 4×4  │     │ 4×4  │
 *   rows:   ┌────┐   │                    │                  ├──────┘     └──────┤
 *   128     │ a, │   │  sums, 64 in the   │                  ╎                   ╎
 *   or 256  │ of │   │  registers of each │            + half├──────┐     ┌──────┤
 *           │rows│   │  invocation        │                  │ 4×4  │     │ 4×4  │
 *           └────┘   └────────────────────┘                  └──────┴ ─ ─ ┴──────┘
 *
 * Neighbours across take neighbouring vec4s of b, and all of a row of invocations the same of a: no two lanes that read at once
 * meet in a bank. Where k runs along memory (x, and w in `input`) a block of 4×4 is turned as it is fetched, and neighbours
 * write vec4s that lie 2 KiB apart, in one bank; so the vec4 q of the line k goes to q xor 2·⌊k/4⌋, which spreads them over
 * all banks and needs no padding: 128×128 by 16 takes the 16 KiB that WebGPU promises to the byte.
 *
 * What was read, and what was taken: llama.cpp's Vulkan convolution (conv2d_mm.comp, implicit GEMM): tiles of 128×128, 64×128
 * and 32×256 by 16 with 8×8 or 8×4 an invocation, the largest that leaves two tiles for every core, so that one computes while
 * another fetches; it has no second buffer either. tfjs' and onnxruntime's matrix products (vec4s, 32 values of k, 4×4 an
 * invocation) and onnxruntime's with a subgroup sharing what comes from the workgroup's memory. 8×8 reads one byte of that
 * memory a multiply-add, 4×4 two. Nothing of it could be measured on a GPU: none was at hand. Four values of k a turn of the
 * inner loop are 1.15 to 1.45 times as fast as one on lavapipe.
 *
 * k ends a strip with each tap, so that forward and input with channels that are no sixteens compute some zeros.
 */
import type { Traits } from '../../gpu/index.ts';
import { residuesOf } from './gather-walk.ts';
import { type Product, unroll } from './tile.ts';

/** A tile that a workgroup computes. */
export interface Shape {
  rows: number;
  columns: number;
}

/** Values of k that are fetched at once. */
export const STEP = 16;

/** Larger before smaller; where columns are few, more rows. */
const SHAPES: readonly Shape[] = [
  { rows: 128, columns: 128 },
  { rows: 128, columns: 64 },
  { rows: 256, columns: 32 },
];

const bytesOf = ({ rows, columns }: Shape): number => 4 * STEP * (rows + columns);
export const invocationsOf = ({ rows, columns }: Shape): number => (rows * columns) / 64;

/** Whether an adapter holds any of the tiles. */
export const holdsTiles = ({ workgroupStorage }: Pick<Traits, 'workgroupStorage'>): boolean =>
  SHAPES.some((shape) => bytesOf(shape) <= workgroupStorage);

/** A shape for a product, and how many tiles of it there are. */
export interface Tiling extends Shape {
  tiles: number;
}

/**
 * The tiling of so many rows by so many columns, `times` over: of the shapes that give as many workgroups as are wanted, or as
 * many as any where none does, the one that computes least in vain; of equals the largest.
 */
export function tilingOf(
  { workgroupStorage, wantedWorkgroups }: Pick<Traits, 'workgroupStorage' | 'wantedWorkgroups'>,
  rows: number,
  columns: number,
  times: number,
): Tiling {
  const all = SHAPES.filter((shape) => bytesOf(shape) <= workgroupStorage).map((shape) => ({
    ...shape,
    tiles: times * Math.ceil(rows / shape.rows) * Math.ceil(columns / shape.columns),
  }));
  const most = all.reduce((count, { tiles }) => Math.max(count, tiles), 0);
  const enough = Math.min(wantedWorkgroups, most);
  const computed = (tiling: Tiling): number => tiling.tiles * tiling.rows * tiling.columns;
  return all
    .filter(({ tiles }) => tiles >= enough)
    .reduce((best, tiling) => (computed(tiling) < computed(best) ? tiling : best));
}

/** Declarations of the strips, and the builtins of `main`. */
export const stripsOf = ({ rows, columns }: Shape): string => `
var<workgroup> a: array<vec4f, ${(STEP * rows) / 4}>;
var<workgroup> b: array<vec4f, ${(STEP * columns) / 4}>;
@compute @workgroup_size(${invocationsOf({ rows, columns })})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
        @builtin(local_invocation_index) lane: u32) {`;

/** The sums, and where in the strips their rows and columns lie. */
export const sumsOf = ({ columns }: Shape): string => `
  let across = lane % ${columns / 8}u;
  let down = lane / ${columns / 8}u;
${unroll(8, (r) => `  var sum${r}0 = vec4f(0); var sum${r}1 = vec4f(0);`)}`;

/** Multiplies the strips. Whoever fetches waits before and after. */
export const multiply = ({ rows, columns }: Shape): string => `
      workgroupBarrier();
      for (var four = 0u; four < ${STEP / 4}u; four++) {
        let a0 = (down ^ (2 * four)) + four * ${rows}u;
        let a1 = ((down + ${rows / 8}u) ^ (2 * four)) + four * ${rows}u;
        let b0 = (across ^ (2 * four)) + four * ${columns}u;
        let b1 = ((across + ${columns / 8}u) ^ (2 * four)) + four * ${columns}u;
${unroll(
  4,
  (k) => `        {
          let r0 = a[a0 + ${(k * rows) / 4}u]; let r1 = a[a1 + ${(k * rows) / 4}u];
          let c0 = b[b0 + ${(k * columns) / 4}u]; let c1 = b[b1 + ${(k * columns) / 4}u];
${unroll(8, (r) => {
  const value = `vec4f(r${Math.floor(r / 4)}.${'xyzw'[r % 4]})`;
  return `          sum${r}0 = fma(${value}, c0, sum${r}0); sum${r}1 = fma(${value}, c1, sum${r}1);`;
})}
        }`,
)}
      }
      workgroupBarrier();`;

/**
 * Fetches a strip of `size` rows or columns whose memory runs along k, in blocks of 4 by 4 that are turned:
 * `value(j, block)` is the vec4 of the block's row j along k.
 */
export const fetchTurned = (
  strip: 'a' | 'b',
  size: number,
  invocations: number,
  value: (row: number, block: number) => string,
): string =>
  unroll(
    Math.ceil(size / invocations),
    (i) => `      ${size < invocations ? `if (lane < ${size}u) ` : ''}{
        let four = (lane + ${i * invocations}u) % 4;
        let q = ((lane + ${i * invocations}u) / 4) ^ (2 * four);
        let turned = transpose(mat4x4f(${[0, 1, 2, 3].map((row) => `\n          ${value(row, i)}`).join(',')}));
${unroll(4, (k) => `        ${strip}[four * ${size}u + ${(k * size) / 4}u + q] = turned[${k}];`)}
      }`,
  );

/** Fetches a strip of `size` rows or columns as they lie: `value` is the vec4 at this lane's aQ or bQ in the line `k`. */
export const fetchAsItLies = (
  strip: 'a' | 'b',
  size: number,
  invocations: number,
  value: string,
  before = '',
): string => {
  const lines = (4 * invocations) / size;
  return unroll(
    STEP / lines,
    (i) => `      {
        let k = lane / ${size / 4}u + ${i * lines}u;${before}
        ${strip}[k * ${size / 4}u + (${strip}Q ^ (2 * (k / 4)))] = ${value};
      }`,
  );
};

/** Rows, columns and how often a product in the forward or the input direction is tiled. */
export function gatheredTiling(
  traits: Traits,
  { direction, window, result, resultChannels, groups }: Product,
  pictures: number,
  columns = resultChannels / groups,
): Tiling {
  const [down, across] = direction === 'forward' ? [1, 1] : window.stride;
  const rows = pictures * Math.ceil(result[0] / down) * Math.ceil(result[1] / across);
  return tilingOf(traits, rows, columns, groups * down * across);
}

/** Rows, columns and how often a weight gradient is tiled, before its sum is split. */
export const weightTiling = (
  traits: Traits,
  { window, resultChannels, groups }: Product,
  depth: number,
): Tiling =>
  tilingOf(
    { ...traits, wantedWorkgroups: 0 },
    window.kernel[0] * window.kernel[1] * depth,
    resultChannels / groups,
    groups,
  );

/** Input channels that a group sums over at a tap (forward, input), or has rows for (weight). */
export const depthOf = ({ depth, sourceChannels, groups }: Product): number =>
  depth ?? sourceChannels / groups;

/** Multiply-adds of the tiles that compute a product of so many pictures, what they compute in vain among them. */
export function tilesSpend(traits: Traits, product: Product, pictures: number): number {
  const { direction, window, result } = product;
  const taps = window.kernel[0] * window.kernel[1];
  const depth = depthOf(product);
  if (direction === 'weight') {
    const { tiles, rows, columns } = weightTiling(traits, product, depth);
    return tiles * rows * columns * pictures * result[0] * result[1];
  }
  const { tiles, rows, columns } = gatheredTiling(traits, product, pictures);
  const idle = Math.max(1, traits.wantedWorkgroups / tiles);
  return (idle * tiles * rows * columns * taps * STEP * Math.ceil(depth / STEP)) / residuesOf(product);
}
