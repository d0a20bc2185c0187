/** Freezing and gradient masks: which parameters get gradients, what frozen stages do in training mode. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { crossEntropy } from '../../src/kernels/index.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  AdamW,
  clipGradNorm,
  type FreezeSpec,
  freeze,
  Linear,
  type Model,
  maskGradient,
  maskOf,
  onDevice,
  SGD,
  unfreeze,
} from '../../src/nn/index.ts';
import { type Shape, scope, setStep, sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('freezing');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const resnet = (): Model => buildModel('resnet18', { device, numClasses: 3 });
const values = (name: string, shape: Shape): Tensor => tensor(pseudo(name, sizeOf(shape)), shape, { device });

/** Forward and backward on two small pictures. */
function backward(model: Model, size = 32): void {
  scope(() => crossEntropy(model.forward(values('x', [2, size, size, 3])), Int32Array.of(0, 2)).backward());
}

const trainable = (model: Model): string[] =>
  [...model.namedParameters()].flatMap(([name, { requiresGrad }]) => (requiresGrad ? [name] : []));

const SPECS: [spec: FreezeSpec, trains: (name: string) => boolean, frozenStages: string[]][] = [
  [{ before: 'layer4' }, (name) => /^(layer4|fc)\./.test(name), ['conv1', 'layer1', 'layer2', 'layer3']],
  [{ before: 'conv1' }, () => true, []],
  [{ except: ['fc'] }, (name) => name.startsWith('fc.'), ['conv1', 'layer1', 'layer2', 'layer3', 'layer4']],
  [
    { except: ['layer3.1', 'conv1'] },
    (name) => /^(layer3\.1|conv1|bn1)\./.test(name),
    ['layer1', 'layer2', 'layer4', 'fc'],
  ],
  [{ match: /bn\d\.|downsample\.1/ }, (name) => !/bn\d\.|downsample\.1/.test(name), []],
  [{ match: (name) => name.endsWith('weight') }, (name) => name.endsWith('bias'), []],
  [{ norms: true }, (name) => !/bn\d\.|downsample\.1/.test(name), []],
];

for (const [spec, trains, frozenStages] of SPECS)
  test(`freeze ${'match' in spec ? spec.match : JSON.stringify(spec)} trains what it should, and only that`, () => {
    const model = resnet();
    const report = freeze(model, spec);
    const names = [...model.namedParameters()].map(([name]) => name);
    assert.equal(trainable(model), names.filter(trains));
    assert.equal(report.frozenStages, frozenStages);
    assert.is(report.frozenParameters + report.trainableParameters, 11_178_051);
    backward(model.train());
    for (const [name, { grad }] of model.namedParameters()) assert.is(grad !== null, trains(name), name);
    model.dispose();
  });

test('a frozen stage keeps its running statistics through train(), the others update theirs', async () => {
  const model = resnet();
  freeze(model, { before: 'layer2' });
  model.train();
  const before = new Map<string, ArrayLike<number>>();
  for (const [name, buffer] of model.namedBuffers()) before.set(name, await buffer.data());
  backward(model);
  for (const [name, buffer] of model.namedBuffers()) {
    const frozen = /^(bn1|layer1)/.test(name); // the stem's norm belongs to conv1
    assert.is(`${await buffer.data()}` === `${before.get(name)}`, frozen, name);
  }
  model.dispose();
});

test('frozen norms keep weights and statistics while their stages train; a network without norms is no mistake', async () => {
  const model = resnet();
  const { frozenNorms, frozenStages } = freeze(model, { norms: true });
  assert.equal([frozenNorms, frozenStages], [true, []]);
  model.train();
  const norms = [...model.tensors()].filter(({ name }) => /bn\d|downsample\.1/.test(name));
  assert.is(norms.length, 80);
  const before = await Promise.all(norms.map(({ tensor }) => tensor.data()));
  backward(model);
  new SGD(model.parameters(), { lr: 0.1 }).step();
  assert.equal(await Promise.all(norms.map(({ tensor }) => tensor.data())), before);
  model.dispose();
  const without = buildModel('alexnet', { device, numClasses: 3, initialise: false });
  assert.is(freeze(without, { norms: true }).frozenParameters, 0);
  without.dispose();
});

test('a frozen prefix records nothing, and unfreezing makes it train', () => {
  const model = resnet();
  freeze(model, { except: ['fc'] });
  const features = model.train().forwardFeatures(values('x', [2, 32, 32, 3]));
  assert.is(features.node, null);
  unfreeze(model);
  assert.is(trainable(model).length, 62);
  assert.ok([...model.namedModules()].every(([, module]) => !module.frozen));
  assert.ok(model.forwardFeatures(values('x', [2, 32, 32, 3])).node);
  model.dispose();
});

test('dropout and stochastic depth are off in frozen stages and on in the others', async () => {
  for (const [name, spec, at, drops] of [
    ['alexnet', { before: 'classifier.6' }, 'classifier.4', false],
    ['alexnet', { before: 'classifier.4' }, 'classifier.4', true],
    ['efficientnet_b0', { except: ['classifier'] }, 'features.7', false],
    ['efficientnet_b0', { before: 'features.6' }, 'features.6', true],
  ] as const) {
    const model = buildModel(name, {
      device,
      numClasses: 3,
      ...(name === 'alexnet' ? {} : { dropPath: 0.9 }),
    });
    freeze(model, spec);
    model.train();
    const shape = name === 'alexnet' ? [8, 4096] : at === 'features.7' ? [8, 2, 2, 192] : [8, 2, 2, 112];
    const results: string[] = [];
    for (const step of [1, 2]) {
      setStep(device, step);
      const y = scope(() => model.forwardStages(values('features', shape), { from: at, through: at }));
      results.push(`${await y.data()}`);
      y.dispose();
    }
    assert.is(results[0] !== results[1], drops, `${name} ${JSON.stringify(spec)}`);
    model.dispose();
    device.trim();
  }
});

test('unknown names give a sentence with the stages', () => {
  const model = resnet();
  assert.throws(
    () => freeze(model, { before: 'layer5' }),
    /no stage 'layer5'; the stages are conv1, layer1, .*fc/,
  );
  assert.throws(() => freeze(model, { except: ['head'] }), /nothing is called 'head'; the stages are conv1/);
  assert.throws(() => freeze(model, { match: /nothing/ }), /nothing\/ names no parameter/);
  model.dispose();
});

test('a mask lets only a part of a layer train', async () => {
  const model = resnet();
  freeze(model, { except: ['layer4', 'fc'] });
  const parameters = new Map(model.namedParameters());
  const conv = parameters.get('layer4.1.conv2.weight')!;
  const linear = parameters.get('fc.weight')!;
  const bias = parameters.get('fc.bias')!;
  const everySecond = Float32Array.from({ length: 512 }, (_, channel) => channel % 2);
  const corner = Float32Array.from({ length: linear.size }, (_, i) => (i < 30 ? 1 : 0));
  maskGradient(conv, everySecond);
  maskGradient(linear, tensor(corner, linear.shape, { device }));
  maskGradient(bias, [0, 1, 0]);
  const before = await Promise.all([conv.data(), linear.data(), bias.data()]);
  const optimizer = new SGD([...parameters.values()], { lr: 0.1, momentum: 0.9, weightDecay: 0.1 });
  for (let step = 0; step < 2; step++) {
    optimizer.zeroGrad();
    backward(model, 64); // a map of 2×2, so that every tap of the last kernel sees something
    optimizer.step();
  }
  const after = await Promise.all([conv.data(), linear.data(), bias.data()]);
  const changed = after.map((data, which) => Array.from(data, (value, i) => value !== before[which][i]));
  assert.not(
    changed[0].some((change, i) => change && i % 2 === 0),
    'masked channels stay',
  );
  assert.ok(changed[0].filter((change) => change).length > conv.size / 4, 'most of the others train');
  assert.not(changed[1].some((change, i) => change && i >= 30));
  assert.ok(changed[1].slice(0, 30).every((change) => change));
  assert.equal(changed[2], [false, true, false]);

  const { live } = device.memory();
  maskGradient(conv, null);
  assert.is(conv.gradHook, null);
  assert.ok(device.memory().live < live, 'the mask is freed');
  unfreeze(model);
  assert.is(maskOf(linear), undefined, 'unfreezing takes masks off');
  maskGradient(linear, corner);
  freeze(model, { except: ['fc'] });
  assert.ok(maskOf(linear), 'freezing leaves them');
  model.resetClassifier(3);
  assert.is(maskOf(linear), undefined, 'a freed parameter has none');
  assert.throws(
    () => maskGradient(conv, [1, 0]),
    /of 2 values for a parameter \[3,3,512,512\]; give \[512\]/,
  );
  assert.throws(() => maskGradient(conv, values('m', [3, 3])), /a mask \[3,3\]/);
  model.dispose();
});

test('what is masked counts in no sum of gradients and in no norm, and is held through both', async () => {
  const layer = onDevice(device, () => new Linear(3, 2));
  const { weight } = layer;
  maskGradient(weight, [0, 1]);
  const before = Array.from(await weight.data());
  const optimizer = new AdamW([weight], { lr: 0.1, weightDecay: 0.1 });
  const x = values('rows', [4, 3]);
  for (const labels of [
    [0, 1, 0, 1],
    [1, 1, 0, 0],
  ])
    scope(() => crossEntropy(layer.forward(x), Int32Array.from(labels)).backward());
  const gradient = Array.from(await weight.grad!.data());
  assert.ok(gradient.every((value, i) => (value === 0) === (i % 2 === 0)));
  const norm = await clipGradNorm([weight], 1e-3).item();
  assert.ok(Math.abs(norm / Math.hypot(...gradient) - 1) < 1e-5);
  optimizer.step();
  const after = Array.from(await weight.data());
  assert.equal(
    after.map((value, i) => value === before[i]),
    [true, false, true, false, true, false],
  );
  optimizer.dispose();
  layer.dispose();
});

test('a new head is trainable, on the same device, and starts at zero', async () => {
  const model = resnet();
  freeze(model, { before: 'fc' });
  const parameter = (wanted: string): Tensor =>
    [...model.namedParameters()].find(([name]) => name === wanted)![1];
  const before = await parameter('conv1.weight').data();
  const { live } = device.memory();
  const old = parameter('fc.weight');
  old.grad = tensor(new Float32Array(old.size), old.shape, { device, owned: true, kind: 'gradient' });
  model.resetClassifier(7);
  assert.ok(old.freed);
  assert.is(old.grad, null);
  assert.is(device.memory().byKind.gradient, 0, 'the gradient of the old head is freed with it');
  assert.ok(device.memory().live >= live, 'the old head is freed, the new one is there');
  assert.equal(trainable(model), ['fc.weight', 'fc.bias']);
  assert.is(model.numClasses, 7);
  for (const name of ['fc.weight', 'fc.bias'])
    assert.ok(Array.from(await parameter(name).data()).every((value) => value === 0));
  assert.equal(await parameter('conv1.weight').data(), before);
  // Random values, where someone wants them.
  model.initialise(1, (name) => model.isHead(name));
  const drawn = Array.from(await parameter('fc.weight').data());
  assert.ok(drawn.some((value) => value !== 0));
  assert.ok(drawn.every((value) => Math.abs(value) <= 1 / Math.sqrt(512)));
  model.dispose();
});

test.run();
