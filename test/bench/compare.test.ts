/**
 * Comparisons of the bench: how often they cry wolf and how often they see one, on made-up runs; and what they make of entries
 * that have no counterpart.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Comparison, comparePairs, compareRuns } from '../../src/bench/compare.ts';
import { comparisonFoot, comparisonHead, comparisonRows } from '../../src/bench/compare-text.ts';
import type { BenchResult } from '../../src/bench/result.ts';
import { entryOf, HEADER, madeRun, type Noise, QUIET, resultOf } from '../helpers/bench-runs.ts';

const test = suite('bench: compare');

const flagged = ({ entries, together, kind }: Comparison): boolean =>
  entries.some(({ verdict }) => verdict === 'slower' || verdict === 'faster') ||
  (kind === 'interleaved' && together!.shown);

const stored = (seed: number, noise: Noise, factors: readonly number[] = []): Comparison =>
  compareRuns(madeRun(2 * seed, noise), madeRun(2 * seed + 1, noise, { factors }));

const paired = (seed: number, noise: Noise, factors: readonly number[] = [], pairs = 8): Comparison =>
  comparePairs(
    Array.from({ length: pairs }, (_, pair) => ({
      before: madeRun(1000 * seed + 2 * pair, noise, { rounds: 3 }),
      after: madeRun(1000 * seed + 2 * pair + 1, noise, { rounds: 3, factors }),
    })),
  );

/** What machines do. */
const MACHINES: Readonly<Record<string, Noise>> = {
  quiet: QUIET,
  'with drift': { ...QUIET, run: 0.15 },
  'with bursts': { ...QUIET, bursts: 0.15, run: 0.05 },
  'with slow minutes': { ...QUIET, round: 0.04, lasting: 0.7, run: 0.05 },
  'with processes that differ': { ...QUIET, process: 0.03, run: 0.05 },
};
const noises = Object.values(MACHINES);
const count = (runs: number, work: (seed: number) => boolean): number =>
  Array.from({ length: runs }, (_, seed) => work(seed)).filter(Boolean).length;

test('of 100 stored runs against themselves at most one in twenty flags anything', () => {
  const found = count(100, (seed) => flagged(stored(seed, noises[seed % noises.length]!)));
  assert.ok(found <= 5, `${found} flagged`);
});

test('of 100 series of pairs against themselves at most one in twenty flags anything', () => {
  const found = count(100, (seed) => flagged(paired(seed, noises[seed % noises.length]!)));
  assert.ok(found <= 5, `${found} flagged`);
});

for (const [kind, compare] of Object.entries({ 'stored runs': stored, pairs: paired }))
  for (const [factor, verdict] of [
    [1.2, 'slower'],
    [1 / 1.2, 'faster'],
  ] as const)
    test(`one entry made ${verdict} by a fifth is found by ${kind} on a quiet machine, and no other`, () => {
      const found = count(40, (seed) => {
        const { entries } = compare(seed + 500, QUIET, [1, factor]);
        return (
          entries[1]!.verdict === verdict &&
          entries.every((one, index) => index === 1 || !one.verdict.endsWith('er'))
        );
      });
      assert.ok(found >= 36, `${found} of 40`);
    });

test('pairs find it on a machine with drift and bursts', () => {
  const found = count(40, (seed) => {
    const noise = [MACHINES['with drift']!, MACHINES['with bursts']!][seed % 2]!;
    return paired(seed + 900, noise, [1, 1.2]).entries[1]!.verdict === 'slower';
  });
  assert.ok(found >= 36, `${found} of 40`);
});

test('where the processor computes, stored runs flag a doubling, and no third: processes of one tree differ by as much', () => {
  const onProcessor = (run: BenchResult): BenchResult => ({
    ...run,
    header: { ...run.header, adapter: { ...run.header.adapter, software: true } },
  });
  const verdict = (factor: number, place: (run: BenchResult) => BenchResult): string =>
    compareRuns(place(madeRun(1, QUIET)), place(madeRun(2, QUIET, { factors: [1, factor] }))).entries[1]!
      .verdict;
  assert.is(
    verdict(1.33, (run) => run),
    'slower',
  );
  assert.is(verdict(1.33, onProcessor), 'no difference shown');
  assert.is(verdict(2, onProcessor), 'slower');
});

test('a change of 3 % is too small to be flagged, however sure', () => {
  const steady = { ...QUIET, sample: 0.001, round: 0.001, process: 0.001, run: 0 };
  assert.is(paired(1, steady, [1.03]).entries[0]!.verdict, 'no difference shown');
});

test('on a machine that stalls nothing is flagged, however large, and that is said', () => {
  const stalls = { ...QUIET, round: 1, sample: 0.5 };
  const comparison = stored(5, stalls, [1, 40]);
  assert.ok(comparison.noisy);
  assert.not.ok(flagged(comparison));
  assert.ok(comparisonHead(comparison).some((line) => line.startsWith('THE MACHINE WAS TOO BUSY')));
});

const ALL = [1.2, 1.2, 1.2, 1.2, 1.2, 1.2];
const MOST = [1.2, 1.2, 1.2, 1.2, 1, 1];

test('where all become slower, stored runs say that it may be the machine; pairs that it is the code', () => {
  const two = stored(3, QUIET, ALL);
  assert.not.ok(flagged(two));
  assert.ok(two.together!.value > 1.1);
  assert.ok(comparisonHead(two).some((line) => line.includes('--against REF tells them apart')));
  const pairs = paired(3, QUIET, ALL);
  assert.ok(pairs.together!.shown);
  assert.equal(
    pairs.entries.map(({ verdict }) => verdict),
    ALL.map(() => 'slower'),
  );
  assert.is(pairs.judgedBy, 'itself');
});

test('where most become slower, the others are not called faster', () => {
  for (const compare of [stored, paired]) {
    const { entries } = compare(4, QUIET, MOST);
    assert.equal(entries.map(({ verdict }) => verdict).slice(4), [
      'no difference shown',
      'no difference shown',
    ]);
  }
});

test('a machine that is twice as slow for a whole run flags nothing, and is told', () => {
  const comparison = compareRuns(madeRun(1, QUIET), madeRun(2, QUIET, { factors: ALL.map(() => 2) }));
  assert.not.ok(flagged(comparison));
  assert.ok(comparison.together!.low > 1.5);
});

test('one entry alone is judged by itself, with room for the machine', () => {
  const one = (seed: number, factor: number): Comparison =>
    compareRuns(
      madeRun(seed, QUIET, { entries: 1 }),
      madeRun(seed + 1, QUIET, { entries: 1, factors: [factor] }),
    );
  assert.is(one(1, 1).entries[0]!.verdict, 'no difference shown');
  assert.is(one(1, 2).entries[0]!.verdict, 'slower');
  assert.is(one(1, 2).judgedBy, 'itself');
});

const rounds = (ms: number, count_ = 5): number[][] =>
  Array.from({ length: count_ }, (_, round) => [ms, ms * 1.01, ms * (1 + round / 500)]);
const one = (more: Parameters<typeof entryOf>[2] = {}, times = rounds(1)): BenchResult =>
  resultOf([entryOf('k', times, more)]);

const INCOMPARABLE: readonly [what: string, before: BenchResult, after: BenchResult, why: string][] = [
  ['is gone', one(), resultOf([]), 'it is not in the second run'],
  ['is new', resultOf([]), one(), 'it is not in the first run'],
  ['failed', one(), one({ timing: null, failed: 'wrong by 2' }), 'it failed in the second run: wrong by 2'],
  ['was not timed', one({ timing: null }), one(), 'it was not timed'],
  ['has two rounds', one({}, rounds(1, 2)), one(), '2 rounds do not show how much they differ'],
  ['took no time', one({}, [[0], [1], [1]]), one(), 'a sample of it took no time'],
];
for (const [what, before, after, why] of INCOMPARABLE)
  test(`an entry that ${what} is not comparable`, () => {
    const { entries } = compareRuns(before, after);
    assert.is(entries.length, 1);
    assert.is(entries[0]!.verdict, 'not comparable');
    assert.ok(entries[0]!.why!.includes(why), entries[0]!.why!);
  });

test('an entry that another row computes now is the same entry, and both rows are told', () => {
  const comparison = compareRuns(one(), one({ variant: 'winograd' }, rounds(2)));
  assert.equal(comparison.entries[0]!.variant, { before: 'tile', after: 'winograd' });
  assert.ok(comparison.entries[0]!.ratio! > 1.9);
  assert.ok(comparisonRows(comparison)[1]![0]!.includes('tile → winograd'));
});

test('rows that were measured side by side are compared row by row', () => {
  const both = resultOf([entryOf('k', rounds(1)), entryOf('k', rounds(2), { variant: 'plain' })]);
  const { entries } = compareRuns(both, both);
  assert.equal(
    entries.map(({ variant, before }) => [variant.after, Math.round(before!)]),
    [
      ['tile', 1],
      ['plain', 2],
    ],
  );
});

test('more samples a round do not make an entry faster', () => {
  const many = rounds(1).map((round) => [...round, 0.5, 0.5]);
  assert.is(compareRuns(one(), one({}, many)).entries[0]!.verdict, 'no difference shown');
});

test('runs of two adapters are refused, an entry twice as well', () => {
  const elsewhere = resultOf(one().entries, { adapter: { ...HEADER.adapter, description: 'another card' } });
  assert.throws(
    () => compareRuns(one(), elsewhere),
    /measured on a card, v, a, d, 32 lanes, the second on another card/,
  );
  assert.throws(() => compareRuns(one(), resultOf(one().entries, { lanes: 8 })), /8 lanes/);
  const twice = resultOf([...one().entries, ...one().entries]);
  assert.throws(() => compareRuns(one(), twice), /the second run holds the entry 'k' twice/);
  assert.throws(() => comparePairs([]), /0 pairs of runs/);
});

test('another driver is a warning', () => {
  const { warnings } = compareRuns(one(), resultOf(one().entries, { driver: 'driver 2' }));
  assert.equal(warnings, ['The driver differs: driver 1, then driver 2.']);
});

test('the same runs have the same answer, and it says how small a change it would have seen', () => {
  const [first, second] = [stored(7, QUIET), stored(7, QUIET)];
  assert.equal(first, second);
  assert.match(comparisonFoot(first)[0]!, /^6 no difference shown/);
  assert.match(comparisonFoot(first)[1]!, /a change of \d+ % or more would be seen/);
});

test('hostile sizes end: ten thousand entries of which none has a counterpart', () => {
  const many = (variant: string): BenchResult =>
    resultOf(
      Array.from({ length: 10_000 }, (_, index) =>
        entryOf(`k${index % 5}`, rounds(1, 3), { variant: `${variant}${index}` }),
      ),
    );
  const { entries } = compareRuns(many('a'), many('b'));
  assert.is(entries.length, 20_000);
});

test.run();
