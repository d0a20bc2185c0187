/**
 * Depthwise convolution: every channel by itself with its own kernel.
 *
 *   y[n, oy, ox, c] = Σ_{ky,kx} x[n, oy·stride − top + ky·dilation, ox·stride − left + kx·dilation, c] · w[ky, kx, 0, c]
 *   dx = Σ dy · w over the windows over a pixel      dw[ky, kx, 0, c] = Σ dy · x      dbias[c] = Σ dy
 *
 * x is [N, H, W, C], w [kh, kw, 1, C]. All three directions are the walk of depthwise-sliding.ts; the weight gradient
 * leaves partial sums, which partial-sums.ts adds. For inference, a bias or a norm with running statistics, a residual
 * and an activation are applied as the result is written.
 *
 * Cost: 2 · N·H'·W'·kh·kw·C FLOPs in each direction; limited by loads.
 */
import type { Device } from '../../gpu/index.ts';
import { empty, record, type Shape, show, type Tensor } from '../../tensor/index.ts';
import { channelsFirstHint } from '../parts/channels-last.ts';
import { checkEpilogue, type Epilogue, epilogueOf, epilogueRun, specOf } from '../parts/epilogue.ts';
import { sumGroup, sumToChannels } from '../parts/partial-sums.ts';
import { type Window, windowOf } from '../parts/window.ts';
import { type ConvOptions, conv2d } from './conv2d.ts';
import {
  agesOf,
  type Channels,
  LANES,
  type SlidingSpec,
  slidingProgram,
  slidingWeightProgram,
  tileOf,
} from './depthwise-sliding.ts';

export type DepthwiseOptions = Omit<ConvOptions, 'groups'>;

/** Steps that a strip should have at least. */
const SHORTEST_STRIP = 7;
/** The largest kernel, and the largest extent of a dilated one, that the sliding programs keep in registers. */
const MOST_TAPS = 49;
const LONGEST_REACH = 9;

interface Geometry {
  window: Window;
  element: Channels;
  input: Shape;
  output: Shape;
}

function geometryOf(x: Tensor, w: Tensor, options: DepthwiseOptions): Geometry {
  const where = `(input ${show(x.shape)}, weight ${show(w.shape)})`;
  if (w.shape.length !== 4 || w.shape[2] !== 1)
    throw new RangeError(`depthwiseConv2d: the weight is [kh, kw, 1, C] ${where}`);
  const window = windowOf('depthwiseConv2d', x.shape, [w.shape[0]!, w.shape[1]!], options);
  const channels = x.shape[3]!;
  if (w.shape[3] !== channels)
    throw new RangeError(
      `depthwiseConv2d: input has ${channels} channels, weight expects ${w.shape[3]} ${where}${channelsFirstHint(x.shape, w.shape[3]!)}`,
    );
  const output = [x.shape[0]!, ...window.output, channels];
  checkEpilogue('depthwiseConv2d', options, [x, w], output, where);
  return { window, element: channels % 2 === 0 ? 'vec2f' : 'f32', input: x.shape, output };
}

/** Whether the sliding programs hold this kernel; conv2d computes those that they do not. */
export function slides({ kernel, dilation }: Window): boolean {
  const reach = ([0, 1] as const).map((axis) => dilation[axis] * (kernel[axis] - 1) + 1);
  return kernel[0] * kernel[1] <= MOST_TAPS && Math.max(...reach) <= LONGEST_REACH;
}

/**
 * Convolution of each channel of x [N, H, W, C] with its own kernel, w [kh, kw, 1, C] → [N, H', W', C].
 * PyTorch: `F.conv2d` with groups = C. Gradients for x, w and bias. Kernels beyond 7×7, or of a dilated extent beyond 9,
 * are left to conv2d, which is slower at this.
 * Throws where shapes do not fit, and where an inference-only option meets a recorded gradient.
 */
export function depthwiseConv2d(x: Tensor, w: Tensor, options: DepthwiseOptions = {}): Tensor {
  const geometry = geometryOf(x, w, options);
  if (!slides(geometry.window)) return conv2d(x, w, { ...options, groups: x.shape[3]! });

  const y = forward(x, w, options, geometry);
  return record(
    'depthwiseConv2d',
    y,
    [x, w, options.bias],
    { x, w },
    (saved, dy, [needX, needW, needBias]) => [
      needX ? inputGradient(dy, saved.w, geometry) : null,
      needW ? weightGradient(saved.x, dy, geometry) : null,
      needBias ? sumToChannels(dy) : null,
    ],
  );
}

const flopsOf = ({ window, output }: Geometry): number =>
  2 * window.kernel[0] * window.kernel[1] * output.reduce((product, size) => product * size, 1);

/** Cuts `rows` steps into strips: a long one loads its kernel once and has few incomplete sums, but a GPU wants many. */
function stripOf(device: Device, rows: number, lanesPerStrip: number): number {
  const strips = Math.ceil(device.traits.wantedInvocations / lanesPerStrip);
  return Math.max(Math.ceil(rows / strips), Math.min(SHORTEST_STRIP, rows));
}

function forward(x: Tensor, w: Tensor, options: DepthwiseOptions, geometry: Geometry): Tensor {
  const { window, output } = geometry;
  const y = empty(x.device, output);
  slide(geometry, 'forward', x, w, y, {
    epilogue: epilogueOf(options),
    groups: window.output,
    // Output row g sees the rows of x from g · stride − top.
    source: [window.top, window.left],
    target: [0, 0],
  });
  return y;
}

function inputGradient(dy: Tensor, w: Tensor, geometry: Geometry): Tensor {
  const { window, input } = geometry;
  const { stride, top, left } = window;
  const dx = empty(dy.device, input);
  // Blocks of padded coordinates iy + top = stride · block + a, from the one that holds the first row of the picture.
  const first = [Math.floor(top / stride[0]), Math.floor(left / stride[1])] as const;
  const last = [
    Math.floor((input[1]! - 1 + top) / stride[0]),
    Math.floor((input[2]! - 1 + left) / stride[1]),
  ] as const;
  slide(geometry, 'input gradient', dy, w, dx, {
    groups: [last[0] - first[0] + 1, last[1] - first[1] + 1],
    // A block takes from the outputs block − ages + 1 … block.
    source: [agesOf(window, 0) - 1 - first[0], agesOf(window, 1) - 1 - first[1]],
    target: [top - stride[0] * first[0], left - stride[1] * first[1]],
  });
  return dx;
}

interface Slide {
  epilogue?: Epilogue;
  /** Rows and columns of groups: outputs, or blocks of inputs. */
  groups: readonly [number, number];
  /** Added to source and target rows and columns, negated. */
  source: readonly [number, number];
  target: readonly [number, number];
}

/** Runs a sliding program from `x` to `y`, whichever of the picture and its result they are. */
function slide(
  geometry: Geometry,
  direction: SlidingSpec['direction'],
  x: Tensor,
  w: Tensor,
  y: Tensor,
  pass: Slide,
): void {
  const { window, element } = geometry;
  const { kernel, stride, dilation } = window;
  const { epilogue = {}, groups, source, target } = pass;
  const finish = epilogueRun(epilogue);
  const [pictures, sourceRows, sourceColumns, width] = x.shape as [number, number, number, number];
  const channels = element === 'vec2f' ? width / 2 : width;
  const tiles = Math.ceil(groups[1] / tileOf(stride[1]));
  const strip = stripOf(x.device, groups[0], tiles * channels * pictures);
  x.device.run(slidingProgram({ direction, element, kernel, stride, dilation, ...specOf(epilogue) }), {
    bindings: { x: x.buffer, w: w.buffer, y: y.buffer, ...finish.bindings },
    params: {
      channels,
      tiles,
      strip,
      sourceRows,
      sourceColumns,
      sourceTop: source[0],
      sourceLeft: source[1],
      targetRows: y.shape[1]!,
      targetColumns: y.shape[2]!,
      targetTop: target[0],
      targetLeft: target[1],
      ...finish.params,
    },
    groups: [Math.ceil((tiles * channels) / LANES), Math.ceil(groups[0] / strip), pictures],
    flops: flopsOf(geometry),
    bytes: 4 * (x.size + y.size + (epilogue.residual ? y.size : 0)),
  });
}

function weightGradient(x: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const { window, element } = geometry;
  const { kernel, stride, dilation, top, left } = window;
  const [pictures, rows, columns, width] = x.shape as [number, number, number, number];
  const [outputRows, outputColumns] = window.output;
  const channels = element === 'vec2f' ? width / 2 : width;
  const tiles = Math.ceil(outputColumns / tileOf(stride[1]));
  // As few partial sums as the wanted number of lanes allows: pictures together first, else strips of one.
  const picturesPerLane = Math.max(
    1,
    Math.floor((pictures * tiles * channels) / x.device.traits.wantedInvocations),
  );
  const batches = Math.ceil(pictures / picturesPerLane);
  const strip = stripOf(x.device, outputRows, tiles * channels * batches);
  const strips = Math.ceil(outputRows / strip);
  const shape = [kernel[0], kernel[1], 1, width];
  const chunks = batches * strips * tiles;
  const partial = empty(x.device, [chunks, ...shape]);
  x.device.run(slidingWeightProgram({ element, kernel, stride, dilation }), {
    bindings: { x: x.buffer, dy: dy.buffer, partial: partial.buffer },
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
    flops: flopsOf(geometry),
    bytes: 4 * (x.size + dy.size + partial.size),
  });
  const dw = sumGroup(partial, shape, { outer: 1, reduce: chunks, inner: partial.size / chunks });
  partial.dispose();
  return dw;
}
