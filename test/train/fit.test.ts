/** The training loop on a tiny network: it learns, repeats itself, goes on where it stopped, and creates nothing anew. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countCreations } from '../../bench/soak.ts';
import type { BatchSource } from '../../src/data/loader.ts';
import { closeLoader, fromSamples, loadBatches } from '../../src/data/node/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import { AdamW, cosine, freeze, unfreeze } from '../../src/nn/index.ts';
import { demand } from '../../src/text/rules.ts';
import type { Callback } from '../../src/train/callback.ts';
import { Checkpoints } from '../../src/train/callbacks/checkpoints.ts';
import { LossTracer } from '../../src/train/callbacks/loss-trace.ts';
import { type FitOptions, fit, type Phase, TrainingError } from '../../src/train/fit.ts';
import { stepOptions } from '../../src/train/from-settings.ts';
import { infer } from '../../src/train/infer.ts';
import { measure } from '../../src/train/metrics.ts';
import type { EpochRecord, Progress } from '../../src/train/progress.ts';
import { BEFORE, SETTINGS, type TrainSettings } from '../../src/train/settings.ts';
import { plainStep } from '../../src/train/step.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, stripeBatches, stripes, type TinyNet, tinyNet } from './tiny.ts';

const test = suite('train/fit');
const EPOCHS = 3;
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(async () => {
  await closeLoader();
  device.close();
});

/** A run of three epochs over 44 + 22 pictures in steps of 8. */
function setUp(seed = 1, on = device) {
  const model = tinyNet(on, seed);
  const parameters = [...model.namedParameters()].map(([, parameter]) => parameter);
  const optimizer = new AdamW(parameters, { lr: 0.02 });
  const options: FitOptions = {
    model,
    device: on,
    optimizer,
    ...stripeBatches(seed),
    epochs: EPOCHS,
    schedule: cosine({ warmup: 2 }),
  };
  return { model, optimizer, options };
}

/** Every parameter and running statistic. */
async function valuesOf(model: TinyNet): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const { name, tensor } of model.tensors()) values[name] = [...(await tensor.data())];
  return values;
}

/** Records without their times. */
const numbers = (history: EpochRecord[]) =>
  history.map(({ epoch, trainLoss, val }) => ({ epoch, trainLoss, val }));

test('it learns: the loss falls and the validation pictures are told apart', async () => {
  const { options } = setUp();
  const { finished, progress } = await fit({ ...options, epochs: 8 });
  assert.ok(finished);
  const { history } = progress;
  assert.is(history.length, 8);
  assert.ok(history[7].trainLoss < 0.7 * history[0].trainLoss, `training loss ${history[7].trainLoss}`);
  const best = Math.max(...history.map(({ val }) => val!.accuracy));
  assert.ok(best >= 0.9, `accuracy ${best}`);
  assert.is(history[0].val!.count, 22);
});

test('the same seed gives the same bits, another seed others', async () => {
  const runs = [];
  for (const seed of [1, 1, 2]) {
    const { model, options } = setUp(seed);
    const { progress } = await fit(options);
    runs.push({ values: await valuesOf(model), history: numbers(progress.history) });
  }
  assert.equal(runs[0], runs[1]);
  assert.is.not(runs[0].history[2].trainLoss, runs[2].history[2].trainLoss);
});

/** The head for an epoch, then everything but the norms for two, at a lower rate. */
function setUpPhases() {
  const { model, optimizer, options } = setUp();
  const phases: Phase[] = [
    { epochs: 1, schedule: cosine(), begin: () => void freeze(model, { except: ['fc'] }) },
    {
      epochs: 2,
      schedule: cosine({ warmup: 1 }),
      begin: () => {
        unfreeze(model);
        freeze(model, { norms: true });
        optimizer.groups[0].lr = 0.005;
      },
    },
  ];
  const { epochs: _, schedule: __, ...rest } = options as Phase & FitOptions;
  return { model, optimizer, options: { ...rest, phases } as FitOptions };
}

/** A run whose pictures and loss are anything but plain, made from settings as a checkpoint gives them back. */
function setUpMixed() {
  const { options, ...rest } = setUp();
  const settings: TrainSettings = JSON.parse(
    JSON.stringify({
      ...BEFORE,
      data: null,
      model: 'tiny',
      weights: null,
      phases: [{ trainFrom: 'all', epochs: EPOCHS, lr: 0.02, backboneFactor: 1 }],
      trainNorms: true,
      batch: 8,
      weightDecay: 0.01,
      decayNorms: false,
      warmup: 0,
      size: PREPROCESSING.inputSize,
      seed: 1,
      labelSmoothing: 0.1,
      mixup: 0.4,
      cutmix: 1,
      classWeights: { down: 3 },
      sampler: 'balanced',
      augmentation: {
        scale: [0.5, 1],
        verticalFlip: 0.5,
        colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
        erase: 0.5,
      },
    }),
  );
  demand(SETTINGS, settings, 'settings');
  // Six of one class, 22 of the other; the last batch is not full.
  const samples = stripes(44, 1).filter(({ label }, index) => label === 0 || index < 12);
  const { augmentation, sampler, batch: batchSize, seed } = settings;
  const train = fromSamples(samples, {
    batchSize,
    preprocessing: PREPROCESSING,
    train: true,
    augmentation,
    sampler,
    seed,
  });
  const step = plainStep(stepOptions(settings, ['across', 'down'], [22, 6]));
  return { ...rest, options: { ...options, train, step } as FitOptions };
}

const STEPS = 6; // per epoch: 44 pictures in steps of 8
const STOPS: [
  where: string,
  stopAfter: number,
  validated: boolean,
  place: { epoch: number; batch: number },
][] = [
  ['in the first epoch', 2, false, { epoch: 0, batch: 2 }],
  ['in the middle of the second epoch', STEPS + 3, false, { epoch: 1, batch: 3 }],
  ['after the last step of an epoch', 2 * STEPS, false, { epoch: 1, batch: STEPS }],
  ['in a validation', STEPS, true, { epoch: 0, batch: STEPS }],
];
const RUNS = [
  ['a run', setUp],
  ['a run of two phases', setUpPhases],
] as const;
const MIXED_STEPS = 4; // 28 pictures
const MIXED_STOP = [
  'in the middle of the second epoch',
  MIXED_STEPS + 2,
  false,
  { epoch: 1, batch: 2 },
] as const;
for (const [what, setUp, [where, stopAfter, validated, place]] of [
  ...RUNS.flatMap(([what, setUp]) => STOPS.map((stop) => [what, setUp, stop] as const)),
  ['a run of mixed, jittered, erased pictures, weighted and drawn by class', setUpMixed, MIXED_STOP] as const,
])
  test(`${what} stopped ${where} and resumed gives the numbers of one that was not`, async () => {
    const whole = setUp();
    const wholeTrace = new LossTracer();
    const { progress: wholeProgress } = await fit({ ...whole.options, callbacks: [wholeTrace] });

    const first = setUp();
    const points: { epochEnded: boolean; states: string }[] = [];
    const stopped = await fit({
      ...first.options,
      callbacks: [
        new LossTracer(),
        {
          name: 'stops',
          onStep: ({ step, stop }) => {
            if (!validated && step === stopAfter) stop('enough');
          },
          onValidation: ({ stop }) => {
            if (validated) stop('enough');
          },
          onSave: async ({ epochEnded, states }) => {
            points.push({ epochEnded, states: JSON.stringify(await states()) });
          },
        },
      ],
    });
    assert.equal([stopped.finished, stopped.reason], [false, 'enough']);
    assert.is(stopped.progress.epoch, place.epoch);
    assert.is(stopped.progress.batch, place.batch);
    assert.equal(
      points.map(({ epochEnded }) => epochEnded),
      [...Array(place.epoch).fill(true), false],
      'saved after every epoch, and once where it stopped',
    );

    // A new network from another seed, everything restored as from a file.
    const second = setUp();
    for (const { name, tensor } of second.model.tensors())
      tensor.write(Float32Array.from((await valuesOf(first.model))[name]));
    const state: [string, ArrayLike<number>][] = [];
    for await (const entry of first.optimizer.stateTensors()) state.push(entry);
    second.optimizer.loadState(state);
    const trace = new LossTracer();
    const { finished, progress } = await fit({
      ...second.options,
      callbacks: [trace],
      from: {
        progress: JSON.parse(JSON.stringify(stopped.progress)),
        callbacks: JSON.parse(points.at(-1)!.states),
      },
    });

    assert.ok(finished);
    assert.equal(numbers(progress.history), numbers(wholeProgress.history));
    assert.equal(trace.points(), wholeTrace.points());
    assert.equal(await valuesOf(second.model), await valuesOf(whole.model));
  });

test('a run that saves in between gives the same numbers, and goes on from what was saved with them', async () => {
  const whole = setUp();
  const { progress: wholeProgress } = await fit(whole.options);
  const saving = setUp();
  const saved: { progress: string; values: Record<string, number[]>; state: [string, number[]][] }[] = [];
  const { progress } = await fit({
    ...saving.options,
    callbacks: [
      {
        name: 'saves',
        onStep: ({ step, save }) => {
          if (step === STEPS + 3) save();
        },
        onSave: async ({ epochEnded, progress }) => {
          if (epochEnded) return;
          const state: [string, number[]][] = [];
          for await (const [name, values] of saving.optimizer.stateTensors()) state.push([name, [...values]]);
          saved.push({ progress: JSON.stringify(progress), values: await valuesOf(saving.model), state });
        },
      },
    ],
  });
  assert.equal(numbers(progress.history), numbers(wholeProgress.history));
  assert.is(saved.length, 1);
  const { values, state, ...before } = saved[0]!;
  const from: Progress = JSON.parse(before.progress);
  assert.equal([from.epoch, from.batch], [1, 3]);

  const second = setUp();
  for (const { name, tensor } of second.model.tensors()) tensor.write(Float32Array.from(values[name]!));
  second.optimizer.loadState(state);
  const { progress: resumed } = await fit({ ...second.options, from: { progress: from } });
  assert.equal(numbers(resumed.history), numbers(wholeProgress.history));
  assert.equal(await valuesOf(second.model), await valuesOf(whole.model));
});

test('phases: each freezes as it begins, and has its own schedule; frozen norms keep their statistics', async () => {
  const { model, optimizer, options } = setUpPhases();
  const before = await valuesOf(model);
  const seen: [step: number, lr: number, trains: boolean][] = [];
  const values: Record<string, number[]>[] = [];
  await fit({
    ...options,
    callbacks: [
      {
        name: 'look',
        onStep: ({ step }) => {
          seen.push([step, optimizer.groups[0].lr * optimizer.lrFactor, model.conv1.weight.requiresGrad]);
        },
        onEpoch: async () => {
          values.push(await valuesOf(model));
        },
      },
    ],
  });
  const [first, , last] = values;
  const changed = (from: Record<string, number[]>, to: Record<string, number[]>) =>
    Object.keys(from).filter((name) => `${from[name]}` !== `${to[name]}`);
  assert.equal(changed(before, first), ['fc.weight', 'fc.bias']);
  assert.equal(changed(first, last), ['conv1.weight', 'conv2.weight', 'fc.weight', 'fc.bias']);
  const rates = [...Array(STEPS).keys()].map((step) => 0.02 * cosine()(step, STEPS));
  const later = [...Array(2 * STEPS).keys()].map((step) => 0.005 * cosine({ warmup: 1 })(step, 2 * STEPS));
  assert.equal(
    seen,
    [...rates, ...later].map((rate, index) => [index + 1, rate, index >= STEPS]),
  );
});

test('a loss that is not finite ends the run with a sentence; nothing is saved after it', async () => {
  const { model, options } = setUp();
  const saves: [string, number][] = [];
  const ends: [boolean, unknown][] = [];
  let steps = 0;
  const failing = fit({
    ...options,
    callbacks: [
      new Checkpoints(async (which, { progress: { epoch } }) => {
        saves.push([which, epoch]);
      }),
      {
        name: 'poison',
        onStep: () => {
          if (++steps === STEPS + 2) model.fc.bias!.write(Float32Array.of(Number.NaN, 0));
        },
        onEnd: ({ finished, error }) => {
          ends.push([finished, error]);
        },
      },
    ],
  });
  try {
    await failing;
    assert.unreachable('a NaN among the weights went unnoticed');
  } catch (error) {
    assert.instance(error, TrainingError);
    assert.match(
      String(error),
      /loss became NaN in epoch 2 of 3 \(step 9\).*learning rate \(0\.02\).*the state after epoch 1$/,
    );
    assert.equal(ends, [[false, error]], 'the end is told once, with the error');
  }
  assert.equal(saves, [
    ['best', 1],
    ['last', 1],
  ]);
});

test('every picture takes part once an epoch; a batch of one is left out where norms train', async () => {
  const seen: number[] = [];
  const { options } = setUp();
  const counts: Callback[] = [
    {
      name: 'counts',
      onStep: ({ pictures }) => {
        seen.push(pictures);
      },
    },
  ];
  await fit({ ...options, epochs: 1, callbacks: counts });
  assert.equal(seen, [8, 8, 8, 8, 8, 4]);

  const single = { batchSize: 8, preprocessing: PREPROCESSING };
  const train: BatchSource = { batches: 2, load: () => loadBatches(stripes(9, 1), single) };
  seen.length = 0;
  await fit({ ...setUp().options, train, epochs: 1, callbacks: counts });
  assert.equal(seen, [8]);
  seen.length = 0;
  const frozen = setUp();
  freeze(frozen.model, { except: ['fc'] });
  await fit({ ...frozen.options, train, epochs: 1, callbacks: counts });
  assert.equal(seen, [8, 1]);
});

test('one picture a step: frozen norms train on, others say why they cannot', async () => {
  const single = { batchSize: 1, preprocessing: PREPROCESSING };
  const train: BatchSource = { batches: 3, load: () => loadBatches(stripes(3, 1), single) };
  const { model, options } = setUp();
  const failed = await fit({ ...options, train, epochs: 1 }).catch((error: Error) => error);
  assert.instance(failed, TrainingError);
  assert.match(String(failed), /norms that train need two pictures in a step, .*or freeze the norms$/);
  freeze(model, { norms: true });
  const { finished, progress } = await fit({ ...options, train, epochs: 1 });
  assert.ok(finished && progress.history[0].trainLoss > 0);
});

test('what is frozen does not move, running statistics included; the head does', async () => {
  const { model, options } = setUp();
  freeze(model, { except: ['fc'] });
  const before = await valuesOf(model);
  await fit(options);
  for (const [name, values] of Object.entries(await valuesOf(model)))
    if (name.startsWith('fc.')) assert.not.equal(values, before[name], name);
    else assert.equal(values, before[name], name);
});

test('validation batches that cannot be read do not stop the run', async () => {
  const pictures = stripes(24, 2).map((sample, index) =>
    index >= 8 && index < 16 ? { file: '/nowhere/gone.png', label: 0 } : sample,
  );
  const common = { batchSize: 8, preprocessing: PREPROCESSING, onUnreadable: () => undefined };
  const val: BatchSource = { batches: 3, load: () => loadBatches(pictures, common) };
  const { progress } = await fit({ ...setUp().options, val });
  assert.equal(
    progress.history.map(({ val }) => val!.count),
    [16, 16, 16],
  );
  const none: BatchSource = { batches: 1, load: () => loadBatches(pictures.slice(8, 16), common) };
  try {
    await fit({ ...setUp().options, val: none });
    assert.unreachable('an empty validation set went unnoticed');
  } catch (error) {
    assert.match(String(error), /no picture of the validation set could be read/);
  }
});

test('an error of the loader ends the run, also one that comes before its batch is asked for', async () => {
  async function* broken() {
    yield* [];
    throw new Error('the disk is gone');
  }
  const val = { batches: 1, load: broken } as unknown as BatchSource;
  try {
    await fit({ ...setUp().options, val });
    assert.unreachable('the error was lost');
  } catch (error) {
    assert.is((error as Error).message, 'the disk is gone');
  }
});

test('after the first epoch no buffer and no bind group is created, and as many bytes are live at every end', async () => {
  // A device of its own: models of other tests give their buffers back whenever the garbage collector finds them, and
  // a buffer that comes back in between is taken in place of another.
  const own = await testDevice();
  const { options } = setUp(1, own);
  const live: number[] = [];
  const created = countCreations(own);
  const counts: number[] = [];
  await fit({
    ...options,
    epochs: 5,
    callbacks: [
      {
        name: 'counts',
        onEpoch: () => {
          live.push(own.memory().live);
          counts.push(created.buffers + created.bindGroups);
        },
      },
    ],
  });
  created.restore();
  own.close();
  assert.ok(counts[0] > 0, 'nothing was counted');
  assert.is(counts[4] - counts[0], 0, `created after the first epoch: ${counts}`);
  assert.is(live[4], live[0]);
});

test('inference: logits in the order of the pictures, whatever the batch size; the mode is left as it was', async () => {
  const model = tinyNet(device).train();
  const samples = stripes(21, 3);
  const results = [];
  for (const batchSize of [4, 21])
    results.push(
      await infer(model, device, loadBatches(samples, { batchSize, preprocessing: PREPROCESSING })),
    );
  assert.ok(model.training && model.bn1.training);
  assert.equal(
    results[0]?.samples.map(({ file }) => file),
    samples.map(({ file }) => file),
  );
  const [a, b] = results.map((result) => result!.logits);
  assert.is(a.length, 42);
  assert.ok(a.every((value, i) => Math.abs(value - b[i]) < 1e-5));
  assert.is(measure(results[0]!).count, 21);
  const early = await infer(
    model,
    device,
    loadBatches(samples, { batchSize: 4, preprocessing: PREPROCESSING }),
    {
      onBatch: () => false,
    },
  );
  assert.is(early, null);
});

test.run();
