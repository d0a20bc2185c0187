/**
 * Who computes what in kernels that slide a window over pictures [N, H, W, C]: a lane owns one element (four channels,
 * or one where their number is not a multiple of four) of one pixel of the result. A dispatch is [columns · channels,
 * rows, pictures], so that a lane finds its place with one division, and neighbouring lanes touch neighbouring memory.
 * Where there are more rows or pictures than a dimension has workgroups, several dispatches follow one another: folding
 * them would cost every lane a division.
 */
import { type Device, MOST_GROUPS, type Program, type Run } from '../../gpu/index.ts';
import type { Shape } from '../../tensor/index.ts';
import { LANES } from './channel-lanes.ts';
import { type Element, elementOf, widthOf } from './element.ts';

/** Parameters of `pixelKernel`: extents of the result, in elements, and where the dispatch begins. */
export const PIXEL_PARAMS = {
  rows: 'u32',
  columns: 'u32',
  channels: 'u32',
  firstRow: 'u32',
  firstPicture: 'u32',
} as const;

/** WGSL of a kernel over pixels. The body knows its `row`, `column`, channel `c`, `picture`, and its place `at`. */
export const pixelKernel = (body: string): string => `
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.columns * p.channels) { return; }
  let column = id.x / p.channels;
  let c = id.x - column * p.channels;
  let row = id.y + p.firstRow;
  let picture = id.z + p.firstPicture;
  let at = (picture * p.rows + row) * p.columns * p.channels + id.x;
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
    run(program, { bindings, params, flops = 0, bytes = 0 }) {
      for (const picture of pieces(pictures))
        for (const row of pieces(rows)) {
          const share = (row.count * picture.count) / (rows * pictures);
          device.run(program, {
            bindings,
            params: { rows, columns, channels, firstRow: row.first, firstPicture: picture.first, ...params },
            groups: [Math.ceil((columns * channels) / LANES), row.count, picture.count],
            flops: share * flops,
            bytes: share * bytes,
          });
        }
    },
  };
}

/** 0 … count − 1 in as few pieces as fit into a dimension of a dispatch. */
function pieces(count: number): { first: number; count: number }[] {
  return Array.from({ length: Math.ceil(count / MOST_GROUPS) }, (_, index) => {
    const first = index * MOST_GROUPS;
    return { first, count: Math.min(MOST_GROUPS, count - first) };
  });
}
