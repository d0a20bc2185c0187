/**
 * Who computes what in kernels that slide a window over pictures [N, H, W, C]: a lane owns one element (four channels,
 * or one where their number is not a multiple of four) of one pixel of the result. A dispatch is [columns · channels,
 * rows, pictures], so that a lane finds its place with one division, and neighbouring lanes touch neighbouring memory.
 */
import type { Shape } from '../../tensor/index.ts';
import { type Element, elementOf, widthOf } from './element.ts';

const LANES = 64;

/** Parameters of `PIXEL`: extents of the result, in elements. */
export const PIXEL_PARAMS = { rows: 'u32', columns: 'u32', channels: 'u32' } as const;

/** WGSL of a kernel over pixels. The body knows its `row`, `column`, channel `c`, `picture`, and its place `at`. */
export const pixelKernel = (body: string): string => `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.columns * p.channels) { return; }
  let column = id.x / p.channels;
  let c = id.x - column * p.channels;
  let row = id.y;
  let picture = id.z;
  let at = (picture * p.rows + row) * p.columns * p.channels + id.x;
${body}
}`;

export interface PixelLanes {
  element: Element;
  params: Record<keyof typeof PIXEL_PARAMS, number>;
  groups: readonly [number, number, number];
}

/** Lanes for a result of shape [N, H, W, C]; `element` where it is not what the channels allow. */
export function pixelLanes(shape: Shape, element = elementOf(shape[3]!)): PixelLanes {
  const [pictures, rows, columns, width] = shape as [number, number, number, number];
  const channels = width / widthOf(element);
  return {
    element,
    params: { rows, columns, channels },
    groups: [Math.ceil((columns * channels) / LANES), rows, pictures],
  };
}
