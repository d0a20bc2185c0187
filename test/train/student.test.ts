import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spreadOf, studentQuantile, studentTail, studentTest } from '../../src/train/evaluation/student.ts';

const test = suite('train/student');

// SciPy: t.ppf(share, freedom).
const QUANTILES: [freedom: number, share: number, t: number][] = [
  [1, 0.975, 12.706204736432095],
  [2, 0.975, 4.302652729911275],
  [4, 0.975, 2.7764451051977987],
  [9, 0.975, 2.2621571627409915],
  [30, 0.95, 1.6972608943617378],
  [1000, 0.975, 1.9623390808264078],
];

test('quantiles and tails are those of SciPy', () => {
  for (const [freedom, share, t] of QUANTILES) {
    assert.ok(Math.abs(studentQuantile(share, freedom) - t) < 1e-8 * t, `${share} of ${freedom}`);
    assert.ok(Math.abs(studentTail(t, freedom) - (1 - share)) < 1e-9, `behind ${t} of ${freedom}`);
  }
  assert.is(studentTail(0, 5), 0.5);
});

test('mean, deviation and interval of three seeds, by hand', () => {
  // x̄ = 0.92, s = 0.02; 4.302653 · 0.02 / √3 = 0.049683.
  const { count, mean, deviation, interval } = spreadOf([0.9, 0.94, 0.92]);
  assert.is(count, 3);
  near(mean, 0.92);
  near(deviation, 0.02);
  near(interval?.low, 0.870317);
  near(interval?.high, 0.969683);
  // Three folds: √(1/3 + 1/2) in place of √(1/3).
  near(spreadOf([0.9, 0.94, 0.92], 0.5).interval?.high, 0.92 + 4.302653 * 0.02 * Math.sqrt(5 / 6));
});

test('the t test of differences, by hand', () => {
  // t = 0.02 / (0.01 / √3) = 3.4641 with 2 degrees of freedom: p = 1 − t / √(2 + t²) = 0.0742.
  near(studentTest(spreadOf([0.01, 0.03, 0.02])), 1 - 3.4641016 / Math.sqrt(14));
});

test('one value, and values that are all alike, say nothing of how others vary', () => {
  assert.equal(spreadOf([0.5]), { count: 1, mean: 0.5, deviation: null, interval: null });
  assert.equal(spreadOf([0.7, 0.7, 0.7]), { count: 3, mean: 0.7, deviation: 0, interval: null });
  for (const values of [[0.5], [0.7, 0.7, 0.7], [0.9 - 0.8, 0.8 - 0.7, 0.1]])
    assert.is(studentTest(spreadOf(values)), 1);
});

function near(value: number | null | undefined, wanted: number): void {
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) < 1e-6, `${value} is not ${wanted}`);
}

test.run();
