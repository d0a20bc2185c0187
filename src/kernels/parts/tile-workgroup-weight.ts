/** The tiles of tile-workgroup.ts in the `weight` direction: k runs over pixels, cut into splits as in tile-weight.ts. */
import type { Device } from '../../gpu/index.ts';
import { family, foldGroups } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { DIVIDE, type Product, unroll, type WeightOperands } from './tile.ts';
import { addSplits, WEIGHT_PARAMS, weightRun } from './tile-weight.ts';
import {
  depthOf,
  fetchAsItLies,
  invocationsOf,
  multiply,
  type Shape,
  STEP,
  stripsOf,
  sumsOf,
  weightTiling,
} from './tile-workgroup.ts';

const weightProgram = family((spec: Shape) => {
  const { rows, columns } = spec;
  const invocations = invocationsOf(spec);
  return {
    name: `workgroup-tile-weight-${rows}-${columns}`,
    bindings: { x: 'read vec4f', dy: 'read vec4f', dw: 'write vec4f' },
    params: { ...WEIGHT_PARAMS, firstZ: 'u32' },
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

/** Pixels that one sum runs over at most before it is split, and at least. */
const MOST_PIXELS = 4096;
const FEWEST_PIXELS = 256;

/** Records a weight gradient, of strides and dilations up to `MOST_STEP`. Its parts belong to the caller's scope. */
export function weightTiles(device: Device, product: Product, operands: WeightOperands): void {
  const { window, result, groups } = product;
  const { pictures, x, dy, dw, slice } = operands;
  const depth = slice?.count ?? depthOf(product);
  const tiling = weightTiling(device.traits, product, depth);
  const pixels = pictures * result[0] * result[1];
  const wanted = Math.max(pixels / MOST_PIXELS, device.traits.wantedWorkgroups / tiling.tiles);
  const split = Math.max(FEWEST_PIXELS, STEP * Math.ceil(pixels / wanted / STEP));
  const splits = Math.ceil(pixels / split);
  const size = window.kernel[0] * window.kernel[1] * depth * product.resultChannels;
  const parts = splits > 1 ? empty(device, [splits, size]) : null;
  const { params, ...costs } = weightRun(product, operands, {
    depth: depth / 4,
    columns: product.resultChannels / groups / 4,
    sourceGroup: depthOf(product) / 4,
    split,
    size,
  });
  device.run(weightProgram({ rows: tiling.rows, columns: tiling.columns }), {
    bindings: { x, dy, dw: parts?.buffer ?? dw },
    params,
    groups: foldGroups(tiling.tiles / groups, groups * splits),
    ...costs,
  });
  if (parts) addSplits(device, parts, dw);
}
