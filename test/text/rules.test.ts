/** Rules for values out of a file: what passes, and the sentence where one does not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  all,
  among,
  between,
  demand,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  parseBounded,
  type Rule,
  rule,
  text,
  whole,
} from '../../src/text/rules.ts';

const test = suite('text: rules');

const pair = all(
  list(number(0, 1), 2, 2),
  rule((value) => Array.isArray(value) && value[0] <= value[1], 'a smaller and a larger number'),
);
const nested = object({ lr: number(0, 1), phases: list(object({ epochs: whole(1, 100_000) }), 0, 3) });

const CASES: [of: Rule, passes: unknown[], refused: [value: unknown, sentence: string][]][] = [
  [
    whole(1, 65_536),
    [1, 65_536],
    [
      ['4', "x is a whole number from 1 to 65,536, not '4'"],
      [0.5, 'x is a whole number from 1 to 65,536, not 0.5'],
      [0, 'x is a whole number from 1 to 65,536, not 0'],
      [undefined, 'x is a whole number from 1 to 65,536, not undefined'],
    ],
  ],
  [
    number(0.001, 1000),
    [0.001, 1000],
    [
      [0, 'x is a number from 0.001 to 1,000, not 0'],
      [Number.NaN, 'x is a number from 0.001 to 1,000, not NaN'],
      [true, 'x is a number from 0.001 to 1,000, not true'],
    ],
  ],
  [
    whole(0, Number.MAX_SAFE_INTEGER),
    [0, Number.MAX_SAFE_INTEGER],
    [[-1, 'x is a whole number of at least 0, not -1']],
  ],
  [
    number(-Number.MAX_VALUE, Number.MAX_VALUE),
    [-1e300, 1e300],
    [[Number.POSITIVE_INFINITY, 'x is a number that is finite, not Infinity']],
  ],
  [between(0, 1), [0.5], [[1, 'x is a number between 0 and 1, not 1']]],
  [text(3), ['', 'abc'], [['abcd', "x is a text of at most 3 characters, not 'abcd'"]]],
  [flag, [true, false], [[0, 'x is true or false, not 0']]],
  [among(['a', 'b']), ['a'], [['c', "x is one of a, b, not 'c'"]]],
  [optional(flag), [undefined, true], [[null, 'x is true or false, not null']]],
  [orNull(flag), [null, true], [['\u001b[2J', "x is true or false, or null, not '?[2J'"]]],
  [
    pair,
    [
      [0, 1],
      [1, 1],
    ],
    [
      [[1], 'x is a list of 2, not a list of 1'],
      [[0, 2], 'x[1] is a number from 0 to 1, not 2'],
      [[1, 0], 'x is a smaller and a larger number, not a list of 2'],
      [{ length: 2 }, 'x is a list of 2, not an object'],
    ],
  ],
  [
    nested,
    [{ lr: 1, phases: [], other: 'kept' }],
    [
      [[], 'x is an object, not a list of 0'],
      [{ lr: 1, phases: [1, 2, 3, 4] }, 'x.phases is a list of 0 to 3, not a list of 4'],
      [
        { lr: 1, phases: [{ epochs: 1 }, { epochs: '9'.repeat(50) }] },
        `x.phases[1].epochs is a whole number from 1 to 100,000, not '${'9'.repeat(32)}…'`,
      ],
    ],
  ],
];
for (const [of, passes, refused] of CASES)
  test(refused[0][1], () => {
    for (const value of passes) assert.not.throws(() => demand(of, value, 'x'));
    for (const [value, sentence] of refused)
      assert.throws(
        () => demand(of, value, 'x'),
        (error: Error) => error instanceof RangeError && error.message === sentence,
      );
  });

test('JSON is parsed where it is of a bounded size', () => {
  assert.equal(parseBounded('{"a":[1]}', 'it'), { a: [1] });
  const refused: [json: string, sentence: RegExp][] = [
    ['{', /^it is no JSON \(.+\)$/],
    ['['.repeat(300_000), /^it holds 300,000 brackets, of at most 200,000$/],
    [`"${' '.repeat(9 << 20)}"`, /^it takes 9,437,186 characters, of at most 8,388,608$/],
  ];
  for (const [json, sentence] of refused)
    assert.throws(
      () => parseBounded(json, 'it'),
      (error: Error) => error instanceof RangeError && sentence.test(error.message),
    );
});

test.run();
