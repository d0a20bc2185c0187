/** Modules: names from attributes, modes, initial values, layers against what they should compute. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  convNormAct,
  cosine,
  DepthwiseConv2d,
  Dropout,
  fill,
  type Init,
  initialise,
  kaimingNormal,
  Linear,
  Module,
  Sequential,
  SqueezeExcitation,
  step,
} from '../../src/nn/index.ts';
import { empty, noGrad, type Shape, scope, sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { normalAt, randomKey, uniformAt } from '../../src/tensor/random.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { relativeError } from '../helpers/check.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('modules');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const values = (name: string, shape: Shape): Tensor => tensor(pseudo(name, sizeOf(shape)), shape, { device });

class Block extends Module {
  readonly conv1 = new Conv2d(4, 4, 3, { padding: 1 });
  readonly downsample = new Sequential([new Conv2d(4, 4, 1, { bias: false }), new BatchNorm2d(4)]);
  readonly branches = [new Linear(2, 3), new Dropout(0.5), new Linear(3, 2, { bias: false })];

  forward(x: Tensor): Tensor {
    return this.downsample.forward(this.conv1.forward(x));
  }
}

test('names come from attributes, buffers are told apart, layouts are known', () => {
  const block = new Block();
  assert.equal(
    [...block.namedParameters()].map(([name]) => name),
    [
      'conv1.weight',
      'conv1.bias',
      'downsample.0.weight',
      'downsample.1.weight',
      'downsample.1.bias',
      'branches.0.weight',
      'branches.0.bias',
      'branches.2.weight',
    ],
  );
  assert.equal(
    [...block.namedBuffers('net')].map(([name]) => name),
    ['net.downsample.1.running_mean', 'net.downsample.1.running_var'],
  );
  assert.ok([...block.namedParameters()].every(([, { requiresGrad }]) => requiresGrad));
  assert.not([...block.namedBuffers()].some(([, { requiresGrad }]) => requiresGrad));
  assert.is(block.parameterLayout('conv1.weight'), 'conv');
  assert.is(block.parameterLayout('conv1.bias'), 'plain');
  assert.is(block.parameterLayout('branches.0.weight'), 'linear');
  assert.equal(new Linear(8, 2, { after: [2, 2, 2] }).parameterLayout('weight'), { linearAfter: [2, 2, 2] });
  assert.throws(() => block.parameterLayout('conv2.weight'), /no parameter called 'conv2.weight'/);
});

test('train and eval reach every module, parameters outlive scopes', async () => {
  const block = scope(() => new Block());
  block.eval();
  assert.ok([...block.namedModules()].every(([, module]) => !module.training));
  block.train();
  assert.ok([...block.namedModules()].every(([, module]) => module.training));
  initialise(block, 0);
  assert.is((await block.conv1.weight.data()).length, 144);
  block.dispose();
  assert.throws(() => block.conv1.weight.buffer, /used after it was freed/);
});

test('initial values are those of the counter-based random numbers, whatever the size', async () => {
  const draws: [Init, (key: number, i: number) => number][] = [
    [{ uniform: 0.5 }, (key, i) => 0.5 * (2 * uniformAt(key, i) - 1)],
    [{ normal: 2 }, (key, i) => 2 * normalAt(key, i)],
    [{ constant: 3 }, () => 3],
  ];
  for (const [init, draw] of draws)
    for (const size of [1, 7, 1001]) {
      const target = empty(device, [size]);
      fill(target, init, 5, 'layer.weight');
      const key = randomKey(5, 'init:layer.weight', 0);
      const expected = Array.from({ length: size }, (_, i) => draw(key, i));
      const error = relativeError(await target.data(), expected);
      // WGSL promises little for cos and log; lavapipe keeps to 1e-6.
      assert.ok(error < 1e-3, `${JSON.stringify(init)} of ${size} values is off by ${error}`);
    }
});

test('the spread of Kaiming and of PyTorch defaults', async () => {
  const conv = new Conv2d(16, 32, 3);
  initialise(conv, 1, (_, attribute) => (attribute === 'weight' ? kaimingNormal(9 * 32) : undefined));
  const weight = (await conv.weight.data()) as Float32Array;
  const deviation = Math.sqrt(weight.reduce((sum, w) => sum + w * w, 0) / weight.length);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / (9 * 32)) - 1) < 0.05);
  const bound = 1 / Math.sqrt(9 * 16);
  const bias = await conv.bias!.data();
  assert.ok(bias.every((b) => Math.abs(b) <= bound) && bias.some((b) => Math.abs(b) > bound / 2));
});

test('a norm starts as the identity of normalised values', async () => {
  const norm = new BatchNorm2d(3);
  initialise(norm, 0);
  for (const [attribute, expected] of [
    ['weight', 1],
    ['bias', 0],
    ['runningMean', 0],
    ['runningVar', 1],
  ] as const)
    assert.equal([...(await norm[attribute].data())], [expected, expected, expected]);
});

test('convNormAct gives the same with and without gradients, with and without a residual', async () => {
  for (const activation of ['none', 'relu', 'relu6', 'silu'] as const)
    for (const withResidual of [false, true]) {
      const conv = new Conv2d(8, 12, 3, { padding: 1, stride: 2, bias: false });
      const norm = new BatchNorm2d(12);
      initialise(new Sequential([conv, norm]), 3);
      norm.runningMean.write(pseudo('mean', 12));
      norm.runningVar.write(pseudo('var', 12).map((v) => v + 1.5));
      norm.weight.write(pseudo('weight', 12).map((v) => v + 1));
      const x = values('x', [2, 6, 6, 8]);
      const residual = withResidual ? values('residual', [2, 3, 3, 12]) : undefined;
      norm.eval();
      const run = (): Tensor => convNormAct(x, conv, norm, activation, residual);
      const before = device.commands.dispatches;
      const fused = noGrad(run);
      const fusedDispatches = device.commands.dispatches - before;
      const recorded = run();
      assert.is(fused.node, null);
      assert.ok(recorded.node);
      assert.ok(
        device.commands.dispatches - before > 2 * fusedDispatches - 1,
        'the fused form takes fewer dispatches',
      );
      const error = relativeError(await fused.data(), await recorded.data());
      assert.ok(error < 1e-5, `${activation}: off by ${error}`);
    }
});

test('fused statistics cannot go stale', async () => {
  const conv = new Conv2d(4, 4, 1, { bias: false });
  const norm = new BatchNorm2d(4);
  initialise(new Sequential([conv, norm]), 3);
  norm.eval();
  const x = values('x', [1, 2, 2, 4]);
  const first = await noGrad(() => convNormAct(x, conv, norm, 'none')).data();
  norm.weight.write(new Float32Array([2, 2, 2, 2]));
  const second = await noGrad(() => convNormAct(x, conv, norm, 'none')).data();
  assert.ok(
    relativeError(
      second,
      first.map((value) => 2 * value),
    ) < 1e-6,
  );
});

test("'same' padding is TensorFlow's: the odd pixel at the bottom and right", () => {
  const cases: [size: number, kernel: number, stride: number, before: number, after: number][] = [
    [224, 3, 2, 0, 1],
    [225, 3, 2, 1, 1],
    [112, 5, 2, 1, 2],
    [7, 5, 1, 2, 2],
    [1, 3, 2, 1, 1],
    [10, 1, 2, 0, 0],
  ];
  for (const [size, kernel, stride, before, after] of cases) {
    const conv = new DepthwiseConv2d(4, kernel, { stride, padding: 'same', bias: false });
    const x = empty(device, [1, size, size, 4]);
    assert.equal(conv.paddingOf(x), [before, after, before, after], `${size} ${kernel} ${stride}`);
    initialise(conv, 0);
    assert.is(conv.forward(x).shape[1], Math.ceil(size / stride));
  }
});

test('squeeze-and-excitation scales channels by σ(fc2(silu(fc1(mean))))', async () => {
  const se = new SqueezeExcitation(8, 2);
  initialise(se, 4);
  const x = values('x', [2, 3, 3, 8]);
  const [data, w1, b1, w2, b2] = await Promise.all(
    [x, se.fc1.weight, se.fc1.bias!, se.fc2.weight, se.fc2.bias!].map((t) => t.data()),
  );
  const expected = new Float64Array(data.length);
  for (let n = 0; n < 2; n++) {
    const mean = Array.from({ length: 8 }, (_, c) => {
      let sum = 0;
      for (let pixel = 0; pixel < 9; pixel++) sum += data[(n * 9 + pixel) * 8 + c];
      return sum / 9;
    });
    const hidden = [0, 1].map((j) => {
      const z = mean.reduce((sum, m, c) => sum + m * w1[c * 2 + j], b1[j]);
      return z / (1 + Math.exp(-z));
    });
    for (let c = 0; c < 8; c++) {
      const z = hidden[0] * w2[c] + hidden[1] * w2[8 + c] + b2[c];
      for (let pixel = 0; pixel < 9; pixel++) {
        const i = (n * 9 + pixel) * 8 + c;
        expected[i] = data[i] / (1 + Math.exp(-z));
      }
    }
  }
  for (const result of [se.forward(x), noGrad(() => se.forward(x))])
    assert.ok(relativeError(await result.data(), expected) < 1e-5);
});

test('schedules', () => {
  const annealing = cosine();
  assert.equal(
    [0, 50, 100, 150].map((at) => Number(annealing(at, 100).toFixed(12))),
    [1, 0.5, 0, 0],
  );
  const warm = cosine({ warmup: 4, final: 0.1 });
  assert.equal(
    [0, 1, 2, 3, 4].map((at) => Number(warm(at, 104).toFixed(12))),
    [0.2, 0.4, 0.6, 0.8, 1],
  );
  assert.is(Number(warm(104, 104).toFixed(12)), 0.1);
  const steps = step({ every: 10, gamma: 0.5 });
  assert.equal(
    [0, 9, 10, 29].map((at) => steps(at, 100)),
    [1, 1, 0.5, 0.25],
  );
  assert.throws(() => step({ every: 0 }), /at least 1/);
});

test('impossible layers are refused', () => {
  assert.throws(() => new Conv2d(6, 8, 3, { groups: 4 }), /6 → 8 channels do not split into 4 groups/);
});

test.run();
