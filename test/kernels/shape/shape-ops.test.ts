/** reshape, flatten, permute, pad, concat, slice: where every value goes, and back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Margins, pad } from '../../../src/kernels/image/pad.ts';
import { mul } from '../../../src/kernels/pointwise/broadcast.ts';
import { concat } from '../../../src/kernels/shape/concat.ts';
import { permute } from '../../../src/kernels/shape/permute.ts';
import { flatten, reshape } from '../../../src/kernels/shape/reshape.ts';
import { type SliceRange, slice } from '../../../src/kernels/shape/slice.ts';
import { type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/shape-ops');

const PADS: [Shape, Margins, number][] = [
  [[1, 3, 4, 3], [1, 1, 1, 1], 0],
  [[2, 4, 3, 5], [0, 1, 0, 1], 0],
  [[2, 3, 5, 8], [2, 0, 1, 3], -2.5],
  [[1, 2, 4, 3], [0, 0, 4, 0], 1], // rows of 12 and 24: aligned without channels that are
  [[1, 2, 3, 2], [1, 0, 1, 0], 7], // rows of 6 become 8: quadruples from single values
  [[1, 1, 1, 1], [3, 2, 1, 4], 0],
  [[3, 2, 2, 4], [0, 0, 0, 0], 9],
];

/** y[n, h, w, c] of the padding, by its definition. */
function padded(x: Float64Array, [n, h, w, c]: Shape, [top, bottom, left, right]: Margins, value: number) {
  const y: number[] = [];
  for (let image = 0; image < n!; image++)
    for (let row = -top; row < h! + bottom; row++)
      for (let column = -left; column < w! + right; column++)
        for (let channel = 0; channel < c!; channel++) {
          const inside = row >= 0 && row < h! && column >= 0 && column < w!;
          y.push(inside ? x[((image * h! + row) * w! + column) * c! + channel]! : value);
        }
  return y;
}

const CONCATS: [number, ...Shape[]][] = [
  [0, [2, 3], [4, 3]],
  [1, [2, 3], [2, 5], [2, 1]],
  [-1, [2, 3, 3, 4], [2, 3, 3, 8]],
  [3, [2, 3, 3, 5], [2, 3, 3, 2]],
  [1, [2, 3, 4, 5], [2, 1, 4, 5]],
  [0, [7]],
  [0, [4], [8], [4], [1]],
];

function joined(xs: Float64Array[], shapes: Shape[], axis: number): number[] {
  const front = axis < 0 ? axis + shapes[0]!.length : axis;
  const outer = sizeOf(shapes[0]!.slice(0, front));
  const y: number[] = [];
  for (let o = 0; o < outer; o++)
    for (const x of xs) y.push(...x.slice((o * x.length) / outer, ((o + 1) * x.length) / outer));
  return y;
}

const SLICES: [Shape, SliceRange[]][] = [
  [[7, 3], [[0, 4]]],
  [[7, 3], [[2, 6]]],
  [[8, 4], [[1, -1]]], // quadruples, from another start
  [[9], [[-4, -1]]],
  [
    [1, 1, 12, 8],
    [[], [], [0, 8]],
  ], // the first places of an axis behind axes of one
  [
    [1, 1, 12, 8],
    [[], [], [0, 8], [0, 4]],
  ],
  [
    [5, 5, 1, 6],
    [[1, -1], [1, -1], [], [0, 3]],
  ],
  [
    [2, 5, 6, 8],
    [[1], [0, 4], [2, 5], [4, 8]],
  ],
  [
    [3, 5, 6, 8],
    [[1], [0, 4], [2, 5], [4, 8]],
  ],
  [
    [3, 4, 5],
    [[], [1, 2], [0, 3]],
  ],
  [
    [2, 3],
    [[], []],
  ],
  [
    [3, 2, 1, 3, 2, 4],
    [[0, 2], [], [], [1], [0, 1]],
  ],
];

function cutOut(x: Float64Array, shape: Shape, ranges: SliceRange[]): number[] {
  let places: number[] = [0];
  shape.forEach((size, axis) => {
    const along = Array.from({ length: size }, (_, i) => i).slice(...(ranges[axis] ?? []));
    places = places.flatMap((place) => along.map((i) => place * size + i));
  });
  return places.map((place) => x[place]!);
}

for (const open of [testDevice, clampedDevice]) {
  test(`slice (${open.name})`, async () => {
    const device = await open();
    for (const [shape, ranges] of SLICES)
      await checkOp(device, {
        name: `slice [${shape}] ${JSON.stringify(ranges)}`,
        inputs: [shape],
        op: (x) => slice(x, ranges),
        formula: (x) => cutOut(x, shape, ranges),
      });
    device.close();
  });

  test(`pad (${open.name})`, async () => {
    const device = await open();
    for (const [shape, margins, value] of PADS)
      await checkOp(device, {
        name: `pad [${shape}] by ${margins}`,
        inputs: [shape],
        op: (x) => pad(x, margins, value),
        formula: (x) => padded(x, shape, margins, value),
      });
    device.close();
  });

  test(`concat (${open.name})`, async () => {
    const device = await open();
    for (const [axis, ...inputs] of CONCATS)
      for (const gradients of [inputs.map(() => true), inputs.map((_, index) => index === inputs.length - 1)])
        await checkOp(device, {
          name: `concat ${inputs.join(' ')} along ${axis}`,
          inputs,
          gradients,
          op: (...xs) => concat(xs, axis),
          formula: (...xs) => joined(xs, inputs, axis),
        });
    device.close();
  });

  test(`reshape and flatten (${open.name})`, async () => {
    const device = await open();
    const cases: [Shape, Shape][] = [
      [
        [2, 3, 4],
        [4, 6],
      ],
      [[2, 6, 5, 1], [-1]],
      [
        [2, 6],
        [3, -1, 2],
      ],
      [[1], []],
    ];
    for (const [from, to] of cases)
      await checkOp(device, {
        name: `reshape [${from}] to [${to}]`,
        inputs: [from],
        op: (x) => reshape(x, to),
        formula: (x) => x,
      });
    for (const startDim of [0, 1, 2, -1])
      await checkOp(device, {
        name: `flatten from ${startDim}`,
        inputs: [[2, 3, 4, 5]],
        op: (x) => flatten(x, startDim),
        formula: (x) => x,
      });
    device.close();
  });
}

/** The gradient of Σ y·dy goes back through the inverse order; orders of two and three axes are their own or another's. */
const ORDERS: [Shape, number[]][] = [
  [[5], [0]],
  [
    [3, 4],
    [1, 0],
  ],
  [
    [2, 3, 5],
    [2, 0, 1],
  ],
  [
    [2, 3, 4, 5],
    [0, 2, 3, 1],
  ],
  [
    [2, 3, 4, 5],
    [0, -1, 1, 2],
  ],
  [
    [3, 2, 1, 4],
    [3, 2, 1, 0],
  ],
];

/** y at (i₀, i₁, …), by its definition. */
function reordered(x: Float64Array, shape: Shape, axes: readonly number[]): number[] {
  const order = axes.map((axis) => (axis + shape.length) % shape.length);
  let places: number[] = [0];
  for (const axis of order) {
    const stride = sizeOf(shape.slice(axis + 1));
    places = places.flatMap((place) => Array.from({ length: shape[axis]! }, (_, i) => place + i * stride));
  }
  return places.map((place) => x[place]!);
}

for (const open of [testDevice, clampedDevice])
  test(`permute, and bits of integers (${open.name})`, async () => {
    const device = await open();
    for (const [shape, axes] of ORDERS)
      await checkOp(device, {
        name: `permute [${shape}] to [${axes}]`,
        inputs: [shape],
        op: (x) => permute(x, axes),
        formula: (x) => reordered(x, shape, axes),
      });
    // Bits that floats would not keep: small integers are subnormal floats, and −1 is a NaN.
    for (const columns of [3, 4]) {
      const [a, b] = [2 * columns, columns].map((count) =>
        Int32Array.from({ length: count }, (_, i) => i - 1),
      );
      const joined = concat([tensor(a!, [2, columns]), tensor(b!, [1, columns])], 0);
      assert.equal(await joined.data(), Int32Array.of(...a!, ...b!));
    }
    for (const range of [
      [0, 2],
      [1, 3],
    ] as const) {
      const bits = slice(tensor(Int32Array.of(1, -1, 2, -2, 3, -3), [3, 2]), [range]);
      assert.equal(await bits.data(), Int32Array.of(1, -1, 2, -2, 3, -3).slice(2 * range[0], 2 * range[1]));
    }
    const integers = permute(tensor([1, -2, 3, -4], [2, 2], { dtype: 'int32' }), [1, 0]);
    assert.equal(await integers.data(), Int32Array.of(1, 3, -2, -4));
    device.close();
  });

test('a prefix of the first axis is the memory that is there', async () => {
  const device = await testDevice();
  const live = () => device.memory().live;
  const atRest = live();
  const x = tensor([1, 2, 3, 4, 5, 6], [3, 2], { requiresGrad: true });
  const before = { live: live(), dispatches: device.commands.dispatches };
  const y = slice(x, [[0, 2]]);
  assert.equal(
    { live: live(), dispatches: device.commands.dispatches },
    before,
    'nothing runs, nothing is taken',
  );
  x.write([6, 5, 4, 3, 2, 1]);
  x.dispose();
  assert.equal(await y.data(), Float32Array.of(6, 5, 4, 3), 'it holds the memory that it shares');
  y.dispose();
  assert.throws(() => y.buffer, /used after it was freed/);
  assert.is(live(), atRest);
  const w = tensor([1, 2, 3, 4], [4], { requiresGrad: true });
  const square = mul(slice(w, [[0, 2]]), slice(w, [[0, 2]]));
  w.write([0, 0, 0, 0]);
  assert.throws(() => square.backward(tensor([1, 1], [2])), /modified by an in-place operation/);
  device.close();
});

test('the shapes that come out', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(120), [2, 3, 4, 5]);
  assert.equal(reshape(x, [6, -1, 2]).shape, [6, 10, 2]);
  assert.equal(flatten(x).shape, [2, 60]);
  assert.equal(flatten(x, -2).shape, [2, 3, 20]);
  assert.equal(flatten(tensor([1], [])).shape, [1]);
  assert.equal(pad(x, [1, 2, 3, 4]).shape, [2, 6, 11, 5]);
  assert.equal(permute(x, [0, 2, 3, 1]).shape, [2, 4, 5, 3]);
  assert.equal(concat([x, x, x], 1).shape, [2, 9, 4, 5]);
  assert.equal(slice(x, [[1], [], [-3, -1]]).shape, [1, 3, 2, 5]);
  device.close();
});

test('what does not fit is a sentence', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(12), [3, 4]);
  const y = tensor(new Float32Array(8), [2, 4]);
  const image = tensor(new Float32Array(16), [1, 2, 2, 4]);
  const cases: [() => unknown, string][] = [
    [() => reshape(x, [5, -1]), 'reshape: [3,4] holds 12 values and cannot become [5,-1]'],
    [() => reshape(x, [13]), 'reshape: [3,4] holds 12 values and cannot become [13]'],
    [() => reshape(x, [-1, -1]), 'reshape: [-1,-1] leaves 2 sizes open, and one can be computed'],
    [() => reshape(x, [-3, -4]), 'reshape: [-3,-4] is no shape; sizes are positive whole numbers'],
    [() => flatten(x, 2), 'flatten: axis 2 does not exist in a tensor of rank 2'],
    [() => pad(x, [1, 1, 1, 1]), 'pad: the input is [N, H, W, C], not [3,4]'],
    [() => pad(image, [1, -1, 0, 0]), 'pad: the margins 1, -1, 0, 0 must be whole numbers of at least 0'],
    [() => permute(x, [0, 0]), 'permute: [0, 0] does not name each of the 2 axes of [3,4] once'],
    [() => permute(x, [0]), 'permute: [0] does not name each of the 2 axes of [3,4] once'],
    [
      () => permute(reshape(x, [1, 1, 1, 3, 4]), [0, 1, 2, 4, 3]),
      'permute: [1,1,1,3,4] has 5 axes, at most 4 can be moved',
    ],
    [() => slice(x, [[], [], []]), 'slice: 3 ranges for [3,4], which has fewer axes'],
    [() => slice(x, [[0, 4]]), 'slice: [0, 4] is no range of axis 0, which has 3 places'],
    [() => slice(x, [[], [-5]]), 'slice: [-5, 4] is no range of axis 1, which has 4 places'],
    [() => slice(x, [[0.5]]), 'slice: [0.5, 3] is no range of axis 0, which has 3 places'],
    [() => slice(x, [[2, 2]]), 'slice: [2, 2] leaves nothing of axis 0'],
    [
      () => slice(tensor(new Float32Array(3 ** 5), [3, 3, 3, 3, 3]), [[1], [1], [1], [1], [1]]),
      'slice: 5 axes of [3,3,3,3,3] are cut, at most 4 can be',
    ],
    [() => concat([], 0), 'concat: there is no tensor to concatenate'],
    [
      () => concat([x, y], 1),
      'concat: tensor 1 is [2,4] and tensor 0 is [3,4]; they may differ in axis 1 only',
    ],
  ];
  for (const [attempt, message] of cases) assert.throws(attempt, message);
  device.close();
});

test.run();
