/** sum and mean over every set of axes, long reductions included, against float64. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sumGroup, sumToChannels } from '../../../src/kernels/parts/partial-sums.ts';
import { mean, sum } from '../../../src/kernels/reduce/reduce.ts';
import { type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { pseudo, pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp, relativeError } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/reduce');

/** Σ x over `axes`, in float64, row-major over the axes that are left. */
function sumOver(x: ArrayLike<number>, shape: Shape, axes: readonly number[]): Float64Array {
  const left = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const y = new Float64Array(sizeOf(left));
  for (let i = 0; i < x.length; i++) {
    let rest = i;
    let index = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (!axes.includes(axis)) index += stride * (rest % shape[axis]!);
      stride *= left[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    y[index]! += x[i]!;
  }
  return y;
}

/** All subsets of 0 … rank − 1 but the empty one. */
const axisSets = (rank: number): number[][] =>
  Array.from({ length: 2 ** rank - 1 }, (_, bits) =>
    Array.from({ length: rank }, (_, axis) => axis).filter((axis) => (bits + 1) & (1 << axis)),
  );

const SHAPES: Shape[] = [[1], [5], [8], [3, 7], [4, 3, 5], [2, 5, 3, 8], [2, 3, 2, 4, 3], [3, 1, 4, 1]];

for (const open of [testDevice, clampedDevice]) {
  test(`sum and mean over every set of axes (${open.name})`, async () => {
    const device = await open();
    for (const shape of SHAPES)
      for (const axes of axisSets(shape.length))
        for (const [op, name] of [
          [sum, 'sum'],
          [mean, 'mean'],
        ] as const) {
          const divisor = name === 'mean' ? axes.reduce((n, axis) => n * shape[axis]!, 1) : 1;
          await checkOp(device, {
            name: `${name} of [${shape}] over ${axes}`,
            inputs: [shape],
            op: (x) => op(x, axes),
            formula: (x) => sumOver(x, shape, axes).map((value) => value / divisor),
          });
        }
    device.close();
  });

  test(`long reductions stay accurate (${open.name})`, async () => {
    const device = await open();
    const cases: [Shape, number[]][] = [
      [[40000], [0]],
      [[39997], [0]],
      [[1_000_000], [0]],
      [[3, 5000], [1]],
      [[3, 5003], [1]],
      [[5000, 3], [0]],
      [[50_000, 8], [0]],
      [[100_001, 1], [0]],
      [[7, 300, 5], [1]],
      [[2, 3000, 64], [1]],
      [
        [2, 100, 100, 3],
        [1, 2],
      ],
      [
        [200, 3, 200],
        [0, 2],
      ],
    ];
    for (const [shape, axes] of cases)
      for (const offset of [0, 1]) {
        const values = pseudoFill(`${shape}`, sizeOf(shape), { offset });
        const y = sum(tensor(values, shape), axes);
        const error = relativeError(await y.data(), sumOver(values, shape, axes));
        assert.ok(error < (offset === 0 ? 1e-5 : 1e-6), `sum of [${shape}] over ${axes}: off by ${error}`);
      }
    device.close();
  });

  test(`sums of products and sums to channels (${open.name})`, async () => {
    const device = await open();
    for (const [outer, reduce, inner] of [
      [1, 1000, 8],
      [2, 77, 5],
      [3, 400, 1],
      [1, 5003, 1],
      [1, 1, 7],
    ] as const) {
      const shape = [outer, reduce, inner];
      const [x, z] = [pseudo('x', sizeOf(shape)), pseudo('z', sizeOf(shape))];
      const options = { outer, reduce, inner, scale: -0.5, times: tensor(z, shape) };
      const y = sumGroup(tensor(x, shape), [outer, inner], options);
      const products = Float64Array.from(x, (value, i) => -0.5 * value * z[i]!);
      const error = relativeError(await y.data(), sumOver(products, shape, [1]));
      assert.ok(error < 1e-5, `[${shape}]: off by ${error}`);
    }
    for (const channels of [1, 3, 64]) {
      const shape = [3, 30, 11, channels];
      const x = pseudo('channels', sizeOf(shape));
      const y = sumToChannels(tensor(x, shape));
      assert.equal(y.shape, [channels]);
      assert.ok(relativeError(await y.data(), sumOver(x, shape, [0, 1, 2])) < 1e-5);
    }
    device.close();
  });
}

test('shapes, negative axes, keepDims', async () => {
  const device = await testDevice();
  const x = tensor(pseudo('x', 120), [2, 3, 4, 5]);
  assert.equal(sum(x).shape, []);
  assert.equal(sum(x, undefined, true).shape, [1, 1, 1, 1]);
  assert.equal(sum(x, -1).shape, [2, 3, 4]);
  assert.equal(mean(x, [1, 2], true).shape, [2, 1, 1, 5]);
  assert.equal(await sum(x, [-3, -1]).data(), await sum(x, [3, 1]).data());
  assert.is(await mean(tensor([2.5], [])).item(), 2.5);
  assert.throws(() => sum(x, 4), 'sum: axis 4 does not exist in a tensor of rank 4');
  assert.throws(() => mean(x, [1, -3]), 'mean: the axes [1,-3] of [2,3,4,5] name an axis twice');
  device.close();
});

test.run();
