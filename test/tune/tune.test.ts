/** Tuning: which row wins, what is out, and what of it is remembered. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Posed } from '../../src/bench/problem.ts';
import { problemsOfShape } from '../../src/bench/shapes.ts';
import type { Device } from '../../src/gpu/index.ts';
import { plain } from '../../src/kernels/conv/plain.ts';
import type { ConvRow } from '../../src/kernels/conv/problem.ts';
import { tile } from '../../src/kernels/conv/tile.ts';
import { keysAsked, tunables } from '../../src/tune/problems.ts';
import { race, wins } from '../../src/tune/race.ts';
import { ratioOf } from '../../src/tune/ratio.ts';
import { choicesOf, merged, type TuningRecord, tuningRecordOf } from '../../src/tune/record.ts';
import { formsOf, tune } from '../../src/tune/tune.ts';
import { testDevice } from '../helpers/device.ts';
import { inTable, MISLED } from './table.ts';

const test = suite('tune');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const MEMORY = 2 ** 26;
/** A problem that `plain` takes many times as long for as `tile`. */
const posed = async (shape = 'conv:20x20x64,64,k3,s2'): Promise<Posed> =>
  (await problemsOfShape(device, shape))[0]!;

test('a ratio is the median of its rounds, its interval leaves out a round at either end of nine', () => {
  const even = ratioOf([2, 2, 4, 2, 2, 2, 1, 2, 2].map((a) => [a, 1]));
  assert.equal([even.median, even.low, even.high], [2, 2, 2]);
  const five = ratioOf([1, 2, 3, 4, 5].map((a) => [a, 2]));
  assert.equal([five.median, five.low, five.high, five.ms], [1.5, 0.5, 2.5, [3, 2]]);
});

test('a row wins by 5 % that noise does not explain', () => {
  const of = (...rounds: number[]) => wins(ratioOf(rounds.map((ratio) => [ratio, 1])));
  assert.ok(of(1.06, 1.07, 1.05, 1.06, 1.2, 0.5, 1.05, 1.1, 1.06), 'one disturbed round of nine is nothing');
  assert.not.ok(of(1.06, 1.07, 1.05, 1.06, 1.2, 0.5, 1.05, 1.1, 0.9), 'two are');
  assert.not.ok(of(1.04, 1.04, 1.04, 1.04, 1.04, 1.04, 1.04, 1.04, 1.04), 'sure, but not worth it');
  assert.not.ok(of(1, 1, 1, 1, 3, 3, 3, 3, 3), 'a median by luck');
});

test('the row that the table estimates stays where none is faster', async () => {
  const raced = (await inTable(
    [[plain, { estimate: (problem, traits) => 1.1 * tile.estimate(problem, traits) }]],
    () => posed().then((problem) => race(device, problem, MEMORY)),
  ))!;
  assert.is(raced.estimated, 'tile');
  assert.is(raced.chosen, 'tile');
  assert.equal(
    raced.runners.map(({ row }) => row),
    ['tile', 'plain'],
  );
});

test('another row takes its place where it is faster, as rounds say that did not choose it', async () => {
  const raced = (await inTable(MISLED, async () => race(device, await posed(), MEMORY)))!;
  assert.is(raced.estimated, 'plain');
  assert.is(raced.chosen, 'tile');
  assert.is(raced.final!.row, 'tile');
  assert.is(raced.final!.ratio.rounds.length, 9);
  assert.ok(raced.final!.ratio.low > 1.5, String(raced.final!.ratio.low));
});

test('no race where one row is worth a try', async () => {
  assert.is(await race(device, await posed(), MEMORY), null, 'plain expects to cost many times as much');
  assert.is(await race(device, (await problemsOfShape(device, 'relu:8x8x4'))[0]!, MEMORY), null);
});

test('a row that is wrong is out, however fast: as another row, and as the one that the table takes', async () => {
  const nothing = { record: () => undefined, estimate: () => 1 };
  const wrong: ConvRow = { ...plain, ...nothing, name: 'wrong' };
  const near: [ConvRow, Partial<ConvRow>][] = [
    [tile, { estimate: () => 1 }],
    [plain, { estimate: () => 2 }],
  ];
  const raced = (await inTable(near, async () => race(device, await posed(), MEMORY), [wrong]))!;
  assert.is(raced.chosen, 'tile');
  const out = raced.runners.find(({ row }) => row === 'wrong')!;
  assert.match(out.wrong!, /^wrong: off by .* is allowed/);
  assert.is(out.ms, null);
  const first: [ConvRow, Partial<ConvRow>][] = [
    [tile, { estimate: () => 1, record: () => undefined }],
    [plain, { estimate: () => 2 }],
  ];
  const without = (await inTable(first, async () => race(device, await posed(), MEMORY)))!;
  assert.is(without.estimated, 'tile');
  assert.is(without.chosen, 'plain');
});

test('the problems that are tuned are those that networks have the tables decide', async () => {
  for (const name of ['resnet18', 'mobilenet_v2', 'efficientnet_b0', 'alexnet', 'alexnet_2012']) {
    const forms = formsOf({ networks: [{ name, size: 96 }], batch: 2, train: true });
    const known = new Set((await tunables(device, forms)).map(({ key }) => key));
    for (const form of forms) {
      const asked = await keysAsked(device, form);
      assert.ok(asked.size > 0);
      assert.equal(
        [...asked].filter((key) => !known.has(key)),
        [],
        `${name} ${form.form.mode} ${form.form.batch}`,
      );
    }
  }
});

const EMPTY: TuningRecord = {
  format: 'tessera-tuning',
  version: 1,
  of: { adapter: 'a', driver: 'd', dawn: 'w', kernels: 'k', surroundings: 's' },
  choices: {},
};
const won = (row: string) => ({ row, against: 'plain', ratio: 2, measured: '2026-01-01' });

test('what is stopped keeps what was measured', async () => {
  let asked = 0;
  const tuned = await tune(device, {
    networks: [{ name: 'resnet18', size: 32 }],
    batch: 2,
    train: false,
    before: EMPTY,
    memory: MEMORY,
    now: '',
    stopped: () => asked++ >= 2,
  });
  assert.is(tuned.problems.length, 2);
  assert.is(tuned.found.size, 2);
  assert.equal(tuned.networks, []);
});

test('a record: merged, taken back where the estimate stands, and given to a device', () => {
  const first = merged(
    EMPTY,
    new Map([
      ['b', won('tile')],
      ['a', won('plain')],
    ]),
  );
  assert.equal(Object.keys(first.choices), ['a', 'b']);
  const second = merged(
    first,
    new Map([
      ['a', null],
      ['c', won('winograd')],
    ]),
  );
  assert.equal(
    [...choicesOf(second)!.entries!()],
    [
      ['b', 'tile'],
      ['c', 'winograd'],
    ],
  );
  assert.is(choicesOf(EMPTY), null);
  const read = tuningRecordOf(JSON.stringify(second), 'it');
  assert.equal(read, second);
});

test('a record from anywhere is refused in a sentence', () => {
  const good = merged(EMPTY, new Map([['a', won('plain')]]));
  const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`k${i}`, won('plain')]));
  for (const [document, sentence] of [
    ['{', /^it is no JSON/],
    ['[]', /^it is an object/],
    [JSON.stringify({ ...good, version: 2 }), /^it\.version is one of 1, not 2/],
    [JSON.stringify({ ...good, format: 'tessera-bench' }), /^it\.format is one of/],
    [JSON.stringify({ ...good, of: { ...good.of, kernels: 3 } }), /^it\.of\.kernels is a text/],
    [
      JSON.stringify({ ...good, choices: { a: { ...won('plain'), row: 'fastest' } } }),
      /^it\.choices\.a\.row is one of .*, not 'fastest'/,
    ],
    [JSON.stringify({ ...good, choices: { a: 'plain' } }), /^it\.choices\.a is an object/],
    [JSON.stringify({ ...good, choices: [1] }), /^it\.choices is an object/],
    [JSON.stringify({ ...good, choices: many }), /^it\.choices is an object of at most 20,000 fields/],
  ] as const)
    assert.throws(
      () => tuningRecordOf(document, 'it'),
      (error: Error) => error instanceof RangeError && sentence.test(error.message),
      document.slice(0, 80),
    );
});

test.run();
