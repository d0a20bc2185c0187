/**
 * Who computes what in kernels that slide a window over pictures [N, H, W, C]: a lane owns one element (four channels,
 * or one where their number is not a multiple of four) of one pixel of the result. A dispatch is [columns · channels,
 * rows, pictures], so that a lane finds its place with one division, and neighbouring lanes touch neighbouring memory.
 *
 * Where finding its windows is most of what a lane does, it owns four channels in any case (`byFours`): without that the
 * gradient of an average of 2×2 windows takes 4.7 times as long a byte for 5 channels as for 8.
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

/**
 * WGSL of a kernel over pixels. The body knows its `row`, `column`, `picture`, the first of its elements of a pixel `c`, and
 * that one's place `at`; `each`: elements that a lane owns.
 */
export const pixelKernel = (body: string, each = 1): string => `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x + ${LANES}u * p.firstX;
  let lanes = ${each === 1 ? 'p.channels' : `(p.channels + ${each - 1}u) / ${each}u`};
  if (place >= p.columns * lanes) { return; }
  let column = place / lanes;
  let c = ${each === 1 ? 'place - column * lanes' : `(place - column * lanes) * ${each}u`};
  let row = id.y + p.firstY;
  let picture = id.z + p.firstZ;
  let at = ((picture * p.rows + row) * p.columns + column) * p.channels + c;
${body}
}`;

interface Fours {
  /** Elements that are four channels. */
  each: number;
  /** WGSL: the four from an element of a buffer on, a vec4f. */
  load(buffer: string, from: string): string;
  /** … and the statement that writes them where the lane's are. */
  store(buffer: string, value: string): string;
}

/** Four channels of a pixel, by how buffers are bound: one by one the last of them may not be there. */
export const byFours: Readonly<Record<Element, Fours>> = {
  vec4f: {
    each: 1,
    load: (buffer, from) => `${buffer}[${from}]`,
    store: (buffer, value) => `${buffer}[at] = ${value};`,
  },
  f32: {
    each: 4,
    load: (buffer, from) => `vec4f(${[0, 1, 2, 3].map((i) => `${buffer}[${from} + ${i}]`).join(', ')})`,
    store: (buffer, value) =>
      [0, 1, 2, 3]
        .map((i) => `if (c + ${i} < p.channels) { ${buffer}[at + ${i}] = (${value})[${i}]; }`)
        .join(' '),
  },
};

export interface PixelLanes {
  element: Element;
  /** Records `program` for every pixel; `params` are those beside `PIXEL_PARAMS`. */
  run(program: Program, dispatch: Omit<Run, 'groups'>): void;
}

/**
 * Lanes for a result of shape [N, H, W, C]; `element` where it is not what the channels allow, and `each` how many of them a lane
 * owns (see `pixelKernel`).
 */
export function pixelLanes(
  device: Device,
  shape: Shape,
  element = elementOf(shape[3]!),
  each = 1,
): PixelLanes {
  const [pictures, rows, columns, width] = shape as [number, number, number, number];
  const channels = width / widthOf(element);
  return {
    element,
    run(program, { params, ...dispatch }) {
      device.run(program, {
        ...dispatch,
        params: { rows, columns, channels, ...params },
        groups: [Math.ceil((columns * Math.ceil(channels / each)) / LANES), rows, pictures],
      });
    },
  };
}

/** Lanes of four channels, however many there are. */
export function lanesByFours(device: Device, shape: Shape): PixelLanes {
  const element = elementOf(shape[3]!);
  return pixelLanes(device, shape, element, byFours[element].each);
}
