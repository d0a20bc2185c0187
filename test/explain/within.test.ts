/** The part of a map over a part of its picture: what a border leaves. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { within } from '../../src/explain/heatmap.ts';

const test = suite('explain/within');
/** 4 rows of 4 cells over an input of 64 × 64. */
const map = { values: Float32Array.from({ length: 16 }, (_, i) => i), height: 4, width: 4 };

test('all of it is the map itself', () => {
  assert.is(within(map, { left: 0, top: 0, width: 64, height: 64 }, 64), map);
});

const PARTS: [
  what: string,
  part: [left: number, top: number, width: number, height: number],
  values: number[][],
][] = [
  [
    'whole cells of a wide picture',
    [0, 16, 64, 32],
    [
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ],
  ],
  [
    'whole cells of a high one',
    [32, 0, 32, 64],
    [
      [2, 3],
      [6, 7],
      [10, 11],
      [14, 15],
    ],
  ],
  [
    'half cells at both ends: as many as fit, each the mean of what it covers',
    [8, 0, 48, 16],
    [[0.5, 1.5, 2.5]],
  ],
  ['less than a cell', [20, 20, 4, 4], [[5]]],
];
for (const [what, [left, top, width, height], values] of PARTS)
  test(what, () => {
    const found = within(map, { left, top, width, height }, 64);
    assert.equal([found.height, found.width], [values.length, values[0]!.length]);
    for (const [i, value] of values.flat().entries())
      assert.ok(Math.abs(found.values[i]! - value) < 1e-6, `${found.values}`);
  });

test.run();
