/** The methods, on networks whose loss is known. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SearchContext } from '../../src/search/method.ts';
import { halving } from '../../src/search/methods/halving.ts';
import { random } from '../../src/search/methods/random.ts';
import { supernet } from '../../src/search/methods/supernet.ts';
import { METHOD_NAMES, METHODS, methodNamed, usualMethod } from '../../src/search/methods/table.ts';
import { choiceOf, keyOf, SMALL_SPACE, smallest } from '../../src/search/space.ts';
import { collect, fakeSearch, size, trueLoss } from './fake-context.ts';

const test = suite('search methods');

const SCRATCH = [halving, random];
const MIDDLE = 60_000;

test('a method is found by its name, and a misspelt one is said', () => {
  for (const method of METHODS) assert.is(methodNamed(method.name), method);
  assert.is(new Set(METHOD_NAMES).size, METHODS.length);
  const usual = [Number.MIN_VALUE, 10, 59.9, 60, 100_000].map(usualMethod);
  assert.equal(usual, ['halving', 'halving', 'halving', 'supernet', 'supernet']);
  assert.throws(() => methodNamed('halfing'), /no method 'halfing'; did you mean halving\?/);
});

for (const method of METHODS) {
  test(`${method.name}: the seed decides all, trials are counted, the target is kept, all is freed`, async () => {
    const run = async (seed: number) => {
      const fake = fakeSearch({ budget: 600, seed, most: MIDDLE, noise: 0.1 });
      const { yielded, found } = await collect(method.run(fake.context));
      assert.equal(yielded, fake.trials);
      assert.is(fake.open(), 0);
      // A surrogate is also fitted to networks beyond the target, at most every other one.
      const beyond = yielded.filter(({ cost }) => cost > MIDDLE).length;
      assert.ok(beyond <= (found.surrogate ? yielded.length / 2 : 0), `${beyond} of ${yielded.length}`);
      assert.ok(size(found.winner) <= MIDDLE);
      return { keys: yielded.map(({ network, loss }) => [network, loss]), winner: keyOf(found.winner) };
    };
    assert.equal(await run(3), await run(3));
    assert.not.equal(await run(3), await run(4));
  });

  test(`${method.name}: what no network keeps is refused with the smallest network's cost`, async () => {
    const least = size(smallest(SMALL_SPACE));
    const { context } = fakeSearch({ budget: 600, most: least / 2 });
    await refused(method.run(context), new RegExp(`the smallest costs ${Math.round(least)} multiply-adds`));
  });
}

for (const method of SCRATCH)
  for (const budget of [12, 60, 240, 1500, 20_000])
    test(`${method.name}: of ${budget} s all but a step of each network is used, and no more`, async () => {
      const { context, spent, trials } = fakeSearch({ budget });
      await collect(method.run(context));
      const last = trials.filter(({ rung }) => rung === trials.at(-1)!.rung);
      const step = last.reduce((sum, { network }) => sum + context.stepSeconds(choice(network)), 0);
      assert.ok(spent() <= budget + 1e-6, `${spent()} s`);
      assert.ok(spent() > budget - step - 1e-6, `${spent()} s`);
    });

for (const method of SCRATCH)
  test(`${method.name}: too little time is said`, async () => {
    await refused(
      method.run(fakeSearch({ budget: 0.5 }).context),
      /needs at least \d+ s .* is 0 s: give the search more minutes/,
    );
  });

test('halving finds the best of what it drew where nothing is noise', async () => {
  const { context, trials } = fakeSearch({ budget: 900 });
  const { found } = await collect(halving.run(context));
  const first = trials.filter(({ rung }) => rung === 0).map(({ network }) => trueLoss(choice(network)));
  assert.is(trueLoss(found.winner), Math.min(...first));
});

test('halving halves, its rungs take equal time, and a schedule is known from the beginning', async () => {
  const told: number[] = [];
  const fake = fakeSearch({ budget: 240 });
  const { learner } = fake.context;
  const context = {
    ...fake.context,
    learner: (of: Parameters<typeof learner>[0]) => {
      const made = learner(of);
      const { advance } = made;
      made.advance = (steps, whole) => {
        told.push(whole!);
        return advance(steps, whole);
      };
      return made;
    },
  };
  await collect(halving.run(context));
  const rungs = [0, 1, 2, 3].map((rung) => fake.trials.filter((trial) => trial.rung === rung));
  assert.equal(
    rungs.map(({ length }) => length),
    [16, 8, 4, 2],
  );
  const seconds = rungs.map((rung, index) =>
    rung.reduce((sum, { network, steps }) => {
      const before = index === 0 ? 0 : rungs[index - 1]![0]!.steps;
      return (
        sum + (steps - before) * context.stepSeconds(choice(network)) + context.scoreSeconds(choice(network))
      );
    }, 0),
  );
  for (const one of seconds) assert.ok(Math.abs(one - 60) < 3, `${seconds}`);
  const last = fake.trials.at(-1)!.steps;
  assert.is(told.at(-1), last);
  for (const whole of told) assert.ok(Math.abs(whole / last - 1) < 0.3, `${told}`);
});

test('a budget that grows gives random search more networks and more steps, and halving more networks', async () => {
  const counts = async (method: typeof random, budget: number) => {
    const { context, trials } = fakeSearch({ budget });
    await collect(method.run(context));
    return { networks: trials.filter(({ rung }) => rung === 0).length, steps: trials[0]!.steps };
  };
  const [small, large] = [await counts(random, 100), await counts(random, 400)];
  assert.ok(
    Math.abs(large.networks / small.networks - 2) < 0.3 && Math.abs(large.steps / small.steps - 2) < 0.3,
  );
  const halved = [];
  for (const budget of [10, 70, 200, 2000, 6000]) halved.push((await counts(halving, budget)).networks);
  assert.equal(halved, [2, 8, 16, 32, 64]);
});

test('a weight-shared network: a hundred are measured, a surrogate is fitted, what it proposes is measured', async () => {
  const { context, trials, spent } = fakeSearch({ budget: 600, most: MIDDLE, noise: 0.02 });
  const { found } = await collect(supernet.run(context));
  const { optimum, evolved, count, r } = found.surrogate!;
  assert.is(trials.length, 105);
  assert.is(count, 100);
  assert.ok(r > 0.9);
  assert.is(trials[100]!.network, optimum!.network);
  assert.ok(size(choice(optimum!.network)) <= MIDDLE);
  const behind = evolved.predicted - optimum!.predicted;
  assert.ok(behind > -1e-9 && behind < 0.03, `evolution is ${behind} behind the optimum`);
  assert.is(new Set(trials.map(({ network }) => network)).size, 105);
  assert.is(new Set(trials.map(({ steps }) => steps)).size, 1);
  const within = (given: typeof trials) => given.filter(({ network }) => size(choice(network)) <= MIDDLE);
  const drawn = within(trials.slice(0, 100));
  assert.ok(drawn.length >= 50 && drawn.length < 70, `${drawn.length} of 100 within the target`);
  assert.is(within(trials.slice(100)).length, 5, 'what is proposed keeps it');
  assert.is(
    within(trials).find(({ network }) => network === keyOf(found.winner))!.loss,
    Math.min(...within(trials).map(({ loss }) => loss)),
  );
  assert.ok(trueLoss(found.winner) < Math.min(...drawn.map(({ network }) => trueLoss(choice(network)))));
  assert.ok(spent() <= 600 && spent() > 597, `${spent()} s`);
});

test('a weight-shared network: with time for few, the best of them wins and no surrogate is fitted', async () => {
  const { context, trials, spent } = fakeSearch({ budget: 20, most: MIDDLE });
  const { found } = await collect(supernet.run(context));
  for (const { network } of trials) assert.ok(size(choice(network)) <= MIDDLE, network);
  assert.ok(trials.length >= 2 && trials.length < 38, `${trials.length}`);
  assert.is(found.surrogate, undefined);
  assert.is(trueLoss(found.winner), Math.min(...trials.map(({ network }) => trueLoss(choice(network)))));
  assert.ok(spent() <= 20);
  await refused(supernet.run(fakeSearch({ budget: 2 }).context), /needs at least \d+ s .* is 2 s/);
});

test('a weight-shared network: networks that diverged are no part of the surrogate', async () => {
  const fake = fakeSearch({ budget: 600 });
  const { trial } = fake.context;
  const context: SearchContext = {
    ...fake.context,
    trial: async (...given) => {
      const made = await trial(...given);
      return made.index % 10 === 3 ? { ...made, loss: 1e6, diverged: true } : made;
    },
  };
  const { found } = await collect(supernet.run(context));
  assert.is(found.surrogate!.count, 90);
  assert.ok(found.surrogate!.r > 0.99);
});

test('one network that fits leaves nothing to search', async () => {
  const one = { ...SMALL_SPACE, stages: SMALL_SPACE.stages.slice(0, 1) };
  const { context } = fakeSearch({ budget: 600, space: one, most: size(smallest(one)) });
  for (const method of METHODS)
    await refused(method.run(context), /only one network keeps the target, k3e1w16d1s0,/);
});

const choice = (network: string) => choiceOf(SMALL_SPACE, network);

async function refused(generator: AsyncGenerator<unknown, unknown>, sentence: RegExp): Promise<void> {
  try {
    await collect(generator);
  } catch (error) {
    assert.match((error as Error).message, sentence);
    return;
  }
  assert.unreachable('it was not refused');
}

test.run();
