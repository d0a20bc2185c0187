/**
 * A GPU's numbers on a software adapter: kernels cut their work in other ways (one element an invocation, larger chunks,
 * more slots of the optimiser), and compute the same. Sums in another order differ by rounding.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { HARDWARE } from '../../src/gpu/traits.ts';
import {
  conv2d,
  depthwiseConv2d,
  lrn,
  matmul,
  maxPool2d,
  silu,
  softmax,
  sum,
} from '../../src/kernels/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { AdamW, crossEntropy } from '../../src/nn/index.ts';
import { type Shape, scope, sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { relativeError } from '../helpers/check.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite("a GPU's traits");
const BOUND = 1e-5;

const [own, hardware] = [await testDevice(), await testDevice({ traits: HARDWARE })];

const OPS: [name: string, shapes: Shape[], op: (x: Tensor, w: Tensor) => Tensor][] = [
  ['element-wise', [[3, 70, 70, 9]], silu],
  ['sums', [[3, 5000]], (x) => sum(x, 1)],
  ['softmax', [[5, 3000]], softmax],
  ['lrn', [[2, 9, 9, 30]], (x) => lrn(x, { size: 5 })],
  ['max-pool', [[2, 30, 30, 8]], (x) => maxPool2d(x, { kernelSize: 3, stride: 2 })],
  [
    'matrix product',
    [
      [70, 90],
      [90, 50],
    ],
    matmul,
  ],
  [
    'convolution',
    [
      [2, 20, 20, 16],
      [3, 3, 16, 24],
    ],
    (x, w) => conv2d(x, w, { padding: 1 }),
  ],
  [
    'convolution, stride 2',
    [
      [2, 20, 20, 16],
      [3, 3, 16, 24],
    ],
    (x, w) => conv2d(x, w, { stride: 2 }),
  ],
  [
    'depthwise',
    [
      [2, 40, 40, 16],
      [5, 5, 1, 16],
    ],
    (x, w) => depthwiseConv2d(x, w, { padding: 2 }),
  ],
];

/** The output of an op and the gradients of its inputs. */
async function valuesOf(device: Device, shapes: Shape[], op: (x: Tensor, w: Tensor) => Tensor) {
  const inputs = shapes.map((shape, k) =>
    tensor(pseudo(`traits-${k}`, sizeOf(shape)), shape, { device, requiresGrad: true, owned: true }),
  );
  const y = scope(() => {
    const result = op(inputs[0]!, inputs[1]!);
    result.backward(tensor(pseudo('traits-dy', result.size), result.shape, { device }));
    return result;
  });
  return Promise.all([y, ...inputs.map(({ grad }) => grad!)].map((value) => value.data()));
}

for (const [name, shapes, op] of OPS)
  test(name, async () => {
    const expected = await valuesOf(own, shapes, op);
    const actual = await valuesOf(hardware, shapes, op);
    actual.forEach((values, index) => {
      const error = relativeError(values, expected[index]!);
      assert.ok(error < BOUND, `tensor ${index}: ${error}`);
    });
  });

test('nothing that computes asks whether an adapter is software', () => {
  const asks = /\.software\b|\bisSoftware\b|\bSOFTWARE/;
  for (const folder of ['kernels', 'tensor', 'nn', 'models', 'train'])
    for (const file of readdirSync(new URL(`../../src/${folder}`, import.meta.url), {
      recursive: true,
      encoding: 'utf8',
    }))
      if (file.endsWith('.ts'))
        assert.not.match(
          readFileSync(new URL(`../../src/${folder}/${file}`, import.meta.url), 'utf8'),
          asks,
          `src/${folder}/${file}`,
        );
});

test('three training steps of ResNet-18', async () => {
  const losses = await Promise.all(
    [own, hardware].map(async (device) => {
      const model = buildModel('resnet18', { device, numClasses: 5, seed: 1 });
      model.train();
      const parameters = [...model.namedParameters()].map(([, parameter]) => parameter);
      const optimizer = new AdamW(parameters, { lr: 1e-3 });
      const values: number[] = [];
      for (let step = 0; step < 3; step++) {
        const loss = scope(() => {
          const x = tensor(pseudo(`traits-x-${step}`, 4 * 64 * 64 * 3), [4, 64, 64, 3], { device });
          const result = crossEntropy(model.forward(x), Int32Array.of(0, 1, 2, 3));
          result.backward();
          optimizer.step(result);
          optimizer.zeroGrad();
          return result;
        });
        values.push(await loss.item());
      }
      return values;
    }),
  );
  // The loss after an update shows the update. Two of AdamW's magnify rounding: pictures that differ by one move the losses
  // by 1e-3 and 2e-3, where it turns a ReLU over.
  const error = relativeError(losses[1]!, losses[0]!);
  assert.ok(error < 1e-2, `${losses}`);
});

test.after(() => {
  own.close();
  hardware.close();
});

test.run();
