/** Runs held against each other: plain data, what `report --json` prints and the page shows. */
import { holm, mcnemar } from '../../search/statistics.ts';
import { formatNumber } from '../../text/figures.ts';
import { type Interval, pairedDifference } from '../../train/evaluation/intervals.ts';
import { percent } from '../../train/metrics.ts';
import type { FinishedRun, Said } from './finished-run.ts';

/** Two runs on the pictures that both have answered. */
export interface RunPair {
  /** Indices of the runs. */
  of: [first: number, second: number];
  pictures: number;
  bothRight: number;
  onlyFirst: number;
  onlySecond: number;
  /** Share right of the first less that of the second, and its 95 % interval (Newcombe's for pairs). */
  difference: number;
  interval: Interval | null;
  /** McNemar's exact test, and with Holm's correction for as many pairs as there are. */
  p: number;
  corrected: number;
}

/** A picture that runs answer differently. */
export interface Disagreement {
  file: string;
  actual: string;
  /** Of each run, null where it has not answered. */
  said: (Pick<Said, 'predicted' | 'probability'> | null)[];
}

export interface RunComparison {
  runs: Pick<FinishedRun, 'name' | 'folder' | 'report'>[];
  /** Settings that are not the same in all runs: of each, its value there; undefined where it has none. */
  settings: { name: string; values: unknown[] }[];
  pairs: RunPair[];
  /** Pictures that all runs have answered, and those of them that not all have answered alike, the surest first. */
  shared: number;
  disagreements: Disagreement[];
  /** What may be said, sentences. */
  sentences: string[];
}

/** The pair is told apart by its pictures from here on. */
const LEVEL = 0.05;

export function comparisonOf(runs: readonly FinishedRun[]): RunComparison {
  const pairs = pairsOf(runs);
  const shared = [...runs[0].said.keys()].filter((file) => runs.every(({ said }) => said.has(file)));
  const disagreements = shared
    .map(
      (file): Disagreement => ({
        file,
        actual: runs[0].said.get(file)!.actual,
        said: runs.map(({ said }) => said.get(file) ?? null),
      }),
    )
    .filter(({ said: [first, ...others] }) => others.some((one) => one?.predicted !== first?.predicted));
  const sureness = ({ said }: Disagreement): number =>
    said.reduce((least, one) => Math.min(least, one?.probability ?? 0), 1);
  disagreements.sort((a, b) => sureness(b) - sureness(a));
  return {
    runs: runs.map(({ name, folder, report }) => ({ name, folder, report })),
    settings: settingsThatDiffer(runs),
    pairs,
    shared: shared.length,
    disagreements,
    sentences: sentencesOf(runs, pairs, shared.length),
  };
}

/** How two runs answer to the pictures that both have answered; null where there is none. */
export function pairOf(
  first: ReadonlyMap<string, Said>,
  second: ReadonlyMap<string, Said>,
): Omit<RunPair, 'of' | 'corrected'> | null {
  const counts = { both: 0, before: 0, after: 0, neither: 0 };
  for (const [file, a] of first) {
    const b = second.get(file);
    // A picture that has another label in the other run is another question.
    if (!b || b.actual !== a.actual) continue;
    if (a.right) counts[b.right ? 'both' : 'before']++;
    else counts[b.right ? 'after' : 'neither']++;
  }
  const { both, before, after, neither } = counts;
  const pictures = both + before + after + neither;
  if (pictures === 0) return null;
  return {
    pictures,
    bothRight: both,
    onlyFirst: before,
    onlySecond: after,
    difference: (before - after) / pictures,
    interval: pairedDifference(counts),
    p: mcnemar(before, after),
  };
}

function pairsOf(runs: readonly FinishedRun[]): RunPair[] {
  const pairs: Omit<RunPair, 'corrected'>[] = [];
  for (let first = 0; first < runs.length; first++)
    for (let second = first + 1; second < runs.length; second++) {
      const pair = pairOf(runs[first].said, runs[second].said);
      if (pair) pairs.push({ of: [first, second], ...pair });
    }
  const corrected = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, index) => ({ ...pair, corrected: corrected[index] }));
}

/** Leaves of the settings by their paths: `phases[0].lr`. */
function leaves(value: unknown, path: string, into: Map<string, unknown>): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return into.set(path, value);
  for (const [key, inner] of Object.entries(value))
    leaves(inner, Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`, into);
  return into;
}

const sizeIn = ({ size }: Record<string, unknown>): unknown => (Array.isArray(size) ? size.join('x') : size);

function settingsThatDiffer(runs: readonly FinishedRun[]): RunComparison['settings'] {
  const all = runs.map(({ report: { model, settings } }) =>
    // Runs that crop as they always have say nothing of it; a height and width are one setting.
    leaves({ model, fit: 'crop', ...settings, size: sizeIn(settings) }, '', new Map()),
  );
  const names = [...new Set(all.flatMap((one) => [...one.keys()]))];
  return names
    .map((name) => ({ name, values: all.map((one) => one.get(name)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

function sentencesOf(runs: readonly FinishedRun[], pairs: readonly RunPair[], shared: number): string[] {
  const sentences: string[] = [];
  const measured = runs.flatMap(({ report }, index) =>
    report.evaluation ? [{ index, accuracy: report.evaluation.metrics.accuracy }] : [],
  );
  if (measured.length < 2)
    return ['Fewer than two of the runs have validated an epoch, so that there is nothing to compare.'];
  if (pairs.length === 0)
    return [
      'No two of the runs have answered to the same pictures, so that their figures are of different questions.',
    ];
  const counts = new Set(pairs.map(({ pictures }) => pictures));
  if (counts.size > 1 || runs.some(({ said }) => said.size !== shared))
    sentences.push(
      `Not all runs have answered to the same pictures: ${shared.toLocaleString('en-US')} are common to all. The accuracies in the first table are each of a run's own; tests are on the pictures that both of a pair have answered.`,
    );
  const best = measured.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
  const { name } = runs[best.index];
  const against = pairs.filter(({ of }) => of.includes(best.index));
  const better = ({ of: [first], difference }: RunPair): boolean =>
    (first === best.index ? difference : -difference) > 0;
  const other = ({ of: [first, second] }: RunPair): string =>
    runs[first === best.index ? second : first].name;
  const apart = against.filter((pair) => pair.corrected < LEVEL && better(pair));
  const open = against.filter((pair) => !apart.includes(pair));
  const named = (list: readonly RunPair[]): string =>
    list.map((pair) => `${other(pair)} (p ${formatNumber(pair.corrected)})`).join(', ');
  const level = measured
    .filter(({ accuracy }) => accuracy === best.accuracy)
    .map(({ index }) => runs[index].name);
  sentences.push(
    level.length > 1
      ? `${level.join(', ')} have equally many right, and the most: ${percent(best.accuracy)}.`
      : `${name} has the most right, ${percent(best.accuracy)}.`,
  );
  if (apart.length > 0)
    sentences.push(
      `On the same pictures ${name} is better than ${named(apart)} by McNemar's exact test, corrected for ${pairs.length === 1 ? 'one pair' : `${pairs.length} pairs`} (Holm).`,
    );
  if (open.length > 0)
    sentences.push(
      `These pictures do not tell ${name} apart from ${named(open)}: nobody knows from them which is better.`,
    );
  const byChoice = runs.filter(({ report }) => report.evaluation?.scored === 'val');
  if (byChoice.length > 0)
    sentences.push(
      `${byChoice.length === runs.length ? 'All figures are' : 'Some figures are'} of the pictures that chose the best epoch, which flatters ${byChoice.length === runs.length ? 'all of them' : byChoice.map((run) => run.name).join(', ')}; a folder test/ would not.`,
    );
  return sentences;
}
