/** What many runs say together, against numbers by hand. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Said } from '../../src/report/compare/finished-run.ts';
import type { EndedTrial, FinishedTrials } from '../../src/report/trials/finished-trials.ts';
import { trialsHtml } from '../../src/report/trials/page.ts';
import { summaryOf } from '../../src/report/trials/summary.ts';
import type { Setting } from '../../src/runner/sweep.ts';
import { type Trial, trialsOf } from '../../src/runner/trials.ts';

const test = suite('report/trials');

/** Runs whose accuracies are given setting by setting, in the order of seeds and folds; null for one that failed. */
function runsOf(
  accuracies: readonly (readonly (number | null)[])[],
  {
    seeds = accuracies[0].length,
    folds = null as number | null,
    pictures = 100,
    said = allOf(pictures),
  } = {},
): FinishedTrials {
  const settings: Setting[] = accuracies.length > 1 ? accuracies.map((_, index) => ({ lr: index })) : [{}];
  const list = { settings, seeds: Array.from({ length: seeds }, (_, seed) => seed), folds };
  const trials = trialsOf(list);
  const place = ({ seed, fold }: Trial): number => (folds === null ? seed : seed * folds + fold! - 1);
  const ended = trials.map((trial): EndedTrial => {
    const { index, name, setting } = trial;
    const accuracy = accuracies[setting][place(trial)];
    if (accuracy === null)
      return {
        ...trial,
        record: { index, name, state: 'failed', diverged: true, error: 'no <number>' },
        report: null,
      };
    const metrics = { accuracy, loss: 1 - accuracy, count: pictures } as never;
    const evaluation = { scored: 'val' as const, metrics, intervals: { accuracy: { low: 0, high: 1 } } };
    const epochs = [{ epoch: 1, trainLoss: 0.5, val: metrics }];
    const settingsOf = { data: 'd' };
    return {
      ...trial,
      record: { index, name, state: 'finished', seconds: 1 },
      report: {
        finished: true,
        model: 'm',
        classes: ['a', 'b'],
        settings: settingsOf,
        epochs,
        best: { epoch: 1 },
        seconds: 1,
        evaluation,
      },
    };
  });
  const options = { weights: '<b>' };
  const plan = {
    format: 1 as const,
    command: 'train',
    options,
    ...list,
    shard: { index: 1, of: 1 },
    pictures: '',
  };
  return {
    folder: 'f',
    plan,
    trials,
    ended,
    said: async (trial) => said(trial, accuracies[trial.setting][place(trial)] ?? 0),
  };
}

/** As many right as the accuracy says, the first ones; of a fold pictures of its own. */
const allOf =
  (pictures: number) =>
  ({ fold }: Trial, accuracy: number): Map<string, Said> =>
    new Map(
      Array.from({ length: pictures }, (_, index) => {
        const right = index < Math.round(accuracy * pictures);
        const actual = index % 2 === 0 ? 'a' : 'b';
        const predicted = right ? actual : actual === 'a' ? 'b' : 'a';
        return [`${fold ?? ''}-${index}`, { actual, predicted, right, probability: 0.9 }];
      }),
    );

const near = (value: number | null | undefined, wanted: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) < 1e-5, `${value} is not ${wanted}`);

test('seeds: mean, deviation and t interval of each setting, and paired differences', async () => {
  const { settings, best, pairs, sentences } = await summaryOf(
    runsOf([
      [0.9, 0.94, 0.92],
      [0.88, 0.9, 0.89],
      [0.92, 0.93, 0.9],
    ]),
  );
  const { accuracy } = settings[0].figures;
  near(accuracy?.mean, 0.92);
  near(accuracy?.deviation, 0.02);
  near(accuracy?.interval?.low, 0.870317);
  assert.is(settings[0].interval?.over, 'runs');
  assert.is(best, 0);
  // Differences 0.02, 0.04, 0.03: t = 0.03 / (0.01 / √3) = 5.19615, p = 1 − t/√(2 + t²) = 0.035099; −0.02, 0.01, 0.02: t = 0.27735.
  const [first, second] = pairs;
  near(first.difference, 0.03);
  near(first.interval?.low, 0.03 - (4.302653 * 0.01) / Math.sqrt(3));
  near(first.p, 1 - 5.1961524 / Math.sqrt(29));
  near(first.corrected, 2 * first.p);
  near(second.p, 1 - 0.2773501 / Math.sqrt(2 + 0.0769231));
  assert.is(second.corrected, second.p);
  // 0.07 with Holm's correction, so that neither is told apart.
  assert.match(
    sentences[0],
    /lr=0 has the highest mean accuracy, 92\.0 % over 3 seeds: standard deviation 2\.0 %, 95 % t interval of the mean 87\.0–97\.0 %/,
  );
  assert.match(sentences[1], /do not tell it apart from lr=1 .*, lr=2 .* corrected for 2 settings \(Holm\)/);
  assert.not.ok(sentences.some((sentence) => sentence.includes('better than')));
});

test('what is told apart is called better, and all-alike differences are not', async () => {
  const apart = await summaryOf(
    runsOf([
      [0.9, 0.94, 0.92, 0.93],
      [0.7, 0.75, 0.73, 0.72],
    ]),
  );
  assert.match(
    apart.sentences[1],
    /^It is better than lr=1 \(p [\d.e-]+\) by a t test of the differences of runs with the same seed\.$/,
  );
  const alike = await summaryOf(
    runsOf([
      [0.9, 0.8, 0.7],
      [0.8, 0.7, 0.6],
    ]),
  );
  assert.is(alike.pairs[0].p, 1);
  assert.match(alike.sentences[1], /do not tell it apart/);
});

test("one run each: Wilson's interval, and McNemar's test on the same pictures", async () => {
  const { settings, pairs, sentences } = await summaryOf(runsOf([[0.9], [0.8]]));
  assert.is(settings[0].interval?.over, 'pictures');
  // Ten pictures that only the first has right: p = 2 / 2¹⁰.
  near(pairs[0].p, 2 / 1024);
  assert.equal([pairs[0].by, pairs[0].pairs], ['pictures', 100]);
  assert.match(sentences[1], /better than lr=1 .* by McNemar's exact test on the same pictures/);
});

test('folds: all pictures together, and differences that know what folds share', async () => {
  const { settings, pairs, sentences } = await summaryOf(
    runsOf(
      [
        [0.9, 0.94, 0.92],
        [0.88, 0.9, 0.89],
      ],
      { seeds: 1, folds: 3 },
    ),
  );
  const [together] = settings[0].pooled;
  assert.equal([together.pictures, together.right], [300, 276]);
  near(together.interval.low, 0.883727);
  near(together.interval.high, 0.945653);
  assert.equal(
    together.classes.map(({ pictures }) => pictures),
    [150, 150],
  );
  // t = 0.03 / (0.01 · √(1/3 + 1/2)) = 3.286335.
  near(pairs[0].p, 1 - 3.2863353 / Math.sqrt(2 + 10.8));
  assert.match(sentences.join(' '), /not independent/);
  assert.match(sentences.join(' '), /276 are right: 92\.0 % \(88\.4–94\.6 %/);
});

test('a fold that failed leaves nothing to put together, and the mean of fewer runs is not the best', async () => {
  const { settings, best, failed, sentences } = await summaryOf(
    runsOf(
      [
        [0.99, null, 0.99],
        [0.8, 0.81, 0.82],
      ],
      { seeds: 1, folds: 3 },
    ),
  );
  assert.equal(settings[0].pooled, []);
  assert.is(best, 1);
  assert.is(failed, 1);
  assert.match(sentences.join(' '), /1 run of 6 failed: lr=0,fold=2/);
});

test('the page shows names as text, and the tables of what is there', async () => {
  for (const runs of [
    runsOf([
      [0.9, null],
      [0.8, 0.7],
    ]),
    runsOf([[null]]),
    runsOf([[0.5]]),
    runsOf([[0.9, 0.8]], { seeds: 1, folds: 2 }),
  ]) {
    const page = await trialsHtml(await summaryOf(runs), runs);
    assert.not.match(page, /NaN|undefined|\[object|<b>|no <number>/);
    assert.match(page, /The runs/);
  }
});

test.run();
