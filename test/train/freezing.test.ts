/** What freezing saves: counted before a run, measured after it where that is cheap, and told in a table. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freezingSaved, freezingTable } from '../../src/cli/train/freezing-text.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import type { EndEvent } from '../../src/train/callback.ts';
import { FreezingMeter, measureStep } from '../../src/train/callbacks/freezing-meter.ts';
import { plannedFreezing } from '../../src/train/freezing.ts';
import { type Preflight, preflight } from '../../src/train/preflight.ts';
import { noProgress } from '../../src/train/progress.ts';
import { BEFORE, type PhaseSettings, type Trains, trainsOf } from '../../src/train/settings.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('train/freezing');
let device: Device;
test.before(async () => {
  ({ device } = await dryDevice(PLAIN_DEVICE));
});
test.after(() => device.close());

const phase = (trainFrom: string, epochs: number, lr: number): PhaseSettings => ({
  trainFrom,
  epochs,
  lr,
  backboneFactor: 1,
});
const SETTINGS = {
  phases: [phase('head', 3, 0.003), phase('layer4', 1, 0.001), phase('all', 2, 0.001)],
  trainNorms: false,
  keptClasses: 0,
  lrDecayPerStage: 0.5,
};
const ALL = { trainFrom: 'all', trainNorms: true };
const PLAN = {
  device: PLAIN_DEVICE,
  model: 'resnet18',
  modelOptions: { numClasses: 2 },
  batch: 2,
  size: 32,
  budget: 2 ** 40,
};
const costs = (phases: Trains[]): Promise<Preflight> => preflight({ ...PLAN, phases });
const model = () => buildModel('resnet18', { device, numClasses: 2, initialise: false });
const planned = async () =>
  plannedFreezing(model(), SETTINGS, (await costs(trainsOf(SETTINGS))).costs, (await costs([ALL])).cost);

test('each phase: its stages with what trains in them and the rates, and what a step takes', async () => {
  const { phases, everything } = await planned();
  assert.equal(
    phases.map(({ epochs, frozenNorms }) => [epochs, frozenNorms]),
    [
      [[1, 3], false],
      [[4, 4], true],
      [[5, 6], true],
    ],
  );
  assert.equal(
    phases.map(({ stages }) => stages.map(({ rate }) => rate)),
    [
      [null, null, null, null, null, 0.003],
      [null, null, null, null, 0.0005, 0.001],
      [0.00003125, 0.0000625, 0.000125, 0.00025, 0.0005, 0.001],
    ],
  );
  const [{ stages }] = phases;
  assert.equal(stages.at(-1), { stage: 'fc', parameters: 1026, trainable: 1026, rate: 0.003 });
  assert.is(phases[2].stages[0].parameters - phases[2].stages[0].trainable, 128, 'the norm of conv1');
  const work = [...phases.map(({ step }) => step!), everything!];
  assert.ok(work.every(({ multiplyAdds }, i) => i === 0 || multiplyAdds > work[i - 1].multiplyAdds));
  assert.ok(work[0].peakBytes < 0.5 * everything!.peakBytes);
  assert.equal(JSON.parse(JSON.stringify(phases)), phases);
});

test('as a table: a column a phase, tables of three at most, within eighty columns', async () => {
  const figures = await planned();
  const lines = freezingTable(figures);
  assert.match(lines[0], /^stage +parameters +epochs 1-3 +epoch 4 +epochs 5-6 +everything$/);
  assert.match(lines.join('\n'), /\nlayer4 +8\.39 M +frozen +0\.0005 +0\.0005\n/);
  assert.match(
    lines.join('\n'),
    /\nmultiply-adds +[\d.]+ M .*\nmemory +\d.* MiB\ntime, about +20 % +51 % +100 % +100 %\n/,
  );
  assert.match(lines.join('\n'), /Batch norms stay as they are/);
  const many = { ...figures, phases: [...figures.phases, ...figures.phases] };
  assert.is(freezingTable(many).filter((line) => line.startsWith('stage')).length, 2);
  assert.ok(
    freezingTable(many)
      .slice(0, -2)
      .every((line) => line.length <= 80),
  );
  const one = plannedFreezing(model(), { ...ALL, phases: [phase('all', 1, 1)], ...BEFORE }, [], null);
  assert.match(freezingTable(one).join('\n'), /^stage +parameters +rate\n[^(]*\nmultiply-adds +too large/);
  assert.equal(freezingSaved(one), []);
});

test('a step alone is measured on a network of its own', async () => {
  const real = await testDevice();
  const { live } = real.memory();
  const seconds = await measureStep(
    { trainFrom: 'head', trainNorms: false },
    { device: real, network: 'mobilenetv2_050', modelOptions: { numClasses: 2 }, batch: 1, size: 32 },
  );
  assert.ok(seconds > 0 && seconds < 60);
  assert.ok(real.memory().live <= live + 2 ** 16, 'nothing of it stays');
  real.close();
});

test('measured after a run that took long enough, else counted', async () => {
  const figures = await planned();
  const meter = (trainSeconds: number, fits = true) => {
    const history = [1, 2, 3, 4, 5, 6].map((epoch) => ({
      epoch,
      trainLoss: 1,
      val: null,
      trainSeconds: epoch === 1 ? 10 * trainSeconds : trainSeconds,
      valSeconds: 0,
    }));
    const callback = new FreezingMeter({
      figures,
      phases: trainsOf(SETTINGS),
      fits,
      measure: async ({ trainFrom }) => (trainFrom === 'all' ? 2 : 1),
    });
    const event = { device, finished: true, progress: { ...noProgress(), history }, stepsPerEpoch: 1000 };
    return { callback, event: event as unknown as EndEvent };
  };
  const long = meter(1e4);
  await long.callback.onEnd(long.event);
  const { phases, everything } = long.callback.figures;
  assert.equal(
    phases.map(({ runSeconds }) => runSeconds),
    [10, 10, 10],
    'the first epoch compiles',
  );
  assert.equal(
    [...phases.map(({ step }) => step!), everything!].map(({ seconds }) => seconds),
    [1, 1, 2, 2],
  );
  assert.match(
    freezingSaved(long.callback.figures)[0],
    /^Epochs 1 to 3: a step took 1\.0 s in place of 2\.0 s with everything training \(measured alone, after the run\), /,
  );
  for (const { callback, event } of [meter(1e-9), meter(1e4, false)]) {
    await callback.onEnd(event);
    assert.is(callback.figures.everything!.seconds, null);
    assert.match(
      freezingSaved(callback.figures)[1],
      /^Epoch 4: a step took \d.* of the multiply-adds .*counted/,
    );
  }
  const failed = meter(1e4);
  await failed.callback.onEnd({ ...failed.event, error: new Error('lost') });
  assert.is(failed.callback.figures.everything!.seconds, null);
});

test.run();
