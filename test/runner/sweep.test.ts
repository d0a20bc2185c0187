/** The file of `train --sweep`: grids, draws, and what is refused with its place. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSweep, type Setting } from '../../src/runner/sweep.ts';
import { trialsOf } from '../../src/runner/trials.ts';

const test = suite('runner/sweep');
const NAMES = ['lr', 'batch', 'warmup', 'model', 'clip', 'train-from', 'epochs', 'weights'];
const read = (file: unknown) =>
  readSweep(typeof file === 'string' ? file : JSON.stringify(file), NAMES, 'sweep.json');

test('a grid tries each value with each other, in the order of the file', () => {
  const { settings, seeds, folds } = read({ settings: { lr: [0.1, 0.2], clip: [null, 1] }, seeds: 3 });
  assert.equal(settings, [
    { lr: 0.1, clip: null },
    { lr: 0.1, clip: 1 },
    { lr: 0.2, clip: null },
    { lr: 0.2, clip: 1 },
  ]);
  assert.equal([seeds, folds], [3, null]);
});

test('draws hang on the seed, stay in their ranges, and leave each other alone', () => {
  const settings = {
    lr: { log: [1e-4, 1e-2] },
    warmup: { from: 0.1, to: 0.5 },
    epochs: { from: 5, to: 20, step: 5 },
    model: ['a', 'b'],
  };
  const drawn = read({ draw: 200, seed: 7, settings }).settings;
  assert.is(drawn.length, 200);
  assert.is(new Set(drawn.map((one) => JSON.stringify(one))).size, 200);
  const values = (name: string, of: readonly Setting[] = drawn) => of.map((one) => one[name]);
  const within = (name: string, low: number, high: number) =>
    assert.ok(
      values(name).every((value) => Number(value) >= low && Number(value) <= high),
      name,
    );
  within('lr', 1e-4, 1e-2);
  within('warmup', 0.1, 0.5);
  assert.equal([...new Set(values('epochs'))].sort(), [10, 15, 20, 5]);
  assert.equal([...new Set(values('model'))].sort(), ['a', 'b']);
  // Half of the rates lie below the middle of their logarithms.
  const low = values('lr').filter((value) => Number(value) < 1e-3).length;
  assert.ok(low > 75 && low < 125, `${low} of 200`);
  assert.equal(read({ draw: 200, seed: 7, settings }).settings, drawn);
  assert.not.equal(values('lr', read({ draw: 200, seed: 8, settings }).settings), values('lr'));
  const fewer = read({ draw: 200, seed: 7, settings: { lr: settings.lr, warmup: settings.warmup } }).settings;
  assert.equal(values('lr', fewer).slice(0, 50), values('lr').slice(0, 50));
});

const HOSTILE: [what: string, file: unknown, sentence: RegExp][] = [
  ['no JSON', '{', /^sweep\.json is no JSON/],
  ['a list', [], /^sweep\.json: it is an object with "settings"$/],
  ['nothing', {}, /^sweep\.json: settings is an object of at most 64 fields, not undefined$/],
  ['no settings', { settings: {} }, /settings is an object of one setting at least/],
  [
    'a misspelt field',
    { settings: { lr: [1] }, seedz: 3 },
    /a field is one of settings, draw, seed, seeds, folds, not 'seedz'/,
  ],
  [
    'a misspelt option',
    { settings: { trainFrom: ['all'] } },
    /settings: there is no setting 'trainFrom'; did you mean train-from\?/,
  ],
  ['a name of every object', '{"settings":{"__proto__":[1]}}', /settings: there is no setting '__proto__'/],
  ['one value', { settings: { lr: 0.1 } }, /settings\.lr is a list of 1 to 1,000, not 0\.1/],
  ['an empty list', { settings: { lr: [] } }, /settings\.lr is a list of 1 to 1,000, not a list of 0/],
  [
    'a list in a list',
    { settings: { lr: [0.1, [0.2]] } },
    /settings\.lr\[1\] is a text, a number, true, false or null/,
  ],
  [
    'a value twice',
    { settings: { lr: [0.1, 0.2, 0.1] } },
    /settings\.lr\[2\] is a value that is not there before, not 0\.1/,
  ],
  ['a long text', { settings: { model: ['x'.repeat(5000)] } }, /settings\.model\[0\] is a text, a number/],
  [
    'a range in a grid',
    { settings: { lr: { from: 0, to: 1 } } },
    /settings\.lr is a list of values \(ranges are drawn from: add "draw": N\), not an object/,
  ],
  [
    'a logarithm of 0',
    { draw: 2, settings: { lr: { log: [0, 1] } } },
    /settings\.lr\.log\[0\] is a number above 0, not 0/,
  ],
  [
    'a range of nothing',
    { draw: 2, settings: { lr: { log: [1, 1] } } },
    /settings\.lr\.log\[1\] is a number above 1, not 1/,
  ],
  [
    'a range without an end',
    { draw: 2, settings: { lr: { from: 1 } } },
    /settings\.lr\.to is a number that is finite, not undefined/,
  ],
  [
    'a field of a range',
    { draw: 2, settings: { lr: { from: 1, to: 2, by: 1 } } },
    /a field of settings\.lr is one of from, to, step, not 'by'/,
  ],
  ['no range', { draw: 2, settings: { lr: 3 } }, /settings\.lr is a list of values, \{ "log"/],
  ['no draws', { draw: 0, settings: { lr: [1] } }, /draw is a whole number from 1 to 1,000, not 0/],
  ['half a draw', { draw: 1.5, settings: { lr: [1] } }, /draw is a whole number/],
  [
    'more draws than there are',
    { draw: 3, settings: { lr: [1, 2] } },
    /draw asks for 3 settings, and 300 draws found 2 that differ/,
  ],
  ['a seed of no draws', { seed: 1, settings: { lr: [1] } }, /seed is of draws/],
  ['one fold', { folds: 1, settings: { lr: [1] } }, /folds is a whole number from 2 to 100, not 1/],
  [
    'a large grid',
    { settings: { lr: steps(40), warmup: steps(40) } },
    /its grid has 1,600 settings, of at most 1,000/,
  ],
  [
    'a huge grid',
    { settings: Object.fromEntries(NAMES.map((name) => [name, steps(1000)])) },
    /its grid has 1,000,000,000,000,000,000,000,000 settings/,
  ],
  ['brackets', '['.repeat(300_000), /holds 300,000 brackets/],
];

for (const [what, file, sentence] of HOSTILE)
  test(`refused: ${what}`, () => {
    assert.throws(() => read(file), sentence);
    assert.throws(
      () => read(file),
      (error: Error) => error instanceof RangeError && error.message.startsWith('sweep.json'),
    );
  });

test('trials: all settings of a fold, the next fold, the next seed; folders that can be read', () => {
  const names = (...list: [readonly Setting[], number[], number | null]) =>
    trialsOf({ settings: list[0], seeds: list[1], folds: list[2] }).map(({ name }) => name);
  assert.equal(names([{ lr: 0.1 }, { lr: 1e-7 }], [0, 1], null), [
    'lr=0.1,seed=0',
    'lr=1e-7,seed=0',
    'lr=0.1,seed=1',
    'lr=1e-7,seed=1',
  ]);
  assert.equal(names([{}], [4], 3), ['fold=1', 'fold=2', 'fold=3']);
  assert.equal(names([{}], [4, 5], null), ['seed=4', 'seed=5']);
  assert.equal(names([{ weights: '../a b/c.pth', clip: null }], [0], 2), [
    'weights=..-a-b-c.pth,clip=default,fold=1',
    'weights=..-a-b-c.pth,clip=default,fold=2',
  ]);
  assert.equal(names([{ weights: 'a/b' }, { weights: 'a b' }], [0, 1], null).at(-1), 'trial-4');
  assert.equal(names([{ weights: 'x'.repeat(200) }], [1], null), ['trial-1']);
});

function steps(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place + 1);
}

test.run();
