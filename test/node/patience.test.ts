/** Waiting for the GPU without taking a core: src/node/patience.ts. */
import { setTimeout as later } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patiently } from '../../src/node/patience.ts';

const test = suite('node/patience');

/** Turns of the event loop that somebody who asks in each, as Dawn does, has while `promise` is open. */
async function turnsUntil(promise: Promise<unknown>, work: () => void = () => undefined): Promise<number> {
  let [turns, open] = [0, true];
  const turn = (): void => {
    work();
    turns++;
    if (open) setImmediate(turn);
  };
  setImmediate(turn);
  await promise;
  open = false;
  return turns;
}

/** Milliseconds of the naps that were taken while `wait` ran. */
async function napsOf(wait: () => Promise<unknown>): Promise<number[]> {
  const naps: number[] = [];
  const { wait: sleep } = Atomics;
  Atomics.wait = ((...given: Parameters<typeof sleep>) => {
    naps.push(given[3]!);
    return sleep(...given);
  }) as typeof sleep;
  try {
    await wait();
  } finally {
    Atomics.wait = sleep;
  }
  return naps;
}

test('what is waited for comes as it is, values and errors', async () => {
  assert.is(await patiently(later(5, 'done')), 'done');
  assert.is(await patiently(Promise.resolve(1)), 1);
  const lost = patiently(later(5).then(() => Promise.reject(new Error('lost'))));
  assert.is(await lost.catch((error: Error) => error.message), 'lost');
});

test('a long wait takes some turns a millisecond, not all that a core can', async () => {
  const turns = await turnsUntil(patiently(later(100)));
  assert.ok(turns < 3000, `${turns} turns in 100 ms`); // some 500 with naps, 50,000 without
});

test('naps grow with the wait, up to a quarter of a millisecond', async () => {
  const naps = await napsOf(() => turnsUntil(patiently(later(100))));
  const sorted = naps.toSorted((a, b) => a - b);
  assert.equal(naps, sorted);
  assert.ok(naps[0]! < 0.25, `the first of ${naps.length} was ${naps[0]} ms`);
  assert.is(naps.at(-1), 0.25);
});

test('a short wait has no naps, and nothing naps when it is over', async () => {
  assert.equal(await napsOf(() => patiently(Promise.resolve())), []);
  assert.equal(await napsOf(() => later(20)), []);
});

test('while the turns have work to do there are no naps', async () => {
  const busy = (): void => {
    const end = performance.now() + 0.5;
    while (performance.now() < end);
  };
  assert.equal(await napsOf(() => turnsUntil(patiently(later(20)), busy)), []);
});

test('several waits nap by the newest, and none forgets the others', async () => {
  let open = true;
  const naps = await napsOf(async () => {
    const long = patiently(later(60)).then(() => {
      open = false;
    });
    await later(20);
    await patiently(later(10));
    assert.ok(open);
    await long;
  });
  const shorter = naps.filter((nap, index) => index > 0 && nap < naps[index - 1]!);
  assert.is(shorter.length, 1);
});

test.run();
