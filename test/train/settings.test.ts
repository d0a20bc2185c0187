/** What the settings of a run lead to: what trains in which phase, at which rate, and what decays. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { BatchNorm2d, type Model } from '../../src/nn/index.ts';
import { fewestPictures } from '../../src/train/batches.ts';
import { freezeFor, optimizerOf, parameterGroups, phasesOf } from '../../src/train/from-settings.ts';
import { BEFORE, epochsOf, type PhaseSettings, type TrainSettings } from '../../src/train/settings.ts';

const test = suite('train/settings');
let device: Device;
test.before(async () => {
  ({ device } = await dryDevice(PLAIN_DEVICE));
});
test.after(() => device.close());

const resnet = (): Model => buildModel('resnet18', { device, numClasses: 2, initialise: false });
const phase = (trainFrom: string, lr = 0.01): PhaseSettings => ({
  trainFrom,
  epochs: 2,
  lr,
  backboneFactor: 0.1,
});
const settingsWith = (changes: Partial<TrainSettings>): TrainSettings => ({
  ...BEFORE,
  data: null,
  model: 'resnet18',
  weights: null,
  phases: [phase('all')],
  trainNorms: false,
  batch: 16,
  ...BEFORE,
  weightDecay: 0.02,
  decayNorms: false,
  labelSmoothing: 0,
  warmup: 0,
  size: 64,
  augmentation: {},
  seed: 0,
  ...changes,
});

// ResNet-18 has 62 parameters: 20 convolutions, 20 norms of two vectors, a matrix and a bias.
const TRAINS: [
  trainFrom: string,
  trainNorms: boolean,
  parameters: number,
  activeNorms: number,
  fewest: number,
][] = [
  ['head', false, 2, 0, 1],
  ['head', true, 2, 0, 1],
  ['layer4', true, 2 + 5 + 10, 5, 2],
  ['layer4', false, 2 + 5, 0, 1],
  ['conv1', false, 2 + 20, 0, 1],
  ['all', false, 2 + 20, 0, 1],
  ['all', true, 62, 20, 2],
];
for (const [trainFrom, trainNorms, parameters, activeNorms, fewest] of TRAINS)
  test(`from ${trainFrom}, norms ${trainNorms ? 'included' : 'frozen'}: ${parameters} parameters train`, () => {
    const model = resnet();
    freezeFor(model, { trainFrom: 'all', trainNorms: true });
    freezeFor(model, { trainFrom: 'head', trainNorms }); // What was frozen before does not matter.
    const { frozenNorms } = freezeFor(model, { trainFrom, trainNorms });
    model.train();
    assert.is([...model.parameters()].filter(({ requiresGrad }) => requiresGrad).length, parameters);
    const active = [...model.namedModules()].filter(([, one]) => one instanceof BatchNorm2d && one.active);
    assert.is(active.length, activeNorms);
    assert.is(fewestPictures(model), fewest);
    assert.is(frozenNorms, trainFrom !== 'head' && !trainNorms);
  });

test('a stage that does not exist is a sentence', () => {
  assert.throws(
    () => freezeFor(resnet(), { trainFrom: 'layer5', trainNorms: true }),
    /there is no stage 'layer5'; the stages are conv1, layer1, .*fc, head, all/,
  );
});

const sizes = (groups: ReturnType<typeof parameterGroups>) =>
  groups.map(({ params, weightDecay, head }) => [[...params].length, weightDecay, head]);

test('groups hold what trains in any phase: the head, then the rest; norms and biases do not decay', () => {
  const groups = (changes: Partial<TrainSettings>) => sizes(parameterGroups(resnet(), settingsWith(changes)));
  assert.equal(groups({ phases: [phase('head')] }), [
    [1, 0.02, true],
    [1, 0, true],
  ]);
  assert.equal(groups({ phases: [phase('head'), phase('layer4')] }), [
    [1, 0.02, true],
    [1, 0, true],
    [5, 0.02, false],
  ]);
  assert.equal(groups({ phases: [phase('layer4'), phase('head')], trainNorms: true }), [
    [1, 0.02, true],
    [1, 0, true],
    [5, 0.02, false],
    [10, 0, false],
  ]);
  assert.equal(
    groups({ trainNorms: true, decayNorms: true }),
    [
      [2, 0.02, true],
      [60, 0.02, false],
    ],
    'as in runs of before: two groups, all of which decays',
  );
});

test('rates fall by a factor a stage towards the input, with the groups of a stage together', () => {
  const settings = settingsWith({
    phases: [phase('head'), { ...phase('layer3'), lr: 0.008, backboneFactor: 0.5 }],
    trainNorms: true,
    lrDecayPerStage: 0.25,
  });
  const model = resnet();
  const groups = parameterGroups(model, settings);
  assert.equal(sizes(groups), [
    [1, 0.02, true],
    [1, 0, true],
    [5, 0.02, false],
    [10, 0, false],
    [5, 0.02, false],
    [10, 0, false],
  ]);
  const optimizer = optimizerOf(model, settings);
  const phases = phasesOf(model, optimizer, settings);
  const rates = [0, 1].map((index) => {
    phases[index].begin!();
    return optimizer.groups.map(({ lr }) => lr);
  });
  assert.equal(rates[0].slice(0, 2), [0.01, 0.01]);
  assert.equal(rates[1], [0.008, 0.008, 0.001, 0.001, 0.00025, 0.00025]);
});

test('a phase that begins freezes and sets the rates; its schedule is its own', () => {
  const model = resnet();
  const settings = settingsWith({ phases: [phase('head', 0.01), phase('layer4', 0.004)], warmup: 0.25 });
  const optimizer = optimizerOf(model, settings);
  const [first, second] = phasesOf(model, optimizer, settings);
  const trains = () => [...model.parameters()].filter(({ requiresGrad }) => requiresGrad).length;
  first.begin!();
  assert.is(trains(), 2);
  assert.equal(
    optimizer.groups.map(({ lr }) => lr),
    [0.01, 0.01, 0.001],
  );
  second.begin!();
  assert.is(trains(), 2 + 5);
  assert.equal(
    optimizer.groups.map(({ lr }) => lr),
    [0.004, 0.004, 0.0004],
  );
  for (const { schedule } of [first, second])
    assert.equal(
      [0, 1, 2, 8].map((step) => schedule!(step, 8)),
      [1 / 3, 2 / 3, 1, 0],
    );
  assert.is(epochsOf(settings), 4);
});

test.run();
