/**
 * The geometry of a sliding window: what convolutions and pools share. Options accept a number or a pair `[h, w]`,
 * padding also four numbers `[top, bottom, left, right]`.
 */
import { type Shape, show } from '../../tensor/index.ts';
import { checkPictures } from './channels-last.ts';

export type Pair = number | readonly [number, number];
export type Padding = Pair | readonly [top: number, bottom: number, left: number, right: number];

export interface WindowOptions {
  /** Step between windows; 1 by default for convolutions, the kernel size for pools. */
  stride?: Pair;
  /** Rows and columns added around the picture. */
  padding?: Padding;
  /** Distance between the taps of a window. */
  dilation?: Pair;
}

export interface Window {
  kernel: readonly [number, number];
  stride: readonly [number, number];
  dilation: readonly [number, number];
  top: number;
  bottom: number;
  left: number;
  right: number;
  /** Height and width of the output. */
  output: readonly [number, number];
}

/** [first, second] of a number or a pair. */
export const pair = (value: Pair): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

/**
 * The window of op `what` over an input `[N, H, W, C]`.
 * output = ⌊(size + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, or ⌈…⌉ with `ceilMode`, where, as in PyTorch,
 * the last window must still start inside the picture or its leading padding.
 */
export function windowOf(
  what: string,
  input: Shape,
  kernelSize: Pair,
  options: WindowOptions & { ceilMode?: boolean },
): Window {
  checkPictures(what, input);
  const kernel = pair(kernelSize);
  const stride = pair(options.stride ?? 1);
  const dilation = pair(options.dilation ?? 1);
  const padding = options.padding ?? 0;
  const [top, bottom, left, right] =
    typeof padding !== 'number' && padding.length === 4
      ? padding
      : [pair(padding)[0], pair(padding)[0], pair(padding)[1], pair(padding)[1]];
  for (const [name, values, least] of [
    ['kernel size', kernel, 1],
    ['stride', stride, 1],
    ['dilation', dilation, 1],
    ['padding', [top, bottom, left, right], 0],
  ] as const)
    if (values.some((value) => !Number.isInteger(value) || value < least))
      throw new RangeError(`${what}: ${name} ${values.join('×')} must be whole numbers of at least ${least}`);

  const extent = (axis: 0 | 1, before: number, after: number): number => {
    const size = input[axis + 1]!;
    const span = size + before + after - dilation[axis] * (kernel[axis] - 1) - 1;
    if (span < 0)
      throw new RangeError(
        `${what}: a ${kernel.join('×')} window with dilation ${dilation.join('×')} does not fit into ${show(input)} with padding ${top},${bottom},${left},${right}`,
      );
    const count = (options.ceilMode ? Math.ceil(span / stride[axis]) : Math.floor(span / stride[axis])) + 1;
    return options.ceilMode && (count - 1) * stride[axis] >= size + before ? count - 1 : count;
  };
  return {
    kernel,
    stride,
    dilation,
    top,
    bottom,
    left,
    right,
    output: [extent(0, top, bottom), extent(1, left, right)],
  };
}

/** What the pools accept. The stride is the kernel size unless given. */
export interface PoolOptions extends WindowOptions {
  kernelSize: Pair;
  /** The last window may reach beyond the picture and its padding. */
  ceilMode?: boolean;
}

/** The window of pool `what`. @throws RangeError also where a window could see nothing but padding */
export function poolWindow(what: string, input: Shape, options: PoolOptions): Window {
  const window = windowOf(what, input, options.kernelSize, {
    ...options,
    stride: options.stride ?? options.kernelSize,
  });
  const { kernel, dilation, top, bottom, left, right } = window;
  const [reachY, reachX] = [dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1];
  if (2 * Math.max(top, bottom) > reachY || 2 * Math.max(left, right) > reachX)
    throw new RangeError(
      `${what}: padding ${top},${bottom},${left},${right} is more than half of the ${reachY}×${reachX} window (input ${show(input)}); a window could see nothing but padding`,
    );
  return window;
}
