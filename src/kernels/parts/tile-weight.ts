/**
 * The tile loop of `tile.ts` in the `weight` direction:
 *
 *   dw[ky, kx, ci, co] = Σ_p x[p·stride − pad + k·dilation, ci] · dy[p, co]
 *
 * The rows of the result are the input channels of all taps (ky, kx), one after another as dw holds them, the columns output
 * channels, and the sum runs over the pixels of all pictures. A tile's rows are vec4s of channels, each of its own tap:
 *
 *   tap            0                   1                   2
 *   channels   [ 0 4 8 │ 12 … ]    [ 0 4 8 12 … ]    [ 0 4 │ 8 12 … ]        a tile begins and ends where it likes
 *
 * Each lane loads a different pixel of x, and the lanes take turns in handing theirs to all: a step of `lanes` pixels costs
 * rows/4 + lanes loads for rows · lanes fma. With 32 rows and 8 lanes that is 16 fma a load, and 1.3 times as fast on
 * lavapipe as 16 rows (10.7), where a load is some 240 instructions; 48 rows are no faster, and compile twice as long.
 *
 * The sum may be 400,000 pixels long while the result is small, so it is cut into splits that run side by side, each
 * with a partial result of its own, added up by a second program: more workgroups, and a float32 sum that stays exact
 * to 1e-6. No atomics: the same bits every time.
 */
import type { BufferBinding, Device } from '../../gpu/index.ts';
import { elementwise, family, foldGroups } from '../../gpu/index.ts';
import { empty, type Tensor } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from './element.ts';
import { laneName, laneSpecOf, type Sharing, sharing } from './lanes.ts';
import { DIVIDE, type Product, packPair, type TileSpec, unroll, type WeightOperands } from './tile.ts';
import type { Window } from './window.ts';

/** Rows of the tiles of a result with so many rows: a tile of 32 takes 1.5 times as long as one of 16. */
const tileRowsOf = (rows: number): number => (Math.ceil(rows / 16) > 1.5 * Math.ceil(rows / 32) ? 32 : 16);
/** Pixels that one sum runs over at most before it is split. */
const PIXELS_PER_SPLIT = 4096;
/** Workgroups wanted at least; a smaller product is split further for the sake of parallelism. */
const WORKGROUPS = 64;

/** a₀ · b₀ + a₁ · b₁ + …, by fma. */
function dotProduct(count: number, factors: (index: number) => [string, string]): string {
  let sum = factors(0).join(' * ');
  for (let index = 1; index < count; index++) sum = `fma(${factors(index).join(', ')}, ${sum})`;
  return sum;
}

/** Pixels that one sum adds up, for so many pixels in all and workgroups that share them: whole steps of up to 32 lanes. */
export function splitOf(pixels: number, workgroups: number): number {
  const wanted = Math.max(Math.ceil(pixels / PIXELS_PER_SPLIT), Math.ceil(WORKGROUPS / workgroups));
  // Not so short that adding the parts costs as much as their sums.
  return Math.max(256, Math.ceil(pixels / wanted / 32) * 32);
}

/** Pixels of a step: each lane loads one where they share. */
export const stepOf = (spec: TileSpec): number => (spec.by === 'none' ? 1 : spec.lanes);

/**
 * WGSL of a step: `sum0` … take what its pixels add, of which this lane has loaded its own as `v0` …, a vec4 of rows each;
 * `gradient(k)` is the vec4 of columns of its k-th pixel.
 */
export function addStep(
  spec: TileSpec,
  { offer, share, each }: Sharing,
  gradient: (pixel: string) => string,
): string {
  const quads = spec.rows / 4;
  const step = stepOf(spec);
  // Pixels added up before they go to a row's sum: its error is smaller, and an accumulator that does not fit a register is
  // loaded and stored once for all of them. 8 are 1.2 times as fast as 4 on lavapipe.
  const turn = Math.min(step, 8);
  return `${offer('v', quads, 'vec4f')}
${each(
  step / turn,
  (t) => `    {
${unroll(turn, (q) => `      let d${q} = ${gradient(`${turn}u * ${t} + ${q}u`)};`)}
${unroll(
  quads,
  (
    i,
  ) => `${unroll(turn, (q) => `      let a${i}${q} = ${share('v', i, `${turn}u * ${t} + ${q}u`, 'vec4f')};`)}
${unroll(4, (j) => `      sum${4 * i + j} += ${dotProduct(turn, (q) => [`vec4f(a${i}${q}.${'xyzw'[j]})`, `d${q}`])};`)}`,
)}
    }`,
)}`;
}

export const WEIGHT_PARAMS = {
  source: 'u32', // height, width of a picture of x
  result: 'u32', // height, width of a picture of dy
  kernel: 'u32',
  steps: 'u32', // stride and dilation of rows and columns, eight bits each
  padding: 'u32', // top, left
  sourceChannels: 'u32', // vec4s in a pixel of x …
  depth: 'u32', // … and those of them that this weight (or slice of it) covers in a group
  resultChannels: 'u32', // vec4s in a pixel of dy …
  columns: 'u32', // … and those of them in a group
  offset: 'u32', // first vec4 of x that this slice of the weight belongs to
  pixels: 'u32', // pixels of dy in all pictures
  split: 'u32', // pixels of one split
  splitSize: 'u32', // vec4s from a split of dw to the next
  sourceGroup: 'u32', // vec4s from a group of x to the next
} as const;

const weightProgram = family((spec: TileSpec) => {
  const { lanes, rows } = spec;
  const quads = rows / 4;
  const between = sharing(spec, quads);
  return {
    name: `tile-weight-${laneName(spec)}-${rows}`,
    subgroups: between.subgroups,
    bindings: { x: 'read vec4f', dy: 'read vec4f', dw: 'write vec4f' },
    params: {
      ...WEIGHT_PARAMS,
      planes: 'u32', // 1 where the groups are matrices of their own, 0 where they are channels side by side
      firstZ: 'u32',
    },
    wgsl: `${DIVIDE}
${between.declarations}
${between.entry}
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
        ${between.builtins}) {
  ${between.lane}
  let height = high(p.source);
  let width = low(p.source);
  let resultHeight = high(p.result);
  let resultWidth = low(p.result);
  let taps = high(p.kernel) * low(p.kernel);
  let rowQuads = p.depth * taps; // vec4s of rows
  let rowTiles = (rowQuads + ${quads - 1}u) / ${quads}u;
  let tile = workgroup.x + workgroup.y * workgroups.x;
  let firstColumn = tile / max(rowTiles, 1) * ${lanes}u;
  if (firstColumn >= p.columns) { return; }
  let column = firstColumn + lane;
  let quad = tile % rowTiles * ${quads}u; // the first vec4 of the tile's rows
  let splits = (p.pixels + p.split - 1) / p.split;
  let group = (workgroup.z + p.firstZ) / splits;
  let split = (workgroup.z + p.firstZ) % splits;
  let apart = p.planes == 1;
  let stride = vec2u(p.steps >> 24, (p.steps >> 16) & 0xff);
  let dilation = vec2u((p.steps >> 8) & 0xff, p.steps & 0xff);

  // Each vec4 of rows: where its tap lies from a pixel's first one (beyond the last row: outside of every picture), and from
  // that one's vec4s to its own.
${unroll(
  quads,
  (i) => `  let tap${i} = divide(quad + ${i}u, p.depth);
  let line${i} = divide(tap${i}, low(p.kernel));
  let down${i} = select(i32(line${i} * dilation.x) - i32(high(p.padding)), 0x40000000, quad + ${i}u >= rowQuads);
  let right${i} = i32((tap${i} - line${i} * low(p.kernel)) * dilation.y) - i32(low(p.padding));
  let away${i} = (u32(down${i}) * width + u32(right${i})) * p.sourceChannels + quad + ${i}u - tap${i} * p.depth;`,
)}
  let gradient = group * select(p.columns, p.pixels * p.resultChannels, apart) + min(column, p.columns - 1);
  let last = min((split + 1) * p.split, p.pixels);
${unroll(rows, (r) => `  var sum${r} = vec4f(0);`)}

  // Beyond the last pixel x is taken to be zero, so that any pixel of dy will do there.
  for (var first = split * p.split; first < last; first += ${stepOf(spec)}u) {
    let pixel = first${between.shares ? ' + lane' : ''};
    let line = divide(pixel, resultWidth);
    let picture = divide(line, resultHeight);
    let y = (line - picture * resultHeight) * stride.x;
    let x0 = (pixel - line * resultWidth) * stride.y;
    let base = ((picture * height + y) * width + x0) * p.sourceChannels + p.offset + group * p.sourceGroup;
${unroll(
  quads,
  (i) => `    let inside${i} = pixel < last && y + u32(down${i}) < height && x0 + u32(right${i}) < width;
    let v${i} = select(vec4f(0), x[base + away${i}], inside${i});`,
)}
    ${addStep(spec, between, (k) => `dy[min(first + ${k}, last - 1) * p.resultChannels + gradient]`)}
  }

  let to = split * p.splitSize + 4 * quad * p.resultChannels
    + group * select(p.columns, 4 * rowQuads * p.columns, apart) + column;
  if (column < p.columns) {
${unroll(rows, (r) => `    ${r >= 4 ? `if (quad + ${Math.floor(r / 4)}u < rowQuads) ` : ''}{ dw[to + ${r}u * p.resultChannels] = sum${r}; }`)}
  }
}`,
  };
});

const splitsProgram = family(({ element }: { element: Element }) =>
  elementwise({
    name: `tile-weight-splits${element === 'f32' ? '-f32' : ''}`,
    bindings: { parts: `read ${element}`, dw: `write ${element}` },
    params: { splits: 'u32' },
    wgsl: `fn element(i: u32) {
  var sum = parts[i];
  for (var s = 1u; s < p.splits; s++) { sum += parts[s * p.count + i]; }
  dw[i] = sum;
}`,
  }),
);

/** Adds up the parts [splits, size] of a result. They are free then. */
export function addSplits(device: Device, parts: Tensor, dw: BufferBinding): void {
  const [splits, size] = parts.shape as [number, number];
  const element = elementOf(size);
  device.run(splitsProgram({ element }), {
    bindings: { parts: parts.buffer, dw },
    params: { count: size / widthOf(element), splits },
    flops: size * splits,
    bytes: 4 * size * (splits + 1),
  });
  parts.dispose();
}

/** The longest stride and dilation that fit into a parameter. */
export const MOST_STEP = 255;

export function packSteps({ stride, dilation }: Pick<Window, 'stride' | 'dilation'>): number {
  const steps = [...stride, ...dilation];
  return steps.reduce((packed, step) => (packed << 8) | step, 0);
}

/**
 * What a dispatch is given, and what it costs: `depth`, `columns` and `sourceGroup` are vec4s, `split` the pixels of a split,
 * `size` the values of dw.
 */
export function weightRun(
  { window, source, result, sourceChannels, resultChannels }: Product,
  { pictures, slice }: WeightOperands,
  {
    depth,
    columns,
    sourceGroup,
    split,
    size,
  }: Record<'depth' | 'columns' | 'sourceGroup' | 'split' | 'size', number>,
) {
  const pixels = pictures * result[0] * result[1];
  const read = pixels * resultChannels + pictures * source[0] * source[1] * sourceChannels;
  return {
    params: {
      source: packPair(...source),
      result: packPair(...result),
      kernel: packPair(...window.kernel),
      steps: packSteps(window),
      padding: packPair(window.top, window.left),
      sourceChannels: sourceChannels / 4,
      depth,
      resultChannels: resultChannels / 4,
      columns,
      offset: (slice?.start ?? 0) / 4,
      pixels,
      split,
      splitSize: size / 4,
      sourceGroup,
    },
    flops: 2 * pixels * size,
    bytes: 4 * (read + Math.ceil(pixels / split) * size),
  };
}

/** Records a weight gradient, of strides and dilations up to `MOST_STEP`. Its parts belong to the caller's scope. */
export function weightGradient(device: Device, product: Product, operands: WeightOperands): void {
  const { window, source, result, groups, planes = false } = product;
  const { pictures, x, dy, slice } = operands;
  const interleaved = planes ? 1 : groups;
  const depth = (slice?.count ?? product.depth ?? product.sourceChannels / interleaved) / 4;
  const columns = product.resultChannels / interleaved / 4;
  const taps = window.kernel[0] * window.kernel[1];
  const pixels = pictures * result[0] * result[1];
  const spec: TileSpec = { ...laneSpecOf(device.traits), rows: tileRowsOf(4 * taps * depth) };
  const tiles = Math.ceil((4 * taps * depth) / spec.rows) * Math.ceil(columns / spec.lanes);
  const split = splitOf(pixels, tiles * groups);
  const splits = Math.ceil(pixels / split);
  const size = taps * 4 * depth * product.resultChannels * (planes ? groups : 1);
  const parts = splits > 1 ? empty(device, [splits, size]) : null;
  const sourceGroup = planes ? (pictures * source[0] * source[1] * product.sourceChannels) / 4 : depth;
  const { params, ...costs } = weightRun(product, operands, { depth, columns, sourceGroup, split, size });
  device.run(weightProgram(spec), {
    bindings: { x, dy, dw: parts?.buffer ?? operands.dw },
    params: { ...params, planes: Number(planes) },
    groups: foldGroups(tiles, groups * splits),
    ...costs,
  });
  if (parts) addSplits(device, parts, operands.dw);
}
