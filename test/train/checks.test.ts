/** What is tried before a run: the learning-rate finder, and whether one batch can be learnt. Neither leaves a trace. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBatches } from '../../src/data/in-thread.ts';
import type { Batch } from '../../src/data/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import { AdamW, freeze, type Model } from '../../src/nn/index.ts';
import { findLearningRate, valley } from '../../src/train/find-lr.ts';
import { overfitOneBatch } from '../../src/train/overfit.ts';
import { plainStep } from '../../src/train/step.ts';
import { testDevice } from '../helpers/device.ts';
import { PREPROCESSING, stripeBatches, stripes, tinyNet } from './tiny.ts';

const test = suite('train/checks');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const stateOf = async (model: Model): Promise<unknown[]> => {
  const state: unknown[] = [...model.namedModules()].map(([, { training, frozen }]) => [training, frozen]);
  for (const { tensor } of model.tensors())
    state.push([tensor.requiresGrad, tensor.grad, ...(await tensor.data())]);
  return state;
};
const trained = (model: Model) => [...model.parameters()].filter(({ requiresGrad }) => requiresGrad);

test('the valley of a curve: halfway down, as fastai has it', () => {
  // Flat for 10, down over 30, up again.
  const losses = Array.from({ length: 60 }, (_, i) =>
    i < 10 ? 5 : i < 40 ? 5 - 0.1 * (i - 9) : 2 + 0.5 * (i - 39),
  );
  const places = losses.map((_, i) => i);
  assert.is(valley(places, losses), 8 + 10 + 5);
  assert.is(valley(places, places), null);
  assert.is(valley([], []), null);
});

test('the finder: rates rise, the proposal is where the loss falls; the network is as before', async () => {
  const model = tinyNet(device).eval();
  freeze(model, { match: /conv1/ });
  const before = await stateOf(model);
  const optimizer = new AdamW(trained(model), { lr: 0.5 });
  const { train } = stripeBatches();
  const seen: number[] = [];
  const { rates, losses, proposal } = await findLearningRate({
    ...{ model, device, optimizer, train, steps: 40, to: 100, step: plainStep({ accumulate: 2 }) },
    onUpdate: (done) => void seen.push(done),
  });
  assert.ok(losses.length > 15 && losses.every(Number.isFinite), `${losses}`);
  assert.is(seen.length, losses.length);
  assert.ok(Math.abs(rates[1] / rates[0] - 1e8 ** (1 / 39)) < 1e-9);
  assert.ok(proposal !== null && proposal > 1e-4 && proposal < 1, `${proposal}, ${losses}`);
  assert.equal(await stateOf(model), before);
  const none = { batches: 1, load: () => loadBatches([], { batchSize: 1, preprocessing: PREPROCESSING }) };
  const again = { model, device, optimizer: new AdamW(trained(model), { lr: 1 }), train: none };
  for (const [given, message] of [
    [{ ...again, from: 1, to: 1 }, /rates that rise above 0/],
    [again, /no step could be taken/],
  ] as const)
    await findLearningRate(given).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    );
});

/** A batch of stripes; `pictures` of noise or of one kind in their place. */
async function batchOf(samples = stripes(8, 1)): Promise<Batch> {
  for await (const batch of loadBatches(samples, { batchSize: samples.length, preprocessing: PREPROCESSING }))
    return batch;
  throw new Error('no batch');
}
const twins = stripes(8, 1).map((sample, index, all) => ({
  ...all[index - (index % 2)],
  label: sample.label,
  file: sample.file,
}));
const CASES: [
  what: string,
  samples: ReturnType<typeof stripes>,
  lr: number,
  learnt: boolean,
  suspicion: RegExp,
][] = [
  ['is learnt by heart', stripes(8, 1), 0.05, true, /^$/],
  [
    'of equal pictures with two labels is not',
    twins,
    0.05,
    false,
    /stripes 0 and stripes 1 are the same picture in two/,
  ],
  ['is not at a rate of 0', stripes(8, 1), 0, false, /hardly moved/],
  ['is not at a rate that is too high', stripes(8, 1), 1e4, false, /learning rate is too high/],
];
for (const [what, samples, lr, learnt, suspicion] of CASES)
  test(`one batch ${what}`, async () => {
    const model = tinyNet(device);
    const before = await stateOf(model);
    const optimizer = new AdamW(trained(model), { lr });
    const result = await overfitOneBatch({
      model,
      device,
      optimizer,
      batch: await batchOf(samples),
      steps: 60,
    });
    assert.is(result.learnt, learnt, JSON.stringify(result));
    assert.match(result.suspicions.join('\n'), suspicion);
    if (learnt) assert.is(result.accuracy, 1);
    assert.equal(await stateOf(model), before);
  });

test.run();
