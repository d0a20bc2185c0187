/** Rank agreement, McNemar's test and ridge regression against SciPy, statsmodels and scikit-learn. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ridge, student } from '../../src/search/methods/ridge.ts';
import {
  bootstrap,
  kendall,
  mcnemar,
  pearson,
  rankAgreement,
  spearman,
} from '../../src/search/statistics.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { fixture } from '../helpers/fixture.ts';

interface Reference {
  lists: { name: string; count: number; share: number; levels: number; correlations: number[] }[];
  mcnemar: [number, number, number][];
  student: [number, number][];
  alphas: number[];
  regressions: {
    noise: number;
    least: { coefficients: number[]; intervals: [number, number][] };
    ridge: number[];
    chosen: number;
  }[];
}

const test = suite('search statistics');
const reference = fixture<Reference>('statistics.json');

const near = (value: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(
    Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${value}, not ${expected}`,
  );

for (const { name, count, share, levels, correlations } of reference.lists)
  test(`correlations: ${name}`, () => {
    const level = (value: number): number => (levels > 0 ? Math.floor(value * levels) : value);
    const first = [...pseudo(`statistics/${name}/a`, count)];
    const noise = pseudo(`statistics/${name}/b`, count);
    const b = first.map((value, index) => level(share * value + (1 - Math.abs(share)) * noise[index]!));
    const a = first.map(level);
    for (const [index, correlation] of [kendall, spearman, pearson].entries())
      near(correlation(a, b)!, correlations[index]!);
    const { tau, interval } = rankAgreement(a, b)!;
    near(tau, correlations[0]!);
    assert.ok(interval[0] <= tau && tau <= interval[1] && interval[0] >= -1 && interval[1] <= 1);
    assert.equal(rankAgreement(a, b)!.interval, interval);
  });

test('a list of one value agrees with nothing', () => {
  for (const correlation of [kendall, spearman, pearson, rankAgreement])
    assert.is(correlation([1, 1, 1], [1, 2, 3]), null);
});

test("McNemar's exact test", () => {
  for (const [b, c, p] of reference.mcnemar) near(mcnemar(b, c), p, 1e-10);
});

test('the bootstrap holds a mean in 95 % of the cases, about', () => {
  let held = 0;
  for (let set = 0; set < 100; set++) {
    const values = pseudo(`statistics/mean/${set}`, 40);
    const { low, high } = bootstrap(40, (drawn) => drawn.reduce((sum, i) => sum + values[i]!, 0) / 40, 200)!;
    if (low <= 0 && high >= 0) held++;
  }
  assert.ok(held >= 88 && held <= 99, `${held}`);
});

test("quantiles of Student's t", () => {
  for (const [freedom, quantile] of reference.student) near(student(freedom), quantile, 2e-3);
});

for (const { noise, least, ridge: reduced, chosen } of reference.regressions)
  test(`ridge regression, noise ${noise}`, () => {
    const columns = reduced.length - 1;
    const values = pseudo('statistics/x', 40 * columns);
    const added = pseudo('statistics/y', 40);
    const rows = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: columns }, (_, j) => (values[i * columns + j]! > 0 ? 1 : 0)),
    );
    const y = rows.map((row, i) => row.reduce((sum, x, j) => sum + x * (j + 1) * 0.1, 2) + noise * added[i]!);
    const plain = ridge(rows, y, [0]);
    for (const [j, coefficient] of [plain.intercept, ...plain.coefficients].entries())
      near(coefficient, least.coefficients[j]!);
    for (const [j, [low, high]] of least.intervals.entries())
      near(plain.halfWidths[j]!, (high - low) / 2, 1e-3);
    const small = ridge(rows, y, [3]);
    for (const [j, coefficient] of [small.intercept, ...small.coefficients].entries())
      near(coefficient, reduced[j]!);
    assert.is(ridge(rows, y, reference.alphas).lambda, chosen);
  });

test('columns that depend on each other need λ', () => {
  const rows = Array.from({ length: 8 }, (_, i) => [i, 2 * i]);
  assert.throws(() => ridge(rows, [1, 2, 3, 4, 5, 6, 7, 8], [0]), /depend on each other/);
  near(ridge(rows, [1, 2, 3, 4, 5, 6, 7, 8], [0.001]).coefficients[1]!, 0.4, 1e-3);
});

test.run();
