/**
 * The row `depthwise`: every channel by itself, by the walk of depthwise-sliding.ts in all three directions. The kernel
 * stays in registers, which bounds its size. The weight gradient leaves partial sums, which partial-sums.ts adds.
 */
import type { Device } from '../../gpu/index.ts';
import { empty } from '../../tensor/index.ts';
import { LANES } from '../parts/channel-lanes.ts';
import { epilogueRun } from '../parts/epilogue.ts';
import { sumGroupInto } from '../parts/partial-sums.ts';
import type { GatherOperands, WeightOperands } from '../parts/tile.ts';
import {
  agesOf,
  type Channels,
  type SlidingSpec,
  slidingProgram,
  slidingWeightProgram,
  tileOf,
} from './depthwise-sliding.ts';
import { type ConvProblem, type ConvRow, channelsOf, multiplyAdds } from './problem.ts';

/** Steps that a strip should have at least. */
const SHORTEST_STRIP = 7;
/** The largest kernel, and the largest extent of a dilated one, that the sliding programs keep in registers. */
const MOST_TAPS = 49;
const LONGEST_REACH = 9;

function supports(problem: ConvProblem): boolean {
  const [cin, cout] = channelsOf(problem);
  const { kernel, dilation } = problem.window;
  const reach = Math.max(dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)) + 1;
  return cin === 1 && cout === 1 && kernel[0] * kernel[1] <= MOST_TAPS && reach <= LONGEST_REACH;
}

/** Cuts `rows` steps into strips: a long one loads its kernel once and has few incomplete sums, but a GPU wants many. */
function stripOf(device: Device, rows: number, lanesPerStrip: number): number {
  const strips = Math.ceil(device.traits.wantedInvocations / lanesPerStrip);
  return Math.max(Math.ceil(rows / strips), Math.min(SHORTEST_STRIP, rows));
}

/** Two channels a lane, or one where their number is odd; and how many lanes the channels take. */
const elementOf = (channels: number): [element: Channels, lanes: number] =>
  channels % 2 === 0 ? ['vec2f', channels / 2] : ['f32', channels];

/** How a sliding program goes over its pictures. */
interface Slide {
  direction: SlidingSpec['direction'];
  /** Rows and columns of groups: outputs, or blocks of inputs. */
  groups: readonly [number, number];
  /** Added to source and target rows and columns, negated. */
  source: readonly [number, number];
  target: readonly [number, number];
}

/** Output row g sees the rows of x from g · stride − top. */
const forwardSlide = ({ window, result }: ConvProblem): Slide => ({
  direction: 'forward',
  groups: result,
  source: [window.top, window.left],
  target: [0, 0],
});

/** Blocks of padded coordinates iy + top = stride · block + a, from the one that holds the first row of the picture. */
function inputSlide({ window, result }: ConvProblem): Slide {
  const { stride, top, left } = window;
  const first = [Math.floor(top / stride[0]), Math.floor(left / stride[1])] as const;
  const last = [
    Math.floor((result[0] - 1 + top) / stride[0]),
    Math.floor((result[1] - 1 + left) / stride[1]),
  ] as const;
  return {
    direction: 'input gradient',
    groups: [last[0] - first[0] + 1, last[1] - first[1] + 1],
    // A block takes from the outputs block − ages + 1 … block.
    source: [agesOf(window, 0) - 1 - first[0], agesOf(window, 1) - 1 - first[1]],
    target: [top - stride[0] * first[0], left - stride[1] * first[1]],
  };
}

function slide(
  device: Device,
  problem: ConvProblem,
  { pictures, x, w, y }: GatherOperands,
  { direction, groups, source, target }: Slide,
): void {
  const { window, sourceChannels: width, epilogue = {} } = problem;
  const { kernel, stride, dilation } = window;
  const finish = epilogueRun(epilogue, w);
  const [sourceRows, sourceColumns] = problem.source;
  const [targetRows, targetColumns] = problem.result;
  const [element, channels] = elementOf(width);
  const tiles = Math.ceil(groups[1] / tileOf(stride[1]));
  const strip = stripOf(device, groups[0], tiles * channels * pictures);
  const written = targetRows * targetColumns * (epilogue.residual ? 2 : 1);
  device.run(
    slidingProgram({
      direction,
      flags: finish.params.flags,
      element,
      kernel,
      stride,
      dilation,
    }),
    {
      bindings: { x, w, y, ...finish.bindings },
      params: {
        channels,
        tiles,
        strip,
        sourceRows,
        sourceColumns,
        sourceTop: source[0],
        sourceLeft: source[1],
        targetRows,
        targetColumns,
        targetTop: target[0],
        targetLeft: target[1],
        ...finish.params,
      },
      groups: [Math.ceil((tiles * channels) / LANES), Math.ceil(groups[0] / strip), pictures],
      flops: 2 * pictures * multiplyAdds(problem),
      bytes: 4 * pictures * width * (sourceRows * sourceColumns + written),
    },
  );
}

function weightGradient(device: Device, problem: ConvProblem, { pictures, x, dy, dw }: WeightOperands): void {
  const { window, sourceChannels: width } = problem;
  const { kernel, stride, dilation, top, left } = window;
  const [rows, columns] = problem.source;
  const [outputRows, outputColumns] = problem.result;
  const [element, channels] = elementOf(width);
  const tiles = Math.ceil(outputColumns / tileOf(stride[1]));
  // As few partial sums as the wanted number of lanes allows: pictures together first, else strips of one.
  const picturesPerLane = Math.max(
    1,
    Math.floor((pictures * tiles * channels) / device.traits.wantedInvocations),
  );
  const batches = Math.ceil(pictures / picturesPerLane);
  const strip = stripOf(device, outputRows, tiles * channels * batches);
  const strips = Math.ceil(outputRows / strip);
  const chunks = batches * strips * tiles;
  const weights = kernel[0] * kernel[1] * width;
  const partial = empty(device, [chunks, weights]);
  device.run(slidingWeightProgram({ element, kernel, stride, dilation }), {
    bindings: { x, dy, partial: partial.buffer },
    params: {
      channels,
      tiles,
      strip,
      pictures,
      picturesPerLane,
      rows,
      columns,
      top,
      left,
      outputRows,
      outputColumns,
    },
    groups: [Math.ceil((tiles * channels) / LANES), strips, batches],
    flops: 2 * pictures * multiplyAdds(problem),
    bytes: 4 * (pictures * width * (rows * columns + outputRows * outputColumns) + chunks * weights),
  });
  sumGroupInto(device, partial.buffer, dw, { outer: 1, reduce: chunks, inner: weights });
  partial.dispose();
}

export const depthwise: ConvRow = {
  name: 'depthwise',
  supports,
  estimate: multiplyAdds,
  record(device, problem, operands) {
    if ('dw' in operands) weightGradient(device, problem, operands);
    else
      slide(
        device,
        problem,
        operands,
        problem.direction === 'input' ? inputSlide(problem) : forwardSlide(problem),
      );
  },
};
