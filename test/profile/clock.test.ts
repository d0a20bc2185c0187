/** What is believed of timestamps, and what compiling is told by: without an adapter. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clockOf, type Round } from '../../src/gpu/index.ts';
import { compilingOf } from '../../src/profile/compiling.ts';
import type { Dispatched } from '../../src/profile/recording.ts';

const test = suite('profile/clock');

/** Rounds 10 ms apart of two passes, each 1 ms long, on a clock that says `clock` of the true time. */
function rounds(clock: (ms: number) => number): Round[] {
  return [0, 10, 20, 30].map((at) => ({
    submitted: at,
    done: at + 4,
    stamps: [at + 1, at + 2, at + 2, at + 3].map(clock),
  }));
}

test('an honest clock: its offset within the error, its quantum', () => {
  const found = clockOf(rounds((ms) => ms + 1000));
  assert.type(found, 'object');
  if (typeof found === 'string') return;
  assert.ok(found.offset <= -1000 && found.offset + found.error >= -1000);
  assert.is(found.error, 2);
  assert.is(found.quantum, 1e6);
});

const LIES: [what: string, clock: (ms: number) => number, reason: RegExp][] = [
  ['zero', () => 0, /zero/],
  ['one value', () => 5, /all equal/],
  ['backwards', (ms) => 1000 - ms, /backwards/],
  ['a hundred times too fast', (ms) => 1000 + 100 * ms, /3200\.0 ms passed where 34\.0 did/],
  ['a hundred times too slow', (ms) => 1000 + ms / 100, /0\.3 ms passed where 34\.0 did/],
];
for (const [what, clock, reason] of LIES)
  test(`a clock that says ${what} is refused`, () => {
    const found = clockOf(rounds(clock));
    assert.match(String(found), reason);
  });

const dispatched = (program: string, flops: number, first: boolean, ms: number): Dispatched => ({
  ...{ program, flops, first, bytes: 0, groups: [1, 1, 1], step: 0, start: 0, end: ms },
  ...{ op: '', pass: 'forward', layer: '' },
});

test('compiling is what a first dispatch takes beyond a later one: of its problem, else by work, else nobody knows', () => {
  const [same, scaled, alone, fast] = [
    dispatched('a', 10, true, 110),
    dispatched('b', 20, true, 110),
    dispatched('c', 10, true, 50),
    dispatched('d', 10, true, 3),
  ];
  const later = [
    ...[12, 8, 10].map((ms) => dispatched('a', 10, false, ms)),
    dispatched('a', 1000, false, 9),
    dispatched('b', 10, false, 5),
    dispatched('d', 10, false, 4),
  ];
  const found = compilingOf([same, scaled, alone, fast, ...later]);
  assert.equal([...found.values()], [100, 100, null, 0]);
});

test.run();
