/**
 * Which schedule, how many epochs, and what beside them suits small sets: the head of EfficientNet-Lite0 at 128², from
 * ImageNet's weights, on the sets of small-sets.ts. Features are computed once (four views of each picture), so that a run
 * takes a second.
 *
 *   TESSERA_DATA=DIR node --import tsx bench/schedules.ts [SETS = demo,faces,cifar] [SEEDS = 0,1,2]
 *
 * Prints for each of some settings the accuracy and the loss of the last epoch (with an average, of the averaged weights;
 * with patience, of the best epoch, which is what is kept), means over the seeds, and how many epochs there were.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preprocessingFor } from '../src/cli/data-source.ts';
import { phasesFor, settingsOf, type TrainOptions } from '../src/cli/train/settings.ts';
import { closeLoader, fromSamples } from '../src/data/node/loader.ts';
import type { Device } from '../src/gpu/index.ts';
import { openDevice } from '../src/node/open-device.ts';
import { WeightAverage } from '../src/train/callbacks/weight-average.ts';
import { FeatureCache } from '../src/train/feature-cache.ts';
import type { FeatureStore } from '../src/train/feature-store.ts';
import { fit } from '../src/train/fit.ts';
import {
  freezeFor,
  optimizerOf,
  patienceOf,
  phasesOf,
  plateauOf,
  stepOptions,
} from '../src/train/from-settings.ts';
import { better, type Metrics } from '../src/train/metrics.ts';
import { FeatureShelf } from '../src/train/node/feature-shelf.ts';
import { type TrainSettings, trainsOf } from '../src/train/settings.ts';
import { plainStep } from '../src/train/step.ts';
import { createModel, openStart } from '../src/weights/node/create-model.ts';
import { openSmallSet, SETS, type SetName } from './small-sets.ts';

const MODEL = 'efficientnet_lite0';
const SIZE = 128;
const TRIED: TrainOptions[] = [
  ...(['cosine', 'one-cycle', 'plateau', 'constant'] as const).map((schedule) => ({ schedule })),
  { epochs: 20 },
  { epochs: 20, patience: 3 },
  { average: 0.9 },
  { average: 0.99 },
  { clip: 1 },
];

interface Result {
  metrics: Metrics;
  epochs: number;
}

/** A run of the command, its features from `store`. */
async function run(
  device: Device,
  name: SetName,
  options: TrainOptions,
  store: FeatureStore,
): Promise<Result> {
  const set = await openSmallSet(name, SIZE);
  const start = { model: MODEL, weights: 'pretrained' };
  const given = { ...options, data: name, size: SIZE, views: 4 };
  const settings: TrainSettings = {
    ...settingsOf(given, start, { inputSize: SIZE }),
    phases: phasesFor(given, 'pretrained', true),
  };
  const { batch: batchSize, seed, augmentation } = settings;
  const preprocessing = preprocessingFor(settings, (await openStart({ model: MODEL })).preprocessing);
  const numClasses = set.classes.length;
  const model = await createModel(MODEL, { device, weights: 'pretrained', numClasses, seed });
  freezeFor(model, trainsOf(settings)[0]);
  const optimizer = optimizerOf(model, settings);
  const cache = new FeatureCache({ model, device, store });
  const train = { batchSize, preprocessing, seed, augmentation, train: true, views: () => 4 };
  const average = settings.average === null ? null : WeightAverage.of(model, settings.average);
  const plateau = plateauOf(settings);
  const sizes = set.classes.map((_, label) => set.train.filter((sample) => sample.label === label).length);
  const val = fromSamples(set.val, { batchSize, preprocessing });
  const { progress } = await fit({
    ...{ model, device, optimizer, phases: phasesOf(model, optimizer, settings, plateau) },
    step: plainStep(stepOptions(settings, set.classes, sizes)),
    train: cache.of(fromSamples(set.train, train)),
    val: cache.of(val, average?.average),
    validated: average?.average ?? model,
    callbacks: [average, plateau, patienceOf(settings)].filter((callback) => callback !== null),
  });
  const figures = progress.history.map(({ val }) => val!);
  const best = figures.reduce((best, next) => (better(next, best) ? next : best));
  for (const network of [model, average?.average]) network?.dispose();
  optimizer.dispose();
  cache.close();
  return { metrics: settings.patience === null ? figures.at(-1)! : best, epochs: figures.length };
}

const [sets = SETS.join(), seeds = '0,1,2'] = process.argv.slice(2);
const device = await openDevice();
const root = await mkdtemp(join(tmpdir(), 'tessera-features-'));
for (const name of sets.split(',') as SetName[]) {
  const results = TRIED.map((): Result[] => []);
  for (const seed of seeds.split(',').map(Number)) {
    const store = new FeatureShelf(join(root, `${name}-${seed}`), (line) =>
      process.stderr.write(`${line}\n`),
    );
    for (const [index, options] of TRIED.entries()) {
      const result = await run(device, name, { ...options, seed }, store);
      results[index].push(result);
      process.stderr.write(`${name} ${seed} ${JSON.stringify(options)}: ${result.metrics.accuracy}\n`);
    }
  }
  for (const [index, options] of TRIED.entries()) {
    const each = (of: (result: Result) => string): string => results[index].map(of).join(' ');
    process.stdout.write(
      `${name}  ${JSON.stringify(options).padEnd(60)}  accuracy ${each(({ metrics }) => (100 * metrics.accuracy).toFixed(1))}  ` +
        `loss ${each(({ metrics }) => metrics.loss.toFixed(3))}  epochs ${each(({ epochs }) => `${epochs}`)}\n`,
    );
  }
}
await rm(root, { recursive: true });
device.close();
await closeLoader();
