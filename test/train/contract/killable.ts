/**
 * A small run with everything that has state (accumulated gradients, a moving average, patience, a trace, two phases: the
 * head for two epochs, then everything but the norms), as a process that may be killed at any moment: started again with the same folder it goes on where the last state was saved.
 * Prints `epoch N` after each saved epoch (and goes no further where that is HOLD, so that it can be killed there), and at the end one line of JSON with hashes of all it holds.
 *
 *   node --import tsx test/train/contract/killable.ts FOLDER EPOCHS [HOLD]
 */
import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { closeLoader } from '../../../src/data/node/loader.ts';
import type { Model } from '../../../src/nn/index.ts';
import { Checkpoints } from '../../../src/train/callbacks/checkpoints.ts';
import { EarlyStopping } from '../../../src/train/callbacks/early-stopping.ts';
import { LossTracer } from '../../../src/train/callbacks/loss-trace.ts';
import { WeightAverage } from '../../../src/train/callbacks/weight-average.ts';
import { fit } from '../../../src/train/fit.ts';
import { optimizerOf, phasesOf } from '../../../src/train/from-settings.ts';
import { readCheckpoint, saveCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { LAST } from '../../../src/train/node/run-folder.ts';
import { BEFORE, type TrainSettings } from '../../../src/train/settings.ts';
import { plainStep } from '../../../src/train/step.ts';
import { loadWeights } from '../../../src/weights/node/create-model.ts';
import { testDevice } from '../../helpers/device.ts';
import { PREPROCESSING, stripeBatches, tinyNet } from '../tiny.ts';

const [folder, epochs, hold] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);
const path = join(folder, LAST);
const device = await testDevice({ poison: false });
const model = tinyNet(device);
const phase = { lr: 0.02, backboneFactor: 0.5 };
const settings: TrainSettings = {
  ...BEFORE,
  data: null,
  model: 'tiny',
  weights: null,
  phases: [
    { trainFrom: 'head', epochs: 2, ...phase },
    { trainFrom: 'all', epochs: Number(epochs) - 2, ...phase },
  ],
  trainNorms: false,
  batch: 8,
  ...BEFORE,
  weightDecay: 0.01,
  decayNorms: false,
  labelSmoothing: 0,
  warmup: 0.05,
  size: PREPROCESSING.inputSize,
  augmentation: {},
  seed: 1,
};
const optimizer = optimizerOf(model, settings);
const resumed = await access(path).then(
  () => readCheckpoint(path),
  () => null,
);
if (resumed) {
  await loadWeights(model, resumed.weights);
  optimizer.loadState(resumed.optimizer);
}

const info = {
  model: 'tiny',
  classes: ['across', 'down'],
  preprocessing: PREPROCESSING,
  epoch: 0,
  step: 0,
  seed: 1,
  metrics: null,
  settings,
  pictures: '',
};
const checkpoints = new Checkpoints(async (which, { progress, states }) => {
  if (which === 'best') return;
  await saveCheckpoint(path, model, info, { optimizer, progress, callbacks: await states() });
  say(`epoch ${progress.epoch}`);
  if (progress.epoch === Number(hold)) await setTimeout(60_000);
});
const average = new WeightAverage(tinyNet(device, 2), 0.9);
const tracer = new LossTracer();
say(resumed ? `resumed after epoch ${resumed.info.progress!.epoch}` : 'started');
const { progress, reason } = await fit({
  model,
  device,
  optimizer,
  ...stripeBatches(),
  phases: phasesOf(model, optimizer, settings),
  step: plainStep({ accumulate: 4 }),
  validated: average.average,
  callbacks: [checkpoints, average, new EarlyStopping({ patience: 3 }), tracer],
  from: resumed ? { progress: resumed.info.progress!, callbacks: resumed.callbacks } : undefined,
});

const digest = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
};
const bitsOf = async (of: Model): Promise<string> => {
  const parts: Uint8Array[] = [];
  for (const { tensor } of of.tensors()) parts.push(new Uint8Array((await tensor.data()).buffer.slice(0)));
  return digest(...parts);
};
const history = progress.history.map(({ epoch, trainLoss, val }) => ({ epoch, trainLoss, val }));
const optimizerParts: Uint8Array[] = [];
for await (const [, values] of optimizer.stateTensors())
  optimizerParts.push(new Uint8Array(Float32Array.from(values).buffer));
say(
  JSON.stringify({
    epochs: progress.epoch,
    reason,
    weights: await bitsOf(model),
    average: await bitsOf(average.average),
    optimizer: digest(...optimizerParts),
    history: digest(JSON.stringify(history)),
    trace: digest(JSON.stringify(tracer.points())),
  }),
);
await closeLoader();
device.close();
