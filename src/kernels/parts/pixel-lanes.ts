/**
 * Who computes what in kernels that slide a window over pictures [N, H, W, C]: a lane owns one element (four channels,
 * or one where their number is not a multiple of four) of one pixel of the result. A dispatch is [columns · channels,
 * rows, pictures], so that a lane finds its place with one division, and neighbouring lanes touch neighbouring memory.
 */
import { type Device, FIRST_GROUP, type Program, type Run } from '../../gpu/index.ts';
import type { Shape } from '../../tensor/index.ts';
import { LANES } from './channel-lanes.ts';
import { type Element, elementOf, widthOf } from './element.ts';

/** Parameters of `pixelKernel`: extents of the result, in elements, and the first workgroup. */
export const PIXEL_PARAMS = {
  rows: 'u32',
  columns: 'u32',
  channels: 'u32',
  ...FIRST_GROUP,
} as const;

/** WGSL of a kernel over pixels. The body knows its `row`, `column`, channel `c`, `picture`, and its place `at`. */
export const pixelKernel = (body: string): string => `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  if (place >= p.columns * p.channels) { return; }
  let column = place / p.channels;
  let c = place - column * p.channels;
  let row = id.y + p.firstY;
  let picture = id.z + p.firstZ;
  let at = (picture * p.rows + row) * p.columns * p.channels + place;
${body}
}`;

export interface PixelLanes {
  element: Element;
  /** Records `program` for every pixel; `params` are those beside `PIXEL_PARAMS`. */
  run(program: Program, dispatch: Omit<Run, 'groups'>): void;
}

/** Lanes for a result of shape [N, H, W, C]; `element` where it is not what the channels allow. */
export function pixelLanes(device: Device, shape: Shape, element = elementOf(shape[3]!)): PixelLanes {
  const [pictures, rows, columns, width] = shape as [number, number, number, number];
  const channels = width / widthOf(element);
  return {
    element,
    run(program, { params, ...dispatch }) {
      device.run(program, {
        ...dispatch,
        params: { rows, columns, channels, ...params },
        groups: [Math.ceil((columns * channels) / LANES), rows, pictures],
      });
    },
  };
}
