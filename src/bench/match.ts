/** Which entries of two runs are the same, and whether their times may be held against each other. */
import type { BenchEntry, BenchHeader, BenchResult } from './result.ts';
import { LEAST_ROUNDS } from './shifts.ts';

/** Two entries of one name; null where a run lacks it. */
export interface Match {
  before: BenchEntry | null;
  after: BenchEntry | null;
}

/** The logarithm of the quickest sample of each round, of as many as every round of both has. */
export function roundsOf(entries: readonly BenchEntry[]): number[][] {
  const rounds = entries.map(({ timing }) => timing!.rounds);
  const samples = smallest(rounds.flat().map(({ length }) => length));
  return rounds.map((list) => list.map((times) => Math.log(smallest(times.slice(0, samples)))));
}

const smallest = (values: readonly number[]): number =>
  values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);

/** What names an entry in its run, or, without its row, in any. */
export const keyOf = ({ group, name, pass, variant }: BenchEntry, of: 'variant' | null): string =>
  JSON.stringify(of ? [group, name, pass, variant] : [group, name, pass]);

/** The entries of both: by name and variant, then by name alone where one is left on either side: another row computes it. */
export function matched(before: BenchResult, after: BenchResult): Match[] {
  const known = indexed(after, 'the second run');
  indexed(before, 'the first run');
  const matches = before.entries.map((entry): Match => {
    const found = known.get(keyOf(entry, 'variant')) ?? null;
    if (found) known.delete(keyOf(entry, 'variant'));
    return { before: entry, after: found };
  });
  const left = byName(matches.filter(({ after: found }) => found === null));
  const found = byName([...known.values()].map((entry): Match => ({ before: null, after: entry })));
  for (const [name, [match, ...others]] of left) {
    const [other, ...more] = found.get(name) ?? [];
    if (!other || others.length + more.length > 0) continue;
    match!.after = other.after;
    found.delete(name);
  }
  return [...matches, ...[...found.values()].flat()];
}

function byName(matches: readonly Match[]): Map<string, Match[]> {
  const lists = new Map<string, Match[]>();
  for (const match of matches) {
    const name = keyOf((match.before ?? match.after)!, null);
    lists.set(name, [...(lists.get(name) ?? []), match]);
  }
  return lists;
}

function indexed({ entries }: BenchResult, whose: string): Map<string, BenchEntry> {
  const found = new Map<string, BenchEntry>();
  for (const entry of entries) {
    const key = keyOf(entry, 'variant');
    if (found.has(key)) throw new RangeError(`${whose} holds the entry '${entry.name}' twice`);
    found.set(key, entry);
  }
  return found;
}

/** Why the two have no times to compare, or null. */
export function absence({ before, after }: Match): string | null {
  if (!before) return 'it is not in the first run';
  if (!after) return 'it is not in the second run';
  if (before.failed !== null) return `it failed in the first run: ${before.failed}`;
  if (after.failed !== null) return `it failed in the second run: ${after.failed}`;
  if (!before.timing || !after.timing) return 'it was not timed';
  const times = [before, after].flatMap(({ timing }) => timing!.rounds.flat());
  return times.every((time) => time > 0) ? null : 'a sample of it took no time';
}

/** Why two runs do not show how the entry changed, or null. */
export function reason(match: Match): string | null {
  const missing = absence(match);
  if (missing) return missing;
  const fewest = Math.min(match.before!.timing!.rounds.length, match.after!.timing!.rounds.length);
  return fewest >= LEAST_ROUNDS ? null : `${fewest} rounds do not show how much they differ; 3 do, better 5`;
}

/** What differs in where two runs were measured. @throws RangeError where that is another adapter */
export function differences(before: BenchHeader, after: BenchHeader): string[] {
  const adapter = ({ adapter: of, lanes, processor }: BenchHeader): string =>
    [of.description, of.vendor, of.architecture, of.device, `${lanes} lanes`, of.software ? processor : null]
      .filter(Boolean)
      .join(', ');
  if (adapter(before) !== adapter(after))
    throw new RangeError(
      `the first run was measured on ${adapter(before)}, the second on ${adapter(after)}: that compares adapters, not code`,
    );
  const words = (value: BenchHeader[keyof BenchHeader]): string =>
    Array.isArray(value) ? value.join(' ') || 'none' : String(value ?? 'not told');
  const told = {
    driver: 'driver',
    dawn: 'Dawn',
    runtime: 'runtime',
    toggles: 'toggles',
    features: 'features',
    processor: 'processor',
  } as const;
  return (Object.keys(told) as (keyof typeof told)[])
    .filter((field) => words(before[field]) !== words(after[field]))
    .map((field) => `The ${told[field]} differs: ${words(before[field])}, then ${words(after[field])}.`);
}
