/** The feature cache: where networks are cut, and that a cached run has the bits of one that is not. Runs in a page too. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromSamples } from '../../src/data/in-thread.ts';
import type { Batch, BatchSource, SampleSource, SourceOptions } from '../../src/data/loader.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { flatten, globalAvgPool, relu } from '../../src/kernels/index.ts';
import { buildModel } from '../../src/models/table.ts';
import {
  AdamW,
  BatchNorm2d,
  Conv2d,
  Dropout,
  freeze,
  Linear,
  Model,
  onDevice,
  unfreeze,
} from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { cutOf } from '../../src/train/cut.ts';
import { FeatureCache } from '../../src/train/feature-cache.ts';
import { MemoryStore } from '../../src/train/feature-store.ts';
import { featuresKey } from '../../src/train/features-key.ts';
import { fit, type Phase } from '../../src/train/fit.ts';
import { infer } from '../../src/train/infer.ts';
import { murmur128 } from '../../src/train/murmur.ts';
import type { Progress } from '../../src/train/progress.ts';
import { testDevice } from '../helpers/device.ts';
import { stripes, tinyNet } from './tiny.ts';

const test = suite('train/feature-cache');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

/** As AlexNet ends: hidden linear layers with dropout, no pooling in front of the last layer. */
class Hidden extends Model {
  readonly conv1 = new Conv2d(3, 4, 3, { stride: 2, padding: 1 });
  readonly drop6 = new Dropout(0.5);
  readonly fc6 = new Linear(4 * SIDE * SIDE * 0.25, 8);
  fc8 = new Linear(8, 2);
  readonly classifier = 'fc8';
  readonly inputSize = SIDE;
  protected readonly lastFeatureStage = 'conv1';
  protected override readonly stagePrefixes = { fc6: ['fc6', 'drop6'] };
  protected readonly stageTable = {
    conv1: (x: Tensor) => relu(this.conv1.forward(x)),
    fc6: (x: Tensor) => relu(this.fc6.forward(this.drop6.forward(flatten(x)))),
    fc8: (x: Tensor) => this.fc8.forward(x),
  };

  get numClasses(): number {
    return this.fc8.outFeatures;
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc8 = new Linear(8, numClasses);
  }
}

/** As ResNet is cut: norms, a residual, dropout behind the pooling. */
class Residual extends Model {
  readonly conv1 = new Conv2d(3, 4, 3, { stride: 2, padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(4);
  readonly layer1 = new Conv2d(4, 4, 3, { padding: 1 });
  readonly dropout = new Dropout(0.3);
  fc = new Linear(4, 2);
  readonly classifier = 'fc';
  readonly inputSize = SIDE;
  override readonly pooling = globalAvgPool;
  protected readonly lastFeatureStage = 'layer1';
  protected override readonly stagePrefixes = { conv1: ['conv1', 'bn1'], fc: ['dropout', 'fc'] };
  protected readonly stageTable = {
    conv1: (x: Tensor) => relu(this.bn1.forward(this.conv1.forward(x))),
    layer1: (x: Tensor) => relu(this.layer1.forward(x)),
    fc: (x: Tensor) => this.fc.forward(this.dropout.forward(x)),
  };

  get numClasses(): number {
    return this.fc.outFeatures;
  }

  protected replaceClassifier(numClasses: number): void {
    this.fc = new Linear(4, numClasses);
  }
}

const SIDE = 8;
const TABLE = {
  name: 'one-row',
  rows: [[2, 3, 1, 4, 2, 0]],
  stem: 4,
  head: 8,
  activation: 'relu',
  inputSize: SIDE,
} as const;

/** Networks by how they end, and the stage from which the second phase trains. */
const NETWORKS: [what: string, build: () => Model, stage: string][] = [
  ['convolutions with a pooling that is declared', () => new Residual(), 'layer1'],
  [
    'a table of MBConv stages',
    () => buildModel(TABLE, { numClasses: 2, device, initialise: false }),
    'conv_head',
  ],
  ['hidden layers with dropout, no pooling', () => new Hidden(), 'fc6'],
  ['a network that declares nothing', () => tinyNet(device), 'conv2'],
];

const made = (build: () => Model): Model =>
  onDevice(device, build, { initialise: false }).initialise(3).seedDropout(5);

/** 17 pictures in steps of 4, so that the last is alone; the sixth cannot be read; 9 validate. */
function sources(
  unreadable: (file: string) => void = () => undefined,
  changes: Partial<SourceOptions> = {},
): {
  train: SampleSource;
  val: SampleSource;
} {
  const train = stripes(17, 1, SIDE);
  train[5] = { ...train[5], image: { width: 0, height: 0, pixels: new Uint8Array(0) } };
  const preprocessing = {
    inputSize: SIDE,
    resizeSize: SIDE,
    interpolation: 'bilinear',
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  } as const;
  const common = {
    batchSize: 4,
    preprocessing,
    seed: 1,
    onUnreadable: (_: unknown, { file }: { file: string }) => unreadable(file),
  };
  const augmentation = { scale: [0.6, 1] } as const;
  return {
    train: fromSamples(train, { ...common, train: true, augmentation, views: 2, ...changes }),
    val: fromSamples(stripes(9, 2, SIDE), common),
  };
}

/** The head, then more with frozen norms, then everything, then the head again, in front of which all has changed. */
function phasesOf(model: Model, stage: string): Phase[] {
  const phase = (epochs: number, ...specs: Parameters<typeof freeze>[1][]): Phase => ({
    epochs,
    begin: () => {
      unfreeze(model);
      for (const spec of specs) freeze(model, spec);
    },
  });
  const head = { except: [model.classifier] };
  return [phase(3, head), phase(1, { before: stage }, ...norms(model)), phase(1), phase(1, head)];
}

const norms = (model: Model): { norms: true }[] =>
  [...model.namedModules()].some(([, module]) => module instanceof BatchNorm2d) ? [{ norms: true }] : [];

interface Run {
  values: Record<string, number[]>;
  progress: unknown;
  unreadable: string[];
}

/**
 * @param cached what becomes of a source
 * @param stopAfter steps after which the run is stopped, and goes on anew
 * @param changes of how training batches are made
 */
async function run(
  build: () => Model,
  stage: string,
  cached: (model: Model) => (source: SampleSource) => BatchSource,
  stopAfter?: number,
  changes?: Partial<SourceOptions>,
): Promise<Run> {
  const model = made(build);
  const optimizer = new AdamW([...model.parameters()], { lr: 0.05 });
  const unreadable: string[] = [];
  const part = async (progress: Progress | undefined, stop: number | undefined) => {
    const { train, val } = sources((file) => unreadable.push(file), changes);
    const of = cached(model);
    return fit({
      model,
      device,
      optimizer,
      train: of(train),
      val: of(val),
      phases: phasesOf(model, stage),
      callbacks: [{ name: 'stop', onStep: ({ step, stop: end }) => void (step === stop && end('enough')) }],
      ...(progress && { from: { progress } }),
    });
  };
  const first = await part(undefined, stopAfter);
  const { progress } = stopAfter === undefined ? first : await part(first.progress, undefined);
  const values: Run['values'] = {};
  for (const { name, tensor } of model.tensors()) values[name] = [...(await tensor.data())];
  const history = progress.history.map(({ epoch, trainLoss, val }) => ({ epoch, trainLoss, val }));
  model.dispose();
  return { values, progress: history, unreadable };
}

const uncached = () => (source: SampleSource) => source;
const inMemory = (store?: MemoryStore) => (model: Model) => {
  const cache = new FeatureCache({ model, device, ...(store && { store }) });
  return (source: SampleSource) => cache.of(source);
};

for (const [what, build, stage] of NETWORKS)
  test(`a cached run has the bits of one that is not: ${what}`, async () => {
    const plain = await run(build, stage, uncached);
    assert.equal(await run(build, stage, inMemory()), plain);
  });

test('nor does it differ where it is stopped in the middle of an epoch and goes on without what was kept', async () => {
  const [, build, stage] = NETWORKS[0];
  const { unreadable: _, ...bits } = await run(build, stage, uncached);
  const { unreadable: __, ...stopped } = await run(build, stage, inMemory(), 8);
  assert.equal(stopped, bits);
});

test('nor where classes are drawn equally often, so that pictures come again in an epoch in another view', async () => {
  const [, build, stage] = NETWORKS[0];
  const changes = { sampler: 'balanced', views: 3 } as const;
  const { unreadable: _, ...bits } = await run(build, stage, uncached, undefined, changes);
  const { unreadable: __, ...cached } = await run(build, stage, inMemory(), undefined, changes);
  assert.equal(cached, bits);
});

test('what does not fit into memory is computed again', async () => {
  const [, build, stage] = NETWORKS[0];
  const plain = await run(build, stage, uncached);
  assert.equal(await run(build, stage, inMemory(new MemoryStore(5 * 4 * 4))), plain);
});

test('batches carry features, labels, samples and marks; each picture and view is computed once', async () => {
  const model = made(NETWORKS[0][1]);
  freeze(model, { except: ['fc'] });
  const passes: number[] = [];
  const cache = new FeatureCache({ model, device, onFeatures: ({ computed }) => passes.push(computed) });
  const { train } = sources();
  const own = async (source: BatchSource, epoch: number) => {
    const batches: Batch[] = [];
    for await (const batch of source.load(epoch)) batches.push(batch);
    return batches;
  };
  const plain = await own(train, 2);
  const found = await own(cache.of(train), 2);
  const told = ({ labels, samples, size, index, skipped, marks }: Batch) => ({
    labels,
    samples,
    size,
    index,
    skipped,
    marks,
  });
  assert.equal(found.map(told), plain.map(told));
  for (const { images, features, size } of found) {
    assert.is(images.length, 0);
    assert.equal(features!.shape, [4]);
    assert.is(features!.values.length, 4 * size);
    assert.equal(features!.cut, { from: 'fc', pooled: true });
  }
  const computed = cache.counts.computed;
  assert.is(passes.at(-1), computed);
  await own(cache.of(train), 4); // In the view of epoch 2; another picture may be alone.
  assert.ok(cache.counts.computed <= computed + 2, `${cache.counts.computed} computed, ${computed} before`);
  await own(cache.of(train), 3);
  assert.ok(cache.counts.computed >= 2 * 16);
  model.dispose();
});

test('weights that are written by hand count as others', async () => {
  const model = made(NETWORKS[0][1]);
  freeze(model, { except: ['fc'] });
  const { val } = sources();
  const cache = new FeatureCache({ model, device });
  await infer(model, device, cache.of(val).load(0));
  model.initialise(9);
  const logits = (source: BatchSource) => infer(model, device, source.load(0)).then((found) => found!.logits);
  assert.equal(await logits(cache.of(val)), await logits(val));
  model.dispose();
});

test('frozen weights are read whenever an epoch begins, and once where they stay still', async () => {
  const model = made(NETWORKS[0][1]) as Residual;
  freeze(model, { except: ['fc'] });
  const { val } = sources();
  const { weight } = model.conv1;
  let reads = 0;
  weight.data = () => {
    reads++;
    return Object.getPrototypeOf(weight).data.call(weight);
  };
  for (const still of [false, true]) {
    const cache = new FeatureCache({ model, device, still });
    reads = 0;
    for (let epoch = 0; epoch < 3; epoch++) await infer(model, device, cache.of(val).load(epoch));
    assert.is(reads, still ? 1 : 3);
    assert.is(cache.counts.computed, val.samples.length);
    cache.close();
  }
  model.dispose();
});

test('the key: what features depend on changes it, and nothing else does', async () => {
  const model = made(NETWORKS[0][1]) as Residual;
  const cut = { from: 'fc', pooled: true };
  const { train, val } = sources();
  const key = (
    { options }: SampleSource,
    changes: Partial<SourceOptions> = {},
    { at = cut, on = device as Pick<Device, 'info' | 'traits' | 'features' | 'choices'> } = {},
  ) => featuresKey(model, at, on as Device, { ...options, ...changes });
  const { preprocessing } = val.options;
  const plain = await key(train);
  const { info, traits, features, choices } = device;
  const same = { info, traits, features, choices };
  const others = [
    await key(val),
    await key(train, { seed: 2 }),
    await key(train, { augmentation: { scale: [0.5, 1] } }),
    await key(train, { preprocessing: { ...preprocessing, resizeSize: 10 } }),
    await key(train, {}, { at: { from: 'layer1', pooled: false } }),
    await key(train, {}, { at: { from: 'fc', pooled: false } }),
    await key(train, {}, { on: { ...same, traits: { ...traits, chunkBytes: 1 } } }),
    await key(train, {}, { on: { ...same, choices: new Map([['a problem', 'plain']]) } }),
    await key(train, {}, { on: { ...same, choices: { get: () => 'plain' } } }),
    await key(
      train,
      {},
      { on: { ...same, info: { ...info, description: 'another driver' } as GPUAdapterInfo } },
    ),
  ];
  assert.is(new Set([plain, ...others]).size, others.length + 1);
  for (const equal of [
    await key(train, {}, { on: same }),
    await key(train, {}, { on: { ...same, choices: new Map() } }),
    await key(train, { views: 7, batchSize: 3, prefetch: 0 }),
  ])
    assert.is(equal, plain);
  assert.is(await key(val, { seed: 9 }), others[0], 'what validates has no random views');
  freeze(model, { except: ['fc'] });
  assert.is(await key(train), plain, 'what is frozen is no matter, where it is cut is');
  model.fc.weight.write(new Float32Array(8).fill(3));
  assert.is(await key(train), plain, 'nor are weights behind the cut');
  for (const [name, tensor] of [
    ['a weight', model.conv1.weight],
    ['a running statistic', model.bn1.runningVar],
  ] as const) {
    tensor.write(
      Float32Array.from((await tensor.data()) as Float32Array, (v, i) => (i === 1 ? v + 1e-6 : v)),
    );
    assert.is.not(await key(train), plain, name);
  }
  model.dispose();
});

/** [what, what is done to it, where it is cut, or a word of why not] */
type CutCase = [
  network: string,
  what: string,
  prepare: (model: Model) => unknown,
  cut: string | RegExp,
  mixes?: true,
];
const head = (model: Model) => freeze(model, { except: [model.classifier] });
const before =
  (stage: string, norms = true) =>
  (model: Model) => {
    freeze(model, { before: stage });
    if (norms) freeze(model, { norms: true });
  };
const CUTS: CutCase[] = [
  ['resnet18', 'the head', head, 'fc pooled'],
  ['resnet18', 'the last stage', before('layer4'), 'layer4'],
  ['resnet18', 'the last stage and its norms', before('layer4', false), 'layer4'],
  ['resnet18', 'from the second stage', before('layer1'), 'layer1'],
  ['resnet18', 'everything', () => undefined, /conv1 trains/],
  ['resnet18', 'all but norms', (model) => freeze(model, { norms: true }), /conv1 trains/],
  ['resnet18', 'nothing', (model) => freeze(model, { match: () => true }), 'fc pooled'],
  [
    'resnet18',
    'the head and one norm',
    (model) => freeze(model, { except: ['fc', 'layer3.0.bn1'] }),
    'layer3',
  ],
  [
    'resnet18',
    'a norm that was thawed by hand',
    (model) => {
      head(model);
      for (const [path, module] of model.namedModules()) if (path === 'layer2.1.bn2') module.frozen = false;
    },
    'layer2',
  ],
  [
    'resnet18',
    'the head, by hand, so that norms take statistics',
    (model) => {
      for (const [name, parameter] of model.namedParameters()) parameter.requiresGrad = model.isHead(name);
    },
    /statistics of batches/,
  ],
  ['resnet18', 'the head, with mixed pictures', head, /mixup/, true],
  ['alexnet', 'the head', head, 'classifier.6'],
  ['alexnet', 'the hidden layers', before('classifier.1', false), 'classifier.1'],
  ['efficientnet_lite0', 'the head', head, 'classifier pooled'],
  ['efficientnet_lite0', 'the last convolution', before('conv_head'), 'conv_head'],
  ['mobilenet_v2', 'the head', head, 'classifier pooled'],
];

test('where networks are cut, and why not', async () => {
  const { device: dry } = await dryDevice(PLAIN_DEVICE);
  for (const [network, what, prepare, wanted, mixes] of CUTS) {
    const model = buildModel(network, { device: dry, initialise: false });
    prepare(model);
    const found = cutOf(model, { mixes: mixes ?? false });
    if (typeof wanted !== 'string')
      assert.match(found.cut ? 'cut' : found.reason, wanted, `${network}: ${what}`);
    else {
      const { from, pooled } = found.cut!;
      assert.is(pooled ? `${from} pooled` : from, wanted, `${network}: ${what}`);
    }
    model.dispose();
  }
  dry.close();
});

test('murmur128 is MurmurHash3_x86_128', () => {
  const words = Uint32Array.from({ length: 7 }, (_, i) => 0x01020304 * (i + 1));
  assert.is(murmur128(words), 'af5107e841073802828cb74cb47967d7');
  assert.is(murmur128(words.subarray(0, 4)), '1e59880e3858c2dbf13da7f1aed45640');
  assert.is(murmur128(new Uint32Array(0)), '0'.repeat(32));
});

test.run();
