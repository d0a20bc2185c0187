/** Answers that are none: what is not a number, and one answer for all. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Inference, isOneAnswer, unanswered } from '../../src/train/infer.ts';

const test = suite('train/infer');

const answers = (...rows: number[][]): Inference => ({
  logits: Float32Array.from(rows.flat()),
  labels: new Int32Array(rows.length),
  classes: 2,
  samples: rows.map((_, index) => ({ file: `${index}.jpg`, label: 0 })),
});

test('pictures to which the answer is no number', () => {
  const { NaN: none, POSITIVE_INFINITY: infinite } = Number;
  const found = unanswered(answers([1, 2], [none, 1], [0, 0], [3, -infinite]));
  assert.equal(
    found.map(({ file }) => file),
    ['1.jpg', '3.jpg'],
  );
});

test('one answer for all pictures, of which there are more than copies would make', () => {
  assert.ok(isOneAnswer(answers([1, 2], [1, 2], [1, 2])));
  assert.not(isOneAnswer(answers([1, 2], [1, 2])));
  assert.not(isOneAnswer(answers([1, 2], [1, 2], [1, 2.5])));
});

test.run();
