/**
 * What a gradient formula reads must be what the forward pass saw. Every way to write into a tensor in between makes the
 * backward pass refuse, as PyTorch's does; what the formula does not read may change. On a dry device: nothing here asks
 * for a value but the last test.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { elementwise, program } from '../../src/gpu/index.ts';
import {
  add,
  batchNorm,
  concat,
  conv2d,
  crossEntropy,
  div,
  dropout,
  linear,
  lrn,
  matmul,
  maxPool2d,
  mul,
  relu,
  reshape,
  silu,
  slice,
  softmax,
  sum,
} from '../../src/kernels/index.ts';
import { AdamW, fill, Linear, onDevice, SGD } from '../../src/nn/index.ts';
import { empty, type Shape, scope, setStep, type Tensor, tensor } from '../../src/tensor/index.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('tensor/stale');
const { device } = await dryDevice(PLAIN_DEVICE);

const leaf = (shape: Shape): Tensor => empty(device, shape, { requiresGrad: true, owned: true });

const scribble = program(
  elementwise({
    name: 'scribble',
    bindings: { y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 0; }',
  }),
);

/** One update of `parameter` by another loss. */
function update(parameter: Tensor, Optimizer: typeof SGD | typeof AdamW): void {
  const optimizer = new Optimizer([parameter], { lr: 0.1 });
  sum(parameter).backward();
  optimizer.step();
  optimizer.dispose();
}

/** Everything that writes into a tensor which is there already. */
const WRITERS: Record<string, (x: Tensor) => void> = {
  'a step of SGD': (x) => update(x, SGD),
  'a step of AdamW': (x) => update(x, AdamW),
  'write()': (x) => x.write(new Float32Array(x.size)),
  'write() to a detached tensor': (x) => x.detach().write(new Float32Array(x.size)),
  'write() to another shape of it': (x) => reshape(x, [x.size]).write(new Float32Array(x.size)),
  'fill()': (x) => fill(x, { normal: 1 }),
  "a program of one's own": (x) =>
    device.run(scribble, { bindings: { y: x.buffer }, params: { count: x.size } }),
  'a copy': (x) => device.commands.copy(leaf(x.shape).buffer, 0, x.buffer, 0, 4 * x.size),
  'running statistics': (x) =>
    void batchNorm(empty(device, [4, x.size]), {
      weight: leaf([x.size]),
      bias: leaf([x.size]),
      runningMean: x.alias([x.size]),
      runningVar: empty(device, [x.size]),
      training: true,
    }),
};

for (const [way, write] of Object.entries(WRITERS))
  test(`${way} between forward and backward is noticed`, () => {
    const [a, b] = [leaf([2, 3]), leaf([2, 3])];
    const loss = sum(mul(a, b));
    write(b);
    assert.throws(
      () => loss.backward(),
      /^backward: mul needs b \[2,3\] as it was .* modified by an in-place operation/,
    );
    assert.is(a.grad, null);
  });

test('before the forward pass and after the backward pass everything may be written', () => {
  for (const write of Object.values(WRITERS)) {
    const [a, b] = [leaf([2, 3]), leaf([2, 3])];
    write(b);
    sum(mul(a, b)).backward();
    write(b);
    sum(mul(a, b)).backward();
  }
});

const vector = (): Tensor => empty(device, [4], { owned: true });
const statistics = { runningMean: vector(), runningVar: vector() };
const norm = { weight: leaf([4]), bias: leaf([4]), ...statistics };
const labels = empty(device, [2], { dtype: 'int32', owned: true });
const classWeights = vector();

type Saving = [op: string, saved: (x: Tensor, y: Tensor) => Tensor, forward: (x: Tensor) => Tensor];
const weight = leaf([4, 4]);
const kernel = leaf([1, 1, 4, 4]);

/** Ops, and a tensor that their formula reads. */
const SAVING: Saving[] = [
  ['mul', (x) => x, (x) => mul(x, leaf([4]))],
  ['div', (x) => x, (x) => div(leaf([4]), x)],
  ['relu', (_, y) => y, relu],
  ['silu', (x) => x, silu],
  ['softmax', (_, y) => y, softmax],
  ['lrn', (x) => x, (x) => lrn(x, { size: 3 })],
  ['matmul', () => weight, (x) => matmul(x, weight)],
  ['linear', () => weight, (x) => linear(x, weight)],
  ['linear', (x) => x, (x) => linear(x, weight)],
  ['conv2d', () => kernel, (x) => conv2d(reshape(x, [1, 1, 2, 4]), kernel)],
  ['batchNorm', (x) => x, (x) => batchNorm(x, { ...norm, training: true })],
  ['crossEntropy', (x) => x, (x) => crossEntropy(x, labels)],
  ['crossEntropy', () => labels, (x) => crossEntropy(x, labels)],
  ['crossEntropy', () => classWeights, (x) => crossEntropy(x, labels, { weight: classWeights })],
];

for (const [op, saved, forward] of SAVING)
  test(`${op} notices that what it saved was written to`, () => {
    const x = leaf([2, 4]);
    const y = forward(x);
    const target = saved(x, y);
    target.write(new Float32Array(target.size));
    assert.throws(() => y.backward(empty(device, y.shape)), new RegExp(`^backward: ${op} needs .* in-place`));
  });

test('what the formula does not read may be written to', () => {
  const x = leaf([2, 4]);
  const other = leaf([2, 4]);
  for (const [written, forward] of [
    [other, () => add(x, other)],
    [other, () => concat([x, other], 0)],
    [x, () => slice(x, [[0, 1]])],
    [x, () => mul(x, 2)],
    [x, () => sum(x)],
    [x, () => maxPool2d(reshape(x, [1, 2, 4, 1]), { kernelSize: 2 })],
    [norm.runningMean, () => batchNorm(x, { ...norm, training: false })],
    [norm.weight, () => batchNorm(x, { ...norm, training: false })],
  ] as const) {
    const y = forward();
    written.write(new Float32Array(written.size));
    y.backward(empty(device, y.shape));
  }
});

test('a frozen weight that is written to is noticed by the gradient that goes through it', () => {
  const layer = onDevice(device, () => new Linear(4, 4));
  layer.weight.requiresGrad = false;
  const y = layer.forward(leaf([2, 4]));
  layer.initialise(3);
  assert.throws(() => y.backward(empty(device, y.shape)), /^backward: linear needs w \[4,4\]/);
});

test('in a loop that updates after each backward pass nothing is stale', () => {
  const layer = onDevice(device, () => new Linear(4, 4));
  const optimizer = new AdamW(layer.parameters(), { lr: 0.1 });
  for (let step = 0; step < 3; step++)
    scope(() => {
      const first = crossEntropy(layer.forward(empty(device, [2, 4])), [0, 1]);
      const second = crossEntropy(layer.forward(empty(device, [2, 4])), [2, 3]);
      first.backward();
      second.backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
});

test('a backward pass after a step drops what its forward pass dropped', async () => {
  const real = await testDevice();
  const x = tensor(new Float32Array(256).fill(1), [256], { requiresGrad: true });
  setStep(real, 1);
  const first = dropout(x, 0.5, { training: true });
  setStep(real, 2);
  const second = dropout(x, 0.5, { training: true });
  setStep(real, 3);
  const gradients: ArrayLike<number>[] = [];
  for (const y of [second, first]) {
    y.backward(tensor(new Float32Array(256).fill(1), [256]));
    gradients.push(await x.grad!.data());
    x.grad!.dispose();
    x.grad = null;
  }
  assert.equal(gradients[0], await second.data());
  assert.equal(gradients[1], await first.data());
  assert.not.equal(gradients[0], gradients[1]);
  real.close();
});

test.run();
