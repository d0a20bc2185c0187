/**
 * Real weights and photographs, read from the folder named by TESSERA_DATA: the 24 ImageNet photos against what
 * torchvision says with the same weights, and a few faces to learn from.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeLoader, fromSamples } from '../../src/data/node/loader.ts';
import type { Sample } from '../../src/data/sample.ts';
import type { Device } from '../../src/gpu/index.ts';
import { fit } from '../../src/train/fit.ts';
import { optimizerOf, phasesOf } from '../../src/train/from-settings.ts';
import { infer } from '../../src/train/infer.ts';
import { measure } from '../../src/train/metrics.ts';
import { modelOf, readCheckpoint, saveCheckpoint } from '../../src/train/node/checkpoint.ts';
import { type ClassPrediction, predictionsOf } from '../../src/train/prediction.ts';
import { BEFORE, type TrainSettings } from '../../src/train/settings.ts';
import { IMAGENET_CLASSES } from '../../src/weights/catalog/imagenet-classes.ts';
import { createModel } from '../../src/weights/node/create-model.ts';
import { atSize, IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { testDevice } from '../helpers/device.ts';

const data = process.env.TESSERA_DATA;
const test = suite('train/real');
const real = data === undefined ? test.skip : test;
const weights = join(data ?? '', 'weights/resnet18-imagenet.pth');
let device: Device;
test.before(async () => {
  device = await testDevice({ poison: false });
});
test.after(async () => {
  await closeLoader();
  device.close();
});

interface Expected {
  label: number;
  top5: { index: number; probability: number; logit: number }[];
}

real(
  'the 24 photos: torchvision’s first answer on all, its order of five on 22 or more, logits within 0.05',
  async () => {
    const folder = join(data!, 'images/imagenet');
    const expected: Record<string, Expected> = JSON.parse(
      await readFile(join(folder, 'torchvision-resnet18.json'), 'utf8'),
    );
    const samples = Object.keys(expected).map((name) => ({
      file: join(folder, name),
      label: expected[name].label,
    }));
    const model = (await createModel('resnet18', { device, weights })).eval();
    const source = fromSamples(samples, { batchSize: 8, preprocessing: IMAGENET_PREPROCESSING });
    const answers = (await infer(model, device, source.load(0)))!;
    model.dispose();
    const predictions = predictionsOf(answers, { classes: IMAGENET_CLASSES }, 5) as ClassPrediction[];
    assert.is(predictions.length, 24);

    let first = 0;
    let order = 0;
    let difference = 0;
    predictions.forEach(({ topK }, picture) => {
      const { top5 } = expected[Object.keys(expected)[picture]];
      const indices = topK.map(({ index }) => index);
      first += Number(indices[0] === top5[0].index);
      order += Number(top5.every(({ index }, rank) => index === indices[rank]));
      for (const { index, logit } of top5)
        difference = Math.max(difference, Math.abs(answers.logits[picture * 1000 + index] - logit));
    });
    console.log(
      `photos: first answer ${first} of 24, order of five ${order} of 24, largest logit difference ${difference.toFixed(4)}`,
    );
    assert.is(first, 24);
    assert.ok(order >= 22, `${order} in order`);
    assert.ok(difference < 0.05, `logits differ by ${difference}`);
  },
);

/** Some pictures of each class of one side. */
async function faces(side: string, each: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const [label, name] of ['fake', 'real'].entries()) {
    const folder = join(data!, 'images/faces', side, name);
    const files = (await readdir(folder)).sort().slice(0, each);
    samples.push(...files.map((file) => ({ file: join(folder, file), label })));
  }
  return samples;
}

real('a few faces at a small size: the head learns, and its checkpoint answers the same', async () => {
  const settings: TrainSettings = {
    ...BEFORE,
    data: 'faces',
    model: 'resnet18',
    weights,
    phases: [{ trainFrom: 'head', epochs: 3, lr: 3e-3, backboneFactor: 0.1 }],
    trainNorms: false,
    batch: 16,
    ...BEFORE,
    weightDecay: 0.01,
    decayNorms: false,
    labelSmoothing: 0,
    warmup: 0.05,
    size: 96,
    augmentation: {},
    seed: 0,
  };
  const preprocessing = atSize(IMAGENET_PREPROCESSING, settings.size);
  const common = { batchSize: settings.batch, preprocessing, seed: 0 };
  const train = fromSamples(await faces('train', 40), { ...common, train: true });
  const val = fromSamples(await faces('val', 15), common);
  const model = await createModel('resnet18', { device, weights, numClasses: 2 });
  const optimizer = optimizerOf(model, settings);
  const { progress } = await fit({
    model,
    device,
    optimizer,
    train,
    val,
    phases: phasesOf(model, optimizer, settings),
  });
  const [first, , last] = progress.history;
  assert.ok(last.trainLoss < 0.8 * first.trainLoss, `training loss ${first.trainLoss} → ${last.trainLoss}`);
  assert.ok(last.val!.auc! > 0.85, `AUC ${last.val!.auc}`);

  const folder = await mkdtemp(join(tmpdir(), 'tessera-real-'));
  const path = join(folder, 'best.safetensors');
  const { model: name, seed } = settings;
  const metrics = last.val;
  const classes = ['fake', 'real'];
  await saveCheckpoint(path, model, {
    model: name,
    classes,
    preprocessing,
    epoch: 3,
    step: 0,
    seed,
    metrics,
    settings,
    pictures: '',
  });
  const again = await modelOf(await readCheckpoint(path), device);
  assert.equal(measure((await infer(again, device, val.load(0)))!), last.val);
  await rm(folder, { recursive: true });
});

test.run();
