/** The page of a search, and the sentences that it begins with. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { paretoFront } from '../../src/report/search/cost-chart.ts';
import { searchReportHtml } from '../../src/report/search/page.ts';
import { lossSentence, pText, rightSentence, searchHeadline, targetText } from '../../src/search/headline.ts';
import { type Comparison, checkResult, type SearchResult } from '../../src/search/result.ts';
import { gridNetworks } from '../../src/search/scaling/grid.ts';
import { keyOf, smallest, tableOf } from '../../src/search/space.ts';
import { EVIL, faultsOf } from './page-faults.ts';
import { sampleSearch, sampleSurrogate } from './sample-search.ts';

const test = suite('search report');

const page = (result: SearchResult): Promise<string> =>
  searchReportHtml(result, {
    commands: [['npm run search -- --resume DIR', 'Go on:']],
    environment: [['adapter', 'a test']],
    method: 'successive halving (Jamieson & Talwalkar 2016)',
  });
const sectionsIn = (html: string): string[] =>
  [...html.matchAll(/<section id="([a-z-]+)"/g)].map(([, id]) => id);

const SECTIONS = 'result tried networks mattered trust latency time configuration'.split(' ');
const whole = sampleSearch();

const NONE = Number.NaN;

/** What of a result is missing or odd, and the sections that go with it. */
const CASES: [what: string, result: SearchResult, gone: string[]][] = [
  ['everything', whole, []],
  ['hostile names', sampleSearch(EVIL), []],
  [
    'a target in parameters',
    {
      ...whole,
      target: { unit: 'parameters', value: 250_000, exponent: null, batch: 1 },
      plan: { ...whole.plan, latency: null },
      finals: whole.finals.map((final) => ({ ...final, cost: final.parameters, measured: null })),
      trials: whole.trials.map((trial) => ({ ...trial, cost: 30_000 * trial.cost })),
    },
    ['latency'],
  ],
  [
    'a soft target, one rung, no optimum, no agreements',
    {
      ...whole,
      ...{ method: 'random', surrogate: sampleSurrogate(false), agreements: [] },
      target: { ...whole.target, exponent: 0.07 },
      trials: whole.trials.filter(({ rung }) => rung === 0),
    },
    [],
  ],
  [
    'a search that was stopped at once',
    {
      ...whole,
      ...{ finished: false, surrogate: null, agreements: [], finals: [], comparisons: [] },
      ...{ trials: [], time: [] },
      returned: { role: 'hand-made', reason: 'The search was stopped before its finals.' },
    },
    ['networks', 'mattered', 'trust', 'time'],
  ],
  [
    'one measurement and one final',
    {
      ...whole,
      ...{ trials: whole.trials.slice(0, 1), finals: whole.finals.slice(0, 1) },
      ...{ agreements: [], comparisons: [] },
    },
    ['trust'],
  ],
  [
    'trainings that diverged',
    {
      ...whole,
      trials: whole.trials.map((trial) => ({ ...trial, loss: 23, halves: [23, 23], diverged: true })),
      finals: whole.finals.map((final) => ({ ...final, held: null, fresh: null })),
      comparisons: [],
    },
    [],
  ],
  [
    'figures that are none',
    {
      ...whole,
      trials: whole.trials.map((trial, i) => (i % 3 ? trial : { ...trial, loss: NONE, halves: [NONE, 1] })),
      agreements: whole.agreements.map((one) => ({ ...one, tau: NONE, interval: [NONE, NONE] })),
      comparisons: whole.comparisons.map((one) => ({ ...one, interval: [-Infinity, Infinity], p: NONE })),
      plan: { ...whole.plan, latency: { ...whole.plan.latency!, r2: -3, meanError: 9 } },
    },
    [],
  ],
  [
    'a winner that is the hand-made network, taught',
    {
      ...whole,
      teacher: 'resnet18',
      finals: whole.finals.map((final) => ({
        ...final,
        network: final.network && keyOf(smallest(whole.space)),
        untaught: { loss: 1.5, accuracy: 0.4 },
      })),
      comparisons: [],
    },
    [],
  ],
];
for (const [what, result, gone] of CASES)
  test(`the page of ${what} is whole, asks no network and can be read by everybody`, async () => {
    const html = await page(result);
    assert.equal(faultsOf(html), []);
    assert.equal(
      sectionsIn(html),
      SECTIONS.filter((id) => !gone.includes(id)),
    );
    assert.ok(html.length < 300_000, `${html.length}`);
  });

test('a search of many measurements has a page that one can open', async () => {
  const trials = Array.from({ length: 2500 }, (_, index) => ({
    ...whole.trials[index % whole.trials.length],
    index,
  }));
  const html = await page({ ...whole, trials });
  assert.ok(html.length < 1_000_000, `${html.length}`);
  assert.match(html, 'trials.jsonl has all 2,500.');
});

test('the page says what was measured on what, and does not flatter', async () => {
  const html = await page(whole);
  for (const said of [
    'The search ranked networks by their loss on 2,000 held ones, so that what it chose looks better on these than it is',
    'the better of winner and hand-made was taken on them, which flatters what is returned a little',
    'one search with one seed (3)',
    'a loss of 2.303 and 10.0\u00a0% right',
    'they were not trained here, and nothing is known of their loss',
    'its predictions correlate with the measured losses with r 0.84; multiply-adds alone, on the same parts, with r 0.67',
    'what would have become of the others is not known',
  ])
    assert.match(html, said);
  assert.not.match(html, 'The latency table misses');
  const latency = { ...whole.plan.latency!, r2: 0.4 };
  assert.match(
    await page({ ...whole, plan: { ...whole.plan, latency } }),
    'The latency table misses whole networks by',
  );
});

test('the headline names what is returned, its figures on fresh pictures, and every control', () => {
  const [returned, fresh, uniform, random, seed] = searchHeadline(whole);
  assert.match(
    returned,
    /^Returned is the hand-made network \([\d.]+ ms, measured; the target is at most 5 ms for 1 picture\)\. The hand-made/,
  );
  assert.is(
    fresh,
    'Of 2,000 pictures that the search never saw (the pictures of test/) it has 1,055 right: accuracy 52.8 %, 95 % interval 50.6–54.9 %; loss 1.341.',
  );
  assert.match(
    uniform,
    /^The search's winner alone has 151 of the 2,000 pictures right, the hand-made network alone 160/,
  );
  assert.match(random, /below that of random search's best .* beyond its interval\./);
  assert.match(seed, 'one seed (3)');
  assert.equal(searchHeadline({ ...whole, finished: false }), [
    'The search was stopped after 58 measurements: it has no winner yet, and its controls have not run.',
  ]);
  const slow = whole.finals.map((final) => ({ ...final, measured: 5.4 }));
  assert.match(
    searchHeadline({ ...whole, finals: slow }).join(' '),
    'Measured, it takes 5.4 ms: more than the target',
  );
});

const compared = (change: Partial<Comparison>): Comparison => ({
  ...{ of: ['winner', 'hand-made'], pictures: 750, onlyFirst: 40, onlySecond: 30, p: 0.28 },
  ...{ difference: -0.02, interval: [-0.05, 0.01] },
  ...change,
});

test('a difference is called one only beyond its interval, or where chance hardly gives it', () => {
  assert.is(
    lossSentence(compared({})),
    "The search's winner has a loss 0.020 below that of the hand-made network on 750 pictures (95 % interval of the difference −0.050 to +0.010): not beyond its interval, so that either may be the better one.",
  );
  assert.match(lossSentence(compared({ interval: [-0.03, -0.01] })), /: beyond its interval\.$/);
  assert.match(
    lossSentence(compared({ difference: 0.1, interval: [0.05, 0.2] })),
    'has a loss 0.100 above that of',
  );
  assert.match(lossSentence(compared({ difference: 1e-9 })), 'has the same loss as');
  assert.match(rightSentence(compared({})), "(McNemar's p 0.28): no more of a difference than chance gives");
  assert.match(rightSentence(compared({ p: 1e-9 })), "(McNemar's p below 0.001): more of a difference than");
  assert.equal([0.0499, 0.05, 0.5].map(pText), ['0.050', '0.050', '0.50']);
  assert.is(
    targetText({ unit: 'multiply-adds', value: 8e6, exponent: 0.07, batch: 1 }),
    'about 8 M multiply-adds (exponent 0.07)',
  );
});

test('the Pareto front is what no other beats in both', () => {
  const points = [
    [3, 1],
    [1, 3],
    [2, 2],
    [2.5, 2.5],
    [4, 1],
    [1, 4],
  ].map(([cost, loss]) => ({ cost, loss }));
  assert.equal(
    paretoFront(points).map(({ cost, loss }) => [cost, loss]),
    [
      [1, 3],
      [2, 2],
      [3, 1],
    ],
  );
});

/** A grid whose networks all were trained, but for the last one, which diverged. */
function sampleGrid(): SearchResult {
  const base = tableOf(whole.space, smallest(whole.space), 'base');
  const networks = gridNetworks(base, 10);
  const points = networks.map((network, i) => {
    const held = { loss: 1.5 - 0.05 * i, halves: [1.4, 1.5] as const, accuracy: 0.5 };
    const fresh = { loss: 1.6 - 0.05 * i, accuracy: 0.45, pictures: 2000 };
    return i < networks.length - 1 ? { ...network, held, fresh } : { ...network, held: null, fresh: null };
  });
  const none = { trials: [], finals: [], agreements: [], comparisons: [], surrogate: null };
  return { ...whole, ...none, method: 'grid', grid: { steps: 300, points, best: 1 } };
}

test('the page of a grid', async () => {
  const result = checkResult(JSON.parse(JSON.stringify(sampleGrid())));
  const html = await page(result);
  assert.equal(faultsOf(html), []);
  assert.equal(sectionsIn(html), ['grid', 'time', 'configuration']);
  for (const text of ['channels only', 'diverged', '300 steps']) assert.ok(html.includes(text), text);
});

test.run();
