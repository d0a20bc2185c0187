/**
 * The formula of a matrix product or convolution in float64, at some places of its result: what a kernel is held against
 * where the plain variant would take longer than the measurement. The places are the first, the last, and pseudo-random
 * ones; each sum is whole, over all pictures where the pass sums over them.
 *
 *   forward          y[n, oy, ox, co] = act((Σ x · w − mean) · scale + shift + residual)
 *   input gradient   dx[n, iy, ix, ci] = Σ dy · w     over the windows that see the pixel
 *   weight gradient  dw[ky, kx, ci, co] = Σ x · dy    over pictures and positions
 */
import type { Activation } from '../kernels/index.ts';
import { windowOf } from '../kernels/parts/window.ts';
import type { Shape } from '../tensor/index.ts';
import type { Problem } from './problem.ts';
import type { Pass } from './result.ts';

export type Values = Readonly<Record<string, ArrayLike<number>>>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const ACTIVATIONS: Readonly<Record<Activation, (x: number) => number>> = {
  none: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  silu: (x) => x * sigmoid(x),
  sigmoid,
};

/** A matrix as pictures of one pixel, a convolution as it is. */
const pictures = (shape: Shape): Shape => (shape.length === 4 ? shape : [shape[0]!, 1, 1, shape[1]!]);
const taps = (shape: Shape): Shape => (shape.length === 4 ? shape : [1, 1, ...shape]);

/** The index of a place in a row-major tensor of this shape. */
function indexOf(place: number, shape: Shape): number[] {
  const index = new Array<number>(shape.length);
  let rest = place;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}

/** The values of the result of a pass at `places`, from its operands as they are on the device. */
export function sampled(problem: Problem, pass: Pass, operands: Values, places: readonly number[]): number[] {
  const { inputs, parameters, fused } = problem;
  const x = pictures(inputs.x0!) as readonly [number, number, number, number];
  const w = taps(inputs.x1!) as readonly [number, number, number, number];
  const y = pictures(problem.output) as readonly [number, number, number, number];
  const [batch, height, width, channels] = x;
  const [kh, kw, cin, outputs] = w;
  const groups = channels / cin;
  const cout = outputs / groups;
  const { stride, dilation, top, left } = windowOf('bench', x, [kh, kw], parameters);
  const at = (
    shape: readonly [number, number, number, number],
    n: number,
    i: number,
    j: number,
    c: number,
  ): number => ((n * shape[1] + i) * shape[2] + j) * shape[3] + c;
  const [valuesX, valuesW, dy] = [operands.x0!, operands.x1!, operands.dy!];
  const rowOf = (oy: number, ky: number): number => oy * stride[0] + ky * dilation[0] - top;
  const columnOf = (ox: number, kx: number): number => ox * stride[1] + kx * dilation[1] - left;
  const inside = (row: number, column: number): boolean =>
    row >= 0 && row < height && column >= 0 && column < width;

  const forward = (place: number): number => {
    const [n, oy, ox, co] = indexOf(place, y) as [number, number, number, number];
    const first = Math.floor(co / cout) * cin;
    let sum = 0;
    for (let ky = 0; ky < kh; ky++)
      for (let kx = 0; kx < kw; kx++) {
        const [row, column] = [rowOf(oy, ky), columnOf(ox, kx)];
        if (!inside(row, column)) continue;
        for (let ci = 0; ci < cin; ci++)
          sum += valuesX[at(x, n, row, column, first + ci)]! * valuesW[at(w, ky, kx, ci, co)]!;
      }
    const { bias, gamma, beta, mean, variance, residual } = operands;
    if (bias) sum += bias[co]!;
    if (fused && fused.eps !== null)
      sum = ((sum - mean![co]!) * gamma![co]!) / Math.sqrt(variance![co]! + fused.eps) + beta![co]!;
    if (residual) sum += residual[place]!;
    return ACTIVATIONS[fused?.activation ?? 'none'](sum);
  };

  /** The output position whose window has the pixel `at` behind tap `k`, or −1. */
  const outputOf = (pixel: number, k: number, axis: 0 | 1): number => {
    const position = pixel + (axis === 0 ? top : left) - k * dilation[axis];
    const output = position / stride[axis];
    return Number.isInteger(output) && output >= 0 && output < y[axis + 1]! ? output : -1;
  };
  const inputGradient = (place: number): number => {
    const [n, iy, ix, channel] = indexOf(place, x) as [number, number, number, number];
    const group = Math.floor(channel / cin);
    let sum = 0;
    for (let ky = 0; ky < kh; ky++)
      for (let kx = 0; kx < kw; kx++) {
        const [oy, ox] = [outputOf(iy, ky, 0), outputOf(ix, kx, 1)];
        if (oy < 0 || ox < 0) continue;
        for (let co = group * cout; co < (group + 1) * cout; co++)
          sum += dy[at(y, n, oy, ox, co)]! * valuesW[at(w, ky, kx, channel % cin, co)]!;
      }
    return sum;
  };

  const weightGradient = (place: number): number => {
    const [ky, kx, ci, co] = indexOf(place, w) as [number, number, number, number];
    const channel = Math.floor(co / cout) * cin + ci;
    let sum = 0;
    for (let n = 0; n < batch; n++)
      for (let oy = 0; oy < y[1]; oy++)
        for (let ox = 0; ox < y[2]; ox++) {
          const [row, column] = [rowOf(oy, ky), columnOf(ox, kx)];
          if (inside(row, column))
            sum += valuesX[at(x, n, row, column, channel)]! * dy[at(y, n, oy, ox, co)]!;
        }
    return sum;
  };

  const formulas: Readonly<Partial<Record<Pass, (place: number) => number>>> = {
    forward,
    'input gradient': inputGradient,
    'weight gradient': weightGradient,
  };
  return places.map((place) => formulas[pass]!(place));
}
