/** Batch norm against its formula in float64, in training and evaluation, with and without what is fused. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BatchNormOptions, batchNorm } from '../../../src/kernels/norm/batch-norm.ts';
import type { Activation } from '../../../src/kernels/pointwise/activations.ts';
import { sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp, relativeError } from '../../helpers/check.ts';
import { onBothDevices, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/batch-norm');

const EPS = 1e-3;
const ACT: Record<Activation, (z: number) => number> = {
  none: (z) => z,
  relu: (z) => Math.max(z, 0),
  relu6: (z) => Math.min(Math.max(z, 0), 6),
  silu: (z) => z / (1 + Math.exp(-z)),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
};

/** Mean and biased variance of each channel of x [R, C], in two passes. */
function moments(x: ArrayLike<number>, channels: number): { mean: Float64Array; variance: Float64Array } {
  const rows = x.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) mean[i % channels]! += x[i]! / rows;
  for (let i = 0; i < x.length; i++) variance[i % channels]! += (x[i]! - mean[i % channels]!) ** 2 / rows;
  return { mean, variance };
}

interface Case {
  shape: readonly number[];
  training: boolean;
  activation?: Activation;
  residual?: boolean;
  /** Which of x, weight, bias, residual get a gradient; all by default. */
  gradients?: readonly boolean[];
}

const SHAPES: Case[] = [
  [4, 1],
  [3, 5],
  [4, 1, 1, 8],
  [2, 3, 5, 1],
  [2, 7, 5, 6],
  [1, 9, 9, 64],
  [3, 37, 5, 12],
].flatMap((shape) => [true, false].map((training) => ({ shape, training })));
const FUSED: Case[] = (['none', 'relu', 'relu6', 'silu', 'sigmoid'] as const).flatMap((activation) =>
  [true, false].flatMap((training) =>
    [true, false].map((residual) => ({
      shape: [2, 5, 4, activation === 'relu6' ? 7 : 8],
      training,
      activation,
      residual,
    })),
  ),
);
// Frozen weights, frozen inputs, only the residual: other tensors are saved and other programs run.
const FROZEN: Case[] = (['none', 'relu', 'silu'] as const).flatMap((activation) =>
  [
    [true, false, false, false],
    [true, false, false, true],
    [false, true, true, false],
    [false, false, false, true],
  ].flatMap((gradients) =>
    [true, false].map((training) => ({
      shape: [2, 5, 4, 4],
      training,
      activation,
      residual: true,
      gradients,
    })),
  ),
);
FROZEN.push({ shape: [2, 5, 4, 4], training: false, activation: 'relu', gradients: [true, false, false] });

const parameter = (name: string, channels: number, offset: number): Tensor =>
  tensor(pseudoFill(name, channels, { offset, scale: 0.5 }), [channels]);

onBothDevices(test, 'values and gradients', async (device) => {
  for (const { shape, training, activation = 'none', residual, gradients } of [
    ...SHAPES,
    ...FUSED,
    ...FROZEN,
  ]) {
    const channels = shape.at(-1)!;
    const running = { mean: parameter('mean', channels, 0), variance: parameter('variance', channels, 1) };
    const [runningMean, runningVar] = [await running.mean.data(), await running.variance.data()];
    await checkOp(device, {
      name: `batchNorm ${JSON.stringify({ shape, training, activation, residual, gradients })}`,
      inputs: [shape, [channels], [channels], ...(residual ? [shape] : [])],
      values: [
        pseudoFill('x', sizeOf(shape), { scale: activation === 'relu6' ? 6 : 1 }), // cut off at both ends
        pseudoFill('weight', channels, { offset: 1, scale: 0.5 }),
      ],
      gradients,
      op: (x, weight, bias, residual) =>
        batchNorm(x!, {
          weight: weight!,
          bias: bias!,
          runningMean: running.mean,
          runningVar: running.variance,
          training,
          eps: EPS,
          activation,
          residual,
        }),
      formula: (x, weight, bias, residual) => {
        const { mean, variance } = training
          ? moments(x!, channels)
          : { mean: runningMean, variance: runningVar };
        return x!.map((value, i) => {
          const c = i % channels;
          const normalised = (value - mean[c]!) / Math.sqrt(variance[c]! + EPS);
          return ACT[activation](normalised * weight![c]! + bias![c]! + (residual?.[i] ?? 0));
        });
      },
    });
  }
});

/** x with the given offset and scale through a training batch norm: y and the running statistics. */
async function train(shape: readonly number[], fill: { offset?: number; scale?: number }, momentum = 0.1) {
  const channels = shape.at(-1)!;
  const values = pseudoFill(`x${shape}`, sizeOf(shape), fill);
  const options: BatchNormOptions = {
    weight: tensor(new Float32Array(channels).fill(1), [channels]),
    bias: tensor(new Float32Array(channels), [channels]),
    runningMean: tensor(new Float32Array(channels).fill(0.5), [channels]),
    runningVar: tensor(new Float32Array(channels).fill(2), [channels]),
    training: true,
    momentum,
  };
  const y = await batchNorm(tensor(values, shape), options).data();
  const { mean, variance } = moments(values, channels);
  return {
    y,
    expected: Float64Array.from(
      values,
      (v, i) => (v - mean[i % channels]!) / Math.sqrt(variance[i % channels]! + 1e-5),
    ),
    running: { mean: await options.runningMean.data(), variance: await options.runningVar.data() },
    mean,
    variance,
  };
}

test('running statistics take the unbiased variance, at any size', async () => {
  const device = await testDevice();
  for (const [shape, momentum] of [
    [[2, 1, 1, 3], 0.1],
    [[2, 3, 3, 8], 1],
    [[4, 57, 61, 4], 0.01],
    [[1, 200, 300, 3], 0.1],
    [[2, 7, 7, 512], 0.1],
  ] as const) {
    const { y, expected, running, mean, variance } = await train(shape, {}, momentum);
    const rows = sizeOf(shape) / shape.at(-1)!;
    assert.ok(relativeError(y, expected) < 2e-6, `${shape}`);
    const newMean = mean.map((m) => 0.5 * (1 - momentum) + momentum * m);
    const newVariance = variance.map((v) => 2 * (1 - momentum) + (momentum * v * rows) / (rows - 1));
    assert.ok(relativeError(running.mean, newMean) < 2e-6, `${shape}`);
    assert.ok(relativeError(running.variance, newVariance) < 2e-6, `${shape}`);
  }
  device.close();
});

test('a mean far from zero costs no digits of the variance', async () => {
  const device = await testDevice();
  for (const offset of [1000, -30000]) {
    const { running, variance } = await train([8, 33, 31, 8], { offset }, 1);
    const unbiased = variance.map((v) => (v * 8 * 33 * 31) / (8 * 33 * 31 - 1));
    assert.ok(relativeError(running.variance, unbiased) < 1e-6);
  }
  device.close();
});

test('refuses what PyTorch refuses, in a sentence', async () => {
  const device = await testDevice();
  const four = tensor([1, 1, 1, 1], [4]);
  const options = { weight: four, bias: four, runningMean: four, runningVar: four, training: true };
  const x = tensor(new Float32Array(8), [2, 1, 1, 4]);
  assert.throws(
    () => batchNorm(tensor([1, 2, 3, 4], [1, 1, 1, 4]), options),
    'expected more than 1 value per channel when training, got input size [1,1,1,4]',
  );
  assert.throws(
    () => batchNorm(tensor([1, 2, 3], [1, 3]), options),
    'the input [1,3] has 3 channels, weight has the shape [4]',
  );
  assert.throws(() => batchNorm(x, { ...options, residual: four }), 'the residual has the shape [4]');
  assert.throws(() => batchNorm(four, options), 'the input is [..., C], not [4]');
  device.close();
});

test.run();
