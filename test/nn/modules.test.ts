/** Modules: names from attributes, modes, initial values, layers against what they should compute. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { flatten, mul, relu } from '../../src/kernels/index.ts';
import {
  BatchNorm2d,
  Conv2d,
  convNormAct,
  cosine,
  DepthwiseConv2d,
  Dropout,
  fill,
  type Init,
  kaimingNormal,
  kaimingUniform,
  Linear,
  Module,
  manualSeed,
  onDevice,
  parameter,
  Sequential,
  SqueezeExcitation,
  stepDecay,
  torchDefault,
  xavierNormal,
  xavierUniform,
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
    [...block.parameters()],
    [...block.namedParameters()].map(([, parameter]) => parameter),
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
  block.initialise(0);
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
  conv.initialise(1);
  fill(conv.weight, kaimingNormal('out'), 1, 'weight');
  const weight = (await conv.weight.data()) as Float32Array;
  const deviation = Math.sqrt(weight.reduce((sum, w) => sum + w * w, 0) / weight.length);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / (9 * 32)) - 1) < 0.05);
  const bound = 1 / Math.sqrt(9 * 16);
  const bias = await conv.bias!.data();
  assert.ok(bias.every((b) => Math.abs(b) <= bound) && bias.some((b) => Math.abs(b) > bound / 2));
});

/** [drawn with these arguments, the deviation of U(±b) is b/√3, of N its own]: the formulas of torch.nn.init. */
const SPREADS: [name: string, init: Init, shape: Shape, deviation: number][] = [
  ['kaiming_normal_', kaimingNormal(), [3, 3, 16, 32], Math.sqrt(2 / (9 * 16))],
  ['kaiming_normal_, fan_out', kaimingNormal('out'), [3, 3, 16, 32], Math.sqrt(2 / (9 * 32))],
  ['kaiming_uniform_, gain 1', kaimingUniform('in', 1), [64, 80], Math.sqrt(1 / 64)],
  ['xavier_normal_', xavierNormal(), [64, 80], Math.sqrt(2 / (64 + 80))],
  ['xavier_uniform_, gain 2', xavierUniform(2), [3, 3, 16, 32], 2 * Math.sqrt(2 / (9 * 48))],
  ["nn.Linear's own", torchDefault(), [64, 80], 1 / Math.sqrt(3 * 64)],
];
for (const [name, init, shape, deviation] of SPREADS)
  test(`initialisers: ${name} spreads as PyTorch's`, async () => {
    const target = empty(device, shape);
    fill(target, init);
    const drawn = (await target.data()) as Float32Array;
    const found = Math.sqrt(drawn.reduce((sum, w) => sum + w * w, 0) / drawn.length);
    assert.ok(Math.abs(found / deviation - 1) < 0.04, `${found} against ${deviation}`);
  });

test('a layer that stands alone holds its values when it is made: seed and number of creation decide', async () => {
  const draw = async (seed?: number): Promise<number[][]> => {
    if (seed !== undefined) manualSeed(seed);
    const layers = [new Linear(4, 2), new Conv2d(4, 2, 1), new Linear(4, 2)];
    return Promise.all(layers.map(async ({ weight }) => [...(await weight.data())]));
  };
  const [first, again, next, other] = [await draw(7), await draw(7), await draw(), await draw(8)];
  assert.equal(again, first);
  const all = [...first, ...next, ...other].map((values) => values.join());
  assert.is(new Set(all).size, 9, 'no two layers are alike');
  assert.ok([...first, ...next, ...other].flat().every((value) => Math.abs(value) <= 0.5));
  const y = new Sequential([new Linear(4, 3), relu, new BatchNorm2d(3)]).eval().forward(values('x', [2, 4]));
  assert.ok((await y.data()).every(Number.isFinite));
  assert.throws(() => manualSeed(0.5), /integer seed/);
});

test('what weights will overwrite is not filled first', () => {
  const dispatchesOf = (build: () => Module): number => {
    const before = device.commands.dispatches;
    build();
    return device.commands.dispatches - before;
  };
  const filled = dispatchesOf(() => new Block());
  const bare = dispatchesOf(() => onDevice(device, () => new Block(), { initialise: false }));
  const tensors = [...new Block().tensors()].length;
  assert.is(filled - bare, tensors, 'one dispatch for each tensor that gets values');
  assert.is(bare, tensors, "the test device's own: NaN in every buffer that is taken");
});

test('dropout layers that stand alone drop different values', async () => {
  const x = tensor(new Float32Array(64).fill(1), [64], { device });
  const [a, b] = await Promise.all(
    [new Dropout(0.5), new Dropout(0.5)].map((drop) => drop.forward(x).data()),
  );
  assert.not.equal(a, b);
});

test('Sequential takes functions, and names count them', async () => {
  const net = new Sequential([new Conv2d(2, 3, 1), relu, flatten, new Linear(12, 2)]);
  assert.equal(
    [...net.namedParameters()].map(([name]) => name),
    ['0.weight', '0.bias', '3.weight', '3.bias'],
  );
  const [conv, , , linear] = net.layers as [Conv2d, unknown, unknown, Linear];
  const x = values('x', [2, 2, 2, 2]);
  assert.equal(await net.forward(x).data(), await linear.forward(flatten(relu(conv.forward(x)))).data());
  assert.throws(() => new Sequential([conv, null as never]), /entry 1 is neither a module nor a function/);
});

test("a module's own parameters: made with values, drawn anew by name", async () => {
  class Scale extends Module {
    readonly gain = parameter([3], { constant: 2 });
    readonly loose = tensor([1], [1], { requiresGrad: true, owned: true });
    forward(x: Tensor): Tensor {
      return mul(x, this.gain);
    }
  }
  const scale = new Scale();
  const x = values('x', [1, 3]);
  assert.equal(
    [...(await scale.forward(x).data())],
    [...(await x.data())].map((value) => 2 * value),
  );
  assert.equal([...(await scale.gain.data())], [2, 2, 2]);
  assert.throws(
    () => scale.initialise(0),
    /nothing says how 'loose' of Scale starts; make it with parameter/,
  );
  assert.throws(() => parameter([3], kaimingNormal()), /\[3\] is no weight .* give the fan as a number/);
});

test('a norm starts as the identity of normalised values', async () => {
  const norm = new BatchNorm2d(3);
  norm.initialise(0);
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
      new Sequential([conv, norm]).initialise(3);
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
  new Sequential([conv, norm]).initialise(3);
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
    conv.initialise(0);
    assert.is(conv.forward(x).shape[1], Math.ceil(size / stride));
  }
});

test('squeeze-and-excitation scales channels by σ(fc2(silu(fc1(mean))))', async () => {
  const se = new SqueezeExcitation(8, 2);
  se.initialise(4);
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
  const steps = stepDecay({ every: 10, gamma: 0.5 });
  assert.equal(
    [0, 9, 10, 29].map((at) => steps(at, 100)),
    [1, 1, 0.5, 0.25],
  );
  assert.throws(() => stepDecay({ every: 0 }), /at least 1/);
});

test('impossible layers are refused', () => {
  assert.throws(() => new Conv2d(6, 8, 3, { groups: 4 }), /6 → 8 channels do not split into 4 groups/);
});

test.run();
