/** What is said of pictures a class: sizes, the largest, classes that are absent. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { classSizes, describeAbsent, describeBalance, describeSizes } from '../../src/cli/class-text.ts';
import { BEFORE, type TrainSettings } from '../../src/train/settings.ts';

const test = suite('cli/class-text');
const ten = Array.from({ length: 10 }, (_, i) => `c${i}`);

const SIZES: [what: string, train: number[], val: number[], classes: string[], expected: string][] = [
  [
    'few classes',
    [40, 4, 4],
    [8, 1, 1],
    ['a', 'b', 'c'],
    'Pictures a class (and to validate): a 40 (8), b 4 (1), c 4 (1); always answering a is right for 80.0 % of those that validate.',
  ],
  [
    'many classes',
    [20, 7, ...Array(8).fill(9)],
    Array(10).fill(5),
    ten,
    'A class has 7 to 20 pictures, and 5 to validate; always answering c0 is right for 10.0 % of those that validate.',
  ],
  [
    'a class that nothing validates',
    [3, 3, 3],
    [1, 0, 1],
    ['a', 'b', 'c'],
    'Pictures a class (and to validate): a 3 (1), b 3 (0), c 3 (1); always answering a is right for 50.0 % of those that validate. None of the pictures that validate is of b; balanced accuracy is the mean over the others.',
  ],
];
for (const [what, train, val, classes, expected] of SIZES)
  test(`sizes: ${what}`, () => assert.is(describeSizes({ train, val }, classes), expected));

const ABSENT: [counts: number[], classes: string[], expected: RegExp | null][] = [
  [[1, 2], ['a', 'b'], null],
  [[0, 2], ['a', 'b'], /^All of the pictures are of b: accuracy is the share of them that was found/],
  [[2, 0, 1], ['a', 'b', 'c'], /^None of the pictures is of b; /],
  [[1, ...Array(8).fill(0), 1], ten, /^None of the pictures is of c1, c2, c3, c4, c5, c6 and 2 more; /],
];
for (const [counts, classes, expected] of ABSENT)
  test(`absent: ${counts}`, () => {
    const sentence = describeAbsent(counts, classes);
    if (expected) assert.match(sentence!, expected);
    else assert.is(sentence, null);
  });

const BALANCES: [
  train: number[],
  settings: Pick<TrainSettings, 'classWeights' | 'sampler'>,
  expected: RegExp | string | null,
][] = [
  [[30, 30], BEFORE, null],
  [[30, 210], BEFORE, null],
  [
    [300, 30],
    BEFORE,
    'a has 10 times as many pictures as b. If the rare ones matter as much: --class-weights auto (or --sampler balanced) finds more of them, and is wrong more often about the others.',
  ],
  [[9, 0, 90], BEFORE, /^c has 10 times as many pictures as a\. /],
  [[0, 0], BEFORE, null],
  [
    [300, 30],
    { ...BEFORE, classWeights: 'auto' },
    'In the loss a picture counts 0.55 for a, 5.5 for b (--class-weights).',
  ],
  [[30, 30], { ...BEFORE, classWeights: 'auto' }, 'Class weights change nothing here: every class counts 1.'],
  [[9, 9], { ...BEFORE, classWeights: { b: 2 } }, /counts 1 for a, 2 for b \(/],
  [
    [300, 30],
    { ...BEFORE, sampler: 'balanced' },
    'Classes are drawn equally often (--sampler balanced), each about 165 times an epoch.',
  ],
];
for (const [train, settings, expected] of BALANCES)
  test(`${train} with ${JSON.stringify([settings.classWeights, settings.sampler])}: what is done about it, or could be`, () => {
    const sentence = describeBalance({ train, val: train }, ['a', 'b', 'c'].slice(0, train.length), settings);
    if (expected instanceof RegExp) assert.match(sentence!, expected);
    else assert.is(sentence, expected);
  });

test('weights of many classes are a range', () => {
  const train = [2, ...Array(9).fill(4)];
  const settings = { ...BEFORE, classWeights: 'auto' } as const;
  assert.match(
    describeBalance({ train, val: train }, ten, settings)!,
    /counts from 0\.95 to 1\.9 by its class/,
  );
});

test('both sides are counted by label', () => {
  const sample = (label: number) => ({ file: '', label });
  const set = { classes: ['a', 'b', 'c'], train: [0, 0, 1].map(sample), val: [2].map(sample) };
  assert.equal(classSizes(set), { train: [2, 1, 0], val: [0, 0, 1] });
});

test.run();
