/** The preflight against the real thing: bytes, limits, and the batch that fits. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { heightWidth, type InputSize } from '../../src/data/input-size.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { AdamW, crossEntropy, type Model, SGD } from '../../src/nn/index.ts';
import { plannedBytes } from '../../src/node/memory.ts';
import { noGrad, scope, zeros } from '../../src/tensor/index.ts';
import { asking, type Teacher } from '../../src/train/distil.ts';
import { freezeFor, trainedIn } from '../../src/train/from-settings.ts';
import { type PreflightOptions, preflight, rehearse } from '../../src/train/preflight.ts';
import type { Trains } from '../../src/train/settings.ts';
import { type Schooling, teacherOf } from '../../src/train/teacher.ts';
import { IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { countCreated } from '../helpers/created.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('preflight');
const PLENTY = 2 ** 40;
/** A run of one phase, in which norms train. */
const from = (trainFrom: string): { phases: Trains[] } => ({ phases: [{ trainFrom, trainNorms: true }] });
const BASE: PreflightOptions = {
  device: PLAIN_DEVICE,
  model: 'resnet18',
  batch: 2,
  size: 64,
  ...from('all'),
  budget: PLENTY,
};

const trainable = (model: Model) =>
  [...model.namedParameters()].flatMap(([, parameter]) => (parameter.requiresGrad ? [parameter] : []));

/** The bytes that a device holds after what the preflight rehearses, the most in use, and the last phase's dispatches. */
async function takenOn(
  device: Device,
  { model: name, batch, size, phases, optimizer, teacher }: PreflightOptions,
) {
  const model = buildModel(name, { device });
  const ask = teacher && asking(teacher(device));
  freezeFor(model, phases[0]);
  const trained = trainedIn(model, phases).map(([, parameter]) => parameter);
  const update = optimizer?.(model) ?? new AdamW(trained, { lr: 0 });
  const pictures = () => zeros([batch, ...heightWidth(size), 3], { device });
  const count = { dispatches: 0 };
  device.observe({ dispatch: () => void count.dispatches++ });
  let dispatches = 0;
  for (const phase of phases) {
    freezeFor(model, phase);
    model.train();
    for (let step = 0; step < 2; step++) {
      count.dispatches = 0;
      scope(() => {
        const images = pictures();
        const taught = ask?.(images, [batch, model.numClasses]);
        const logits = model.forward(images);
        const byLabels = crossEntropy(logits, new Int32Array(batch));
        const loss = taught?.(logits, byLabels) ?? byLabels;
        loss.backward();
        update.step(loss);
        update.zeroGrad();
      });
      await device.pace();
    }
    dispatches = count.dispatches;
    model.eval();
    noGrad(() => scope(() => void model.forward(pictures())));
    await device.pace();
  }
  const { live, pooled, peak, byKind } = device.memory();
  return { total: live + pooled - byKind.uniform, peak, dispatches };
}

/** Without the poison of other tests, whose dispatches are no step's. */
const plain = () => testDevice({ poison: false });
const clamped = () => testDevice({ poison: false, limits: 'default', features: 'none' });

const CLASSES = Array.from({ length: 1000 }, (_, index) => `class ${index}`);
const answering = (inputSize: InputSize): Schooling => ({
  preprocessing: { ...IMAGENET_PREPROCESSING, inputSize },
  classes: CLASSES,
});
/** One that sees larger pictures. */
const teacher = (device: Device): Teacher =>
  teacherOf(buildModel('resnet18', { device }), answering(96), answering(BASE.size), 'it');

const REAL: [string, Partial<PreflightOptions>, () => Promise<Device>][] = [
  ['everything trains', {}, plain],
  ['everything trains, default limits', {}, clamped],
  ['the head trains', from('head'), plain],
  [
    'the last stages train by SGD',
    { ...from('layer4'), optimizer: (model) => new SGD(trainable(model), { lr: 0, momentum: 0.9 }) },
    plain,
  ],
  [
    'the head trains, then all but the norms',
    {
      phases: [
        { trainFrom: 'head', trainNorms: false },
        { trainFrom: 'all', trainNorms: false },
      ],
    },
    plain,
  ],
  ['a teacher is asked', { ...from('layer4'), teacher }, plain],
];

for (const [name, changes, open] of REAL)
  test(`${name}: bytes and dispatches are those of a real device`, async () => {
    const device = await open();
    const options = { ...BASE, ...changes, device };
    const { cost, fits } = await preflight(options);
    const { total, peak, dispatches } = await takenOn(device, options);
    device.close();
    assert.ok(fits);
    assert.is(cost!.dispatches, dispatches);
    assert.is(cost!.totalBytes, total);
    assert.is(cost!.peakBytes, peak);
  });

test('the plain abilities are those of a device with default limits', async () => {
  const device = await clamped();
  const { lanes, lanesBy, immediates, f16, workgroupStorage } = PLAIN_DEVICE.traits;
  const traits = { ...device.traits, lanes, lanesBy, immediates, f16, workgroupStorage };
  assert.equal(device.traits, traits);
  const { cost } = await preflight({ ...BASE, device: { ...PLAIN_DEVICE, info: device.info, traits } });
  const { dispatches } = await takenOn(device, BASE);
  device.close();
  assert.is(cost!.dispatches, dispatches);
});

test('the programs that are named are all that a run creates pipelines for', async () => {
  const device = await testDevice({ poison: false });
  const options = { ...BASE, device, phases: [...from('head').phases, ...from('layer4').phases] };
  buildModel(options.model, { device }); // The programs that draw initial values are not a step's.
  const { programs } = await rehearse(options);
  await device.compile(programs);
  const created = countCreated(device, 'pipeline');
  await takenOn(device, options);
  assert.is(created(), 0);
  device.close();
  assert.ok(programs.size > 20);
});

test('freezing shows: nothing is kept before the first stage that trains', async () => {
  const { cost } = await preflight({ ...BASE, ...from('layer3') });
  const { conv1, layer1, layer2, layer3, layer4, fc } = cost!.savedByStage;
  assert.equal([conv1, layer1, layer2], [0, 0, 0]);
  assert.ok(layer3! > 0 && layer4! > 0 && fc! > 0);
  const all = (await preflight(BASE)).cost!;
  assert.ok(cost!.savedBytes < all.savedBytes / 2);
  assert.ok(cost!.flops < all.flops);
  assert.ok(cost!.gradientBytes < all.gradientBytes && cost!.optimizerBytes < all.optimizerBytes);
});

/** Bytes that a forward pass of ResNet-18 keeps for its gradients, without what it keeps of frozen weights. */
async function keptByForward(freeze: (model: Model) => void): Promise<number> {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const model = buildModel('resnet18', { device });
  freeze(model);
  model.train();
  const held = (): number => device.memory().live - device.memory().byKind.derived;
  const before = held();
  const loss = scope(() => crossEntropy(model.forward(zeros([2, 64, 64, 3], { device })), new Int32Array(2)));
  const kept = held() - before;
  loss.dispose();
  device.close();
  return kept;
}

test('a norm that trains behind a frozen convolution keeps its own input, and not that of the convolution', async () => {
  const all = await keptByForward(() => {});
  const norms = await keptByForward((model) => {
    for (const parameter of trainable(model))
      if (parameter.shape.length === 4) parameter.requiresGrad = false;
  });
  // What only convolutions read: pictures, the max-pool's result, and what is between the two of each of eight blocks.
  const picture = 64 * 64 * 3 + 16 * 16 * 64 + 2 * (16 * 16 * 64 + 8 * 8 * 128 + 4 * 4 * 256 + 2 * 2 * 512);
  assert.is(all - norms, 2 * 4 * picture);
});

test('SGD with momentum keeps half of what AdamW keeps', async () => {
  const sgd = (model: Model): SGD => new SGD(trainable(model), { lr: 0, momentum: 0.9 });
  const [adam, half] = [await preflight(BASE), await preflight({ ...BASE, optimizer: sgd })];
  assert.ok(Math.abs(adam.cost!.optimizerBytes / half.cost!.optimizerBytes - 2) < 0.01);
});

const TWELVE_MIB = {
  ...PLAIN_DEVICE.limits,
  maxBufferSize: 12 * 2 ** 20,
  maxStorageBufferBindingSize: 12 * 2 ** 20,
};
const TIGHT: [string, Partial<PreflightOptions>, RegExp][] = [
  [
    'a budget',
    { batch: 64, budget: 256 * 2 ** 20 },
    /a step of 64 pictures takes [\d,]+ MiB, and 256 MiB may be used/,
  ],
  [
    'a binding',
    { batch: 300, size: 112 },
    /^a tensor of conv1 takes 230 MiB, and this adapter binds at most 128 MiB at once$/,
  ],
  [
    'a buffer',
    { batch: 64, device: { ...PLAIN_DEVICE, limits: TWELVE_MIB } },
    /^a tensor of conv1 takes 16 MiB, and this adapter's largest buffer is 12 MiB$/,
  ],
];

for (const [name, changes, sentence] of TIGHT)
  test(`${name} that does not hold a batch: the largest that fits is named`, async () => {
    const options = { ...BASE, ...changes };
    const { fits, problem, largestBatch } = await preflight(options);
    assert.not(fits);
    assert.match(problem!, sentence);
    assert.ok(largestBatch! > 0 && largestBatch! < options.batch);
    assert.ok((await preflight({ ...options, batch: largestBatch! })).fits);
    assert.not((await preflight({ ...options, batch: largestBatch! + 1 })).fits);
  });

test('what is planned with are whole bytes', () => {
  assert.is(plannedBytes({ bytes: 25276514304, from: 'machine' }, true), 20221211443);
});

test('where nothing fits, neither a batch nor smaller pictures are named', async () => {
  const { fits, largestBatch, smaller } = await preflight({ ...BASE, budget: 2 ** 20 });
  assert.not(fits);
  assert.is(largestBatch, 0);
  assert.is(smaller, null);
});

test('where no batch fits, smaller pictures are named with the batch of them that fits', async () => {
  const options = { ...BASE, size: 448, batch: 8, budget: 282 * 2 ** 20 };
  const { largestBatch, smaller } = await preflight(options);
  assert.is(largestBatch, 0);
  const { size, batch } = smaller!;
  assert.ok((await preflight({ ...options, size, batch })).fits);
  // The search finds the optimiser's state in memory, which a first step puts where its forward pass left room (22 MiB here).
  const beyond = { ...options, budget: options.budget - 24 * 2 ** 20 };
  assert.not((await preflight({ ...beyond, size, batch: batch + 1 })).fits);
  assert.not((await preflight({ ...beyond, size: Number(size) + 32, batch: 2 })).fits);
});

test('one picture a step is the least where norms are frozen, two where they train', async () => {
  const few = { ...BASE, batch: 4 };
  const frozen = { ...few, phases: [{ trainFrom: 'all', trainNorms: false }] };
  for (const [options, fewest] of [
    [few, 2],
    [frozen, 1],
  ] as const) {
    const { cost } = await preflight({ ...options, batch: fewest });
    const tight = await preflight({ ...options, budget: cost!.totalBytes });
    assert.equal([tight.fewest, tight.fits, tight.largestBatch], [fewest, false, fewest]);
    const tighter = await preflight({ ...options, budget: cost!.totalBytes - 1 });
    assert.is(tighter.largestBatch, 0);
  }
});

test('every phase has its cost; what is said of the run is that of the dearest', async () => {
  const phases = ['head', 'layer4'].map((trainFrom) => ({ trainFrom, trainNorms: false }));
  const { cost, costs } = await preflight({ ...BASE, phases });
  const [head, layer4] = costs;
  assert.equal(cost, layer4);
  assert.ok(head.flops < layer4.flops && head.savedBytes < layer4.savedBytes);
  assert.ok(head.optimizerBytes < layer4.optimizerBytes, 'state comes with the first update');
  assert.ok(head.totalBytes <= layer4.totalBytes);
  assert.equal((await preflight({ ...BASE, phases: phases.slice(0, 1) })).cost, head);
});

test('pictures too small for the network are no question of memory', async () => {
  const { fits, impossible, problem, largestBatch } = await preflight({
    ...BASE,
    model: 'alexnet',
    size: 16,
  });
  assert.equal([fits, impossible, largestBatch], [false, true, null]);
  assert.match(problem!, /^maxPool2d: |^conv2d: /);
});

test('names that do not exist are sentences', async () => {
  await preflight({ ...BASE, ...from('layer9') }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /no stage 'layer9'; the stages are conv1, layer1/),
  );
});

test.run();
