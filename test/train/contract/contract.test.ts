/**
 * What `fit` promises to steps and callbacks, proved by three that lie beside this file: accumulated gradients, a moving
 * average of the weights, patience.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch, BatchSource } from '../../../src/data/loader.ts';
import { closeLoader, fromSamples } from '../../../src/data/node/loader.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { AdamW, cosine, freeze, type Model, perUpdate, SGD } from '../../../src/nn/index.ts';
import type { Callback, EndEvent, StepEvent } from '../../../src/train/callback.ts';
import { EarlyStopping } from '../../../src/train/callbacks/early-stopping.ts';
import { WeightAverage } from '../../../src/train/callbacks/weight-average.ts';
import { type FitOptions, fit } from '../../../src/train/fit.ts';
import { infer } from '../../../src/train/infer.ts';
import { measure } from '../../../src/train/metrics.ts';
import { plainStep, type Step } from '../../../src/train/step.ts';
import { testDevice } from '../../helpers/device.ts';
import { PREPROCESSING, stripeBatches, stripes, type TinyNet, tinyNet } from '../tiny.ts';

const test = suite('train/contract');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(async () => {
  await closeLoader();
  device.close();
});

function setUp(): FitOptions & { model: TinyNet } {
  const model = tinyNet(device);
  const parameters = [...model.namedParameters()].map(([, parameter]) => parameter);
  return { model, device, optimizer: new AdamW(parameters, { lr: 0.02 }), ...stripeBatches(), epochs: 1 };
}

/** Fails unless `action` rejects with a message that matches. */
async function refuses(action: Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await action;
  } catch (error) {
    assert.match(String(error), message);
    return;
  }
  assert.unreachable(`nothing was refused: ${message}`);
}

const valuesOf = async (model: Model): Promise<number[]> => {
  const values: number[] = [];
  for (const { tensor } of model.tensors()) values.push(...(await tensor.data()));
  return values;
};

test('the hooks come in order, each loss exactly once and a step late', async () => {
  const calls: string[] = [];
  const watch: Callback = {
    name: 'watch',
    onStart: async () => {
      await Promise.resolve();
      calls.push('start');
    },
    onStep: ({ step, loss }) => void calls.push(`step ${step} knows ${loss?.step ?? 'none'}`),
    onLoss: ({ step }) => void calls.push(`loss ${step}`),
    onValidation: ({ done }) => void calls.push(`validation ${done}`),
    onEpoch: ({ record }) => void calls.push(`epoch ${record.epoch}`),
    onSave: ({ epochEnded }) => void calls.push(`save ${epochEnded}`),
    onEnd: ({ finished }) => void calls.push(`end ${finished}`),
  };
  await fit({ ...setUp(), callbacks: [watch] });
  assert.equal(calls, [
    'start',
    'step 1 knows none',
    ...[2, 3, 4, 5, 6].flatMap((step) => [`loss ${step - 1}`, `step ${step} knows ${step - 1}`]),
    'loss 6',
    ...['validation 1', 'validation 2', 'validation 3', 'epoch 1', 'save true', 'end true'],
  ]);
});

test('without validation pictures a run trains all the same', async () => {
  const { val, ...options } = setUp();
  const { finished, progress } = await fit({ ...options, epochs: 2 });
  assert.ok(finished);
  assert.equal(
    progress.history.map((record) => record.val),
    [null, null],
  );
});

for (const options of [{}, { classWeights: [1, 3], clipNorm: 0.5 }])
  test(`accumulated gradients are those of the large batch where norms are frozen and nothing is dropped ${JSON.stringify(options)}`, async () => {
    const trained: number[][] = [];
    for (const [batchSize, accumulate] of [
      [16, 1],
      [4, 4],
    ]) {
      const { model } = setUp();
      freeze(model, { match: /bn/ });
      Object.assign(model.dropout, { p: 0 });
      const parameters = [...model.namedParameters()].map(([, parameter]) => parameter);
      const optimizer = new SGD(
        parameters.filter(({ requiresGrad }) => requiresGrad),
        { lr: 0.05, momentum: 0.9 },
      );
      // 44 pictures: updates of 16, 16 and 12.
      const common = { batchSize, preprocessing: PREPROCESSING, train: true, seed: 1, workers: 1 };
      const train = fromSamples(stripes(44, 1), common);
      const epochs = 2;
      const schedule = perUpdate(cosine({ warmup: 2 }), accumulate, epochs);
      await fit({
        ...{ model, device, optimizer, train, epochs, schedule },
        step: plainStep({ ...options, accumulate }),
      });
      trained.push(await valuesOf(model));
    }
    const [large, small] = trained;
    const start = await valuesOf(setUp().model);
    const distance = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    assert.ok(distance(large, start) > 1e-3, 'nothing was learnt');
    assert.ok(distance(large, small) < 1e-6, `weights differ by ${distance(large, small)}`);
  });

/** Batches of which those in `missing` do not appear, as if none of their pictures could be read. */
function without(source: BatchSource, missing: number[]): BatchSource {
  async function* load(epoch: number, startBatch?: number): AsyncGenerator<Batch, void, undefined> {
    for await (const batch of source.load(epoch, startBatch)) if (!missing.includes(batch.index)) yield batch;
  }
  return { batches: source.batches, load };
}

const ENDS: [what: string, missing: number[], updates: number[]][] = [
  ['all batches come', [], [4, 6]],
  ['the last ones cannot be read', [4, 5], [4]],
  ['the last but one cannot be read', [4], [4, 6]],
  ['one in the middle cannot be read', [1], [5, 6]],
];
for (const [what, missing, updates] of ENDS)
  test(`an epoch ends with an update where ${what}`, async () => {
    const { train, ...options } = setUp();
    const seen: number[] = [];
    const onStep = ({ step, updated }: StepEvent) => {
      if (updated) seen.push(step);
    };
    const callbacks = [{ name: 'updates', onStep }];
    await fit({ ...options, train: without(train, missing), step: plainStep({ accumulate: 4 }), callbacks });
    assert.equal(seen, updates);
  });

test('a stop amid accumulated gradients waits for the batch that updates', async () => {
  const stops: Callback = { name: 'stops', onStep: ({ step, stop }) => void (step === 2 && stop('now')) };
  const { finished, progress } = await fit({
    ...setUp(),
    step: plainStep({ accumulate: 4 }),
    callbacks: [stops],
  });
  assert.not(finished);
  assert.is(progress.batch, 4);
});

test('a step that never updates is refused at the end of the epoch', async () => {
  const holding: Step = (batch, context) => {
    context.holdUpdate();
    return plainStep()(batch, context);
  };
  await refuses(fit({ ...setUp(), step: holding }), /held its update back at the last batch of epoch 1/);
});

test('a moving average follows every update, and validates in place of the network', async () => {
  const options = setUp();
  const average = new WeightAverage(tinyNet(device, 2), 0.9);
  const before = await valuesOf(options.model);
  // One step, so that the average is known: 2/11 of what was, the rest of what is; running statistics are copied.
  const train = without(options.train, [1, 2, 3, 4, 5]);
  const validated = average.average;
  const { progress } = await fit({ ...options, train, validated, callbacks: [average] });
  const after = await valuesOf(options.model);
  const averaged = await valuesOf(validated);
  let at = 0;
  for (const { name, tensor } of options.model.tensors())
    for (const end = at + tensor.size; at < end; at++) {
      const decay = name.includes('running') ? 0 : 2 / 11;
      const expected = decay * before[at] + (1 - decay) * after[at];
      assert.ok(Math.abs(averaged[at] - expected) < 1e-6, `${name}: ${averaged[at]}, not ${expected}`);
    }
  const answers = await infer(validated, device, options.val!.load(0));
  assert.equal(measure(answers!), progress.history[0].val);
});

test('patience finishes a run; it is over when it is taken up again', async () => {
  const options = setUp();
  const frozen = {
    ...options,
    optimizer: new SGD(
      [...options.model.namedParameters()].map(([, p]) => p),
      { lr: 0 },
    ),
  };
  const ends: (string | null)[] = [];
  const told: Callback = { name: 'told', onEnd: ({ reason }: EndEvent) => void ends.push(reason) };
  freeze(options.model, { match: /bn/ });
  const callbacks = () => [new EarlyStopping({ patience: 2 }), told];
  const { finished, reason, progress } = await fit({ ...frozen, epochs: 9, callbacks: callbacks() });
  assert.ok(finished);
  assert.is(reason, '2 epochs without a better one');
  assert.is(progress.epoch, 3);
  const again = await fit({ ...frozen, epochs: 9, callbacks: callbacks(), from: { progress } });
  assert.equal([again.finished, again.reason, again.progress.epoch], [true, reason, 3]);
  assert.equal(ends, [reason, reason]);
});

test('names are unique, and a state that nobody takes is refused', async () => {
  await refuses(
    fit({ ...setUp(), callbacks: [new EarlyStopping({ patience: 1 }), new EarlyStopping({ patience: 2 })] }),
    /two callbacks are called 'early-stopping'/,
  );
  await refuses(fit({ ...setUp(), callbacks: [{ name: 'a.b' }] }), /letters, digits, - and _, not 'a\.b'/);
  const { progress } = await fit({ ...setUp(), epochs: 1 });
  const from = { progress, callbacks: { average: { json: 1 } } };
  await refuses(
    fit({ ...setUp(), epochs: 2, from }),
    /saved with a callback 'average', whose state nobody takes/,
  );
});

const program = fileURLToPath(new URL('killable.ts', import.meta.url));

/** Runs the small run to its end, or kills it once `epoch` is saved. */
function killable(folder: string, epoch?: number): Promise<{ killed: boolean; last: string; err: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, folder, '6', `${epoch}`]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
    if (out.includes(`\nepoch ${epoch}\n`)) child.kill('SIGKILL');
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  return new Promise((resolve) => {
    child.on('close', (_, signal) =>
      resolve({ killed: signal === 'SIGKILL', last: out.trim().split('\n').at(-1)!, err }),
    );
  });
}

test('killed and taken up again: the same bits of weights, average, optimiser, history and trace', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-killed-'));
  const whole = await killable(await mkdtemp(join(folder, 'whole-')));
  assert.match(whole.last, /"epochs":6/, whole.err);
  const cut = await mkdtemp(join(folder, 'cut-'));
  // In the first phase, and within the second.
  for (const epoch of [1, 4]) assert.ok((await killable(cut, epoch)).killed, `not killed at epoch ${epoch}`);
  assert.is((await killable(cut)).last, whole.last);
  await rm(folder, { recursive: true });
});

test.run();
