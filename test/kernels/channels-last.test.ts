/** Pictures with channels first, or without a batch: ops and networks say so and name the way out. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import {
  adaptiveAvgPool2d,
  batchNorm,
  conv2d,
  depthwiseConv2d,
  maxPool2d,
  pad,
  permute,
  reshape,
  resize,
} from '../../src/kernels/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { noGrad, type Shape, sizeOf, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('kernels/channels-last');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const statistics = (channels: number) => {
  const [weight, bias, runningMean, runningVar] = [0, 1, 2, 3].map(() => zeros([channels]));
  return { weight: weight!, bias: bias!, runningMean: runningMean!, runningVar: runningVar! };
};

const FIRST =
  'looks like [N, C, H, W], and channels come last here, [N, H, W, C]: permute(x, [0, 2, 3, 1]) makes it';
const WITHOUT_BATCH: Record<string, (x: Tensor) => Tensor> = {
  conv2d: (x) => conv2d(x, zeros([3, 3, 3, 4])),
  maxPool2d: (x) => maxPool2d(x, { kernelSize: 2 }),
  adaptiveAvgPool2d: (x) => adaptiveAvgPool2d(x, [1, 1]),
  pad: (x) => pad(x, [1, 1, 1, 1]),
  resize: (x) => resize(x, [4, 4], { interpolation: 'bilinear' }),
};

const CASES: [name: string, shape: Shape, run: (x: Tensor) => Tensor, expected: string][] = [
  ['conv2d', [2, 3, 8, 9], (x) => conv2d(x, zeros([3, 3, 3, 4])), `${FIRST} [2,8,9,3]`],
  ['depthwiseConv2d', [2, 6, 8, 9], (x) => depthwiseConv2d(x, zeros([3, 3, 1, 6])), `${FIRST} [2,8,9,6]`],
  [
    'batchNorm',
    [2, 6, 8, 9],
    (x) => batchNorm(x, { ...statistics(6), training: true }),
    `${FIRST} [2,8,9,6]`,
  ],
  ...['resnet18', 'alexnet', 'efficientnet_lite0'].map(
    (name) =>
      [
        `${name}.forward`,
        [1, 3, 96, 96],
        (x: Tensor) => noGrad(() => buildModel(name, { numClasses: 2, initialise: false }).eval().forward(x)),
        `${FIRST} [1,96,96,3]`,
      ] as [string, Shape, (x: Tensor) => Tensor, string],
  ),
  ...Object.entries(WITHOUT_BATCH).flatMap(([name, run]): typeof CASES => [
    [
      name,
      [8, 9, 3],
      run,
      `${name}: the input is [N, H, W, C], not [8,9,3]; one picture is a batch of one: reshape(x, [1,8,9,3])`,
    ],
    [
      `${name}, channels first`,
      [3, 8, 9],
      run,
      'and channels come last here: permute(…, [0, 2, 3, 1]) behind it gives [1,8,9,3]',
    ],
  ]),
];
for (const [name, shape, run, expected] of CASES)
  test(`${name} of [${shape}]`, () => {
    const x = tensor(new Float32Array(sizeOf(shape)), shape);
    assert.throws(() => run(x), expected);
  });

test('other channels get no hint that does not fit', () => {
  assert.throws(
    () => conv2d(zeros([2, 4, 8, 9]), zeros([3, 3, 3, 4])),
    (error: Error) => !error.message.includes('permute'),
  );
});

test('what the sentences name leads to the same result', async () => {
  const data = Float32Array.from({ length: 3 * 4 * 5 }, (_, i) => i);
  const w = tensor([1, 10, 100], [1, 1, 3, 1]);
  const first = permute(reshape(tensor(data, [3, 4, 5]), [1, 3, 4, 5]), [0, 2, 3, 1]);
  const expected = Array.from({ length: 20 }, (_, i) => i + 10 * (i + 20) + 100 * (i + 40));
  assert.equal([...(await conv2d(first, w).data())], expected);
});

test.run();
