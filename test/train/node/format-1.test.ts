/**
 * Checkpoints of format 1, where the best epoch and the trace of the loss lay in `progress`: they predict, and a run
 * goes on from them. The metadata are a real run's (the demo, stopped in its second epoch); the tensors are random.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeLoader, fromSamples } from '../../../src/data/node/loader.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { buildModel } from '../../../src/models/table.ts';
import { randomUniform } from '../../../src/tensor/random.ts';
import { Checkpoints } from '../../../src/train/callbacks/checkpoints.ts';
import { LossTracer } from '../../../src/train/callbacks/loss-trace.ts';
import { fit } from '../../../src/train/fit.ts';
import { infer } from '../../../src/train/infer.ts';
import { modelOf, readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { BEST, LAST } from '../../../src/train/node/run-folder.ts';
import { epochsOf, optimizerOf, phasesOf } from '../../../src/train/settings.ts';
import { plainStep } from '../../../src/train/step.ts';
import { weightsBytes } from '../../../src/weights/create-model.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../../src/weights/formats/state.ts';
import { testDevice } from '../../helpers/device.ts';
import { PREPROCESSING, stripes } from '../tiny.ts';

interface OldFile {
  metadata: Record<string, string>;
  /** Shapes of the optimiser's tensors. */
  optimizer?: Record<string, number[]>;
}

const test = suite('train/format-1');
let device: Device;
let folder: string;
test.before(async () => {
  device = await testDevice({ poison: false });
  folder = await mkdtemp(join(tmpdir(), 'tessera-format-1-'));
  const fixture = new URL('fixtures/checkpoint-format-1.json', import.meta.url);
  const files: { best: OldFile; last: OldFile } = JSON.parse(await readFile(fixture, 'utf8'));
  const model = buildModel('efficientnet_lite0', { device, numClasses: 2, seed: 3 });
  for (const [name, { metadata, optimizer = {} }] of [
    [BEST, files.best],
    [LAST, files.last],
  ] as const) {
    const { tensors } = readSafetensors(await weightsBytes(model));
    for (const [key, shape] of Object.entries(optimizer)) {
      const steps = key === 'optimizer.step';
      const values = Float32Array.from({ length: shape[0] }, (_, i) =>
        steps ? 12 : randomUniform(1, key, 0, i),
      );
      tensors.set(key, fromFloat32(values, shape));
    }
    await writeFile(join(folder, name), writeSafetensors(tensors, metadata));
  }
  model.dispose();
});
test.after(async () => {
  await closeLoader();
  device.close();
  await rm(folder, { recursive: true });
});

const pictures = (count: number) =>
  fromSamples(stripes(count, 1), { batchSize: 4, preprocessing: PREPROCESSING, workers: 1 });

test('the best one answers', async () => {
  const checkpoint = await readCheckpoint(folder);
  assert.equal([checkpoint.info.format, checkpoint.callbacks], [1, {}]);
  const model = await modelOf(checkpoint, device);
  const answers = await infer(model, device, pictures(4).load(0));
  assert.ok(answers!.logits.every(Number.isFinite));
  model.dispose();
});

test('the last one goes on with its own settings to the end, with its best epoch and its trace', async () => {
  const checkpoint = await readCheckpoint(folder, LAST);
  const { progress, settings } = checkpoint.info;
  const { phases, trainNorms, decayNorms } = settings;
  assert.equal(phases, [{ trainFrom: 'head', epochs: 4, lr: 0.003, backboneFactor: 0.1 }]);
  assert.ok(trainNorms && decayNorms, 'as it was then');
  assert.not.ok('trainFrom' in settings || 'epochs' in settings);
  assert.equal([progress!.epoch, progress!.batch, epochsOf(settings)], [1, 2, 4]);
  const model = await modelOf(checkpoint, device);
  const optimizer = optimizerOf(model, settings);
  optimizer.loadState(checkpoint.optimizer);
  const train = pictures(12);
  const tracer = new LossTracer();
  const checkpoints = new Checkpoints(async () => undefined);
  let bestAtStart: number | undefined;
  const look = {
    name: 'look',
    onStart: () => {
      bestAtStart = checkpoints.bestOf(progress!.history)?.epoch;
    },
  };
  const result = await fit({
    model,
    device,
    optimizer,
    train,
    val: pictures(4),
    phases: phasesOf(model, optimizer, settings),
    step: plainStep(settings),
    callbacks: [checkpoints, tracer, look],
    from: { progress: progress!, callbacks: checkpoint.callbacks },
  });
  assert.ok(result.finished);
  assert.is(result.progress.history.length, 4);
  assert.equal(result.progress.history[0], progress!.history[0]);
  assert.is(bestAtStart, 1);
  // Twelve steps were taken before; one is left of the second epoch, and three in each of the others.
  assert.is(tracer.points().length, 12 + 1 + 2 * 3);
  model.dispose();
});

test.run();
