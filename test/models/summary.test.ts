/** Layers, stages and totals of networks, found without a GPU, against torchvision's published figures. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { type LayerSummary, summarise } from '../../src/models/summary.ts';
import { buildModel, type ModelOptions } from '../../src/models/table.ts';
import { freeze } from '../../src/nn/index.ts';

const test = suite('summary');
let device: Device;
test.before(async () => {
  ({ device } = await dryDevice(boundless(PLAIN_DEVICE)));
});

const build = (name: string, options: ModelOptions = {}) =>
  buildModel(name, { device, initialise: false, ...options });

/** `num_params` and `_ops` (in 10⁹, at 224²) of torchvision's weights; AlexNet of 2012 counted by hand. */
const TOTALS = [
  ['alexnet', 61_100_840, 0.714],
  ['alexnet_2012', 60_965_224, 0.724],
  ['resnet18', 11_689_512, 1.814],
  ['resnet34', 21_797_672, 3.664],
  ['resnet50', 25_557_032, 4.089],
  ['resnet101', 44_549_160, 7.801],
  ['resnet152', 60_192_808, 11.514],
] as const;

for (const [name, parameters, billions] of TOTALS)
  test(`${name}: parameters and multiply-adds`, () => {
    const summary = summarise(build(name), 224);
    assert.is(summary.parameters, parameters);
    assert.is(summary.trainableParameters, parameters);
    assert.is(Number((summary.multiplyAdds / 1e9).toFixed(3)), billions);
  });

type Row = Partial<LayerSummary>;
const LAYERS: [model: string, name: string, row: Row][] = [
  [
    'resnet18',
    'conv1',
    {
      kind: 'conv 7×7 / 2, 3 → 64',
      output: [112, 112, 64],
      parameters: 9408,
      multiplyAdds: 112 * 112 * 9408,
    },
  ],
  [
    'resnet18',
    'bn1',
    {
      kind: 'batch norm',
      output: [112, 112, 64],
      parameters: 128,
      multiplyAdds: 0,
      activationBytes: 3_211_264,
    },
  ],
  ['resnet18', 'layer2.0.downsample.0', { kind: 'conv 1×1 / 2, 64 → 128', output: [28, 28, 128] }],
  [
    'resnet18',
    'fc',
    { kind: 'linear, 512 → 1000', output: [1000], parameters: 513_000, multiplyAdds: 512_000 },
  ],
  [
    'alexnet_2012',
    'conv2',
    { kind: 'conv 5×5, 96 → 256, 2 groups', output: [27, 27, 256], parameters: 307_456 },
  ],
  [
    'efficientnet_b0',
    'features.2.0.block.1.0',
    { kind: 'depthwise 3×3 / 2, 96', output: [56, 56, 96], parameters: 864, multiplyAdds: 56 * 56 * 864 },
  ],
  [
    'efficientnet_b0',
    'features.2.0.block.2.fc1',
    { kind: 'conv 1×1, 96 → 4', output: [1, 1, 4], parameters: 388, multiplyAdds: 384 },
  ],
];

for (const [model, name, row] of LAYERS)
  test(`${model}: ${name}`, () => {
    const layers = summarise(build(model), 224).stages.flatMap((stage) => stage.layers);
    const found = layers.find((layer) => layer.name === name);
    assert.ok(found, `there is no ${name} among ${layers.map((layer) => layer.name)}`);
    for (const [key, value] of Object.entries(row)) assert.equal(found[key as keyof Row], value, key);
  });

test('stages hold all layers, in order, with what each stage hands over', () => {
  const { stages, parameters } = summarise(build('resnet18'), 224);
  assert.equal(
    stages.map(({ name, output }) => [name, output.join()]),
    [
      ['conv1', '56,56,64'],
      ['layer1', '56,56,64'],
      ['layer2', '28,28,128'],
      ['layer3', '14,14,256'],
      ['layer4', '7,7,512'],
      ['fc', '1000'],
    ],
  );
  assert.equal(
    stages[0]!.layers.map(({ name }) => name),
    ['conv1', 'bn1'],
  );
  assert.is(
    stages.reduce((sum, stage) => sum + stage.parameters, 0),
    parameters,
  );
});

test('every parameter of every kind of network is in a layer', () => {
  for (const name of ['alexnet', 'resnet50', 'efficientnet_b1', 'tf_efficientnet_lite0']) {
    const model = build(name);
    const values = [...model.namedParameters()].reduce((sum, [, { size }]) => sum + size, 0);
    assert.is(summarise(model, 64).parameters, values, name);
  }
});

test('what is frozen is said of layers and stages, and the model is as before', () => {
  const model = build('resnet18', { numClasses: 2 }).train();
  freeze(model, { before: 'layer4' });
  const { stages, trainableParameters } = summarise(model, 224);
  assert.equal(
    stages.map(({ frozen }) => frozen),
    [true, true, true, true, false, false],
  );
  assert.is(trainableParameters, 8_393_728 + 2 * 513);
  assert.is(model.training, true);
});

test('a picture too small for the network is a sentence', () => {
  assert.throws(() => summarise(build('alexnet'), 20), /maxPool2d|conv2d/);
});

test.run();
