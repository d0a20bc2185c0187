/** Checkpoints: what is written comes back; what is damaged, foreign or not finite is refused in a sentence. */
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { buildModel } from '../../../src/models/table.ts';
import { crossEntropy, type Model } from '../../../src/nn/index.ts';
import { scope, tensor } from '../../../src/tensor/index.ts';
import type { CheckpointInfo } from '../../../src/train/checkpoint-info.ts';
import { freezeFor, optimizerOf } from '../../../src/train/from-settings.ts';
import {
  modelOf,
  newestCheckpoint,
  readCheckpoint,
  saveCheckpoint,
} from '../../../src/train/node/checkpoint.ts';
import { LAST } from '../../../src/train/node/run-folder.ts';
import { noProgress } from '../../../src/train/progress.ts';
import { BEFORE, type TrainSettings } from '../../../src/train/settings.ts';
import { detectModels } from '../../../src/weights/expected.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { describeReport, type LoadReport } from '../../../src/weights/load.ts';
import { convertWeights } from '../../../src/weights/node/convert.ts';
import { createModel, loadWeights, saveWeights } from '../../../src/weights/node/create-model.ts';
import { inspectFile } from '../../../src/weights/node/inspect.ts';
import { testDevice } from '../../helpers/device.ts';
import { PREPROCESSING } from '../tiny.ts';

const test = suite('train/checkpoint');
let device: Device;
let folder: string;
let model: Model;
test.before(async () => {
  device = await testDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-checkpoint-'));
  model = buildModel('resnet18', { device, numClasses: 3, seed: 5 });
});
test.after(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

const settings: TrainSettings = {
  ...BEFORE,
  data: 'pictures',
  model: 'resnet18',
  weights: null,
  phases: [{ trainFrom: 'head', epochs: 2, lr: 0.01, backboneFactor: 0.1 }],
  trainNorms: false,
  batch: 4,
  ...BEFORE,
  weightDecay: 0.01,
  decayNorms: false,
  labelSmoothing: 0,
  warmup: 0,
  size: 32,
  augmentation: {},
  seed: 5,
};
const info: Omit<CheckpointInfo, 'format' | 'sealed' | 'progress' | 'callbacks'> = {
  model: 'resnet18',
  classes: ['ant', 'bee', 'größte "Katze"'],
  preprocessing: PREPROCESSING,
  epoch: 1,
  step: 7,
  seed: 5,
  metrics: { count: 3, loss: 0.1, accuracy: 0.5, largestShare: 0.5, balancedAccuracy: 0.5, macroF1: 0.4 },
  settings,
  pictures: 'abc',
};

/** Throws unless `action` rejects with a message that matches. */
async function refuses(action: Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await action;
  } catch (error) {
    assert.match(String(error), message);
    return;
  }
  assert.unreachable(`nothing was refused: ${message}`);
}

const firstValues = async (of: Model): Promise<number[]> => {
  const values: number[] = [];
  for (const { tensor: each } of of.tensors()) values.push((await each.data())[0]);
  return values;
};

test('weights, description and optimiser state come back as they were', async () => {
  freezeFor(model, { trainFrom: 'head', trainNorms: false });
  const optimizer = optimizerOf(model, settings);
  scope(() => {
    const x = tensor(
      Float32Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => Math.sin(i)),
      [2, 32, 32, 3],
    );
    const loss = crossEntropy(model.forward(x), Int32Array.of(0, 2));
    loss.backward();
    optimizer.step(loss);
    optimizer.zeroGrad();
  });
  const path = join(folder, LAST);
  const record = { epoch: 1, trainLoss: 1, val: null, trainSeconds: 1, valSeconds: 0 };
  const progress = { ...noProgress(), epoch: 1, history: [record] };
  const callbacks = {
    patience: { json: { waited: 2 }, tensors: {} },
    average: { tensors: { 'fc.bias': Float32Array.of(0.1, 2, 3) } },
  };
  await saveCheckpoint(path, model, info, { optimizer, progress, callbacks });

  const checkpoint = await readCheckpoint(folder, LAST);
  const kept = { patience: { waited: 2 }, average: null };
  assert.equal(checkpoint.info, { format: 5, ...info, sealed: true, progress, callbacks: kept });
  assert.equal(checkpoint.callbacks, callbacks);
  const again = await modelOf(checkpoint, device);
  assert.not.ok(again.training);
  assert.equal(await firstValues(again), await firstValues(model));

  const states: [string, number[]][] = [];
  for await (const [name, values] of optimizer.stateTensors()) states.push([name, [...values]]);
  assert.ok(states.length === 5, `${states.map(([name]) => name)}`); // steps, two moments of weight and bias
  assert.equal(checkpoint.optimizer.map(([name, values]) => [name, [...values]]).sort(), states.sort());
  again.dispose();
});

test('the last state of a run is a weights file: loading leaves the optimiser’s tensors aside and says so', async () => {
  const path = join(folder, LAST);
  let report: LoadReport | undefined;
  const onReport = (given: LoadReport) => {
    report = given;
  };
  const started = await createModel('resnet18', { device, weights: path, onReport });
  assert.is(started.numClasses, 3);
  assert.equal(await firstValues(started), await firstValues(model));
  assert.is(report!.leftAside.length, 6);
  assert.match(describeReport(report!), /^Left 5 tensors of an optimiser aside/m);
  assert.match(describeReport(report!), /^Left 1 tensor of callbacks aside/m);
  started.initialise(1);
  const strict = await loadWeights(started, path);
  assert.equal(strict.unexpected, []);
  assert.equal(await firstValues(started), await firstValues(model));
  started.dispose();

  const bytes = await readFile(path);
  assert.equal(await detectModels(readSafetensors(bytes).tensors), ['resnet18']);
  assert.match((await inspectFile(path)).notes.join(), /Left 5 tensors of an optimiser aside/);
  const converted = await convertWeights(bytes, LAST);
  assert.match(converted.notes.join(), /Left 5 tensors of an optimiser aside/);
  assert.equal(converted.card.classes, info.classes);
  const { tensors } = readSafetensors(converted.bytes);
  assert.is(tensors.size, 122);
  assert.not.ok([...tensors.keys()].some((name) => name.startsWith('optimizer')));
});

test('the best checkpoint is PyTorch’s state_dict: no tensor beside the model’s', async () => {
  const path = join(folder, 'best.safetensors');
  await saveCheckpoint(path, model, info);
  const { tensors } = readSafetensors(await readFile(path));
  assert.is(tensors.size, 122); // torchvision's count, num_batches_tracked included
  assert.ok([...tensors.keys()].every((name) => !name.startsWith('optimizer')));
  assert.equal((await readCheckpoint(path)).optimizer, []);
  assert.equal((await readdir(folder)).sort(), ['best.safetensors', LAST], 'temporary files are left');
});

test('a checkpoint whose head is not that of its classes answers nothing, and may train', async () => {
  const path = join(folder, 'best.safetensors');
  const checkpoint = await readCheckpoint(path);
  const other = { ...checkpoint, info: { ...checkpoint.info, classes: ['ant', 'bee'] } };
  await refuses(
    modelOf(other, device),
    /best\.safetensors has no last layer that fits, fc\.weight, fc\.bias, so/,
  );
  (await modelOf(other, device, 'train')).dispose();
});

test('weights that are not finite are not saved, and the file that was there stays', async () => {
  const path = join(folder, 'best.safetensors');
  const before = await readFile(path);
  const [, bias] = [...model.namedParameters()].find(([name]) => name === 'fc.bias')!;
  const values = (await bias.data()) as Float32Array<ArrayBuffer>;
  bias.write(Float32Array.of(0, Number.NaN, 1));
  await refuses(saveCheckpoint(path, model, info), /fc\.bias holds values that are not finite/);
  bias.write(values);
  assert.equal(await readFile(path), before);
});

test('the newest run is found by its best checkpoint', async () => {
  const runs = await mkdtemp(join(tmpdir(), 'tessera-runs-'));
  assert.is(await newestCheckpoint(runs), null);
  assert.is(await newestCheckpoint(join(runs, 'none')), null);
  for (const [name, time] of [
    ['a', 3000],
    ['b', 2000],
  ] as const) {
    const path = join(runs, name, 'best.safetensors');
    await saveCheckpoint(path, model, info);
    await utimes(path, time, time);
  }
  await writeFile(join(runs, 'notes.txt'), '');
  assert.is(await newestCheckpoint(runs), join(runs, 'a', 'best.safetensors'));
  await rm(runs, { recursive: true });
});

const DAMAGED: [what: string, description: unknown, message: RegExp][] = [
  [
    'a newer format',
    { format: 9 },
    /written by a newer version \(format 9, this one reads \d\); update Tessera$/,
  ],
  [
    'no format',
    {},
    /damaged\.safetensors is damaged: format is a whole number from 1 to \d, not undefined\. Take/,
  ],
  ['no object', 5, /its description is an object, not 5/],
];
for (const [what, description, message] of DAMAGED)
  test(`a description with ${what} is refused`, async () => {
    const path = join(folder, 'damaged.safetensors');
    const tensors = new Map([['x', { dtype: 'float32' as const, shape: [1], bytes: new Uint8Array(4) }]]);
    await writeFile(path, writeSafetensors(tensors, { tessera: JSON.stringify(description) }));
    await refuses(readCheckpoint(path), message);
  });

test('what is no checkpoint is named', async () => {
  await refuses(readCheckpoint(join(folder, 'nothing')), /there is no checkpoint .*nothing/);
  const empty = await mkdtemp(join(tmpdir(), 'tessera-empty-'));
  await refuses(readCheckpoint(empty), /holds no best\.safetensors; name a folder that `train` wrote/);
  await rm(empty, { recursive: true });
  const plain = join(folder, 'plain.safetensors');
  await saveWeights(model, plain);
  await refuses(readCheckpoint(plain), /is no checkpoint of `train`; train and predict take it as --weights/);
  const text = join(folder, 'broken.safetensors');
  const tensors = new Map([['x', { dtype: 'float32' as const, shape: [1], bytes: new Uint8Array(4) }]]);
  await writeFile(text, writeSafetensors(tensors, { tessera: '{' }));
  await refuses(readCheckpoint(text), /is no JSON/);
});

test.run();
