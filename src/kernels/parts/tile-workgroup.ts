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
import type { Device } from '../../gpu/index.ts';
import { family, foldGroups, type Traits } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { EPILOGUE_PARAMS, epilogueBindings, epilogueFunctions, epilogueRun } from './epilogue.ts';
import { DIVIDE, type GatherOperands, type Product, packPair, unroll, type WeightOperands } from './tile.ts';
import { addSplits, packSteps } from './tile-weight.ts';

/** A tile that a workgroup computes. */
interface Shape {
  rows: number;
  columns: number;
}

/** Values of k that are fetched at once. */
const STEP = 16;

/** Larger before smaller; where columns are few, more rows. */
const SHAPES: readonly Shape[] = [
  { rows: 128, columns: 128 },
  { rows: 128, columns: 64 },
  { rows: 256, columns: 32 },
];

const bytesOf = ({ rows, columns }: Shape): number => 4 * STEP * (rows + columns);
const invocationsOf = ({ rows, columns }: Shape): number => (rows * columns) / 64;

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
const stripsOf = ({ rows, columns }: Shape): string => `
var<workgroup> a: array<vec4f, ${(STEP * rows) / 4}>;
var<workgroup> b: array<vec4f, ${(STEP * columns) / 4}>;
@compute @workgroup_size(${invocationsOf({ rows, columns })})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
        @builtin(local_invocation_index) lane: u32) {`;

/** The sums, and where in the strips their rows and columns lie. */
const sumsOf = ({ columns }: Shape): string => `
  let across = lane % ${columns / 8}u;
  let down = lane / ${columns / 8}u;
${unroll(8, (r) => `  var sum${r}0 = vec4f(0); var sum${r}1 = vec4f(0);`)}`;

/** Multiplies the strips. Whoever fetches waits before and after. */
const multiply = ({ rows, columns }: Shape): string => `
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
const fetchTurned = (
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
const fetchAsItLies = (
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

interface GatherSpec extends Shape {
  direction: 'forward' | 'input';
  accumulate: boolean;
  /** The epilogue's, as constants. */
  flags: number;
}

const gatherProgram = family((spec: GatherSpec) => {
  const { rows, columns, direction, accumulate, flags } = spec;
  const forward = direction === 'forward';
  const invocations = invocationsOf(spec);
  const blocks = Math.ceil(rows / invocations);
  const each = (line: (block: number, row: number) => string): string =>
    unroll(4 * blocks, (i) => line(Math.floor(i / 4), i % 4));
  return {
    name: `workgroup-tile-${[rows, columns, direction, accumulate, flags].join('-')}`,
    bindings: { x: 'read vec4f', w: 'read vec4f', y: 'write vec4f', ...epilogueBindings('vec4f') },
    params: {
      pictures: 'u32',
      source: 'u32', // height, width of a picture of x
      result: 'u32', // height, width of a picture of y
      kernel: 'u32',
      stride: 'u32',
      padding: 'u32', // top, left
      dilation: 'u32',
      sourceChannels: 'u32', // vec4s in a pixel of x …
      depth: 'u32', // … and those of them that a group sums over
      resultChannels: 'u32', // vec4s in a pixel of y …
      columns: 'u32', // … and those of them in a group
      firstZ: 'u32',
      offset: 'u32', // first vec4 of x (forward) or y (input) that this slice of the weight belongs to
      ...EPILOGUE_PARAMS,
    },
    wgsl: `${DIVIDE}
${epilogueFunctions('vec4f', { flags })}
${stripsOf(spec)}
  let height = high(p.source);
  let width = low(p.source);
  let stride = vec2i(i32(high(p.stride)), i32(low(p.stride)));
  let dilation = vec2i(i32(high(p.dilation)), i32(low(p.dilation)));
  let padding = vec2i(i32(high(p.padding)), i32(low(p.padding)));
  let plane = workgroup.z + p.firstZ;
  ${
    forward
      ? `let group = plane;
  let grid = vec2u(high(p.result), low(p.result));`
      : `let residues = u32(stride.x * stride.y);
  let group = plane / residues;
  let residue = vec2u(plane % residues / u32(stride.y), plane % residues % u32(stride.y));
  let grid = (vec2u(high(p.result), low(p.result)) + vec2u(stride) - 1 - residue) / vec2u(stride);`
  }
  let rows = p.pictures * grid.x * grid.y;
  let rowTiles = max((rows + ${rows - 1}u) / ${rows}u, 1);
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let firstRow = tile % rowTiles * ${rows}u;
  let firstColumn = tile / rowTiles * ${columns / 4}u;
  if (firstColumn >= p.columns || rows == 0) { return; }
  let sourceStart = group * p.depth${forward ? ' + p.offset' : ''};
  let weightStart = group * p.${forward ? 'columns' : 'depth'};
  let resultStart = group * p.columns${forward ? '' : ' + p.offset'};

  // The pixels that this invocation fetches: their part of the source pixel.
${each(
  (i, r) => `  let row${i}${r} = firstRow + (lane + ${i * invocations}u) / 4 * 4 + ${r}u;
  let line${i}${r} = divide(row${i}${r}, grid.y);
  let picture${i}${r} = divide(line${i}${r}, grid.x);
  let at${i}${r} = vec2i(i32(line${i}${r} - picture${i}${r} * grid.x), i32(row${i}${r} - line${i}${r} * grid.y));
  let from${i}${r} = select(vec2i(-0x40000000), at${i}${r}${forward ? ' * stride' : ''}, row${i}${r} < rows);`,
)}
  ${forward ? `let bQ = lane % ${columns / 4}u;` : ''}
${sumsOf(spec)}

  for (var ky = 0u; ky < high(p.kernel); ky++) {
    ${
      forward
        ? 'let offsetY = i32(ky) * dilation.x - padding.x;'
        : `let distanceY = i32(residue.x) + padding.x - i32(ky) * dilation.x;
    if (distanceY % stride.x != 0) { continue; }
    let offsetY = distanceY / stride.x;`
    }
    for (var kx = 0u; kx < low(p.kernel); kx++) {
      ${
        forward
          ? 'let offsetX = i32(kx) * dilation.y - padding.y;'
          : `let distanceX = i32(residue.y) + padding.y - i32(kx) * dilation.y;
      if (distanceX % stride.y != 0) { continue; }
      let offsetX = distanceX / stride.y;`
      }
      let tap = ky * low(p.kernel) + kx;
${each(
  (i, r) => `      let pixel${i}${r} = from${i}${r} + vec2i(offsetY, offsetX);
      let inside${i}${r} = u32(pixel${i}${r}.x) < height && u32(pixel${i}${r}.y) < width;
      let base${i}${r} = ((picture${i}${r} * height + u32(pixel${i}${r}.x)) * width + u32(pixel${i}${r}.y)) * p.sourceChannels
        + sourceStart;`,
)}
      for (var c = 0u; c < p.depth; c += ${STEP / 4}u) {
${fetchTurned(
  'a',
  rows,
  invocations,
  (r, i) => `select(vec4f(0), x[base${i}${r} + c + four], inside${i}${r} && c + four < p.depth)`,
)}
${
  forward
    ? fetchAsItLies(
        'b',
        columns,
        invocations,
        `select(vec4f(0), w[((tap * p.depth + c) * 4 + k) * p.resultChannels + weightStart + firstColumn + bQ],
          c + k / 4 < p.depth && firstColumn + bQ < p.columns)`,
      )
    : fetchTurned(
        'b',
        columns,
        invocations,
        (
          j,
          i,
        ) => `select(vec4f(0), w[((tap * p.columns + firstColumn + (lane + ${i * invocations}u) / 4) * 4 + ${j}u) * p.sourceChannels
            + weightStart + c + four], c + four < p.depth && firstColumn + (lane + ${i * invocations}u) / 4 < p.columns)`,
      )
}
${multiply(spec)}
      }
    }
  }

${unroll(
  2,
  (c) => `  let column${c} = firstColumn + across${c > 0 ? ` + ${columns / 8}u` : ''};
  let finish${c} = finishOf(min(resultStart + column${c}, p.resultChannels - 1));`,
)}
${unroll(8, (r) => {
  const to = forward
    ? `let to${r} = line${r};`
    : `let row${r} = divide(line${r}, grid.y);
  let picture${r} = divide(row${r}, grid.x);
  let to${r} = (picture${r} * high(p.result) + residue.x + (row${r} - picture${r} * grid.x) * u32(stride.x)) * low(p.result)
    + residue.y + (line${r} - row${r} * grid.y) * u32(stride.y);`;
  return `  let line${r} = firstRow + 4 * down + ${(Math.floor(r / 4) * rows) / 2 + (r % 4)}u;
  ${to}
${unroll(
  2,
  (c) => `  if (line${r} < rows && column${c} < p.columns) {
    let place = to${r} * p.resultChannels + resultStart + column${c};
    y[place] = finished(sum${r}${c}${accumulate ? ' + y[place]' : ''}, finish${c}, place);
  }`,
)}`;
})}
}`,
  };
});

const weightProgram = family((spec: Shape) => {
  const { rows, columns } = spec;
  const invocations = invocationsOf(spec);
  return {
    name: `workgroup-tile-weight-${rows}-${columns}`,
    bindings: { x: 'read vec4f', dy: 'read vec4f', dw: 'write vec4f' },
    params: {
      source: 'u32', // height, width of a picture of x
      result: 'u32', // height, width of a picture of dy
      kernel: 'u32',
      steps: 'u32', // stride and dilation of rows and columns, eight bits each
      padding: 'u32', // top, left
      sourceChannels: 'u32', // vec4s in a pixel of x …
      depth: 'u32', // … and those of them that this weight (or slice of it) covers in a group
      sourceGroup: 'u32', // vec4s from a group of x to the next
      resultChannels: 'u32', // vec4s in a pixel of dy …
      columns: 'u32', // … and those of them in a group
      offset: 'u32', // first vec4 of x that this slice of the weight belongs to
      pixels: 'u32', // pixels of dy in all pictures
      split: 'u32', // pixels of one split
      splitSize: 'u32', // vec4s from a split of dw to the next
      firstZ: 'u32',
    },
    wgsl: `${DIVIDE}
${stripsOf(spec)}
  let height = high(p.source);
  let width = low(p.source);
  let resultHeight = high(p.result);
  let resultWidth = low(p.result);
  let stride = vec2u(p.steps >> 24, (p.steps >> 16) & 0xff);
  let dilation = vec2u((p.steps >> 8) & 0xff, p.steps & 0xff);
  let rows = high(p.kernel) * low(p.kernel) * p.depth; // vec4s, tap by tap
  let rowTiles = max((rows + ${rows / 4 - 1}u) / ${rows / 4}u, 1);
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let firstRow = tile % rowTiles * ${rows / 4}u;
  let firstColumn = tile / rowTiles * ${columns / 4}u;
  if (firstColumn >= p.columns || rows == 0) { return; }
  let splits = (p.pixels + p.split - 1) / p.split;
  let group = (workgroup.z + p.firstZ) / splits;
  let split = (workgroup.z + p.firstZ) % splits;

  // What this invocation fetches: a vec4 of channels of x at a tap, a vec4 of channels of dy.
  let aQ = lane % ${rows / 4}u;
  let bQ = lane % ${columns / 4}u;
  let row = firstRow + aQ;
  let tap = row / p.depth;
  let offset = vec2i(i32(tap / low(p.kernel) * dilation.x) - i32(high(p.padding)),
                     i32(tap % low(p.kernel) * dilation.y) - i32(low(p.padding)));
  let channel = p.offset + group * p.sourceGroup + row - tap * p.depth;
  let gradient = group * p.columns + firstColumn + bQ;
  let last = min((split + 1) * p.split, p.pixels);
${sumsOf(spec)}

  for (var first = split * p.split; first < last; first += ${STEP}u) {
${fetchAsItLies(
  'a',
  rows,
  invocations,
  'select(vec4f(0), x[((picture * height + u32(at.x)) * width + u32(at.y)) * p.sourceChannels + channel], inside)',
  `
        let pixel = first + k;
        let line = divide(pixel, resultWidth);
        let picture = divide(line, resultHeight);
        let at = vec2i(i32((line - picture * resultHeight) * stride.x), i32((pixel - line * resultWidth) * stride.y)) + offset;
        let inside = pixel < last && row < rows && u32(at.x) < height && u32(at.y) < width;`,
)}
${fetchAsItLies(
  'b',
  columns,
  invocations,
  'select(vec4f(0), dy[(first + k) * p.resultChannels + gradient], first + k < last && firstColumn + bQ < p.columns)',
)}
${multiply(spec)}
  }

${unroll(2, (half) => `  let row${half} = firstRow + down${half > 0 ? ` + ${rows / 8}u` : ''};`)}
${unroll(2, (c) => `  let column${c} = firstColumn + across${c > 0 ? ` + ${columns / 8}u` : ''};`)}
  let to = split * p.splitSize + group * p.columns;
${unroll(16, (i) => {
  const [r, c] = [i >> 1, i & 1];
  const half = r >> 2;
  return `  if (row${half} < rows && column${c} < p.columns) { dw[to + (4 * row${half} + ${r % 4}u) * p.resultChannels + column${c}] = sum${r}${c}; }`;
})}
}`,
  };
});

/** Rows, columns and how often a product in the forward or the input direction is tiled. */
function gatheredTiling(
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
const weightTiling = (traits: Traits, { window, resultChannels, groups }: Product, depth: number): Tiling =>
  tilingOf(
    { ...traits, wantedWorkgroups: 0 },
    window.kernel[0] * window.kernel[1] * depth,
    resultChannels / groups,
    groups,
  );

/** Input channels that a group sums over at a tap (forward, input), or has rows for (weight). */
const depthOf = ({ depth, sourceChannels, groups }: Product): number => depth ?? sourceChannels / groups;

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
  const strides = direction === 'forward' ? 1 : window.stride[0] * window.stride[1];
  const idle = Math.max(1, traits.wantedWorkgroups / tiles);
  return (idle * tiles * rows * columns * taps * STEP * Math.ceil(depth / STEP)) / strides;
}

/** Records a product in the forward or the input direction. */
export function gatherTiles(device: Device, product: Product, operands: GatherOperands): void {
  const { direction, window, source, result, groups, epilogue = {} } = product;
  const { pictures, x, w, y, slice, accumulate = false } = operands;
  const forward = direction === 'forward';
  const depth = (forward && slice ? slice.count : depthOf(product)) / 4;
  const columns = (!forward && slice ? slice.count : product.resultChannels / groups) / 4;
  const tiling = gatheredTiling(device.traits, product, pictures, 4 * columns);
  const strides = forward ? 1 : window.stride[0] * window.stride[1];
  const taps = window.kernel[0] * window.kernel[1];
  const rows = pictures * result[0] * result[1];
  const weights = taps * 16 * depth * columns * groups;
  const finish = epilogueRun(epilogue, w);
  device.run(
    gatherProgram({
      rows: tiling.rows,
      columns: tiling.columns,
      direction: forward ? 'forward' : 'input',
      accumulate,
      flags: finish.params.flags,
    }),
    {
      bindings: { x, w, y, ...finish.bindings },
      params: {
        pictures,
        source: packPair(...source),
        result: packPair(...result),
        kernel: packPair(...window.kernel),
        stride: packPair(...window.stride),
        padding: packPair(window.top, window.left),
        dilation: packPair(...window.dilation),
        sourceChannels: product.sourceChannels / 4,
        depth,
        resultChannels: product.resultChannels / 4,
        columns,
        offset: (slice?.start ?? 0) / 4,
        ...finish.params,
      },
      groups: foldGroups(tiling.tiles / (groups * strides), groups * strides),
      flops: (2 * rows * weights) / strides,
      bytes:
        4 *
        (pictures * source[0] * source[1] * product.sourceChannels +
          weights +
          (epilogue.residual ? 2 : 1) * rows * product.resultChannels),
    },
  );
}

/** Pixels that one sum runs over at most before it is split, and at least. */
const MOST_PIXELS = 4096;
const FEWEST_PIXELS = 256;

/** Records a weight gradient, of strides and dilations up to `MOST_STEP`. Its parts belong to the caller's scope. */
export function weightTiles(device: Device, product: Product, operands: WeightOperands): void {
  const { window, source, result, groups } = product;
  const { pictures, x, dy, dw, slice } = operands;
  const depth = slice?.count ?? depthOf(product);
  const tiling = weightTiling(device.traits, product, depth);
  const pixels = pictures * result[0] * result[1];
  const wanted = Math.max(pixels / MOST_PIXELS, device.traits.wantedWorkgroups / tiling.tiles);
  const split = Math.max(FEWEST_PIXELS, STEP * Math.ceil(pixels / wanted / STEP));
  const splits = Math.ceil(pixels / split);
  const size = window.kernel[0] * window.kernel[1] * depth * product.resultChannels;
  const parts = splits > 1 ? empty(device, [splits, size]) : null;
  device.run(weightProgram({ rows: tiling.rows, columns: tiling.columns }), {
    bindings: { x, dy, dw: parts?.buffer ?? dw },
    params: {
      source: packPair(...source),
      result: packPair(...result),
      kernel: packPair(...window.kernel),
      steps: packSteps(window),
      padding: packPair(window.top, window.left),
      sourceChannels: product.sourceChannels / 4,
      depth: depth / 4,
      sourceGroup: depthOf(product) / 4,
      resultChannels: product.resultChannels / 4,
      columns: product.resultChannels / groups / 4,
      offset: (slice?.start ?? 0) / 4,
      pixels,
      split,
      splitSize: size / 4,
    },
    groups: foldGroups(tiling.tiles / groups, groups * splits),
    flops: 2 * pixels * size,
    bytes:
      4 *
      (pixels * product.resultChannels +
        pictures * source[0] * source[1] * product.sourceChannels +
        splits * size),
  });
  if (parts) addSplits(device, parts, dw);
}
