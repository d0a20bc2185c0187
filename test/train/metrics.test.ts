/** Metrics against definitions: pairs counted one by one, values worked out by hand, PyTorch's cross-entropy. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Answers,
  better,
  classMetrics,
  confusionMatrix,
  largest,
  type Metrics,
  measure,
  predictions,
  rocAuc,
  softmaxRow,
  topKAccuracy,
} from '../../src/train/metrics.ts';

const test = suite('train/metrics');

const answers = (rows: number[][], labels: number[]): Answers => ({
  logits: Float32Array.from(rows.flat()),
  labels: Int32Array.from(labels),
  classes: rows[0].length,
});
const near = (a: number, b: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

const AUC: [what: string, scores: number[], labels: number[], auc: number][] = [
  ['every positive above every negative', [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1],
  ['every positive below', [0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0],
  ['all equal', [0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1], 0.5],
  ['scikit-learn’s example', [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75],
  ['one tie across the classes', [0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1], 0.875],
];
for (const [what, scores, labels, auc] of AUC)
  test(`AUC: ${what} gives ${auc}`, () => near(rocAuc(scores, labels), auc));

test('AUC equals the share of pairs in the right order, ties counting half', () => {
  const pictures = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 1 })), {
    minLength: 2,
    maxLength: 40,
  });
  fc.assert(
    fc.property(pictures, (pairs) => {
      const positives = pairs.filter(([, label]) => label === 1);
      const negatives = pairs.filter(([, label]) => label === 0);
      if (positives.length === 0 || negatives.length === 0) return;
      let wins = 0;
      for (const [p] of positives) for (const [n] of negatives) wins += p > n ? 1 : p === n ? 0.5 : 0;
      const auc = rocAuc(
        pairs.map(([score]) => score),
        pairs.map(([, label]) => label),
      );
      near(auc, wins / (positives.length * negatives.length), 1e-12);
    }),
  );
});

test('loss equals PyTorch’s cross_entropy, also where e^logit overflows', () => {
  const rows = [
    [2, 1],
    [0.5, 0.25],
    [-1, 3],
  ];
  near(measure(answers(rows, [0, 1, 1])).loss, 0.38578367233276367);
  const shifted = rows.map((row) => row.map((logit) => logit + 1024));
  near(measure(answers(shifted, [0, 1, 1])).loss, 0.38578367233276367);
  assert.ok(Number.isNaN(measure(answers([[Number.NaN, 1]], [0])).loss));
});

test('two classes: AUC, no top-5; six classes: top-5, no AUC', () => {
  const rows = [
    [1, 0],
    [0, 1],
  ];
  const two = measure(answers(rows, [0, 1]));
  assert.is(two.top5, undefined);
  assert.is(two.auc, 1);
  assert.is(measure(answers(rows, [1, 1])).auc, undefined, 'pictures of one class alone have none');
  // The class of the first picture is the least likely of six, that of the second the fifth.
  const six = answers(
    [
      [6, 5, 4, 3, 2, 1],
      [6, 5, 4, 3, 2, 1],
    ],
    [5, 4],
  );
  assert.is(measure(six).top5, 0.5);
  assert.is(measure(six).auc, undefined);
  assert.is(topKAccuracy(six, 1), 0);
});

test('the threshold is on the probability of the second class, and reaching it counts', () => {
  const even = answers(
    [
      [0, 0],
      [0, Math.log(3)],
      [0, -2],
    ],
    [0, 1, 1],
  );
  assert.equal([...predictions(even)], [0, 1, 0]);
  assert.equal([...predictions(even, { threshold: 0.5 })], [1, 1, 0]);
  assert.equal([...predictions(even, { threshold: 0.76 })], [0, 0, 0]);
  assert.equal([...predictions(even, { threshold: 0.05 })], [1, 1, 1]);
  assert.is(measure(even, { threshold: 0.05 }).accuracy, 2 / 3);
});

test('confusion matrix: rows are the truth; precision down a column, recall along a row', () => {
  const matrix = confusionMatrix(Int32Array.of(0, 1, 1, 1, 2), Int32Array.of(0, 0, 1, 1, 1), 3);
  assert.equal(matrix, [
    [1, 1, 0],
    [0, 2, 1],
    [0, 0, 0],
  ]);
  const [first, second, third] = classMetrics(matrix);
  assert.equal(first, { count: 2, precision: 1, recall: 0.5, f1: 2 / 3 });
  assert.equal(second, { count: 3, precision: 2 / 3, recall: 2 / 3, f1: 2 / 3 });
  assert.equal(third, { count: 0, precision: 0, recall: null, f1: 0 });
  assert.equal(classMetrics([[0]]), [{ count: 0, precision: null, recall: null, f1: null }]);
});

/** Answers that take each picture for the class given. */
const taken = (pairs: [label: number, called: number][], classes: number): Answers =>
  answers(
    pairs.map(([, called]) => Array.from({ length: classes }, (_, i) => Number(i === called))),
    pairs.map(([label]) => label),
  );
const times = (count: number, label: number, called: number) =>
  Array.from({ length: count }, (): [number, number] => [label, called]);

// Balanced accuracy and macro F1 are scikit-learn's: balanced_accuracy_score, f1_score(average='macro').
const IMBALANCE: [
  what: string,
  pairs: [label: number, called: number][],
  classes: number,
  figures: [accuracy: number, largest: number, balanced: number, f1: number],
][] = [
  ['always the largest class', [...times(8, 0, 0), [1, 0], [2, 0]], 3, [0.8, 0.8, 1 / 3, 16 / 18 / 3]],
  ['classes of one size', [...times(2, 0, 0), ...times(2, 1, 1)], 2, [1, 0.5, 1, 1]],
  ['one class, all found', times(3, 1, 1), 2, [1, 1, 1, 1]],
  ['one class, taken for another at times', [...times(3, 1, 1), [1, 0]], 2, [0.75, 1, 0.75, 6 / 7 / 2]],
  ['one class, never found', times(2, 0, 1), 2, [0, 1, 0, 0]],
  [
    'a class without pictures that nothing is taken for',
    [
      [0, 0],
      [2, 2],
      [2, 0],
    ],
    3,
    [2 / 3, 2 / 3, 0.75, 2 / 3],
  ],
];
for (const [what, pairs, classes, figures] of IMBALANCE)
  test(`imbalance: ${what}`, () => {
    const { accuracy, largestShare, balancedAccuracy, macroF1 } = measure(taken(pairs, classes));
    [accuracy, largestShare, balancedAccuracy, macroF1].forEach((value, i) => {
      near(value, figures[i], 1e-12);
    });
  });

test('no figure of answered pictures is NaN, whatever classes they are of and are taken for', () => {
  const pictures = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(pictures, (pairs) => {
      const figures = Object.values(measure(taken(pairs, 4)));
      assert.ok(figures.every(Number.isFinite), `${figures}`);
    }),
  );
});

test('the k largest come in order, equal ones by their place', () => {
  assert.equal(largest([1, 3, 3, 2], 3), [1, 2, 3]);
  assert.equal(largest([1], 5), [0]);
  assert.equal(
    [...softmaxRow([0, Math.log(3)])].map((p) => Number(p.toFixed(12))),
    [0.25, 0.75],
  );
});

test('the better epoch: AUC before loss, accuracy where there is no AUC', () => {
  const of = (auc: number | undefined, accuracy: number, loss: number): Metrics => ({
    count: 1,
    loss,
    accuracy,
    largestShare: 1,
    balancedAccuracy: accuracy,
    macroF1: accuracy,
    ...(auc === undefined ? {} : { auc }),
  });
  assert.ok(better(of(0.9, 0.1, 2), of(0.8, 0.9, 1)));
  assert.ok(better(of(0.9, 0.5, 1), of(0.9, 0.5, 2)));
  assert.not(better(of(0.9, 0.5, 2), of(0.9, 0.5, 2)));
  assert.ok(better(of(undefined, 0.6, 2), of(undefined, 0.5, 1)));
  assert.ok(better(of(Number.NaN, 1, 1), of(Number.NaN, 1, 2)));
});

test.run();
