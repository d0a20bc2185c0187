/** A whole search: from its seed to its result, stopped anywhere, with networks that diverge and too little time. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MBConvTable } from '../../src/models/mbconv-table.ts';
import type { Model } from '../../src/nn/index.ts';
import { agreementsOf, comparisonOf, returnedOf } from '../../src/search/compare.ts';
import { piecesOf, STEM } from '../../src/search/cost/pieces.ts';
import { rateAt } from '../../src/search/learner.ts';
import type { Trial } from '../../src/search/method.ts';
import type { SearchOptions, SearchOutcome, SearchProgress, SearchStore } from '../../src/search/options.ts';
import type { Comparison, LatencyTable } from '../../src/search/result.ts';
import { lossOfDiverged, type PictureAnswers, scoreOf } from '../../src/search/score.ts';
import { search } from '../../src/search/search.ts';
import { choiceOf, tableOf } from '../../src/search/space.ts';
import { tensor } from '../../src/tensor/index.ts';
import { labelCriterion } from '../../src/train/criterion.ts';
import { plainStep, type Step } from '../../src/train/step.ts';
import { testDevice } from '../helpers/device.ts';
import { MemoryStore, TINY_SPACE, tinyOptions } from './tiny.ts';

const test = suite('search');
// What kernels leave unwritten is for their own tests to find: filling every buffer takes as long as the search.
const device = await testDevice({ poison: false });

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
  assert.is(last, 50);
  assert.equal(
    result.trials.map(({ by, rung, steps }) => `${by} ${rung} ${steps}`),
    [
      ...['method 0 2', 'method 0 2', 'method 0 2', 'method 1 4', 'method 1 4', 'method 2 1', 'method 2 1'],
      // In 15 s.
      ...['random 0 7', 'random 0 7'],
    ],
  );
  // In 20 s, of which each is measured for 0.875 s; networks of two roles are trained once.
  const networks = result.finals.slice(0, 3).map(({ network }) => network);
  const count = new Set(networks).size;
  const steps = Math.floor((20 - count * 0.875) / count);
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

/** The store of a process that dies in a write, behind it or before it is done. */
function dying(store: SearchStore, writes: number, done: boolean): SearchStore {
  let left = writes;
  const write =
    <Given extends unknown[]>(of: (...given: Given) => Promise<void>) =>
    async (...given: Given): Promise<void> => {
      const last = --left <= 0;
      if (!last || done) await of(...given);
      if (last) throw new Error('killed');
    };
  return {
    trials: () => store.trials(),
    loadState: (name) => store.loadState(name),
    append: write((trial) => store.append(trial)),
    saveState: write((name, bytes) => store.saveState(name, bytes)),
    dropState: write((name) => store.dropState(name)),
  };
}

test('stopped and killed again and again it gives the bits of one that was not', async () => {
  const store = new MemoryStore();
  for (let attempt = 0; ; attempt++) {
    if (attempt % 2 === 1) {
      const options = tinyOptions(device, dying(store, 6, attempt % 4 === 1));
      const killed = await search(options).catch(({ message }) => message);
      assert.is(killed, 'killed');
      continue;
    }
    const outcome = await stoppedAfter(10, tinyOptions(device, store));
    if (outcome.finished) {
      assert.equal(await told(outcome), undisturbed);
      await outcome.dispose();
      assert.ok(attempt >= 4, `${attempt} attempts`);
      break;
    }
    assert.equal(outcome.result.trials, undisturbed.trials.slice(0, outcome.result.trials.length));
    assert.is(outcome.result.finished, false);
  }
});

test('known trials are not trained again, and a damaged or lost state is', async () => {
  const store = new MemoryStore();
  // In the second rung.
  await stoppedAfter(10, tinyOptions(device, store));
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
    [{ steps: 5 }, /line 1, has steps 5 where this search has steps 2: .* begin a new one/],
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
    ...tinyOptions(device, new MemoryStore(), 35),
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

test('milliseconds are measured on all finals side by side, and are the cost of what no table predicts', async () => {
  const pieces = piecesOf(TINY_SPACE, 2).filter(({ key }) => key !== STEM);
  const latency: LatencyTable = {
    ...{ batch: 1, inputSize: 8, base: 1, check: [], r2: 1, meanError: 0 },
    blocks: Object.fromEntries(pieces.map(({ key }) => [key, 1])),
  };
  const asked: number[] = [];
  const options = tinyOptions(device, new MemoryStore(), 35);
  const outcome = await search({
    ...options,
    target: { unit: 'ms', value: 100, exponent: null, batch: 1 },
    plan: { ...options.plan, latency },
    latencies: async (models) => {
      asked.push(models.length);
      return models.map((model) => 10 + model.stages.length);
    },
  });
  const { finals } = outcome.result;
  const trained = new Set(finals.slice(0, 3).map(({ network }) => network)).size;
  assert.equal(asked, [trained + 2]);
  for (const { role, network, cost, measured } of finals) {
    assert.ok(measured! > 10, role);
    assert.is(cost === measured, network === null);
    assert.is(outcome.model(role) === null, network === null);
  }
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

const answers = (losses: number[], right: number[]): PictureAnswers => ({
  losses: Float64Array.from(losses),
  right: Uint8Array.from(right),
});

test('two networks on the same pictures', () => {
  const pictures = 40;
  const better = answers(
    Array.from({ length: pictures }, (_, i) => 1 + (i % 5) / 10),
    Array.from({ length: pictures }, (_, i) => Number(i % 4 > 0)),
  );
  const worse = answers(
    Array.from(better.losses, (loss, i) => loss + 0.2 + (i % 3) / 10),
    Array.from(better.right, (right, i) => (i < 12 ? 0 : right)),
  );
  const found = comparisonOf(['winner', 'hand-made'], better, worse);
  assert.equal([found.pictures, found.onlyFirst, found.onlySecond, found.p], [40, 9, 0, 2 / 2 ** 9]);
  assert.ok(Math.abs(found.difference + 0.2975) < 1e-9, String(found.difference));
  const [low, high] = found.interval;
  assert.ok(low < found.difference && found.difference < high && high < -0.25, `${low} ${high}`);
});

test('the better of winner and hand-made is returned, with why', () => {
  const hard = tinyOptions(device, new MemoryStore()).target;
  const soft = { ...hard, value: 100, exponent: 1 };
  const final = (loss: number | null, cost = 100) => ({ cost, fresh: loss === null ? null : { loss } });
  const clear: Comparison = {
    of: ['winner', 'hand-made'],
    ...{ pictures: 2000, onlyFirst: 1, onlySecond: 1, p: 1 },
    difference: -0.1,
    interval: [-0.15, -0.05],
  };
  const cases: [ReturnType<typeof returnedOf>, string, RegExp][] = [
    [
      returnedOf(hard, final(1), final(1.1), clear),
      'winner',
      /2,000 fresh pictures.* −0.1 .*does not hold 0/,
    ],
    [
      returnedOf(hard, final(1.1), final(1.09), { ...clear, interval: [-0.1, 0.2] }),
      'hand-made',
      /interval holds 0, so these pictures do not tell the two apart/,
    ],
    [returnedOf(soft, final(1, 150), final(1.1), clear), 'hand-made', /with its cost counted in/],
    [returnedOf(hard, final(1), final(1), null), 'winner', /found the hand-made network itself/],
    [returnedOf(hard, final(1), null, null), 'winner', /No uniform network is within the target/],
    [returnedOf(hard, final(null), final(2), null), 'hand-made', /winner diverged/],
    [returnedOf(hard, final(2), final(null), null), 'winner', /hand-made network diverged/],
  ];
  for (const [{ role, reason }, wanted, why] of cases) {
    assert.is(role, wanted, reason);
    assert.match(reason, why);
  }
  assert.throws(() => returnedOf(hard, final(null), final(null), null), /no network to return.*--lr/);
});

test('ranks agree by halves, by rungs and with multiply-adds', () => {
  const trial = (rung: number, i: number, loss: number): Trial => ({
    ...undisturbed.trials[0]!,
    network: `${i}`,
    rung,
    loss,
    halves: [loss, -loss],
  });
  const trials = [1, 2, 3, 4, 5]
    .map((loss, i) => trial(0, i, loss))
    .concat([5, 6, 7].map((l, i) => trial(1, i, l)));
  const found = agreementsOf(trials, (network) => 10 - Number(network));
  assert.equal(
    found.map(({ what, tau, count }) => `${what} ${tau} ${count}`),
    ['the two halves of the held pictures -1 5', 'multiply-adds with the loss 1 5', 'rung 1 with rung 2 1 3'],
  );
});

test('answers that are no numbers are those of a network that diverged, and no loss is above its', () => {
  const score = (logits: number[]) =>
    scoreOf({ logits: Float32Array.from(logits), labels: Int32Array.of(0, 1), classes: 2 });
  const most = lossOfDiverged(2);
  assert.equal(score([0, Number.NaN, 0, 0]), {
    loss: most,
    halves: [most, most],
    accuracy: 0,
    diverged: true,
  });
  assert.equal(score([-1e4, 1e4, 0, 0]).loss, most);
  assert.equal(score([0, 0, 0, 0]), { loss: Math.LN2, halves: [Math.LN2, Math.LN2], accuracy: 0.5 });
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
