/** Several labels a picture: figures beside scikit-learn's and PyTorch's, thresholds, targets of a step. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../src/data/loader.ts';
import { NO_CLASS, type Sample } from '../../src/data/sample.ts';
import { binaryCrossEntropy } from '../../src/kernels/index.ts';
import { tensor } from '../../src/tensor/index.ts';
import { decisionSentence } from '../../src/train/evaluation/threshold.ts';
import { calledLabels, type LabelAnswers, sigmoid, targetsOf } from '../../src/train/labels/answers.ts';
import { labelsCriterion, posWeightsFor } from '../../src/train/labels/criterion.ts';
import { labelEvaluation } from '../../src/train/labels/evaluation.ts';
import { labelHeadline } from '../../src/train/labels/headline.ts';
import { measureLabels } from '../../src/train/labels/metrics.ts';
import {
  chooseThresholds,
  decisionsFor,
  decisionsSentence,
  givenDecisions,
  thresholdsOf,
} from '../../src/train/labels/thresholds.ts';
import { better } from '../../src/train/metrics.ts';
import { mixPictures } from '../../src/train/mix.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('train/labels');

/** What test/reference/generate_labels.py wrote; figures by label where they are lists. */
interface ReferenceSet {
  name: string;
  classes: number;
  logits: number[];
  targets: number[];
  thresholds: number[];
  posWeight: number[];
  weightedLoss: number;
  loss: number;
  map: number;
  macroAuc: number;
  macroF1: number;
  microF1: number;
  balancedAccuracy: number;
  accuracy: number;
  [figure: string]: unknown;
}
const { sets }: { sets: ReferenceSet[] } = JSON.parse(
  readFileSync(new URL('../reference/labels.json', import.meta.url), 'utf8'),
);
const answersOf = ({ logits, targets, classes }: ReferenceSet): LabelAnswers => ({
  logits: Float32Array.from(logits),
  targets: Uint8Array.from(targets),
  classes,
  count: logits.length / classes,
});
const namesOf = ({ classes }: { classes: number }): string[] =>
  Array.from({ length: classes }, (_, label) => `label ${label}`);
const near = (a: number | null | undefined, b: unknown, what: string, limit = 1e-12): void =>
  assert.ok(
    b === null ? a === null : Math.abs(a! - (b as number)) <= limit * Math.max(1, b as number),
    `${what}: ${a}, reference ${b}`,
  );

for (const set of sets) {
  test(`figures of the set '${set.name}' are scikit-learn's`, () => {
    const answers = answersOf(set);
    const decisions = set.thresholds.flatMap((threshold, label) =>
      givenDecisions(threshold, namesOf(set)).slice(label, label + 1),
    );
    const { perLabel, metrics, intervals } = labelEvaluation(answers, { classes: namesOf(set), decisions });
    for (const figure of ['averagePrecision', 'auc', 'precision', 'recall', 'f1'] as const)
      for (const [label, value] of (set[figure] as (number | null)[]).entries())
        near(perLabel[label][figure], value, `${figure} of ${label}`);
    for (const figure of ['loss', 'map', 'macroF1', 'microF1', 'balancedAccuracy', 'accuracy'] as const)
      near(metrics[figure], set[figure], figure);
    near(metrics.auc, set.macroAuc, 'AUC');
    for (const [figure, { low, high }] of Object.entries(intervals)) {
      const value = metrics[figure as keyof typeof metrics]!;
      assert.ok(0 <= low && low <= value && value <= high && high <= 1, `${figure} ${low} ${value} ${high}`);
      assert.ok(low < high || (low === 0 && high === 0), figure);
    }
  });

  test(`the loss of the set '${set.name}' is PyTorch's on the GPU too`, async () => {
    const device = await testDevice();
    const { logits, targets, classes, posWeight } = set;
    const x = tensor(Float32Array.from(logits), [logits.length / classes, classes], { device });
    near(await binaryCrossEntropy(x, targets).item(), set.loss, 'loss', 1e-6);
    near(await binaryCrossEntropy(x, targets, { posWeight }).item(), set.weightedLoss, 'weighted', 1e-6);
    device.close();
  });

  test(`thresholds of the highest F1 in the set '${set.name}'`, () => {
    const answers = answersOf(set);
    const names = namesOf(set);
    const { decisions, notChosen } = chooseThresholds(answers, { classes: names, scored: 'val' }, 'f1');
    const { perLabel } = labelEvaluation(answers, { classes: names, decisions });
    for (const [label, best] of (set.bestF1 as (number | null)[]).entries())
      if (best !== null) near(perLabel[label].f1, best, `F1 of ${label}`);
    const without = (set.bestF1 as (number | null)[]).filter((best) => best === null).length;
    assert.is(notChosen.length, without);
    assert.is(decisions.filter((one) => one === null).length, without);
  });
}

const small: LabelAnswers = {
  logits: Float32Array.of(2, -1, 1, 1, -1, -2, -3, 0.5),
  targets: Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 1),
  classes: 2,
  count: 4,
};

test('what labels together and mistakes are', () => {
  const of = labelEvaluation(
    { ...small, targets: Uint8Array.of(1, 0, 0, 1, 0, 1, 1, 0) },
    { classes: ['a', 'b'] },
  );
  assert.equal(of.together, [
    [2, 0],
    [0, 2],
  ]);
  // In the last picture a is missed and b called.
  assert.equal(of.mistaken, [
    [0, 1],
    [0, 0],
  ]);
  assert.equal(
    of.perLabel.map(({ count, called, right }) => [count, called, right]),
    [
      [2, 2, 1],
      [2, 2, 1],
    ],
  );
});

test('thresholds: a target for each label, given for all, kept by name', () => {
  const classes = ['a', 'b'];
  const { decisions } = chooseThresholds(small, { classes, scored: 'val' }, { recall: 1 });
  const [a, b] = thresholdsOf(decisions);
  assert.ok(sigmoid(-1) < a && a <= sigmoid(1) && sigmoid(-1) < b && b <= sigmoid(0.5));
  assert.equal([...calledLabels(small, [a, b])], [...small.targets]);
  assert.match(decisionsSentence(decisions), /a recall of at least 100\.0 % on the 4 validation pictures\.$/);
  assert.match(
    decisionSentence(chooseThresholds(small, { classes, scored: 'val' }, 'f1').decisions[0]!),
    /'a' is called from .*: of all thresholds the one with the highest F1 on the 4 validation pictures\./,
  );
  const kept = decisionsFor([decisions[1]!], classes);
  assert.equal(kept, [null, decisions[1]]);
  assert.equal(thresholdsOf(kept), [0.5, b]);
  assert.match(decisionsSentence(kept), /; where there is none, 0\.5\./);
  assert.equal(thresholdsOf(givenDecisions(0.3, classes)), [0.3, 0.3]);
  assert.match(decisionsSentence([null, null]), /from a probability of 0\.5 on, as nobody chose others/);
});

test('the headline says what was chosen, and the best epoch is that of the highest mean average precision', () => {
  const of = labelEvaluation(small, { classes: ['a', 'b'], scored: 'val', chosen: ['thresholds'] });
  assert.match(
    labelHeadline(of).join(' '),
    /mean average precision of 100\.0 % on the 4 validation pictures/,
  );
  assert.match(labelHeadline(of).join(' '), /Of 4 of them every label is right: 100\.0 %/);
  assert.match(labelHeadline(of).join(' '), /The thresholds were chosen on the 4 validation pictures/);
  const metrics = measureLabels(small);
  assert.ok(better({ ...metrics, map: 0.9, accuracy: 0 }, { ...metrics, map: 0.8, accuracy: 1 }));
  assert.not.ok(better({ ...metrics, map: 0.9, loss: 2 }, { ...metrics, map: 0.8, loss: 1 }, 'loss'));
});

test('pictures of which nothing can be said: no label there, all labels there', () => {
  for (const target of [0, 1]) {
    const metrics = measureLabels({ ...small, targets: new Uint8Array(8).fill(target) });
    assert.is(metrics.map, undefined);
    assert.is(metrics.auc, undefined);
    assert.ok(Object.values(metrics).every(Number.isFinite));
    labelEvaluation({ ...small, targets: new Uint8Array(8).fill(target) }, { classes: ['a', 'b'] });
  }
  assert.throws(
    () => labelEvaluation({ ...small, logits: small.logits.map(() => Number.NaN) }, { classes: ['a', 'b'] }),
    /NaN or infinite/,
  );
  assert.throws(() => labelEvaluation(small, { classes: ['a'] }), /1 names for 2 labels/);
});

const sample = (...labels: number[]): Sample => ({ file: 'x.png', label: NO_CLASS, labels });
const batchOf = (samples: Sample[]): Batch => ({
  images: Float32Array.from({ length: samples.length * 12 }, (_, i) => i),
  labels: Int32Array.from(samples, ({ label }) => label),
  ...{ size: samples.length, samples, index: 0, skipped: 0 },
});

test('mixed pictures have the labels of both, each by its share', () => {
  const samples = [sample(0, 1), sample(2), sample(1)];
  const { targets } = mixPictures({ mixup: 1, seed: 3 })!(batchOf(samples), 3, { epoch: 0, index: 0 });
  const share = targets[0];
  assert.ok(share > 0 && share < 1);
  const rows = [0, 1, 2].map((n) => [...targets.subarray(3 * n, 3 * n + 3)]);
  const rest = rows[2][0];
  near(share + rest, 1, 'both shares', 1e-7);
  assert.equal(rows, [
    [share, 1, 0],
    [0, 0, 1],
    [rest, 1, 0],
  ]);
});

test('what a batch asks: targets of its labels, smoothed, with weights', async () => {
  const device = await testDevice();
  const samples = [sample(0, 2), sample()];
  const logits = tensor([1, -1, 2, 0.5, 0, -2], [2, 3], { device });
  const place = { model: { numClasses: 3 } as never, device, epoch: 0, index: 0 };
  for (const [options, targets, posWeight] of [
    [{}, [1, 0, 1, 0, 0, 0], undefined],
    [{ labelSmoothing: 0.2 }, [0.9, 0.1, 0.9, 0.1, 0.1, 0.1], undefined],
    [{ posWeight: [1, 2, 3] }, [1, 0, 1, 0, 0, 0], [1, 2, 3]],
  ] as const) {
    const { lossOf, divisor } = labelsCriterion(options)(batchOf(samples), place);
    assert.is(divisor, 2);
    near(
      await lossOf(logits).item(),
      await binaryCrossEntropy(logits, targets, { posWeight }).item(),
      JSON.stringify(options),
      1e-6,
    );
  }
  assert.equal([...targetsOf(samples, 3)], [1, 0, 1, 0, 0, 0]);
  device.close();
});

test('weights of labels: auto makes yes and no count as much', () => {
  const labels = ['a', 'b', 'c', 'd'];
  assert.equal(posWeightsFor('auto', labels, [2, 5, 0, 10], 10), [4, 1, 1, 1]);
  assert.is(posWeightsFor('auto', labels, [5, 5, 0, 10], 10), undefined);
  assert.is(posWeightsFor('none', labels, [2, 5, 0, 10], 10), undefined);
  assert.equal(posWeightsFor({ b: 3 }, labels, [2, 5, 0, 10], 10), [1, 3, 1, 1]);
  assert.throws(() => posWeightsFor({ e: 3 }, labels, [2, 5, 0, 10], 10), /no class 'e'|'e'/);
});

test.run();
