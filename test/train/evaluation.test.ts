/** Evaluation against scikit-learn, statsmodels and SciPy, and against what holds for any answers. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluationText } from '../../src/cli/evaluate-text.ts';
import { describeMetrics } from '../../src/report/report.ts';
import { resampledIntervals } from '../../src/train/evaluation/bootstrap.ts';
import { calibration, fitTemperature } from '../../src/train/evaluation/calibration.ts';
import { curves } from '../../src/train/evaluation/curves.ts';
import {
  type Evaluation,
  type EvaluationOptions,
  evaluation,
} from '../../src/train/evaluation/evaluation.ts';
import { accuracySentence, choiceSentence } from '../../src/train/evaluation/headline.ts';
import {
  aucScoreInterval,
  type Interval,
  meanInterval,
  pairedDifference,
  wilson,
} from '../../src/train/evaluation/intervals.ts';
import { stressTable } from '../../src/train/evaluation/stress.ts';
import {
  chooseThreshold,
  DECISION,
  decisionSentence,
  figuresAt,
  givenDecision,
  isPositive,
  thresholdTable,
} from '../../src/train/evaluation/threshold.ts';
import type { Inference } from '../../src/train/infer.ts';
import { type Answers, measure, predictions, scoresOf } from '../../src/train/metrics.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { fixture } from '../helpers/fixture.ts';

const test = suite('train/evaluation');

interface Case {
  name: string;
  count: number;
  classes: number;
  raised: number;
  levels: number;
  scale: number;
  balancedAccuracy: number;
  macroF1: number;
  ece: number;
  temperature: number;
  eceAfter: number;
  lossAfter: number;
  curves: {
    positive: number;
    auc: number;
    averagePrecision: number;
    thresholds: number[];
    truePositiveRate: number[];
    falsePositiveRate: number[];
    precision: number[];
  }[];
}
const { wilson: shares, sets } = fixture<{ wilson: [number, number, number, number][]; sets: Case[] }>(
  'evaluation.json',
);

const near = (a: number | null, b: number, what: string, tolerance = 1e-9) =>
  assert.ok(
    a !== null && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)),
    `${what}: ${a} is not ${b}`,
  );
const allNear = (a: (number | null)[], b: number[], what: string) => {
  assert.is(a.length, b.length, what);
  for (const [i, value] of b.entries()) near(a[i], value, `${what} ${i}`);
};

/** The answers that the script computes by the same formula. */
function answersOf({ name, count, classes, raised, levels, scale }: Case): Answers {
  const places = pseudo(`evaluation/${name}/labels`, count);
  const labels = Int32Array.from(places, (u) => Math.floor(((u + 1) / 2) * classes));
  const logits = Float32Array.from(pseudo(`evaluation/${name}`, count * classes), (u, i) => {
    const own = labels[Math.floor(i / classes)] === i % classes;
    const logit = (u + (own ? raised : 0)) * scale;
    return levels > 0 ? Math.round(logit * levels) / levels : logit;
  });
  return { logits, labels, classes };
}

/** Two classes: the probability of the second, and whether it is so. */
const two = (pictures: readonly (readonly [probability: number, label: number])[]): Answers => ({
  logits: Float32Array.from(pictures.flatMap(([p]) => [0, Math.log(p / (1 - p))])),
  labels: Int32Array.from(pictures, ([, label]) => label),
  classes: 2,
});
const names = (classes: number): string[] => Array.from({ length: classes }, (_, i) => `c${i}`);
const of = (answers: Answers, options: Partial<EvaluationOptions> = {}): Evaluation =>
  evaluation(answers, { classes: names(answers.classes), ...options });

for (const [right, count, low, high] of shares)
  test(`Wilson’s interval of ${right} of ${count} is statsmodels’`, () => {
    const interval = wilson(right, count)!;
    near(interval.low, low, 'low');
    near(interval.high, high, 'high');
  });

test('Wilson’s interval holds the share, stays within 0 to 1, mirrors, and narrows with more pictures', () => {
  const share = fc
    .integer({ min: 1, max: 400 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(share, ([right, count]) => {
      const { low, high } = wilson(right, count)!;
      assert.ok(0 <= low && low <= right / count && right / count <= high && high <= 1 && low < high);
      const mirrored = wilson(count - right, count)!;
      near(mirrored.low, 1 - high, 'mirrored low');
      near(mirrored.high, 1 - low, 'mirrored high');
      const more = wilson(4 * right, 4 * count)!;
      assert.ok(more.high - more.low < high - low);
    }),
  );
  assert.is(wilson(0, 0), null);
});

for (const one of sets)
  test(`${one.name}: curves, areas, means, calibration are scikit-learn’s and SciPy’s`, () => {
    const answers = answersOf(one);
    const figures = of(answers);
    near(figures.metrics.balancedAccuracy, one.balancedAccuracy, 'balanced accuracy');
    near(figures.metrics.macroF1, one.macroF1, 'macro F1');
    near(figures.calibration.ece, one.ece, 'ECE');
    const { temperature } = figures.calibration;
    near(temperature!.value, one.temperature, 'temperature', 1e-6);
    near(temperature!.ece, one.eceAfter, 'ECE after', 1e-6);
    near(temperature!.loss, one.lossAfter, 'loss after');
    assert.ok(temperature!.loss <= figures.metrics.loss);
    assert.is(figures.curves.length, one.curves.length);
    for (const expected of one.curves) {
      const found = figures.curves.find(({ positive }) => positive === expected.positive)!;
      near(found.auc, expected.auc, 'AUC');
      near(found.averagePrecision, expected.averagePrecision, 'average precision');
      const { points } = curves(
        scoresOf(answers, expected.positive),
        isPositive(answers, expected.positive),
      )!;
      assert.ok(found.points.length <= points.length && found.points.length >= Math.min(points.length, 20));
      allNear(
        points.map(({ threshold }) => threshold),
        expected.thresholds,
        'threshold',
      );
      allNear(
        points.map((p) => p.truePositiveRate),
        expected.truePositiveRate,
        'true positives',
      );
      allNear(
        points.map((p) => p.falsePositiveRate),
        expected.falsePositiveRate,
        'false positives',
      );
      allNear(
        points.map(({ precision }) => precision),
        expected.precision,
        'precision',
      );
    }
    if (one.classes === 2) near(figures.metrics.auc!, one.curves[0].auc, 'AUC of the metrics');
  });

test('a perfect answer to few pictures is no perfect figure: no interval closes', () => {
  const few = of(
    two([
      [0.1, 0],
      [0.2, 0],
      [0.8, 1],
      [0.9, 1],
      [0.95, 1],
    ]),
  );
  assert.is(few.metrics.accuracy, 1);
  assert.is(few.metrics.auc, 1);
  for (const [name, interval] of Object.entries(few.intervals)) {
    assert.is(interval.high, 1, name);
    assert.ok(interval.low < 0.8, `${name} from ${interval.low}`);
  }
  assert.is(few.calibration.temperature, null, 'the surest network has the lowest loss');
  const seen = of(
    two([
      [0.1, 0],
      [0.2, 0],
      [0.3, 0],
      [0.4, 0],
      [0.2, 1],
      [0.9, 1],
      [0.95, 1],
      [0.8, 1],
    ]),
  );
  assert.is(seen.metrics.accuracy, 7 / 8);
  for (const [name, { high }] of Object.entries(seen.intervals))
    assert.ok(high < 1, `${name} up to ${high}, although there is a mistake`);
  // About z²·(1 + 199/2)/200² below 1.
  near(aucScoreInterval(1, 200, 200)!.low, 0.9904, 'AUC', 1e-3);
});

/** Answers of any kind, some equal, some of one class. */
const anyAnswers = fc
  .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 30 }), fc.nat(1000))
  .map(([classes, count, seed]): Answers => {
    const values = pseudo(`any/${seed}`, count * (classes + 1));
    return {
      classes,
      logits: Float32Array.from(values.subarray(count), (u) => Math.round(3 * u)),
      labels: Int32Array.from(values.subarray(0, count), (u) =>
        Math.floor(((u + 1) / 2) * (1 + (seed % classes))),
      ),
    };
  });

const within = (interval: Interval | null | undefined, value: number | null | undefined, what: string) => {
  if (value === null || value === undefined) return assert.not.ok(interval, what);
  assert.ok(interval, what);
  const { low, high } = interval!;
  const slack = 1e-12;
  assert.ok(
    0 <= low && low <= value + slack && value <= high + slack && high <= 1,
    `${what}: ${value} in ${low} to ${high}`,
  );
};

test('whatever the answers: every figure lies in its interval, a null figure has none, nothing is NaN', () => {
  fc.assert(
    fc.property(anyAnswers, (answers) => {
      const figures = of(answers);
      const { metrics, intervals, perClass, curves: all, calibration: reliability } = figures;
      for (const name of ['accuracy', 'balancedAccuracy', 'macroF1', 'auc', 'top5'] as const)
        within(intervals[name], metrics[name], name);
      for (const one of perClass)
        for (const name of ['precision', 'recall', 'f1'] as const)
          within(one.intervals[name], one[name], name);
      for (const { auc, aucInterval, points } of all) {
        within(aucInterval, auc, 'AUC');
        assert.is(points.at(-1)!.truePositiveRate, 1);
        assert.is(points.at(-1)!.falsePositiveRate, 1);
      }
      assert.is(
        reliability.bins.reduce((sum, { count }) => sum + count, 0),
        metrics.count,
      );
      assert.not.match(
        JSON.stringify(figures, (_, value) => (Number.isNaN(value) ? 'NaN' : value)),
        /NaN/,
      );
    }),
    { numRuns: 12 },
  );
});

test('the threshold table is measured again, row by row', () => {
  const answers = answersOf(sets[1]);
  const truth = isPositive(answers, 1);
  for (const row of thresholdTable(answers, 1)) {
    const metrics = measure(answers, { threshold: row.threshold, positive: 1 });
    near(row.accuracy, metrics.accuracy, 'accuracy');
    const called = predictions(answers, { threshold: row.threshold });
    const right = called.reduce((sum, one, i) => sum + (one & truth[i]), 0);
    assert.is(
      row.called,
      called.reduce((sum, one) => sum + one, 0),
    );
    assert.equal(row.precision, row.called > 0 ? right / row.called : null);
    near(row.recall, right / truth.reduce((sum, one) => sum + one, 0), 'recall');
  }
});

test('a threshold for a target is the best of those that reach it, and holds when it is measured', () => {
  const answers = answersOf(sets[0]);
  const about = { positive: 1, classes: names(2), scored: 'val' } as const;
  const scores = [...new Set(scoresOf(answers, 1))];
  for (const [by, wanted] of [
    ['precision', 0.9],
    ['recall', 0.9],
    ['recall', 1],
    ['precision', 0],
  ] as const) {
    const target = by === 'precision' ? { precision: wanted } : { recall: wanted };
    const { decision, row } = chooseThreshold(answers, about, target) as {
      decision: NonNullable<Evaluation['threshold']>['decision'];
      row: { precision: number; recall: number };
    };
    assert.is(DECISION(decision, 'decision'), null);
    const other = by === 'precision' ? 'recall' : 'precision';
    const all = scores.map((score) => figuresAt(answers, 1, score).at).filter((at) => at[by]! >= wanted);
    near(row[other], Math.max(...all.map((at) => at[other]!)), `${other} at a ${by} of ${wanted}`);
    const figures = of(answers, { decision, scored: 'test' });
    near(figures.threshold!.at.precision, row.precision, 'precision');
    near(figures.threshold!.at.recall, row.recall, 'recall');
    assert.ok(String(decision.threshold).length <= 8, `${decision.threshold} is short`);
    assert.match(decisionSentence(decision), `with a ${by} of at least`);
    assert.match(decisionSentence(decision), 'on the 60 validation pictures');
  }
});

test('where no threshold reaches a target, or there is no picture of the class, a sentence says so', () => {
  const about = { positive: 1, classes: ['real', 'fake'], scored: 'val' } as const;
  const confused = two([
    [0.9, 0],
    [0.8, 1],
    [0.3, 1],
    [0.2, 0],
  ]);
  const none = chooseThreshold(confused, about, { precision: 0.95 });
  assert.is(none.decision, null);
  assert.match(
    (none as { sentence: string }).sentence,
    /No threshold gives 'fake' a precision of 95.0 % on the 4 validation pictures: the highest is 66.7 %, from a probability of 0.25/,
  );
  const empty = chooseThreshold(two([[0.9, 0]]), about, { recall: 0.5 });
  assert.match(
    (empty as { sentence: string }).sentence,
    "No picture of the one validation picture is of 'fake'",
  );
});

test('of two classes either may be the positive one; of more, one against the rest', () => {
  const pair = answersOf(sets[0]);
  const [second, first] = [of(pair), of(pair, { positive: 0 })];
  near(second.curves[0].auc, first.curves[0].auc, 'AUC either way');
  assert.is(
    first.thresholds[9].called,
    predictions(pair, { threshold: 0.1, positive: 0 }).filter((one) => one === 0).length,
  );
  const five = answersOf(sets[2]);
  const decision = givenDecision('c3', 0.1);
  const figures = of(five, { decision });
  assert.is(figures.positive, 3);
  assert.is(figures.curves[0].positive, 3, 'the positive class comes first');
  const scores = scoresOf(five, 3);
  for (const [i, called] of predictions(five, { threshold: 0.1, positive: 3 }).entries())
    assert.is(called === 3, scores[i] >= 0.1);
  assert.is(of(five).positive, null);
  assert.equal(of(five).thresholds, []);
});

test('the headline says what always answering one class would give, where the interval reaches it', () => {
  const of2 = (right: number, wrong: number): string =>
    accuracySentence(
      of(
        two([...Array(right).fill([0.9, 1]), ...Array(wrong).fill([0.1, 1]), [0.2, 0]] as [number, number][]),
      ),
    );
  assert.match(
    of2(60, 30),
    /61 of the 91 pictures are answered rightly: accuracy 67.0 %.* That is worse than/,
  );
  assert.match(
    of2(2, 60),
    /3 of the 63 pictures .* That is worse than always answering 'c1', which is right for 98.4 %/,
  );
  assert.match(
    of2(0, 1),
    /1 of the 2 pictures is answered rightly: .* So few pictures leave that much open\. That is not surely better/,
  );
});

test('what was chosen on the scored pictures is said', () => {
  const answers = answersOf(sets[0]);
  const val = of(answers, { scored: 'val', chosen: ['epoch', 'threshold'] });
  assert.match(
    choiceSentence(val)!,
    /^The epoch, the threshold and the temperature were chosen on the 60 validation pictures, which flatters/,
  );
  const { temperature } = val.calibration;
  const held = of(answers, { scored: 'test', temperature: temperature!.value });
  assert.is(choiceSentence(held), null);
  assert.not.ok(held.calibration.temperature!.fittedHere);
  assert.match(choiceSentence(of(answers))!, 'fitted on the 60 pictures themselves');
});

const REFUSED: [what: string, answers: Answers, options: Partial<EvaluationOptions>, sentence: RegExp][] = [
  ['no pictures', two([]), {}, /no pictures to measure/],
  [
    'an answer that is no number',
    { ...two([[0.5, 1]]), logits: Float32Array.of(0, Number.NaN) },
    {},
    /NaN or infinite/,
  ],
  ['too few names', two([[0.5, 1]]), { classes: ['a'] }, /1 names for 2 classes/],
  ['a label beyond the classes', two([[0.5, 2]]), {}, /not among 0 to 1/],
  ['a positive class that is none', two([[0.5, 1]]), { positive: 2 }, /positive class is 2/],
  [
    'a threshold of another class',
    two([[0.5, 1]]),
    { decision: givenDecision('c0', 0.5), positive: 1 },
    /threshold is for 'c0'/,
  ],
];
for (const [what, answers, options, sentence] of REFUSED)
  test(`refused: ${what}`, () => assert.throws(() => of(answers, options), sentence));

test('a temperature makes surer or less sure, and is the same whichever scale the logits have', () => {
  const answers = answersOf(sets[3]);
  const temperature = fitTemperature(answers)!;
  const cooler: Answers = { ...answers, logits: answers.logits.map((logit) => logit / 4) };
  near(fitTemperature(cooler)!, temperature / 4, 'a quarter', 1e-6);
  assert.ok(temperature > 1, 'it is surer than right');
  near(
    calibration(answers, 1).temperature!.ece,
    calibration(answers).ece,
    'a temperature of 1 changes nothing',
  );
  assert.is(
    fitTemperature(
      two([
        [0.9, 0],
        [0.1, 1],
      ]),
    ),
    null,
    'always wrong: the least sure is best',
  );
});

test('the difference of two shares of the same pictures', () => {
  // Newcombe 1998, paired data, table II: method 10.
  const { low, high } = pairedDifference({ both: 36, before: 12, after: 2, neither: 0 })!;
  near(low, 0.0569, 'low', 1e-4);
  near(high, 0.3404, 'high', 1e-4);
  const equal = pairedDifference({ both: 0, before: 5, after: 5, neither: 0 })!;
  near(equal.low, -equal.high, 'symmetric');
  assert.is(pairedDifference({ both: 0, before: 0, after: 0, neither: 0 }), null);
  assert.equal(meanInterval([0.5], [{ low: 0.2, high: 0.9 }]), { low: 0.2, high: 0.9 });
});

test('the bootstrap draws the same each time, and its ends are those of the normal distribution where pictures are many', () => {
  const count = 2000;
  const labels = Int32Array.from({ length: count }, (_, i) => i & 1);
  const predicted = Int32Array.from(labels, (label, i) => (i % 10 < 2 ? 1 - label : label));
  const scores = Float64Array.from(labels, (label, i) => label + ((i * 7919) % 1000) / 400);
  const auc = curves(scores, labels)!.auc;
  const given = { labels, predicted, classes: 2, against: [{ positive: 1, scores, auc }] };
  const first = resampledIntervals(given);
  assert.equal(resampledIntervals(given), first);
  // 0.8 ± 1.96·√(0.8·0.2/2000)
  near(first.balancedAccuracy.low, 0.7825, 'low', 2e-3);
  near(first.balancedAccuracy.high, 0.8175, 'high', 2e-3);
  const score = aucScoreInterval(auc, 1000, 1000)!;
  near(first.aucs[0]!.low, score.low, 'AUC', 5e-3);
});

test('figures and their intervals in one line, never rounded up to 1', () => {
  const metrics = {
    ...of(
      two([
        [0.9, 1],
        [0.2, 0],
      ]),
    ).metrics,
    accuracy: 0.95,
    largestShare: 0.6,
    balancedAccuracy: 0.942,
    macroF1: 0.943,
    auc: 0.99997,
    loss: 0.131,
  };
  const intervals = {
    accuracy: { low: 0.895, high: 0.977 },
    balancedAccuracy: { low: 0.88, high: 0.9999 },
    auc: { low: 0.9, high: 1 },
  };
  assert.is(
    describeMetrics(metrics, intervals),
    'accuracy 95.0 % (89.5–97.7 %, largest class 60.0 %), balanced accuracy 94.2 % (88.0–>99.9 %), macro F1 0.943, AUC >0.9999 (0.9000–1.0000), loss 0.131',
  );
});

test('what the terminal shows of many classes: the pairs that are mixed up, and the class that falls most', () => {
  const classes = names(14);
  const samples = Array.from({ length: 140 }, (_, i) => ({ file: `${i}`, label: i % 14 }));
  const labels = Int32Array.from(samples, ({ label }) => label);
  const called = (taken: (label: number, i: number) => number): Inference => ({
    samples,
    labels,
    classes: 14,
    logits: Float32Array.from(
      samples.flatMap(({ label }, i) => classes.map((_, c) => Number(c === taken(label, i)))),
    ),
  });
  const clean = called((label, i) => (i === 3 ? 5 : label));
  const table = stressTable(clean, [['grey', called((label) => (label === 2 ? 7 : label))]], { classes });
  const text = evaluationText(of(clean), table).join('\n');
  assert.match(text, /^139 of the 140 pictures are answered rightly/);
  assert.match(text, /Most confused:\n {2}c3 taken for c5: 1/);
  assert.match(text, /grey +92\.9 % +6\.4 \([\d.]+ to [\d.]+\) +c2 0\.0 %/);
  assert.match(text, /In grey 'c2' falls from 100\.0 % .* the decision rests on colour/);
});

test.run();
