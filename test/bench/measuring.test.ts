/** Measuring side by side: rounds, refusals, an end before the last, ceilings and shares. On a device that computes nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allowedError, refusal } from '../../src/bench/check.ts';
import { limitOf } from '../../src/bench/limits.ts';
import type { BenchEntry, Ceilings } from '../../src/bench/result.ts';
import { measureTasks, type Task } from '../../src/bench/tasks.ts';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';

const test = suite('bench/measuring');
const { device } = await dryDevice(PLAIN_DEVICE);

const events: string[] = [];
const task = (name: string, error: BenchEntry['error'], prepare?: () => never): Task => ({
  facts: {
    name,
    group: 'kernels',
    op: 'relu',
    pass: 'forward',
    variant: null,
    networks: [],
    flops: 1,
    bytes: 1,
  },
  prepare:
    prepare ??
    (() => {
      events.push(`prepare ${name}`);
      return { sets: 1, run: () => undefined, dispose: () => events.push(`dispose ${name}`) };
    }),
  check: () => Promise.resolve(error),
});
const off = (value: number): BenchEntry['error'] => ({ value, allowed: 1e-5, against: 'plain' });

test('samples lie apart in time: rounds over all tasks, and nothing is held between them', async () => {
  events.length = 0;
  const tasks = [task('a', off(1e-6)), task('b', null)];
  const found = await measureTasks(device, tasks, { samples: 6, rounds: 3 });
  assert.equal(
    events,
    Array.from({ length: 3 }, () => ['prepare a', 'dispose a', 'prepare b', 'dispose b']).flat(),
  );
  for (const { timing } of found) {
    // Two samples of each round, or one where the machine is so busy that a round ends before.
    assert.is(timing!.rounds.length, 3);
    for (const { length } of timing!.rounds) assert.ok(length === 1 || length === 2);
    assert.ok(timing!.p10 <= timing!.median && timing!.median <= timing!.p90);
  }
});

test('what is wrong is not timed, and the others are', async () => {
  events.length = 0;
  const refuse = (): never => {
    throw new RangeError('it is too large');
  };
  const tasks = [
    task('wrong', off(1e-2)),
    task('nan', off(Number.NaN)),
    task('large', null, refuse),
    task('right', off(0)),
  ];
  const found = await measureTasks(device, tasks, { samples: 3, rounds: 3 });
  const [wrong, nan, large, right] = found;
  assert.match(wrong!.failed!, /off by 1\.0e-2 .* 1\.0e-5 is allowed \(plain\)/);
  assert.match(nan!.failed!, /NaN/);
  assert.is(large!.failed, 'it is too large');
  assert.is(right!.failed, null);
  assert.equal(
    found.map(({ timing }) => timing === null),
    [true, true, true, false],
  );
  assert.is(events.filter((event) => event === 'prepare wrong').length, 1, 'once is enough');
});

test('a mistake in the program is no refusal', async () => {
  const mistaken = task('mistake', null, () => {
    throw new TypeError('undefined is no function');
  });
  try {
    await measureTasks(device, [mistaken], { samples: 3 });
  } catch (error) {
    assert.instance(error, TypeError);
    return;
  }
  assert.unreachable('it was swallowed');
});

test('an end before the last keeps what was measured', async () => {
  let asked = 0;
  const tasks = ['a', 'b', 'c'].map((name) => task(name, null));
  const found = await measureTasks(device, tasks, { samples: 6, rounds: 2, stopped: () => ++asked > 2 });
  assert.equal(
    found.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.is(found[0]!.timing!.rounds.length, 1);
});

test('what is allowed grows with the length of a sum', () => {
  assert.ok(allowedError(4608) > 4 * allowedError(1));
  // Half precision is off by some 1e-3, a wrong tap of a 3×3 kernel by 1e-2 and more.
  assert.ok(allowedError(100_352) < 1e-4);
  assert.is(refusal(null), null);
});

const ceiling = (value: number, doubt: string | null = null) => ({
  value,
  kernel: 'k',
  tried: [{ kernel: 'k', value }],
  doubt,
});
const CEILINGS: Ceilings = { arithmetic: ceiling(100), bandwidth: ceiling(10) };

const LIMITS: readonly [
  flops: number,
  bytes: number,
  ms: number,
  ceilings: Ceilings | null,
  limit: string | null,
  share: number | null,
][] = [
  [1e9, 1e6, 20, CEILINGS, 'arithmetic', 0.5],
  [1e6, 1e8, 20, CEILINGS, 'bandwidth', 0.5],
  [1e6, 1e8, 20, { ...CEILINGS, bandwidth: ceiling(10, 'a cache') }, 'bandwidth', null],
  [1e9, 1e6, 20, { ...CEILINGS, bandwidth: ceiling(10, 'a cache') }, 'arithmetic', 0.5],
  [1e9, 1e6, 20, null, null, null],
  [0, 0, 20, CEILINGS, null, null],
];

for (const [flops, bytes, ms, ceilings, limit, share] of LIMITS)
  test(`${flops} FLOPs and ${bytes} bytes: ${limit}, ${share}`, () =>
    assert.equal(limitOf({ flops, bytes }, ms, ceilings), { limit, share }));

test.run();
