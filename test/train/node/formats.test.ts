/**
 * Checkpoints of older formats: they predict, and a run goes on from them. In 1 the best epoch and the trace of the loss
 * lay in `progress`, in 3 the settings lack what `BEFORE` names. The metadata are those of real runs (the demo, stopped
 * in its second epoch); the tensors are random.
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
import { infoIn } from '../../../src/train/checkpoint-info.ts';
import { fit } from '../../../src/train/fit.ts';
import { optimizerOf, phasesOf, stepOptions } from '../../../src/train/from-settings.ts';
import { infer } from '../../../src/train/infer.ts';
import { modelOf, readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { BEST, LAST } from '../../../src/train/node/run-folder.ts';
import { BEFORE, epochsOf } from '../../../src/train/settings.ts';
import { plainStep } from '../../../src/train/step.ts';
import { weightsBytes } from '../../../src/weights/create-model.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { seal, sealable } from '../../../src/weights/formats/seal.ts';
import { fromFloat32 } from '../../../src/weights/formats/state.ts';
import { testDevice } from '../../helpers/device.ts';
import { PREPROCESSING, stripes } from '../tiny.ts';

interface OldFile {
  metadata: Record<string, string>;
  /** Shapes of the optimiser's tensors. */
  optimizer?: Record<string, number[]>;
}

/** What is told of each: settings as they were then, where it stopped, and what is left. */
const FORMATS = [
  {
    format: 1,
    phases: [{ trainFrom: 'head', epochs: 4, lr: 0.003, backboneFactor: 0.1 }],
    norms: [true, true],
    batch: 2,
  },
  {
    format: 3,
    phases: [
      { trainFrom: 'head', epochs: 2, lr: 0.003, backboneFactor: 0.1 },
      { trainFrom: 'conv_head', epochs: 2, lr: 0.001, backboneFactor: 0.1 },
    ],
    norms: [false, false],
    batch: 3,
  },
];
/** Of an epoch below. */
const STEPS = 3;

const test = suite('train/formats');
let device: Device;
const folders = new Map<number, string>();
test.before(async () => {
  device = await testDevice({ poison: false });
  const model = buildModel('efficientnet_lite0', { device, numClasses: 2, seed: 3 });
  for (const { format } of FORMATS) {
    const folder = await mkdtemp(join(tmpdir(), `tessera-format-${format}-`));
    folders.set(format, folder);
    const fixture = new URL(`fixtures/checkpoint-format-${format}.json`, import.meta.url);
    const files: { best: OldFile; last: OldFile } = JSON.parse(await readFile(fixture, 'utf8'));
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
      await writeFile(join(folder, name), await seal(writeSafetensors(tensors, sealable(metadata))));
    }
  }
  model.dispose();
});
test.after(async () => {
  await closeLoader();
  device.close();
  for (const folder of folders.values()) await rm(folder, { recursive: true });
});

const pictures = (count: number) =>
  fromSamples(stripes(count, 1), { batchSize: 4, preprocessing: PREPROCESSING, workers: 1 });

for (const { format, phases, norms, batch } of FORMATS) {
  test(`format ${format}: the best one answers`, async () => {
    const checkpoint = await readCheckpoint(folders.get(format)!);
    assert.equal([checkpoint.info.format, checkpoint.callbacks], [1, {}]);
    const model = await modelOf(checkpoint, device);
    const answers = await infer(model, device, pictures(4).load(0));
    assert.ok(answers!.logits.every(Number.isFinite));
    model.dispose();
  });

  test(`format ${format}: the last one goes on with its own settings to the end, with its best epoch and its trace`, async () => {
    const checkpoint = await readCheckpoint(folders.get(format)!, LAST);
    const { progress, settings } = checkpoint.info;
    assert.equal(settings.phases, phases);
    assert.equal([settings.trainNorms, settings.decayNorms], norms, 'as it was then');
    for (const [name, value] of Object.entries(BEFORE))
      assert.equal([name, settings[name as never]], [name, value]);
    assert.not.ok('trainFrom' in settings || 'epochs' in settings);
    assert.equal([progress!.epoch, progress!.batch, epochsOf(settings)], [1, batch, 4]);
    const model = await modelOf(checkpoint, device);
    const optimizer = optimizerOf(model, settings);
    optimizer.loadState(checkpoint.optimizer);
    const tracer = new LossTracer();
    const checkpoints = new Checkpoints(async () => undefined);
    let bestAtStart: number | undefined;
    const look = {
      name: 'look',
      onStart: () => {
        bestAtStart = checkpoints.bestOf(progress!.history)?.epoch;
      },
    };
    const { callbacks } = checkpoint;
    const kept = ['checkpoints', 'loss-trace'].map((name) => [name, callbacks[name]]);
    const result = await fit({
      model,
      device,
      optimizer,
      train: pictures(4 * STEPS),
      val: pictures(4),
      phases: phasesOf(model, optimizer, settings),
      step: plainStep(stepOptions(settings, ['a', 'b'], [1, 1])),
      callbacks: [checkpoints, tracer, look],
      from: { progress: progress!, callbacks: Object.fromEntries(kept) },
    });
    assert.ok(result.finished);
    assert.is(result.progress.history.length, 4);
    assert.equal(result.progress.history[0], progress!.history[0]);
    assert.is(bestAtStart, 1);
    // Ten steps of the first epoch and `batch` of the second were taken before; the rest is taken here.
    assert.is(tracer.points().length, 10 + batch + (STEPS - batch) + 2 * STEPS);
    model.dispose();
  });
}

test('of more than two classes an older run goes on choosing its best epoch by accuracy', async () => {
  const fixtureFile = new URL('fixtures/checkpoint-format-3.json', import.meta.url);
  const { last }: { last: OldFile } = JSON.parse(await readFile(fixtureFile, 'utf8'));
  const info = JSON.parse(last.metadata.tessera);
  const bestOf = (classes: string[]) =>
    infoIn('last.safetensors', JSON.stringify({ ...info, classes })).settings.best;
  assert.equal([bestOf(['a', 'b']), bestOf(['a', 'b', 'c'])], [null, 'accuracy']);
});

test.run();
