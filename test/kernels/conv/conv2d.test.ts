/**
 * What the tables of PyTorch's values and table.test.ts do not reach: the inference epilogue against separate ops; the
 * same bits every time; the sentences.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { add, batchNorm, conv2d } from '../../../src/kernels/index.ts';
import { activate } from '../../../src/kernels/pointwise/activations.ts';
import { noGrad, type Shape, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('conv2d');
const devices = [await testDevice(), await clampedDevice()];

const values = (device: Device, name: string, shape: Shape, requiresGrad = false): Tensor =>
  tensor(pseudo(name, sizeOf(shape)), shape, { device, requiresGrad });

const difference = async (a: Tensor, b: Tensor): Promise<number> =>
  relativeError(await a.data(), await b.data());

for (const device of devices)
  for (const channels of [8, 10, 40])
    test(`norm, residual and activation in the last line equal separate ops: ${channels} channels, subgroups of ${device.traits.lanes}`, async () => {
      const x = values(device, 'x', [2, 9, 9, 40]);
      const w = values(device, 'w', [3, 3, 40, channels]);
      const [weight, bias, runningMean] = ['a', 'b', 'c'].map((name) => values(device, name, [channels]));
      const runningVar = tensor(
        pseudo('d', channels).map((value) => 1.5 + value),
        [channels],
        { device },
      );
      const norm = { weight, bias, runningMean, runningVar, eps: 1e-5 };
      const residual = values(device, 'r', [2, 9, 9, channels]);
      const fused = conv2d(x, w, { padding: 1, norm, residual, activation: 'relu' });
      const plain = batchNorm(conv2d(x, w, { padding: 1 }), { ...norm, training: false });
      assert.ok((await difference(fused, activate(add(plain, residual), 'relu'))) < 1e-5);
      const biased = conv2d(x, w, { padding: 1, bias, activation: 'silu' });
      assert.ok((await difference(biased, activate(add(conv2d(x, w, { padding: 1 }), bias), 'silu'))) < 1e-5);
    });

test('the same bits every time', async () => {
  const [device] = devices;
  const x = values(device, 'x', [8, 28, 28, 32]);
  const w = values(device, 'w', [3, 3, 32, 32], true);
  const gradients: Uint32Array[] = [];
  for (let round = 0; round < 3; round++) {
    w.grad?.dispose();
    w.grad = null;
    conv2d(x, w, { padding: 1 }).backward(x);
    gradients.push(new Uint32Array((await (w.grad as Tensor | null)!.data()).buffer));
  }
  assert.equal(gradients[1], gradients[0]);
  assert.equal(gradients[2], gradients[0]);
});

test('what does not fit is a sentence', () => {
  const [device] = devices;
  const x = values(device, 'x', [1, 8, 8, 3]);
  const w = values(device, 'w', [3, 3, 4, 8]);
  assert.throws(
    () => conv2d(x, w),
    'conv2d: input has 3 channels, weight expects 4 (input [1,8,8,3], weight [3,3,4,8])',
  );
  assert.throws(() => conv2d(x, values(device, 'v', [9, 9, 3, 8])), /window.*does not fit/);
  assert.throws(() => conv2d(x, values(device, 'v', [3, 3, 3, 8]), { groups: 2 }), /groups/);
  assert.throws(() => conv2d(x, values(device, 'v', [3, 3, 3, 8]), { stride: 0 }), /stride/);
  assert.throws(
    () => conv2d(x, values(device, 'v', [3, 3, 3, 8]), { bias: values(device, 'b', [7]) }),
    /bias is \[7\], but \[8\]/,
  );
  const trained = values(device, 'v', [3, 3, 3, 8], true);
  assert.throws(() => conv2d(x, trained, { activation: 'relu' }), /inference/);
  noGrad(() => conv2d(x, trained, { activation: 'relu' }));
});

test('what does not fit gets a sentence', () => {
  const [device] = devices as [Device];
  const x = values(device, 'x', [1, 3, 3, 4]);
  const w = values(device, 'w', [1, 1, 4, 8]);
  const eight = values(device, 'eight', [8]);
  const norm = { weight: eight, bias: eight, runningMean: eight, runningVar: eight, eps: 1e-5 };
  assert.throws(
    () => conv2d(x, w, { norm: { ...norm, runningVar: values(device, 'four', [4]) } }),
    'conv2d: norm.runningVar is [4], but [8] is needed (input [1,3,3,4], weight [1,1,4,8])',
  );
  assert.throws(
    () => conv2d(values(device, 'wide', [1, 1, 70000, 4]), w),
    'a convolution reads heights and widths, kernels, strides, paddings and dilations up to 65,535, not 1 and 70,000',
  );
});

test.after(() => {
  for (const device of devices) device.close();
});
test.run();
