/** Depthwise convolution against its formula in float64: values, gradients, what is fused for inference. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DepthwiseOptions, depthwiseConv2d } from '../../../src/kernels/conv/depthwise-conv2d.ts';
import { windowOf } from '../../../src/kernels/parts/window.ts';
import { noGrad, type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { pseudo, pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp, relativeError } from '../../helpers/check.ts';
import { clampedDevice, onBothDevices, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/depthwise-conv2d');

type Numbers = ArrayLike<number>;

function formula(
  x: Numbers,
  w: Numbers,
  bias: Numbers | undefined,
  shape: Shape,
  kernelSize: readonly [number, number],
  options: DepthwiseOptions,
): Float64Array {
  const [pictures, height, width, channels] = shape as [number, number, number, number];
  const { kernel, stride, dilation, top, left, output } = windowOf('depthwise', shape, kernelSize, options);
  const y = new Float64Array(pictures * output[0] * output[1] * channels);
  let at = 0;
  for (let n = 0; n < pictures; n++)
    for (let oy = 0; oy < output[0]; oy++)
      for (let ox = 0; ox < output[1]; ox++)
        for (let c = 0; c < channels; c++) {
          let sum = bias?.[c] ?? 0;
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++) {
              const iy = oy * stride[0] - top + ky * dilation[0];
              const ix = ox * stride[1] - left + kx * dilation[1];
              if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
              const pixel = x[((n * height + iy) * width + ix) * channels + c]!;
              sum += pixel * w[(ky * kernel[1] + kx) * channels + c]!;
            }
          y[at++] = sum;
        }
  return y;
}

interface Case {
  shape: Shape;
  kernel: number | readonly [number, number];
  bias?: boolean;
  options?: DepthwiseOptions;
}

const CASES: Case[] = [
  { shape: [1, 5, 5, 1], kernel: 3, options: { padding: 1 } },
  { shape: [2, 7, 6, 3], kernel: 3, bias: true, options: { padding: 1 } },
  { shape: [1, 9, 8, 6], kernel: 3, options: { stride: 2, padding: 1 } },
  { shape: [1, 8, 9, 4], kernel: 3, options: { stride: 2, padding: [0, 1, 0, 1] } },
  { shape: [2, 9, 7, 4], kernel: 5, options: { padding: 2 } },
  { shape: [1, 10, 11, 4], kernel: 5, bias: true, options: { stride: 2, padding: [1, 2, 2, 1] } },
  { shape: [1, 8, 8, 2], kernel: 3, options: { stride: 3 } }, // a remainder that no window reaches
  { shape: [1, 9, 9, 2], kernel: 2, options: { stride: [3, 4], padding: 1 } }, // windows with gaps between them
  { shape: [1, 7, 9, 4], kernel: [1, 7], options: { padding: [0, 3] } },
  { shape: [1, 9, 6, 4], kernel: [7, 2], options: { padding: [3, 1], stride: [1, 2] } },
  { shape: [1, 4, 4, 2], kernel: 3, options: { padding: 4 } }, // more padding than kernel
  { shape: [1, 9, 10, 4], kernel: 3, options: { dilation: 2, padding: 2 } },
  { shape: [1, 11, 10, 2], kernel: [3, 2], options: { dilation: [3, 2], stride: 2, padding: [3, 1] } },
  { shape: [5, 1, 1, 6], kernel: 3, options: { padding: 1 } },
  { shape: [1, 33, 3, 130], kernel: 3, options: { padding: 1 } }, // several strips
  { shape: [1, 12, 12, 3], kernel: 9, options: { padding: 4 } }, // by conv2d
  { shape: [1, 13, 12, 2], kernel: 3, options: { dilation: 5, padding: 5 } },
];

onBothDevices(test, 'values and gradients', async (device) => {
  for (const { shape, kernel, bias, options = {} } of CASES) {
    const size = typeof kernel === 'number' ? ([kernel, kernel] as const) : kernel;
    const channels = shape[3]!;
    await checkOp(device, {
      name: `depthwiseConv2d ${JSON.stringify({ shape, kernel, options })}`,
      inputs: [shape, [...size, 1, channels], ...(bias ? [[channels]] : [])],
      op: (x, w, b) => depthwiseConv2d(x!, w!, { ...options, bias: b }),
      formula: (x, w, b) => formula(x!, w!, b, shape, size, options),
    });
  }
});

test('many pictures a lane in the weight gradient', async () => {
  const device = await testDevice();
  const shape = [9, 4, 5, 1024];
  const values = [pseudo('x', sizeOf(shape)), pseudo('w', 9 * 1024), pseudo('dy', sizeOf(shape))] as const;
  const w = tensor(values[1], [3, 3, 1, 1024], { requiresGrad: true });
  depthwiseConv2d(tensor(values[0], shape), w, { padding: 1 }).backward(tensor(values[2], shape));
  // dw of a tap = the convolution of x with a kernel of this tap alone, times dy.
  const taps = [0, 4, 8];
  const computed = await w.grad!.data();
  for (const tap of taps) {
    const kernel = new Float64Array(9 * 1024).fill(1, tap * 1024, (tap + 1) * 1024);
    const seen = formula(values[0], kernel, undefined, shape, [3, 3], { padding: 1 });
    const expected = new Float64Array(1024);
    seen.forEach((pixel, i) => {
      expected[i % 1024]! += pixel * values[2][i]!;
    });
    assert.ok(relativeError(computed.subarray(tap * 1024, (tap + 1) * 1024), expected) < 1e-6);
  }
  device.close();
});

test('norm, residual and activation as the result is written', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    for (const channels of [5, 8])
      for (const stride of [1, 2]) {
        const shape = [2, 7, 6, channels];
        const options = { stride, padding: 1 };
        const [x, w] = [pseudo('x', sizeOf(shape)), pseudo('w', 9 * channels)];
        const plain = formula(x, w, undefined, shape, [3, 3], options);
        const output = [2, ...windowOf('', shape, 3, options).output, channels];
        const [gamma, beta, mean, residual] = ['gamma', 'beta', 'mean', 'residual'].map((name, i) =>
          pseudo(name, i < 3 ? channels : plain.length),
        ) as [Float32Array, Float32Array, Float32Array, Float32Array];
        const variance = pseudoFill('variance', channels, { offset: 1, scale: 0.5 });
        const perChannel = (values: Float32Array) => tensor(values, [channels]);
        const y = depthwiseConv2d(tensor(x, shape), tensor(w, [3, 3, 1, channels]), {
          ...options,
          norm: {
            weight: perChannel(gamma),
            bias: perChannel(beta),
            runningMean: perChannel(mean),
            runningVar: perChannel(variance),
            eps: 1e-3,
          },
          residual: tensor(residual, output),
          activation: 'silu',
        });
        const expected = plain.map((value, i) => {
          const c = i % channels;
          const z =
            ((value - mean[c]!) / Math.sqrt(variance[c]! + 1e-3)) * gamma[c]! + beta[c]! + residual[i]!;
          return z / (1 + Math.exp(-z));
        });
        assert.ok(relativeError(await y.data(), expected) < 1e-6);
      }
    device.close();
  }
});

test('what does not fit gets a sentence', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(36), [1, 3, 3, 4]);
  const w = tensor(new Float32Array(36), [3, 3, 1, 4], { requiresGrad: true });
  assert.throws(
    () => depthwiseConv2d(x, tensor(new Float32Array(27), [3, 3, 1, 3])),
    'input has 4 channels, weight expects 3 (input [1,3,3,4], weight [3,3,1,3])',
  );
  assert.throws(
    () => depthwiseConv2d(x, tensor(new Float32Array(36), [3, 3, 4, 1])),
    'the weight is [kh, kw, 1, C]',
  );
  assert.throws(() => depthwiseConv2d(x, w, { bias: tensor([1], [1]) }), 'bias is [1], but [4] is needed');
  assert.throws(() => depthwiseConv2d(x, w, { activation: 'relu' }), 'for inference');
  assert.equal(noGrad(() => depthwiseConv2d(x, w, { activation: 'relu' })).shape, [1, 1, 1, 4]);
  device.close();
});

test.run();
