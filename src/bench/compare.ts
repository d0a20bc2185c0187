/**
 * What changed between two measurements of the bench, entry by entry, beyond the noise: two stored runs, or pairs of runs that
 * were taken in turns.
 *
 * What a shared machine does, and what is done about it:
 * - It only ever makes a sample slower, so of a round the *quickest* counts (Chen and Revels 2016, arXiv:1608.04295), and of as
 *   many samples as every round has: the quickest of many is quicker. Over rounds it is the median.
 * - It slows all entries down for minutes. So an entry is judged *against the others*: by its shift beside the median shift. That
 *   alone would call those that stood still faster where most became slower; so what is flagged must have moved by its own
 *   clock, too, the same way. What all did together is said beside it, since a slower machine and slower code look alike there.
 * - Two processes of one tree differ, in some entries, by some percent, and more rounds of either do not show it: confirmations
 *   by re-runs within one session do not survive it (microsoft/mssql-rs issue 434). So it is allowed for (shifts.ts).
 * - Pairs remove most of it: every pair is two fresh processes, in turn first, minutes apart from the next pair (as tango's
 *   paired benchmarks, and Bulej et al. 2020, "Duet benchmarking"). They tell a slower machine from slower code.
 * - A difference that can be shown may be too small to matter: 5 % is the least that is flagged (as Criterion's noise threshold,
 *   for which its users ask 5 % on shared machines: vectordotdev/vector issue 5394).
 */
import { median } from '../train/evaluation/intervals.ts';
import { absence, differences, keyOf, type Match, matched, reason, roundsOf } from './match.ts';
import type { BenchEntry, BenchHeader, BenchResult, Pass } from './result.ts';
import { commonRounds, FEW, type Group, LEAST_ROUNDS, type Shift, shiftsOf } from './shifts.ts';

export const VERDICTS = ['slower', 'faster', 'no difference shown', 'not comparable'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** After over before, with what it may be. */
export interface Ratio {
  value: number;
  low: number;
  high: number;
}

export interface ComparedEntry {
  name: string;
  group: BenchEntry['group'];
  pass: Pass;
  /** The row of the table of kernels before and after. */
  variant: { before: string | null; after: string | null };
  /** Milliseconds: the median over rounds of the quickest sample of each; null where there are none. */
  before: number | null;
  after: number | null;
  /** Of these two. */
  ratio: number | null;
  /** What the verdict is by; all intervals hold together with 95 %. */
  judged: Ratio | null;
  verdict: Verdict;
  /** Why it cannot be compared. */
  why: string | null;
}

export interface Comparison {
  format: 'tessera-bench-comparison';
  version: 1;
  /** Two runs, each by itself, or pairs that were taken in turns; how many pairs. */
  kind: 'stored' | 'interleaved';
  pairs: number | null;
  before: BenchHeader;
  after: BenchHeader;
  /** What else than the code may have changed the times: sentences. */
  warnings: string[];
  /** What all entries did together, where there are enough; `shown`: beyond the noise, and 5 %. */
  together: (Ratio & { shown: boolean }) | null;
  /** What the ceilings did: their kernels are the same whatever the code. */
  ceilings: { arithmetic: number; bandwidth: number } | null;
  /** Whether not even twice the time would be seen in the usual entry: then nothing is flagged. */
  noisy: boolean;
  /** By what `judged` is measured. */
  judgedBy: 'the others' | 'itself';
  entries: ComparedEntry[];
}

/** The smallest change that is flagged. */
export const LEAST = 1.05;
/**
 * A machine as busy as that stalls a single kernel for all rounds of a process: of processes that took 1 to 50 times as long as
 * others of the same tree, 7 of 115 comparisons flagged something.
 */
const NOISY = 2;
const CONFIDENCE = 0.95;
/** Of what all entries did: surer, since all of them are judged by it. */
const TOGETHER = 0.99;
/**
 * What rounds of a run do not show, as standard deviations of logarithms: how much more two processes of one tree differ in an
 * entry than two rounds do (a third more of it for ten entries, as few of them show little of it themselves), and how the pace
 * of a shared machine differs between two runs, where there are too few entries to see it by. Where the processor computes,
 * processes differ by far more: of 40 on a quiet machine by 0.08 in kernels of 1 to 7 ms (bench/aa-study.ts), whatever each of
 * them says of itself; with 0.1, 7 of 273 comparisons of two of them flagged something, with 0.03 41.
 */
const processes = (entries: number, { adapter }: BenchHeader): number =>
  (adapter.software ? 0.1 : 0.03) * (1 + 1 / Math.sqrt(entries));
const MACHINE = 0.15;

/**
 * Compares two runs. @throws RangeError, a sentence, where they are of different adapters, or one names an entry twice
 */
export function compareRuns(before: BenchResult, after: BenchResult): Comparison {
  const warnings = differences(before.header, after.header);
  const matches = matched(before, after).map((match) => ({ ...match, why: reason(match) }));
  const able = matches.filter(({ why }) => why === null);
  const rounds = able.map((match) => roundsOf([match.before!, match.after!]));
  const groups = [rounds.map(([, last]) => last!), rounds.map(([first]) => first!.map((value) => -value))];
  const relative = able.length >= FEW;
  const apart = processes(able.length, before.header);
  const shifts = shiftsOf(groups, {
    relative,
    between: relative ? apart : MACHINE,
    confidence: CONFIDENCE,
  });
  return {
    ...frame(before, after, warnings),
    kind: 'stored',
    pairs: null,
    together: relative ? togetherOf(groups, apart) : null,
    noisy: isNoisy(shifts),
    judgedBy: relative ? 'the others' : 'itself',
    entries: entriesOf(matches, rounds, shifts),
  };
}

/**
 * Compares pairs of runs, each of which was taken in the same minutes. @throws RangeError, as `compareRuns`, and where there are
 * fewer than three
 */
export function comparePairs(pairs: readonly { before: BenchResult; after: BenchResult }[]): Comparison {
  if (pairs.length < LEAST_ROUNDS)
    throw new RangeError(`${pairs.length} pairs of runs do not show how much they differ; 3 do, better 8`);
  const [first] = pairs;
  const warnings = [
    ...new Set(pairs.flatMap(({ before, after }) => differences(before.header, after.header))),
  ];
  const perPair = pairs.map(
    ({ before, after }) => new Map(matched(before, after).map((match) => [nameOf(match), match])),
  );
  const matches = [...perPair[0]!].map(([name, match]) => {
    const inEach = perPair.map((map) => map.get(name));
    const faults = inEach.map((one) => (one ? absence(one) : 'it is not in every pair'));
    return { ...match, why: faults.find((fault) => fault !== null) ?? null };
  });
  const able = matches.filter(({ why }) => why === null).map(nameOf);
  const levels = able.map((name) =>
    perPair.map((map) => {
      const { before, after } = map.get(name)!;
      return roundsOf([before!, after!]).map(median) as [number, number];
    }),
  );
  const differencesOf = levels.map((list) => list.map(([before, after]) => after - before));
  const together = able.length >= FEW ? togetherOf([differencesOf], 0) : null;
  // Pairs tell a slower machine from slower code: where all moved, each is judged by itself.
  const relative = together !== null && !together.shown;
  const shifts = shiftsOf([differencesOf], { relative, between: 0, confidence: CONFIDENCE });
  const rounds = levels.map((list) => [0, 1].map((side) => list.map((pair) => pair[side]!)));
  return {
    ...frame(first!.before, first!.after, warnings),
    kind: 'interleaved',
    pairs: pairs.length,
    together,
    noisy: isNoisy(shifts),
    judgedBy: relative ? 'the others' : 'itself',
    entries: entriesOf(matches, rounds, shifts, differencesOf),
  };
}

/** The same in every pair: `matched` keeps to the row of the first run. */
const nameOf = ({ before, after }: Match): string => keyOf((before ?? after)!, 'variant');

const frame = (before: BenchResult, after: BenchResult, warnings: string[]) => ({
  format: 'tessera-bench-comparison' as const,
  version: 1 as const,
  before: before.header,
  after: after.header,
  warnings,
  ceilings: before.ceilings &&
    after.ceilings && {
      arithmetic: after.ceilings.arithmetic.value / before.ceilings.arithmetic.value,
      bandwidth: after.ceilings.bandwidth.value / before.ceilings.bandwidth.value,
    },
});

/** What the entry in the middle did, as sure as what all did in each round lets one be. */
function togetherOf(groups: readonly Group[], between: number): Comparison['together'] {
  const common = groups.map((group) => [commonRounds(group)]);
  const [{ half } = { half: 0 }] = shiftsOf(common, { relative: false, between, confidence: TOGETHER });
  const moved = groups[0]!.map((_, entry) => groups.reduce((sum, group) => sum + median(group[entry]!), 0));
  const shift = { delta: median(moved), half };
  return { ...ratioOf(shift), shown: half <= Math.log(NOISY) && isShown(shift) };
}

const isNoisy = (shifts: readonly Shift[]): boolean =>
  shifts.length > 0 && median(shifts.map(({ half }) => half)) > Math.log(NOISY);

const ratioOf = ({ delta, half }: Shift): Ratio => ({
  value: Math.exp(delta),
  low: Math.exp(delta - half),
  high: Math.exp(delta + half),
});

const isShown = ({ delta, half }: Shift): boolean =>
  Math.abs(delta) > half && Math.abs(delta) >= Math.log(LEAST);

function entriesOf(
  matches: readonly (Match & { why: string | null })[],
  rounds: readonly (readonly number[][])[],
  shifts: readonly Shift[],
  moves: readonly (readonly number[])[] | null = null,
): ComparedEntry[] {
  const noisy = isNoisy(shifts);
  let place = 0;
  return matches.map(({ before, after, why }): ComparedEntry => {
    const { name, group, pass } = (before ?? after)!;
    const known = {
      name,
      group,
      pass,
      variant: { before: before?.variant ?? null, after: after?.variant ?? null },
    };
    if (why !== null)
      return {
        ...known,
        before: null,
        after: null,
        ratio: null,
        judged: null,
        verdict: 'not comparable',
        why,
      };
    const index = place++;
    const [first, last] = rounds[index]!.map(median);
    const own = moves ? median(moves[index]!) : last! - first!;
    const shift = shifts[index]!;
    const moved = !noisy && isShown(shift) && own * Math.sign(shift.delta) >= Math.log(LEAST);
    return {
      ...known,
      before: Math.exp(first!),
      after: Math.exp(last!),
      ratio: Math.exp(own),
      judged: ratioOf(shift),
      verdict: !moved ? 'no difference shown' : shift.delta > 0 ? 'slower' : 'faster',
      why: null,
    };
  });
}
