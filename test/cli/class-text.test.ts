/** What is said of pictures a class: sizes, the largest, classes that are absent. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { classSizes, describeAbsent, describeSizes } from '../../src/cli/class-text.ts';

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

test('both sides are counted by label', () => {
  const sample = (label: number) => ({ file: '', label });
  const set = { classes: ['a', 'b', 'c'], train: [0, 0, 1].map(sample), val: [2].map(sample) };
  assert.equal(classSizes(set), { train: [2, 1, 0], val: [0, 0, 1] });
});

test.run();
