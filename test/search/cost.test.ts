/** Costs in advance, hand-made networks, and the exact optimum of a linear surrogate. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { summarise } from '../../src/models/summary.ts';
import { buildModel } from '../../src/models/table.ts';
import { additiveCost, costOf, countOfTable, sumOf } from '../../src/search/cost/cost.ts';
import { cheapest, optimum, predictedFront } from '../../src/search/cost/optimum.ts';
import { aimOf, formatCost, SOFT_EXPONENT, usualCost } from '../../src/search/cost/target.ts';
import { handMade, middle, uniform } from '../../src/search/handmade.ts';
import type { LinearLoss } from '../../src/search/method.ts';
import type { Target } from '../../src/search/result.ts';
import {
  type Choice,
  COLUMNS,
  keyOf,
  largest,
  randomChoice,
  type SearchSpace,
  SMALL_SPACE,
  SPACES,
  smallest,
  stageChoices,
  tableOf,
} from '../../src/search/space.ts';
import { randomStream, randomUniform } from '../../src/tensor/random.ts';

const test = suite('search costs');
const noTable = { latency: null };

/** 2 stages, 256 networks, odd sides. */
const TINY: SearchSpace = {
  name: 'tiny',
  stages: [
    { stride: 1, kernels: [3], expandRatios: [1, 3], widths: [4, 6], depths: [1, 2], squeezes: [0, 0.25] },
    { stride: 2, kernels: [3, 5], expandRatios: [2], widths: [6, 8], depths: [1, 2], squeezes: [0, 0.25] },
  ],
  stem: 4,
  head: 8,
  activation: 'silu',
  inputSize: 21,
};

function everyChoice(space: SearchSpace): Choice[] {
  let all: Choice[] = [[]];
  for (const stage of space.stages)
    all = all.flatMap((choice) => stageChoices(stage).map((option) => [...choice, option]));
  return all;
}

for (const space of [TINY, ...SPACES])
  test(`${space.name}: multiply-adds and parameters are those of the networks`, async () => {
    const { device } = await dryDevice(PLAIN_DEVICE);
    const choices = [0, 1, 2].map((i) => randomChoice(space, randomStream(2, 'test', 0, i)));
    for (const choice of [smallest(space), largest(space), ...choices]) {
      const table = tableOf(space, choice, 'candidate');
      const model = buildModel(table, { device, numClasses: 7, initialise: false });
      const { multiplyAdds, parameters } = summarise(model, space.inputSize);
      for (const [unit, counted] of [
        ['multiply-adds', multiplyAdds],
        ['parameters', parameters],
      ] as const) {
        assert.is(
          costOf(space, unit, noTable, { classes: 7 })(choice),
          counted,
          `${unit} of ${keyOf(choice)}`,
        );
        assert.is(countOfTable(table, unit, 7), counted);
      }
      model.dispose();
    }
    device.close();
  });

test('milliseconds need a table that has the blocks', () => {
  assert.throws(() => costOf(TINY, 'ms', noTable, { classes: 2 }), /this plan has none; measure one/);
  const latency = { batch: 1, inputSize: 21, base: 1, blocks: {}, check: [], r2: 1, meanError: 0 };
  const cost = costOf(TINY, 'ms', { latency }, { classes: 2 });
  assert.throws(() => cost(smallest(TINY)), /has no block 'k3s1e1-4x4-q0@11'/);
});

const target = (value: number, exponent: number | null = null): Target => ({
  unit: 'multiply-adds',
  value,
  exponent,
  batch: 1,
});

test('half of the networks keep the usual cost', () => {
  const cost = costOf(SMALL_SPACE, 'multiply-adds', { latency: null }, { classes: 10 });
  const usual = usualCost(SMALL_SPACE, cost);
  assert.is(usual, usualCost(SMALL_SPACE, cost));
  const keep = Array.from({ length: 400 }, (_, i) =>
    cost(randomChoice(SMALL_SPACE, randomStream(5, 'test', 0, i))),
  );
  assert.ok(Math.abs(keep.filter((one) => one <= usual).length / 400 - 0.5) < 0.1);
});

test('a hard target refuses what costs more, a soft one charges for it as MnasNet does', () => {
  const hard = aimOf(target(5));
  assert.equal([hard.fits(5), hard.fits(5.001), hard.objective(0.8, 50)], [true, false, 0.8]);
  const soft = aimOf(target(5, SOFT_EXPONENT));
  assert.ok(soft.fits(50));
  assert.is(soft.objective(0.8, 5), 0.8);
  // Twice the cost is worth a loss that is lower by 2^-0.07.
  assert.ok(Math.abs(soft.objective(0.8 * 2 ** -0.07, 10) - 0.8) < 1e-12);
  assert.throws(() => aimOf(target(0)), /the target.value is a number/);
  assert.equal(
    [formatCost(5.234, 'ms'), formatCost(12.34e6, 'multiply-adds'), formatCost(9536, 'parameters')],
    ['5.23 ms', '12.3 M multiply-adds', '9,536 parameters'],
  );
});

/** A surrogate of random effects, and a cost that is not proportional to anything. */
const surrogate = (seed: number): LinearLoss => ({
  intercept: 2,
  effect: (stage, column, value) =>
    0.3 * (randomUniform(seed, 'effect', stage, COLUMNS.indexOf(column) + 10 * value) - 0.5),
});

for (const seed of [1, 2, 3])
  test(`the optimum is what trying all networks finds, surrogate ${seed}`, () => {
    const cost = additiveCost(TINY, 'multiply-adds', null, { classes: 2 });
    const costs = sumOf(TINY, cost);
    const { intercept, effect } = surrogate(seed);
    const lossOf = (choice: Choice): number =>
      choice.reduce(
        (sum, picked, stage) =>
          sum + COLUMNS.reduce((part, column) => part + effect(stage, column, picked[column]), 0),
        intercept,
      );
    const all = everyChoice(TINY).map((choice) => ({ choice, loss: lossOf(choice), cost: costs(choice) }));
    assert.is(all.length, 256);
    const sorted = all.map((one) => one.cost).sort((a, b) => a - b);
    for (const aim of [
      target(sorted[0]!),
      target(sorted[60]!),
      target(sorted[200]!),
      target(1e12),
      target(sorted[128]!, 0.07),
      target(sorted[128]!, 1),
    ]) {
      const { fits, objective } = aimOf(aim);
      const best = Math.min(
        ...all.filter((one) => fits(one.cost)).map((one) => objective(one.loss, one.cost)),
      );
      const found = optimum(TINY, surrogate(seed), cost, aim)!;
      assert.ok(Math.abs(found.objective - best) < 1e-12, `${found.objective} where ${best} is possible`);
      assert.is(found.cost, costs(found.choice));
      assert.ok(Math.abs(found.loss - lossOf(found.choice)) < 1e-12);
      assert.ok(fits(found.cost));
    }
    assert.is(optimum(TINY, surrogate(seed), cost, target(sorted[0]! - 1)), null);
    assert.is(cheapest(TINY, cost).cost, sorted[0]);
    const front = predictedFront(TINY, surrogate(seed), cost);
    for (const one of all)
      assert.ok(front.some((label) => label.cost <= one.cost && label.loss <= one.loss + 1e-12));
  });

test('hand-made networks are uniform, and the dearest within the target', () => {
  const costs = costOf(SMALL_SPACE, 'multiply-adds', noTable, { classes: 10 });
  assert.is(keyOf(middle(SMALL_SPACE)), 'k3e1w16d1s0-k3e3w32d2s0-k3e3w64d2s0-k3e3w96d1s0');
  const ends = { kernel: 1, expandRatio: 1, width: 1, depth: 1, squeeze: 1 };
  assert.equal(uniform(SMALL_SPACE, ends), largest(SMALL_SPACE));
  assert.equal(handMade(SMALL_SPACE, costs, target(1e12)), largest(SMALL_SPACE));
  const value = costs(middle(SMALL_SPACE));
  const found = handMade(SMALL_SPACE, costs, target(value))!;
  assert.ok(costs(found) <= value && costs(found) >= costs(middle(SMALL_SPACE)));
  assert.is(handMade(SMALL_SPACE, costs, target(costs(smallest(SMALL_SPACE)) - 1)), null);
});

test.run();
