/** The entries of a document as the page shows them: with their rates, their place, and what the filter asks of them. */
import type { BenchEntry, BenchResult } from '../../bench/result.ts';
import { PASSES } from '../../bench/result.ts';
import { formatNumber } from '../../text/figures.ts';
import { percent } from '../../train/metrics.ts';

/** An entry with what follows from its figures. */
export interface Row {
  entry: BenchEntry;
  /** Of its row of the table, which the charts lead to. */
  id: string;
  /** GFLOP/s and GB/s; null where it was not timed or has none to count. */
  gflops: number | null;
  gbytes: number | null;
  /** FLOPs a byte that must move; null where either is none. */
  intensity: number | null;
  /** Of its ceiling, where that stands. */
  share: number | null;
  /** Milliseconds that its ceiling would allow; null where no share of one is known. */
  least: number | null;
  /** What the filter knows it by: keys of `Facet`s. */
  facets: string[];
}

/** A property to filter by, with its values in the order of the document. */
export interface Facet {
  name: string;
  /** `key`: short, so that a name from outside is no part of an attribute. */
  values: { key: string; name: string; count: number }[];
}

export interface Shown {
  result: BenchResult;
  rows: Row[];
  facets: Facet[];
}

/** Whether a figure can stand on a logarithmic axis: what is none, as of no arithmetic or no time, or beyond all reason, cannot. */
export const drawable = (value: number): boolean => value > 1e-30 && value < 1e30;
const figureOf = (value: number): number | null => (drawable(value) ? value : null);

const FACETS: readonly (readonly [
  name: string,
  prefix: string,
  of: (entry: BenchEntry) => readonly string[],
])[] = [
  ['group', 'g', ({ group }) => [group]],
  ['pass', 'p', ({ pass }) => [pass]],
  ['op', 'o', ({ group, op }) => (group === 'kernels' ? [op] : [])],
  ['network', 'n', ({ networks }) => networks.map(({ name }) => name)],
];

function facetOf(entries: readonly BenchEntry[], [name, prefix, of]: (typeof FACETS)[number]): Facet {
  const counts = new Map<string, number>();
  for (const entry of entries)
    for (const value of new Set(of(entry))) counts.set(value, (counts.get(value) ?? 0) + 1);
  const known: readonly string[] =
    name === 'pass' ? PASSES.filter((pass) => counts.has(pass)) : [...counts.keys()];
  return {
    name,
    values: known.map((value, index) => ({
      key: `${prefix}${index}`,
      name: value,
      count: counts.get(value)!,
    })),
  };
}

/** The share of its ceiling; null where it was not timed, or that one is in doubt, whatever the document says. */
function shareOf(
  { share, limit, timing, failed }: BenchEntry,
  ceilings: BenchResult['ceilings'],
): number | null {
  const stands = limit !== null && ceilings !== null && ceilings[limit].doubt === null;
  return stands && timing !== null && failed === null && share !== null && share < 1e9 ? share : null;
}

export function shownOf(result: BenchResult): Shown {
  const { entries, ceilings } = result;
  const facets = FACETS.map((one) => facetOf(entries, one));
  const keys = facets.map(({ values }) => new Map(values.map(({ key, name }) => [name, key])));
  const rows = entries.map((entry, index): Row => {
    const { flops, bytes, failed } = entry;
    const share = shareOf(entry, ceilings);
    const timing = failed === null ? entry.timing : null;
    const perSecond = (amount: number) => timing && figureOf(amount / timing.median / 1e6);
    return {
      ...{ entry, id: `e-${index}`, share },
      gflops: perSecond(flops),
      gbytes: perSecond(bytes),
      intensity: figureOf(flops / bytes),
      least: timing && share !== null ? figureOf(timing.median * share) : null,
      facets: FACETS.flatMap(([, , of], at) => [...new Set(of(entry))].map((value) => keys[at].get(value)!)),
    };
  });
  return { result, rows, facets };
}

/** Entries that differ in their variant alone, in the order of the document. */
export function problemsOf(rows: readonly Row[]): Row[][] {
  const problems = new Map<string, Row[]>();
  for (const row of rows) {
    const { group, name } = row.entry;
    const key = `${group} ${name}`;
    problems.set(key, [...(problems.get(key) ?? []), row]);
  }
  return [...problems.values()];
}

/** With three digits, so that columns align: `6.30`, `0.159`, `1,304`. */
export const ms = (value: number): string =>
  value >= 1e-4 && value < 99.95 ? value.toPrecision(3) : formatNumber(value);

/** `12,345`, `3.14`, or a dash where there is none. */
export const rate = (value: number | null): string => (value === null ? '–' : formatNumber(value));

export const entriesText = (count: number): string =>
  count === 1 ? '1 entry' : `${count.toLocaleString('en-US')} entries`;

/**
 * Marked values of a logarithmic axis from `low` to `high`: 1, 2 and 5 of each decade, or 1 alone, or each second, third …
 * decade where `most` are too few for more.
 */
export function logTicks(low: number, high: number, most = 14): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = 3 * (Math.log10(high) - Math.log10(low)) <= most ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((last - first) / most));
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, index) => first + every * index)
    .flatMap((decade) => steps.map((step) => Number(`${step}e${decade}`)))
    .filter((tick) => tick >= low && tick <= high);
}

/** A logarithmic axis across a line, with its marked values. */
export interface Axis {
  low: number;
  high: number;
  ticks: number[];
}

/** Where a value stands, in percent of the width. */
export function place({ low, high }: Axis, value: number): string {
  const share = Math.log(value / low) / Math.log(high / low);
  return `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
}

/** `1e-7` */
export const small = (value: number): string =>
  value === 0 ? '0' : value.toExponential(1).replace('.0e', 'e');

/** `41.0 % of arithmetic`; says why where there is none. */
export function shareText({ entry, share }: Row, { ceilings }: BenchResult): string {
  const { limit, timing, failed } = entry;
  if (timing === null || failed !== null) return 'not measured';
  if (share !== null) return `${percent(share)} of ${limit}`;
  if (ceilings === null) return 'no ceiling measured';
  return limit && ceilings[limit].doubt !== null ? `${limit} ceiling in doubt` : 'no ceiling of it';
}
