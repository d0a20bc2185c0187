/** The float64 reference, continued: convolution, pools and resize, which slide a window over a picture. */
import { type Pair, pair } from '../kernels/parts/window.ts';
import { marginsOf, type OpParameters } from './parameters.ts';
import { Nodes, type Tape } from './tape.ts';

type Inputs = Record<string, Nodes>;

/**
 * y[n, i, j, o] = bias[o] + Σ x[n, i·stride + ky·dilation − top, …, c] · w[ky, kx, c, o], c over o's group.
 * PyTorch: F.conv2d.
 */
export function conv2d({ x0: x, x1: w, bias }: Inputs, parameters: OpParameters): Nodes {
  const { tape } = x;
  const [n, height, width] = x.shape;
  const [kh, kw, inputs, outputs] = w.shape;
  const { groups = 1 } = parameters;
  const [strideY, strideX] = pair(parameters.stride ?? 1);
  const [dilationY, dilationX] = pair(parameters.dilation ?? 1);
  const [top, bottom, left, right] = marginsOf(parameters.padding ?? 0);
  const shape = [
    n,
    Math.floor((height + top + bottom - dilationY * (kh - 1) - 1) / strideY) + 1,
    Math.floor((width + left + right - dilationX * (kw - 1) - 1) / strideX) + 1,
    outputs,
  ];
  return Nodes.from(tape, shape, ([b, i, j, o]) => {
    const firstInput = Math.floor(o / (outputs / groups)) * inputs;
    let total = bias?.value(o) ?? 0;
    if (bias) tape.edge(bias.at(o), 1);
    for (let ky = 0; ky < kh; ky++) {
      const row = i * strideY + ky * dilationY - top;
      if (row < 0 || row >= height) continue;
      for (let kx = 0; kx < kw; kx++) {
        const column = j * strideX + kx * dilationX - left;
        if (column < 0 || column >= width) continue;
        for (let c = 0; c < inputs; c++) {
          const [pixel, weight] = [x.at(b, row, column, firstInput + c), w.at(ky, kx, c, o)];
          tape.edge(pixel, tape.value(weight));
          tape.edge(weight, tape.value(pixel));
          total += tape.value(pixel) * tape.value(weight);
        }
      }
    }
    return tape.node(total);
  });
}

/** Taps of a pooling window along one axis: from `start` in steps of `dilation`; `padded` counts the padding too. */
interface Taps {
  positions: number[];
  padded: number;
}

/** The windows along an axis of `size`, as PyTorch counts them: the last must start inside or in the leading padding. */
function poolTaps(size: number, axis: 0 | 1, parameters: OpParameters): Taps[] {
  const kernel = pair(parameters.kernelSize!)[axis];
  const stride = pair(parameters.stride ?? parameters.kernelSize!)[axis];
  const padding = pair((parameters.padding ?? 0) as Pair)[axis];
  const dilation = pair(parameters.dilation ?? 1)[axis];
  const steps = (size + 2 * padding - dilation * (kernel - 1) - 1) / stride;
  let count = (parameters.ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (parameters.ceilMode && (count - 1) * stride >= size + padding) count--;
  return Array.from({ length: count }, (_, i) => {
    const start = i * stride - padding;
    const taps = Array.from({ length: kernel }, (_tap, k) => start + k * dilation);
    return {
      positions: taps.filter((position) => position >= 0 && position < size),
      padded: taps.filter((position) => position < size + padding).length,
    };
  });
}

/** Reduces every window of rows × columns to one node. */
function pool(
  x: Nodes,
  rows: readonly Taps[],
  columns: readonly Taps[],
  reduce: (tape: Tape, window: number[], padded: number) => number,
): Nodes {
  const [n, , , channels] = x.shape;
  return Nodes.from(x.tape, [n, rows.length, columns.length, channels], ([b, i, j, c]) => {
    const window = rows[i].positions.flatMap((row) =>
      columns[j].positions.map((column) => x.at(b, row, column, c)),
    );
    return reduce(x.tape, window, rows[i].padded * columns[j].padded);
  });
}

/** The first of the largest, which takes the whole gradient. */
function largest(tape: Tape, window: number[]): number {
  const best = window.reduce((a, b) => (tape.value(b) > tape.value(a) ? b : a));
  tape.edge(best, 1);
  return tape.node(tape.value(best));
}

function average(tape: Tape, window: number[], divisor: number): number {
  let total = 0;
  for (const node of window) {
    tape.edge(node, 1 / divisor);
    total += tape.value(node) / divisor;
  }
  return tape.node(total);
}

/** Windows of adaptive pooling: from ⌊i·size/count⌋ to ⌈(i + 1)·size/count⌉. */
function adaptiveTaps(size: number, count: number): Taps[] {
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * size) / count);
    const end = Math.ceil(((i + 1) * size) / count);
    return { positions: Array.from({ length: end - start }, (_tap, k) => start + k), padded: end - start };
  });
}

/** PyTorch: F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d. */
export const pools: Record<string, (inputs: Inputs, parameters: OpParameters) => Nodes> = {
  maxPool2d: ({ x0: x }, parameters) =>
    pool(x, poolTaps(x.shape[1], 0, parameters), poolTaps(x.shape[2], 1, parameters), largest),
  avgPool2d: ({ x0: x }, parameters) =>
    pool(
      x,
      poolTaps(x.shape[1], 0, parameters),
      poolTaps(x.shape[2], 1, parameters),
      (tape, window, padded) =>
        average(tape, window, (parameters.countIncludePad ?? true) ? padded : window.length),
    ),
  adaptiveAvgPool2d: ({ x0: x }, { outputSize }) => {
    const [height, width] = pair(outputSize!);
    return pool(x, adaptiveTaps(x.shape[1], height), adaptiveTaps(x.shape[2], width), average);
  },
};

const FILTERS = {
  bilinear: { support: 1, weight: (x: number) => Math.max(1 - x, 0) },
  // Keys 1981 with a = −0.5
  bicubic: {
    support: 2,
    weight: (x: number) =>
      x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0,
  },
};

/** For each output position the input positions it sees, with weights that sum to one; shrinking widens the filter. */
function resizeTaps(
  size: number,
  count: number,
  filter: keyof typeof FILTERS,
): [position: number, weight: number][][] {
  const { support, weight } = FILTERS[filter];
  const scale = size / count;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: count }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support * stretch + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support * stretch + 0.5), size);
    const weights = Array.from({ length: last - first }, (_tap, k) =>
      weight(Math.abs(first + k + 0.5 - centre) / stretch),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((value, k) => [first + k, value / total]);
  });
}

/** Antialiased resize. PyTorch: F.interpolate(antialias=True, align_corners=False). */
export function resize({ x0: x }: Inputs, parameters: OpParameters): Nodes {
  const { tape } = x;
  const [n, h, w, channels] = x.shape;
  const [height, width] = parameters.size as [number, number];
  const rows = resizeTaps(h, height, parameters.interpolation!);
  const columns = resizeTaps(w, width, parameters.interpolation!);
  return Nodes.from(tape, [n, height, width, channels], ([b, i, j, c]) => {
    let total = 0;
    for (const [row, vertical] of rows[i])
      for (const [column, horizontal] of columns[j]) {
        const pixel = x.at(b, row, column, c);
        tape.edge(pixel, vertical * horizontal);
        total += vertical * horizontal * tape.value(pixel);
      }
    return tape.node(total);
  });
}
