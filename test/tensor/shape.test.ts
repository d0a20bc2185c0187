/** Shapes: sizes, axes, broadcasting, and their sentences. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  broadcastShapes,
  checkShape,
  normaliseAxis,
  type Shape,
  sameShape,
  show,
  sizeOf,
} from '../../src/tensor/index.ts';

const test = suite('tensor/shape');

test('sizes and comparisons', () => {
  assert.is(sizeOf([]), 1);
  assert.is(sizeOf([2, 3, 4]), 24);
  assert.ok(sameShape([2, 3], [2, 3]));
  for (const other of [[2], [2, 3, 1], [3, 2]]) assert.not(sameShape([2, 3], other));
  assert.is(show([8, 224, 224, 3]), '[8,224,224,3]');
});

test('axes count from the front, negative ones from the back', () => {
  assert.equal(
    [0, 2, -1, -3].map((axis) => normaliseAxis('op', axis, 3)),
    [0, 2, 2, 0],
  );
  for (const axis of [3, -4, 0.5, Number.NaN])
    assert.throws(
      () => normaliseAxis('op', axis, 3),
      `op: axis ${axis} does not exist in a tensor of rank 3`,
    );
});

test("NumPy's broadcasting", () => {
  const cases: [Shape, Shape, Shape][] = [
    [[], [], []],
    [[3], [], [3]],
    [
      [3, 1],
      [1, 5],
      [3, 5],
    ],
    [[2, 3, 4], [4], [2, 3, 4]],
    [
      [2, 1, 4],
      [3, 1],
      [2, 3, 4],
    ],
  ];
  for (const [a, b, expected] of cases) {
    assert.equal(broadcastShapes('op', a, b), expected);
    assert.equal(broadcastShapes('op', b, a), expected);
  }
  assert.throws(
    () => broadcastShapes('add', [2, 3], [4]),
    'add: [2,3] and [4] do not broadcast (3 against 4)',
  );
});

test('what is no shape', () => {
  checkShape('op', [1, 2]);
  checkShape('op', []);
  for (const shape of [[0], [2, -1], [1.5], [Number.NaN], [2 ** 60]])
    assert.throws(
      () => checkShape('op', shape),
      `op: ${show(shape)} is no shape; sizes are positive whole numbers`,
    );
});

test.run();
