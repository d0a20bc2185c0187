/**
 * What the programs that gather have in common (tile-gather.ts, tile-workgroup-gather.ts): their parameters, the grid of pixels
 * that their rows are, and the walk over the taps of a kernel, `forward` or in the direction of the input. See tile-gather.ts
 * for the formulas.
 */
import { type GatherOperands, type Product, packPair } from './tile.ts';

export type GatherDirection = 'forward' | 'input';

export const GATHER_PARAMS = {
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
} as const;

/** WGSL of what `main` begins with: `height`, `width`, `stride`, `dilation`, `padding`, the `group`, the `grid` and its `rows`. */
export const gatherGrid = (direction: GatherDirection): string => `  let height = high(p.source);
  let width = low(p.source);
  let stride = vec2i(i32(high(p.stride)), i32(low(p.stride)));
  let dilation = vec2i(i32(high(p.dilation)), i32(low(p.dilation)));
  let padding = vec2i(i32(high(p.padding)), i32(low(p.padding)));
  let plane = workgroup.z + p.firstZ;
  ${
    direction === 'forward'
      ? `let group = plane;
  let grid = vec2u(high(p.result), low(p.result));`
      : `let residues = u32(stride.x * stride.y);
  let group = plane / residues;
  let residue = vec2u(plane % residues / u32(stride.y), plane % residues % u32(stride.y));
  let grid = (vec2u(high(p.result), low(p.result)) + vec2u(stride) - 1 - residue) / vec2u(stride);`
  }
  let rows = p.pictures * grid.x * grid.y;`;

/** WGSL of a loop over the taps that reach a pixel: `body` has `tap`, `offsetY` and `offsetX`. */
export function eachTap(direction: GatherDirection, body: string): string {
  const forward = direction === 'forward';
  return `  for (var ky = 0u; ky < high(p.kernel); ky++) {
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
${body}
    }
  }`;
}

/** How many programs of residues there are: with a stride the input direction runs once for each. */
export const residuesOf = ({ direction, window }: Product): number =>
  direction === 'forward' ? 1 : window.stride[0] * window.stride[1];

/** What a dispatch is given, and what it costs. `depth` and `columns` are vec4s, of a slice where there is one. */
export function gatherRun(
  product: Product,
  { pictures, slice }: GatherOperands,
  depth: number,
  columns: number,
) {
  const { window, source, result, groups, epilogue } = product;
  const rows = pictures * result[0] * result[1];
  const weights = window.kernel[0] * window.kernel[1] * 16 * depth * columns * groups;
  const read = pictures * source[0] * source[1] * product.sourceChannels;
  const written = rows * product.resultChannels;
  return {
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
    },
    flops: (2 * rows * weights) / residuesOf(product),
    bytes: 4 * (read + weights + (epilogue?.residual ? 2 : 1) * written),
  };
}
