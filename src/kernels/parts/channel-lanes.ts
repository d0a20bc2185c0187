/**
 * Who computes what in kernels that walk over the rows of a tensor `[rows, channels]` (NHWC: rows = N·H·W) and keep
 * something per channel in registers: batch norm, sums over rows.
 *
 *        channel vec4s →
 *   rows ┌ a0 b0 c0 d0 ┐     A block of rows belongs to `stride` neighbouring lanes. They start at neighbouring
 *    ↓   │ a1 b1 c1 d1 │     elements and each steps by `stride`, a multiple of the channels: a lane stays in its
 *        │ a0 b0 c0 d0 │     channel, and the lanes of a workgroup always touch one contiguous piece of memory, however
 *        └ a1 b1 c1 d1 ┘     few channels there are.
 *
 * An element is a vec4 of channels, or one channel where their number is not a multiple of four.
 * Measured on lavapipe: a lane that walks 64 or 128 vec4s moves 1.2 to 1.5 times the bytes per second of one that walks
 * 16, and leaves fewer partial results; 64 elements side by side are as fast as 8 or 32, or up to 1.5 times faster (24 vec4s of
 * channels); unrolling the loop loses 10 to 40 %.
 */
import type { Tensor } from '../../tensor/index.ts';
import { type Element, elementOf } from './element.ts';

/** Lanes in a workgroup of the kernels that go by channels or pixels. */
export const LANES = 64;

/** Elements that a lane goes through, where there are enough of them. */
const STEPS = { least: 16, most: 64 };
/**
 * … and how many times those of an element-wise kernel at least. Sums of 128 squares would lose digits where values are
 * few and far from zero: odd squares always round down.
 */
const WORTH = { map: 2, reduce: 1 };
/** About how many lanes there should be: few where each leaves a partial result. */
const WANTED = { map: 2 ** 16, reduce: 2 ** 13, most: 2 ** 20 };

/** Parameters of `LANE`, in elements, and the first workgroup. */
export const LANE_PARAMS = {
  count: 'u32',
  channels: 'u32',
  stride: 'u32',
  block: 'u32',
  lanes: 'u32',
  firstX: 'u32',
} as const;

/** WGSL that opens a kernel: this lane's channel `c`, and its elements `first`, `first + p.stride`, … below `end`. */
export const LANE = `
  let lane = id.x + ${LANES}u * p.firstX;
  if (lane >= p.lanes) { return; }
  let blockIndex = lane / p.stride;
  let within = lane - blockIndex * p.stride;
  let c = within % p.channels;
  let first = blockIndex * p.block + within;
  let end = min((blockIndex + 1u) * p.block, p.count);`;

export interface ChannelLanes {
  element: Element;
  params: Record<Exclude<keyof typeof LANE_PARAMS, 'firstX'>, number>;
  groups: readonly [number, number, number];
  /** Lanes per channel element: partial results that a reduction has to merge. */
  partials: number;
}

/**
 * Lays lanes over a tensor whose last axis is channels. 'map': every element has a result, a lane takes as few as are
 * worth its start; 'reduce': every lane has one, so there are at most about 8,000 lanes.
 */
export function channelLanes(
  kind: 'map' | 'reduce',
  { shape, size, device }: Pick<Tensor, 'shape' | 'size' | 'device'>,
): ChannelLanes {
  const width = shape.at(-1)!;
  const element = elementOf(width);
  const perElement = element === 'vec4f' ? 4 : 1;
  const channels = width / perElement;
  const count = size / perElement;
  const rowsAtOnce = Math.ceil(LANES / channels);
  const stride = rowsAtOnce * channels;
  const worth = Math.max(STEPS.least, WORTH[kind] * device.traits.elementsEach);
  const wanted = Math.max(Math.ceil(count / WANTED[kind]), worth);
  const least = Math.ceil(count / WANTED.most);
  const steps = Math.max(kind === 'map' ? Math.min(wanted, Math.max(worth, STEPS.most)) : wanted, least);
  const blocks = Math.ceil(count / (stride * steps));
  return {
    element,
    params: { count, channels, stride, block: stride * steps, lanes: blocks * stride },
    groups: [Math.ceil((blocks * stride) / LANES), 1, 1],
    partials: blocks * rowsAtOnce,
  };
}
