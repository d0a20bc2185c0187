/**
 * The list of convolutions that every row of the table is held against: each limit of a row's `supports` just met and
 * just missed, groups, strides, dilations, paddings, odd sizes, maps of one pixel, stems, one picture and several.
 *
 * `rows` says which rows compute it, in all three directions or in each: a row that starts to claim more, or less, has
 * to say so here.
 */
import {
  type ConvProblem,
  type Direction,
  geometryOf,
  problemOf,
} from '../../../src/kernels/conv/problem.ts';
import { windowOf } from '../../../src/kernels/parts/window.ts';
import type { OpParameters } from '../../../src/verify/parameters.ts';

export interface ConvCase {
  name: string;
  /** [N, H, W, cin] and [kh, kw, cin / groups, cout]. */
  x: readonly [number, number, number, number];
  w: readonly [number, number, number, number];
  options?: Pick<OpParameters, 'stride' | 'padding' | 'dilation' | 'groups'>;
  rows: string | Record<Direction, string>;
}

const DENSE = 'tile workgroup grouped plain';
const GATHERED_3X3 = 'tile workgroup winograd winograd4 grouped plain';
const SMALL_3X3 = {
  forward: GATHERED_3X3,
  input: GATHERED_3X3,
  weight: 'tile workgroup winograd4 grouped plain',
};
/** Channels that stay as they are, since they are few and no fours. */
const FEW = 'grouped plain';
const ALONE = 'grouped depthwise plain';
/** Merged taps are no 3×3 kernel any more, and overlap from pixel to pixel; the input's gradient merges nothing. */
const OVERLAPPING = 'tile workgroup plain';
const MERGED = { forward: OVERLAPPING, weight: OVERLAPPING, input: DENSE };
const MERGED_3X3 = { ...MERGED, input: GATHERED_3X3 };

// biome-ignore format: a table
export const CONV_CASES: readonly ConvCase[] = [
  { name: '1×1', x: [1, 5, 6, 8], w: [1, 1, 8, 12], rows: DENSE },
  { name: '1×1 of one pixel, five pictures', x: [5, 1, 1, 12], w: [1, 1, 12, 8], rows: DENSE },
  { name: '1×1 with stride 2', x: [3, 7, 5, 4], w: [1, 1, 4, 20], options: { stride: 2 }, rows: DENSE },
  { name: 'channels that are no fours', x: [2, 6, 5, 5], w: [2, 3, 5, 7], options: { padding: 1 }, rows: FEW },
  { name: 'even kernel, odd stride', x: [2, 9, 11, 8], w: [4, 2, 8, 8], options: { stride: [3, 2], padding: [1, 0] }, rows: DENSE },
  { name: 'strides beyond the kernel', x: [1, 9, 10, 8], w: [2, 2, 8, 4], options: { stride: [3, 4], padding: 1 }, rows: DENSE },
  { name: 'a long sum of pixels', x: [3, 13, 12, 20], w: [2, 2, 20, 36], rows: DENSE },
  { name: 'wide rows of channels', x: [1, 3, 3, 40], w: [2, 1, 40, 72], rows: DENSE },

  { name: '3×3', x: [1, 9, 7, 8], w: [3, 3, 8, 8], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3, three pictures, channels that are no fours', x: [3, 6, 5, 13], w: [3, 3, 13, 7], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3 without padding', x: [2, 8, 8, 8], w: [3, 3, 8, 12], rows: SMALL_3X3 },
  { name: '3×3 with four paddings', x: [1, 5, 8, 12], w: [3, 3, 12, 8], options: { padding: [0, 1, 2, 0] }, rows: SMALL_3X3 },
  { name: '3×3 with more padding than kernel', x: [1, 4, 3, 8], w: [3, 3, 8, 8], options: { padding: 4 }, rows: SMALL_3X3 },
  { name: '3×3 of one pixel', x: [2, 1, 1, 8], w: [3, 3, 8, 8], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3 of 36 to 44 channels', x: [2, 7, 6, 36], w: [3, 3, 36, 44], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3 to four channels', x: [1, 5, 4, 8], w: [3, 3, 8, 4], options: { padding: 2 }, rows: SMALL_3X3 },
  { name: '3×3 of whole tiles', x: [1, 8, 8, 8], w: [3, 3, 8, 8], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3 of forty tiles of 4×4', x: [2, 17, 13, 8], w: [3, 3, 8, 12], options: { padding: 1 }, rows: SMALL_3X3 },
  { name: '3×3 with stride 2', x: [2, 9, 7, 8], w: [3, 3, 8, 8], options: { stride: 2, padding: 1 }, rows: DENSE },
  { name: '3×3 with stride 2 in columns', x: [1, 9, 7, 8], w: [3, 3, 8, 8], options: { stride: [1, 2], padding: 1 }, rows: DENSE },
  { name: '3×3 with dilation 2 in rows', x: [1, 9, 7, 8], w: [3, 3, 8, 8], options: { dilation: [2, 1], padding: 1 }, rows: DENSE },
  { name: '3×3 in two groups', x: [2, 7, 7, 16], w: [3, 3, 8, 16], options: { groups: 2, padding: 1 }, rows: DENSE },
  { name: '3×2', x: [1, 9, 7, 8], w: [3, 2, 8, 8], options: { padding: 1 }, rows: DENSE },
  { name: '2×3', x: [1, 9, 7, 8], w: [2, 3, 8, 8], options: { padding: 1 }, rows: DENSE },

  { name: '7×7 stem', x: [1, 17, 16, 3], w: [7, 7, 3, 8], options: { stride: 2, padding: 3 }, rows: MERGED },
  { name: '7×7 stem, several pictures', x: [3, 11, 12, 3], w: [7, 7, 3, 8], options: { stride: 2, padding: 3 }, rows: MERGED },
  { name: '3×3 stem of four channels', x: [2, 9, 9, 4], w: [3, 3, 4, 8], options: { padding: [0, 1, 0, 1] }, rows: MERGED_3X3 },
  { name: 'a stem of five channels', x: [1, 9, 9, 5], w: [5, 5, 5, 8], options: { stride: 2, padding: 2 }, rows: FEW },
  { name: 'a stem with dilated rows', x: [1, 9, 9, 3], w: [5, 3, 3, 8], options: { dilation: [2, 1], padding: 2 }, rows: MERGED },
  { name: 'a stem with dilated columns', x: [1, 9, 9, 3], w: [5, 3, 3, 8], options: { dilation: [1, 2], padding: 2 }, rows: FEW },
  { name: 'a stem of one tap a row', x: [1, 9, 9, 3], w: [5, 1, 3, 8], options: { padding: [2, 0] }, rows: FEW },

  { name: 'one channel to eight', x: [2, 7, 19, 1], w: [3, 3, 1, 8], options: { padding: 1 }, rows: FEW },
  { name: 'eight channels to one', x: [2, 7, 19, 8], w: [3, 3, 8, 1], options: { padding: 1, stride: [1, 2] }, rows: FEW },
  { name: 'two groups of seven channels to three', x: [1, 6, 9, 14], w: [3, 2, 7, 6], options: { groups: 2, padding: 1 }, rows: FEW },
  { name: 'a stem of one channel', x: [1, 17, 16, 1], w: [7, 7, 1, 8], options: { stride: 2, padding: 3 }, rows: FEW },
  { name: 'a stem of two channels', x: [2, 11, 12, 2], w: [5, 5, 2, 8], options: { stride: 2, padding: 2 }, rows: MERGED },
  { name: 'three channels to ten, 1×1', x: [1, 9, 9, 3], w: [1, 1, 3, 10], rows: FEW },
  { name: 'thirteen channels to seventeen', x: [1, 5, 6, 13], w: [2, 2, 13, 17], rows: DENSE },

  { name: 'groups that are no fours', x: [2, 6, 7, 9], w: [3, 3, 3, 6], options: { groups: 3, padding: 1, stride: 2 }, rows: FEW },
  { name: 'two outputs a channel', x: [1, 6, 6, 6], w: [3, 3, 1, 12], options: { groups: 6, padding: 1 }, rows: FEW },
  { name: 'two channels an output', x: [1, 6, 6, 6], w: [3, 3, 2, 3], options: { groups: 3, padding: 1 }, rows: FEW },

  { name: 'four groups of two channels', x: [2, 6, 9, 8], w: [3, 3, 2, 8], options: { groups: 4, padding: 1, stride: [1, 2] }, rows: FEW },
  { name: 'eight groups of one channel to two', x: [1, 6, 6, 8], w: [2, 3, 1, 16], options: { groups: 8, padding: 1 }, rows: FEW },
  { name: 'two groups of two channels to six', x: [2, 5, 6, 4], w: [3, 3, 2, 12], options: { groups: 2, padding: 1 }, rows: FEW },
  { name: 'four groups of six channels', x: [1, 5, 4, 24], w: [3, 3, 6, 24], options: { groups: 4, padding: 1 }, rows: FEW },
  { name: 'groups of four, rows of more pixels than a lane has', x: [3, 4, 19, 24], w: [3, 5, 4, 24], options: { groups: 6, padding: [1, 2] }, rows: DENSE },
  { name: 'groups of four to eight, dilation and stride', x: [1, 9, 21, 12], w: [3, 3, 4, 24], options: { groups: 3, padding: 2, stride: [3, 2], dilation: [1, 2] }, rows: DENSE },

  { name: 'depthwise 3×3', x: [2, 7, 6, 6], w: [3, 3, 1, 6], options: { groups: 6, padding: 1 }, rows: ALONE },
  { name: 'depthwise 3×3, an odd number of channels', x: [1, 9, 8, 5], w: [3, 3, 1, 5], options: { groups: 5, padding: 1, stride: 2 }, rows: ALONE },
  { name: 'depthwise of one channel', x: [3, 7, 6, 1], w: [3, 3, 1, 1], options: { padding: 1 }, rows: ALONE },
  { name: 'depthwise 5×5, four paddings', x: [1, 10, 11, 4], w: [5, 5, 1, 4], options: { groups: 4, stride: 2, padding: [1, 2, 2, 1] }, rows: ALONE },
  { name: 'depthwise of one pixel', x: [5, 1, 1, 6], w: [3, 3, 1, 6], options: { groups: 6, padding: 1 }, rows: ALONE },
  { name: 'depthwise with gaps between the windows', x: [1, 9, 9, 2], w: [2, 2, 1, 2], options: { groups: 2, stride: [3, 4], padding: 1 }, rows: ALONE },
  { name: 'depthwise with more padding than kernel', x: [1, 4, 4, 2], w: [3, 3, 1, 2], options: { groups: 2, padding: 4 }, rows: ALONE },
  { name: 'depthwise, dilated differently in rows and columns', x: [1, 11, 10, 2], w: [3, 2, 1, 2], options: { groups: 2, dilation: [3, 2], stride: 2, padding: [3, 1] }, rows: ALONE },
  { name: 'depthwise in several strips', x: [1, 33, 3, 130], w: [3, 3, 1, 130], options: { groups: 130, padding: 1 }, rows: ALONE },
  { name: 'depthwise 7×7: 49 taps', x: [1, 9, 8, 4], w: [7, 7, 1, 4], options: { groups: 4, padding: 3 }, rows: ALONE },
  { name: 'depthwise 10×5: 50 taps', x: [1, 12, 8, 4], w: [10, 5, 1, 4], options: { groups: 4, padding: 3 }, rows: FEW },
  { name: 'depthwise 1×9: reaches over 9', x: [1, 3, 12, 4], w: [1, 9, 1, 4], options: { groups: 4, padding: [0, 4] }, rows: ALONE },
  { name: 'depthwise 1×10: reaches over 10', x: [1, 3, 12, 4], w: [1, 10, 1, 4], options: { groups: 4, padding: [0, 4] }, rows: FEW },
  { name: 'depthwise 3×3, dilated by 4', x: [1, 10, 9, 2], w: [3, 3, 1, 2], options: { groups: 2, dilation: 4, padding: 4 }, rows: ALONE },
  { name: 'depthwise 3×3, dilated by 5', x: [2, 11, 12, 3], w: [3, 3, 1, 3], options: { groups: 3, dilation: 5, padding: 5 }, rows: FEW },

  { name: 'stride 255', x: [1, 257, 2, 4], w: [2, 1, 4, 4], options: { stride: [255, 1] }, rows: DENSE },
  { name: 'stride 256', x: [1, 258, 2, 4], w: [2, 1, 4, 4], options: { stride: [256, 1] }, rows: { forward: DENSE, input: DENSE, weight: 'grouped plain' } },
  { name: 'dilation 256', x: [1, 258, 2, 4], w: [2, 1, 4, 4], options: { dilation: [256, 1] }, rows: { forward: DENSE, input: DENSE, weight: 'grouped plain' } },
];

export const DIRECTIONS: readonly Direction[] = ['forward', 'input', 'weight'];

/** The problem of a case in one direction, as conv2d states it. */
export function convProblem(
  { x, w, options = {} }: Omit<ConvCase, 'name' | 'rows'>,
  direction: Direction,
  kept = false,
): ConvProblem {
  const window = windowOf('conv2d', x, [w[0], w[1]], options);
  return problemOf(geometryOf(x, w, window, options.groups ?? 1), direction, x[0] > 1, kept);
}
