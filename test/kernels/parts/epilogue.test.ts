/**
 * A norm in the last line of a convolution is the norm's own pass, to the bit, in every row of the table; and like that
 * it keeps its digits where the mean is far from zero.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { batchNorm, conv2d } from '../../../src/kernels/index.ts';
import { type Shape, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudo, pseudoFill } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { testDevice } from '../../helpers/device.ts';

const test = suite('kernels/parts/epilogue');
const device = await testDevice();
test.after(() => device.close());

/** Rows, each with a convolution that it computes. */
const ROWS: [row: string, x: Shape, w: Shape, groups: number][] = [
  ['tile', [2, 5, 6, 8], [1, 1, 8, 12], 1],
  ['tile', [2, 5, 6, 3], [3, 3, 3, 5], 1],
  ['workgroup', [2, 5, 6, 3], [3, 3, 3, 5], 1],
  ['winograd', [2, 7, 6, 8], [3, 3, 8, 12], 1],
  ['depthwise', [2, 5, 6, 6], [3, 3, 1, 6], 6],
  ['plain', [2, 5, 6, 9], [3, 3, 3, 6], 3],
];

interface Norm {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
  eps: number;
}

function normOf(
  channels: number,
  mean: number,
): Norm & { values: Record<'gamma' | 'beta' | 'mean' | 'variance', Float32Array> } {
  const values = {
    gamma: pseudo('gamma', channels),
    beta: pseudo('beta', channels),
    mean: pseudoFill('mean', channels, { offset: mean }),
    variance: pseudoFill('variance', channels, { offset: 1, scale: 0.5 }),
  };
  const vector = (array: Float32Array) => tensor(array, [channels], { device });
  const [weight, bias] = [vector(values.gamma), vector(values.beta)];
  return {
    weight,
    bias,
    runningMean: vector(values.mean),
    runningVar: vector(values.variance),
    eps: 1e-5,
    values,
  };
}

for (const [row, shape, kernel, groups] of ROWS)
  test(`${row} ${shape}: the bits of convolution, norm and activation one after the other`, async () => {
    device.choices = { get: () => row };
    const x = tensor(
      pseudo(
        'x',
        shape.reduce((a, b) => a * b),
      ),
      shape,
      { device },
    );
    const w = tensor(
      pseudo(
        'w',
        kernel.reduce((a, b) => a * b),
      ),
      kernel,
      { device },
    );
    const norm = normOf(kernel[3]!, 3);
    const apart = conv2d(x, w, { groups, padding: 1 });
    const residual = tensor(pseudo('residual', apart.size), apart.shape, { device });
    const expected = batchNorm(apart, { ...norm, training: false, activation: 'relu', residual });
    const fused = conv2d(x, w, { groups, padding: 1, norm, activation: 'relu', residual });
    device.choices = null;
    assert.equal(await fused.data(), await expected.data());
  });

test('sums about a mean of 4096 lose nothing', async () => {
  const channels = 8;
  const { values, ...norm } = normOf(channels, 4096);
  const shape = [1, 6, 6, channels];
  const x = pseudoFill('x', 36 * channels, { offset: 4096 });
  const identity = Float32Array.from({ length: channels ** 2 }, (_, i) => Number(i % (channels + 1) === 0));
  const expected = Float64Array.from(x, (value, i) => {
    const c = i % channels;
    const scale = values.gamma[c]! / Math.sqrt(values.variance[c]! + norm.eps);
    return (value - values.mean[c]!) * scale + values.beta[c]!;
  });
  for (const [row, w, kernel, groups] of [
    ['tile', identity, [1, 1, channels, channels], 1],
    ['plain', identity, [1, 1, channels, channels], 1],
    ['depthwise', new Float32Array(channels).fill(1), [1, 1, 1, channels], channels],
  ] as const) {
    device.choices = { get: () => row };
    const y = conv2d(tensor(x, shape, { device }), tensor(w, kernel, { device }), { groups, norm });
    device.choices = null;
    // sum · scale + (β − mean · scale) is off by 7e-5 here.
    const error = relativeError(await y.data(), expected);
    assert.ok(error < 5e-7, `${row}: off by ${error}`);
  }
});

test.run();
