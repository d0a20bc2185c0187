/** A whole search: from its seed to its result, stopped anywhere, with networks that diverge and too little time. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MBConvTable } from '../../src/models/mbconv-table.ts';
import type { Model } from '../../src/nn/index.ts';
import { rateAt } from '../../src/search/learner.ts';
import type { SearchOptions, SearchOutcome, SearchProgress } from '../../src/search/options.ts';
import { lossOfDiverged } from '../../src/search/score.ts';
import { search } from '../../src/search/search.ts';
import { choiceOf, tableOf } from '../../src/search/space.ts';
import { tensor } from '../../src/tensor/index.ts';
import { labelCriterion } from '../../src/train/criterion.ts';
import { plainStep, type Step } from '../../src/train/step.ts';
import { testDevice } from '../helpers/device.ts';
import { MemoryStore, TINY_SPACE, tinyOptions } from './tiny.ts';

const test = suite('search');
const device = await testDevice();

/** The result but for what a clock said, and the bits of the finals. */
async function told({ result, model }: SearchOutcome) {
  const { time, ...rest } = result;
  const bits: Record<string, number[]> = {};
  for (const { role } of result.finals)
    for (const { name, tensor } of model(role)?.tensors() ?? [])
      bits[`${role} ${name}`] = [...(await tensor.data())];
  return { ...rest, bits };
}

/** A search that is asked to stop after so many steps and measurements of its own. */
function stoppedAfter(count: number, options: SearchOptions): Promise<SearchOutcome> {
  const controller = new AbortController();
  let [left, before] = [count, 0];
  const onProgress = ({ known, done }: SearchProgress): void => {
    if (done - known > before && --left <= 0) controller.abort();
    before = done - known;
  };
  return search({ ...options, signal: controller.signal, hooks: { ...options.hooks, onProgress } });
}

/** What a search that nobody stopped tells. */
let undisturbed: Awaited<ReturnType<typeof told>>;

test('phases in their order, within their seconds, and a result that holds all of it', async () => {
  const store = new MemoryStore();
  const phases: string[] = [];
  let last = 0;
  const outcome = await search({
    ...tinyOptions(device, store),
    hooks: {
      onProgress({ phase, done, total, known }) {
        if (phases.at(-1) !== phase) phases.push(phase);
        assert.ok(done >= last && done <= total && known <= done, `${done} of ${total}, ${known} known`);
        last = done;
      },
    },
  });
  const { result } = outcome;
  undisturbed = await told(outcome);
  assert.equal(phases, ['method', 'random', 'finals']);
  assert.is(last, 70);
  assert.equal(
    result.trials.map(({ by, rung, steps }) => `${by} ${rung} ${steps}`),
    [
      ...['method 0 3', 'method 0 3', 'method 0 3', 'method 1 6', 'method 1 6', 'method 2 2', 'method 2 2'],
      // In 21 s.
      ...['random 0 10', 'random 0 10'],
    ],
  );
  // In 28 s, of which each is measured for 0.875 s; networks of two roles are trained once.
  const networks = result.finals.slice(0, 3).map(({ network }) => network);
  const count = new Set(networks).size;
  const steps = Math.floor((28 - count * 0.875) / count);
  assert.equal(
    result.finals.map((final) => `${final.role} ${final.steps}`),
    [
      ...[`winner ${steps}`, `hand-made ${steps}`, `random ${steps}`],
      ...['efficientnet_b0 0', 'mobilenet_v2 0'],
    ],
  );
  assert.equal(
    result.comparisons.map(({ of, pictures }) => `${of.join(' ')} ${pictures}`),
    ['hand-made', 'random']
      .filter((_, i) => networks[i + 1] !== networks[0])
      .map((role) => `winner ${role} 6`),
  );
  assert.ok(result.finished && ['winner', 'hand-made'].includes(result.returned.role));
  assert.is(store.states.size, count + 1, [...store.states.keys()].join());
  await outcome.dispose();
  assert.is(store.states.size, 0);
});

test('stopped again and again it gives the bits of one that was not', async () => {
  const store = new MemoryStore();
  let stops = 0;
  for (;;) {
    const outcome = await stoppedAfter(9, tinyOptions(device, store));
    if (outcome.finished) {
      assert.equal(await told(outcome), undisturbed);
      await outcome.dispose();
      break;
    }
    assert.equal(outcome.result.trials, undisturbed.trials.slice(0, outcome.result.trials.length));
    assert.is(outcome.result.finished, false);
    stops++;
  }
  assert.ok(stops >= 5, `${stops} stops`);
});

test('known trials are not trained again, and a damaged or lost state is', async () => {
  const store = new MemoryStore();
  // In the second rung.
  await stoppedAfter(13, tinyOptions(device, store));
  for (const bytes of store.states.values()) bytes[900]! ^= 1;
  const notes: string[] = [];
  const outcome = await stoppedAfter(1, {
    ...tinyOptions(device, store),
    hooks: { onNote: (note) => notes.push(note) },
  });
  assert.is(outcome.finished, false);
  assert.match(
    notes.join(),
    /^The saved state of method-\d cannot be used \(is damaged.*\), so it is trained anew\.$/,
  );
});

test('a trial that another search would make is refused by its line', async () => {
  for (const [change, message] of [
    [{ steps: 5 }, /line 1, has steps 5 where this search has steps 3: .* begin a new one/],
    [{ network: 'k3e1w4d1s0-k3e2w4d1s0' }, /line 1, has network k3e1w4d1s0.* where this search has/],
    [{ index: 3 }, /line 1 of trials.jsonl.index is 0, its place counted from 0, not 3/],
    [{ network: 'k9' }, /line 1 of trials.jsonl.network is a network of the space tiny, not 'k9'/],
    [{ loss: null }, /line 1 of trials.jsonl.loss is a number/],
  ] as const) {
    const store = new MemoryStore();
    store.lines.push(JSON.stringify({ ...undisturbed.trials[0], ...change }));
    let found = '';
    await search(tinyOptions(device, store)).catch(({ message }) => {
      found = message;
    });
    assert.match(found, message);
  }
});

test('a network that diverges is a trial, and the search goes on; the winner is trained without its teacher too', async () => {
  // It is the hand-made network as well.
  const bad = undisturbed.finals[1]!.network!;
  const { rows } = tableOf(TINY_SPACE, choiceOf(TINY_SPACE, bad), 'bad');
  const isBad = ({ spec }: Model): boolean =>
    JSON.stringify((spec!.table as MBConvTable).rows) === JSON.stringify(rows);
  const step = (): Step => {
    const plain = plainStep();
    return (batch, context) =>
      isBad(context.model) && context.step > 0 ? tensor([Number.NaN], []) : plain(batch, context);
  };
  const outcome = await search({
    ...tinyOptions(device, new MemoryStore()),
    teacher: { name: 'a strange one', criterion: labelCriterion(), step },
  });
  const { trials, finals, returned, teacher } = outcome.result;
  assert.is(teacher, 'a strange one');
  assert.equal(
    trials.filter(({ diverged }) => diverged).map(({ network, rung }) => `${network} ${rung}`),
    [`${bad} 0`],
  );
  const { index, halves, loss } = trials[2]!;
  assert.equal([index, ...halves, loss], [2, ...Array(3).fill(lossOfDiverged(2))]);
  const [winner, handMade] = finals;
  assert.ok(winner!.untaught!.loss > 0);
  assert.equal([handMade!.network, handMade!.fresh, handMade!.held], [bad, null, null]);
  assert.equal(returned.role, 'winner');
  assert.match(returned.reason, /hand-made network diverged/);
  assert.is(outcome.model('hand-made'), null);
  await outcome.dispose();
});

test('too little time is refused in a sentence that says what would do', async () => {
  for (const seconds of [0.1, 9]) {
    let message = '';
    await search(tinyOptions(device, new MemoryStore(), seconds)).catch((error) => {
      message = error.message;
    });
    assert.match(message, /too short for a search: 40 % .* would do for a single step/);
  }
});

test('the rate is constant behind its warm-up while the length is unknown, and a whole cosine where it is known', () => {
  assert.ok(Math.abs(rateAt(0, undefined) - 1 / 21) < 1e-12);
  assert.is(rateAt(20, undefined), 1);
  assert.is(rateAt(5000, undefined), 1);
  assert.is(rateAt(100, 1100), 1);
  assert.ok(Math.abs(rateAt(600, 1100) - 0.5) < 1e-12);
  assert.ok(rateAt(1099, 1100) < 1e-4);
});

test.run();
