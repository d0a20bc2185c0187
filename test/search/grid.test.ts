/** Compound scaling of any table, the small grid, and networks that are trained for equal steps: stopped, it goes on to the bit. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { compoundScale } from '../../src/models/efficientnet.ts';
import type { MBConvTable } from '../../src/models/mbconv-table.ts';
import { buildModel } from '../../src/models/table.ts';
import { countOfTable } from '../../src/search/cost/cost.ts';
import { middle } from '../../src/search/handmade.ts';
import { gridNetworks, spaceAround } from '../../src/search/scaling/grid.ts';
import { growthOf, PAPER_FACTORS, scaleTable } from '../../src/search/scaling/scaling.ts';
import { trainEqually } from '../../src/search/scaling/train-equally.ts';
import { B0_SPACE, choiceOf, isOf, largest, SMALL_SPACE, smallest, tableOf } from '../../src/search/space.ts';
import { testDevice } from '../helpers/device.ts';
import { MemoryStore, TINY_SPACE, tinyPictures, tinyPlan } from './tiny.ts';

const test = suite('search/grid');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const B0 = tableOf(
  B0_SPACE,
  choiceOf(
    B0_SPACE,
    'k3e1w16d1s0.25-k3e6w24d2s0.25-k5e6w40d2s0.25-k3e6w80d3s0.25-k5e6w112d3s0.25-k5e6w192d4s0.25-k3e6w320d1s0.25',
  ),
  'b0',
);

test("scaled by the published factors, B0's table is that of B1 to B7", async () => {
  const { device: dry } = await dryDevice(boundless(PLAIN_DEVICE));
  for (let phi = 1; phi <= 7; phi++) {
    const { depth: alpha, width: beta, resolution } = compoundScale(phi);
    const scaled = scaleTable(B0, { alpha, beta, gamma: resolution / 224, phi: 1 });
    const published = buildModel(`efficientnet_b${phi}`, { device: dry, initialise: false });
    const parameters = [...published.parameters()].reduce((sum, { size }) => sum + size, 0);
    assert.equal([countOfTable(scaled, 'parameters', 1000), scaled.inputSize], [parameters, resolution]);
  }
  dry.close();
});

test('what is not scaled stays as it is, and what cannot be is refused', () => {
  const { stem, head, rows, inputSize } = tableOf(TINY_SPACE, largest(TINY_SPACE), 'tiny');
  const tiny: MBConvTable = { name: 'tiny', stem, head, rows, inputSize, activation: 'relu' };
  assert.equal(scaleTable(tiny, { ...PAPER_FACTORS, phi: 0 }, 'tiny'), tiny);
  assert.is(scaleTable(tiny, { alpha: 1, beta: 1, gamma: 1.15, phi: 2 }).inputSize, 10); // 10.58
  assert.throws(
    () => scaleTable(tiny, { ...PAPER_FACTORS, alpha: 0.9, phi: 1 }),
    /scaling\.alpha is a number from 1/,
  );
  assert.throws(() => scaleTable(tiny, { ...PAPER_FACTORS, phi: -1 }), /phi is a number from 0 to 10/);
  assert.throws(
    () => scaleTable(tiny, { alpha: 4, beta: 1, gamma: 1, phi: 4 }),
    /repeats is a whole number from 1 to 16/,
  );
});

for (const space of [SMALL_SPACE, B0_SPACE])
  test(`the grid around the middle of ${space.name}: different networks of about equal cost, and each scaling alone`, () => {
    const base = tableOf(space, middle(space), 'base');
    const networks = gridNetworks(base, 10);
    const kinds = networks.map(({ kind }) => kind);
    const compound = networks.filter(({ kind }) => kind === 'compound');
    assert.equal(kinds, ['base', ...compound.map(() => 'compound'), 'depth', 'width', 'resolution']);
    assert.ok(compound.length >= 3 && compound.length <= 6);
    assert.ok(compound.every((factors) => Math.abs(growthOf(factors) - 2) < 0.2));
    assert.is(
      new Set(networks.map(({ table }) => JSON.stringify([table.rows, table.inputSize, table.head]))).size,
      networks.length,
    );
    assert.is(new Set(networks.map(({ table }) => table.name)).size, networks.length);
    assert.is(networks[0]!.growth, 1);
    const growths = networks.slice(1).map(({ growth }) => growth);
    assert.ok(Math.max(...growths) < 1.25 * Math.min(...growths), String(growths));
    assert.ok(isOf(spaceAround(base), smallest(spaceAround(base))));
  });

test('networks of several sizes train for equal steps; stopped anywhere, it goes on to the bit', async () => {
  const base = tableOf(TINY_SPACE, smallest(TINY_SPACE), 'tiny');
  const networks = gridNetworks(base, 2).filter(({ kind }) => kind === 'base' || kind === 'resolution');
  const options = { device, networks, pictures: tinyPictures(), plan: tinyPlan(14) };
  const whole = await trainEqually({ ...options, store: new MemoryStore() });
  assert.is(whole.steps, 6); // 14 seconds less 2 × 0.875 of scores, over 2 × 1
  assert.is(whole.points.length, 2);
  assert.ok(whole.points.every(({ held, fresh }) => held!.loss > 0 && fresh!.pictures === 6));

  const store = new MemoryStore();
  const stopping = new AbortController();
  let steps = 0;
  const hooks = { onProgress: () => void (++steps === 9 && stopping.abort()) };
  const stopped = await trainEqually({ ...options, store, hooks, signal: stopping.signal });
  assert.equal([stopped.finished, stopped.points.length], [false, 1]);
  const resumed = await trainEqually({ ...options, store });
  assert.ok(resumed.finished);
  assert.equal(resumed.points, whole.points);
  const model = await resumed.model(1);
  assert.is(model!.inputSize, networks[1]!.table.inputSize);
  model!.dispose();
  await resumed.dispose();
  assert.is(store.states.size, 0);

  const refusal = async (plan: number, lines: MemoryStore): Promise<string> =>
    String(
      await trainEqually({ ...options, plan: tinyPlan(plan), store: lines }).catch((error: unknown) => error),
    );
  assert.match(await refusal(20, store), /line 1 of trials\.jsonl is of 6 steps where this run takes 9/);
  assert.match(await refusal(1, new MemoryStore()), /too few for a step of each of 2 networks/);
  store.lines.reverse();
  assert.match(await refusal(14, store), /line 1 of trials\.jsonl\.network is base/);
});

test.run();
