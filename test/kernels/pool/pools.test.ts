/** Max, average, adaptive average and global average pooling against their formulas, and max-pool's corner cases. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { windowOf } from '../../../src/kernels/parts/window.ts';
import { adaptiveAvgPool2d, globalAvgPool } from '../../../src/kernels/pool/adaptive-avg-pool.ts';
import { type AvgPoolOptions, avgPool2d } from '../../../src/kernels/pool/avg-pool.ts';
import { type MaxPoolOptions, maxPool2d } from '../../../src/kernels/pool/max-pool.ts';
import { sum } from '../../../src/kernels/reduce/reduce.ts';
import { noGrad, type Shape, scope, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { onBothDevices, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/pools');

/** Reduces the listed pixels of each output pixel, channel by channel. */
function reduceWindows(
  x: Float64Array,
  [pictures, height, width, channels]: Shape,
  [rows, columns]: readonly [number, number],
  pixels: (row: number, column: number) => (readonly [number, number])[],
  reduce: (values: number[], row: number, column: number) => number,
): number[] {
  const y: number[] = [];
  for (let n = 0; n < pictures!; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let c = 0; c < channels!; c++) {
          const values = pixels(row, column).map(
            ([i, j]) => x[((n * height! + i) * width! + j) * channels! + c]!,
          );
          y.push(reduce(values, row, column));
        }
  return y;
}

const inside = (i: number, size: number): boolean => i >= 0 && i < size;

function maxPoolFormula(x: Float64Array, shape: Shape, options: MaxPoolOptions): number[] {
  const { kernel, stride, dilation, top, left, output } = windowOf('max', shape, options.kernelSize, {
    ...options,
    stride: options.stride ?? options.kernelSize,
  });
  const pixels = (row: number, column: number) => {
    const list: [number, number][] = [];
    for (let ky = 0; ky < kernel[0]; ky++)
      for (let kx = 0; kx < kernel[1]; kx++) {
        const i = row * stride[0] - top + ky * dilation[0];
        const j = column * stride[1] - left + kx * dilation[1];
        if (inside(i, shape[1]!) && inside(j, shape[2]!)) list.push([i, j]);
      }
    return list;
  };
  return reduceWindows(x, shape, output, pixels, (values) => Math.max(...values));
}

function avgPoolFormula(x: Float64Array, shape: Shape, options: AvgPoolOptions): number[] {
  const { countIncludePad = true } = options;
  const { kernel, stride, top, bottom, left, right, output } = windowOf('avg', shape, options.kernelSize, {
    ...options,
    stride: options.stride ?? options.kernelSize,
  });
  const ends = (o: number, axis: 0 | 1, before: number, after: number) => {
    const start = o * stride[axis] - before;
    return { start, stop: Math.min(start + kernel[axis], shape[axis + 1]! + after) };
  };
  const pixels = (row: number, column: number) => {
    const list: [number, number][] = [];
    const [y, x] = [ends(row, 0, top, bottom), ends(column, 1, left, right)];
    for (let i = y.start; i < y.stop; i++)
      for (let j = x.start; j < x.stop; j++)
        if (inside(i, shape[1]!) && inside(j, shape[2]!)) list.push([i, j]);
    return list;
  };
  return reduceWindows(x, shape, output, pixels, (values, row, column) => {
    const [y, x] = [ends(row, 0, top, bottom), ends(column, 1, left, right)];
    const size = countIncludePad ? (y.stop - y.start) * (x.stop - x.start) : values.length;
    return values.reduce((a, b) => a + b, 0) / size;
  });
}

function adaptiveFormula(x: Float64Array, shape: Shape, output: readonly [number, number]): number[] {
  const range = (i: number, axis: 0 | 1) => {
    const size = shape[axis + 1]!;
    const first = Math.floor((i * size) / output[axis]);
    return Array.from({ length: Math.ceil(((i + 1) * size) / output[axis]) - first }, (_, k) => first + k);
  };
  const pixels = (row: number, column: number) =>
    range(row, 0).flatMap((i) => range(column, 1).map((j) => [i, j] as const));
  return reduceWindows(
    x,
    shape,
    output,
    pixels,
    (values) => values.reduce((a, b) => a + b, 0) / values.length,
  );
}

const MAX: [Shape, MaxPoolOptions][] = [
  [[2, 6, 7, 3], { kernelSize: 2 }],
  [[1, 9, 9, 8], { kernelSize: 3, stride: 2, padding: 1 }],
  [[1, 7, 8, 4], { kernelSize: 3, stride: 1, padding: [0, 1, 1, 0] }],
  [[1, 9, 10, 5], { kernelSize: 3, stride: 2, ceilMode: true }],
  [[1, 11, 9, 4], { kernelSize: [3, 2], stride: [1, 3], dilation: [2, 3], padding: [2, 1] }],
  [[1, 13, 12, 4], { kernelSize: 5, stride: 4, padding: 2 }], // a stride without blocks
  [[1, 9, 9, 2], { kernelSize: 2, stride: 5, dilation: 3 }],
  [[1, 20, 19, 4], { kernelSize: [17, 16], stride: 2 }], // more taps than a byte numbers
  [[1, 1, 1, 4], { kernelSize: 1 }],
];
const AVERAGE: [Shape, AvgPoolOptions][] = [
  [[2, 6, 7, 3], { kernelSize: 2 }],
  [[1, 9, 9, 8], { kernelSize: 3, stride: 2, padding: 1 }],
  [[1, 9, 9, 8], { kernelSize: 3, stride: 2, padding: 1, countIncludePad: false }],
  [[1, 8, 9, 4], { kernelSize: 4, stride: 3, padding: [2, 0, 1, 2], ceilMode: true }],
  [[1, 8, 9, 5], { kernelSize: [3, 2], stride: [4, 1], ceilMode: true, countIncludePad: false }],
];
const ADAPTIVE: [Shape, readonly [number, number]][] = [
  [
    [2, 7, 5, 3],
    [3, 2],
  ],
  [
    [1, 13, 13, 8],
    [6, 6],
  ],
  [
    [1, 3, 4, 4],
    [5, 7],
  ],
  [
    [2, 6, 6, 5],
    [1, 1],
  ],
  [
    [1, 9, 3, 4],
    [1, 3],
  ],
];

onBothDevices(test, 'values and gradients', async (device) => {
  const check = (
    label: string,
    shape: Shape,
    op: (x: Tensor) => Tensor,
    formula: (x: Float64Array) => number[],
  ) =>
    checkOp(device, {
      name: `${label} ${JSON.stringify(shape)}`,
      inputs: [shape],
      op: (x) => op(x!),
      formula: (x) => formula(x!),
    });
  for (const [shape, options] of MAX)
    await check(
      `maxPool2d ${JSON.stringify(options)}`,
      shape,
      (x) => maxPool2d(x, options),
      (x) => maxPoolFormula(x, shape, options),
    );
  for (const [shape, options] of AVERAGE)
    await check(
      `avgPool2d ${JSON.stringify(options)}`,
      shape,
      (x) => avgPool2d(x, options),
      (x) => avgPoolFormula(x, shape, options),
    );
  for (const [shape, size] of ADAPTIVE)
    await check(
      `adaptiveAvgPool2d ${size}`,
      shape,
      (x) => adaptiveAvgPool2d(x, size),
      (x) => adaptiveFormula(x, shape, size),
    );
  for (const shape of [
    [1, 1, 1, 1],
    [2, 7, 5, 3],
    [1, 40, 41, 8],
  ])
    await check('globalAvgPool', shape, globalAvgPool, (x) => adaptiveFormula(x, shape, [1, 1]));
});

/** y and dx of a max-pool over one row of values, dy = 1, 2, 3, … */
async function maxRow(values: number[], channels: 1 | 4): Promise<{ y: number[]; dx: number[] }> {
  const repeat = (row: number[]) => row.flatMap((value) => Array<number>(channels).fill(value));
  const x = tensor(repeat(values), [1, 1, values.length, channels], { requiresGrad: true });
  const y = maxPool2d(x, { kernelSize: [1, 3], stride: [1, 2], padding: [0, 1] });
  y.backward(tensor(repeat(Array.from({ length: y.shape[2]! }, (_, i) => i + 1)), y.shape));
  const everyChannel = (data: ArrayLike<number>) =>
    Array.from(data).filter((_, i) => i % channels === channels - 1);
  return { y: everyChannel(await y.data()), dx: everyChannel(await x.grad!.data()) };
}

// What PyTorch 2.14 answers for F.max_pool2d of one row, kernel 3, stride 2, padding 1, and its gradient.
const [NAN, INF] = [Number.NaN, Number.POSITIVE_INFINITY];
const ROWS: { x: number[]; y: number[]; dx: number[] }[] = [
  { x: [1, 1, 1, 1, 1], y: [1, 1, 1], dx: [1, 2, 0, 3, 0] },
  { x: [NAN, 5, 2, 3, 4], y: [NAN, 5, 4], dx: [1, 2, 0, 0, 3] },
  { x: [NAN, NAN, 2, NAN, 4], y: [NAN, NAN, NAN], dx: [0, 1, 0, 5, 0] },
  { x: [-INF, -INF, -INF, -INF, -INF], y: [-INF, -INF, -INF], dx: [1, 2, 0, 3, 0] },
  { x: [-INF, INF, INF, 0, -1], y: [INF, INF, 0], dx: [0, 3, 0, 3, 0] },
];

test('the first maximum takes the gradient, the last NaN, and −∞ is a value', async () => {
  const device = await testDevice();
  for (const { x, y, dx } of ROWS)
    for (const channels of [1, 4] as const) assert.equal(await maxRow(x, channels), { y, dx }, `${x}`);
  device.close();
});

test('the average of a long picture has the same bits in a batch of twelve and in one of two', async () => {
  const device = await testDevice();
  const size = 112 * 112 * 8;
  const values = pseudo('pictures', 12 * size);
  const average = async (count: number): Promise<Float32Array> => {
    const x = tensor(values.slice((12 - count) * size), [count, 112, 112, 8]);
    return (await globalAvgPool(x).data()) as Float32Array;
  };
  assert.equal(await average(2), (await average(12)).slice(-16));
  device.close();
});

test('windows and paddings that make no sense get a sentence', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(36), [1, 3, 3, 4]);
  assert.throws(() => maxPool2d(x, { kernelSize: 3, padding: 2 }), 'more than half of the 3×3 window');
  assert.throws(() => avgPool2d(x, { kernelSize: 2, padding: 2 }), 'more than half of the 2×2 window');
  assert.throws(() => maxPool2d(x, { kernelSize: 4 }), 'does not fit into [1,3,3,4]');
  assert.throws(() => adaptiveAvgPool2d(x, 0), 'must be whole numbers of at least 1');
  assert.throws(() => globalAvgPool(tensor([1], [1])), 'the input is [N, H, W, C], not [1]');
  device.close();
});

test('more pictures, and more rows, than a dimension has workgroups', async () => {
  const device = await testDevice();
  for (const shape of [
    [66_000, 2, 2, 1],
    [1, 132_000, 2, 1],
  ]) {
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, index) => index);
    const x = tensor(values, shape, { device, requiresGrad: true, owned: true });
    const y = maxPool2d(x, { kernelSize: 2 });
    // Four neighbours a window, in both shapes: the last is the largest.
    const expected = Float32Array.from({ length: y.size }, (_, window) => 4 * window + 3);
    assert.equal(await y.data(), expected);
    scope(() => sum(y).backward());
    assert.equal(
      await x.grad!.data(),
      values.map((index) => (index % 4 === 3 ? 1 : 0)),
    );
  }
  device.close();
});

test('max-pool without a gradient has the bits of max-pool with one, NaNs and infinities too', async () => {
  const device = await testDevice();
  for (const [shape, options] of [
    [[2, 13, 14, 8], { kernelSize: 3, stride: 2, padding: 1 }],
    [[1, 40, 9, 3], { kernelSize: 3, stride: 2, ceilMode: true }],
    [[3, 9, 12, 4], { kernelSize: 3, stride: 1, padding: 1 }],
    [[1, 11, 7, 5], { kernelSize: [4, 2], stride: [3, 1], padding: [2, 1] }],
    [[2, 8, 8, 4], { kernelSize: 4, stride: 1, padding: 2, ceilMode: true }],
    [[1, 9, 9, 4], { kernelSize: 2, stride: 3 }],
    [[1, 12, 12, 4], { kernelSize: 3, stride: 2, dilation: 2, padding: 1 }],
    [[1, 12, 12, 4], { kernelSize: 5, stride: 2, padding: 2 }],
  ] as [Shape, MaxPoolOptions][]) {
    const values = pseudo(`bits of [${shape}]`, sizeOf(shape));
    for (const [index, value] of [NaN, Infinity, -Infinity, 0, -0].entries())
      for (let i = index; i < values.length; i += 37) values[i] = value;
    const bits = async (requiresGrad: boolean): Promise<number[]> => {
      const x = tensor(values, shape, { device, requiresGrad });
      const y = requiresGrad ? maxPool2d(x, options) : noGrad(() => maxPool2d(x, options));
      return Array.from(new Uint32Array(Float32Array.from(await y.data()).buffer));
    };
    assert.equal(await bits(false), await bits(true), `[${shape}] ${JSON.stringify(options)}`);
  }
  device.close();
});

test.run();
