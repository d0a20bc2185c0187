/**
 * What a run of the peers found, as one document: the tables, on a terminal and in the documentation, are functions of it.
 * Milliseconds.
 */
import { timingOf } from '../../src/bench/measure.ts';
import { type BenchHeader, HEADER, TIMING, type Timing } from '../../src/bench/result.ts';
import {
  among,
  demand,
  list,
  number,
  object,
  orNull,
  parseBounded,
  type Rule,
  record,
  text,
  whole,
} from '../../src/text/rules.ts';
import type { Difference } from './compare.ts';
import type { CaseFiles } from './protocol.ts';

export const PEERS_VERSION = 1;

/** A peer over ours, paired round by round: the median, and the 10th and the 90th percentile. */
export interface Ratio {
  median: number;
  p10: number;
  p90: number;
}

export interface PeerRow {
  id: string;
  label: string;
  on: string;
  precision: string;
  /** What it says it runs on; null where it did not come so far, empty where it tells nothing. */
  adapter: string | null;
  versions: Record<string, string>;
  /** What it says of how it ran. */
  note: string | null;
  loadMs: number | null;
  /** Of the first call, programs compiled within it. */
  firstMs: number | null;
  error: Difference | null;
  timing: Timing | null;
  ratio: Ratio | null;
  /** Why there are no times. */
  failed: string | null;
}

export interface PeerCase {
  network: string;
  pass: CaseFiles['pass'];
  batch: number;
  size: number;
  weights: 'pseudo-random' | 'pretrained';
  rows: PeerRow[];
}

export interface PeersResult {
  format: 'tessera-peers';
  version: typeof PEERS_VERSION;
  header: BenchHeader;
  /** Whether first calls compiled anew. */
  shaderCache: 'off' | 'as it was';
  /** Load of the machine before the first sample and after the last one, in processes of one minute. */
  load: { before: number; after: number; cores: number };
  cases: PeerCase[];
}

/** Rounds of a peer over the rounds of ours. Each round stands for one minute of the machine, so they are paired. */
export function ratioOf(theirs: readonly (readonly number[])[], ours: readonly (readonly number[])[]): Ratio {
  const ratios = theirs.slice(0, ours.length).map((round, index) => medianOf(round) / medianOf(ours[index]!));
  const { median, p10, p90 } = timingOf([ratios], 1);
  return { median, p10, p90 };
}

const medianOf = (times: readonly number[]): number => timingOf([times], 1).median;

/** Fills in what follows from the rounds. */
export function timed(
  row: PeerRow,
  rounds: readonly (readonly number[])[],
  ours: readonly (readonly number[])[],
): PeerRow {
  if (rounds.length === 0) return row;
  return { ...row, timing: timingOf(rounds, 1), ratio: ratioOf(rounds, ours) };
}

const words = text(65_536);
const figure = number(0, Number.MAX_VALUE);
const count = whole(0, Number.MAX_SAFE_INTEGER);

const ROW: Rule = object({
  id: words,
  label: words,
  on: words,
  precision: words,
  adapter: orNull(words),
  versions: record(words, 100),
  note: orNull(words),
  loadMs: orNull(figure),
  firstMs: orNull(figure),
  error: orNull(object({ value: figure, allowed: figure })),
  timing: orNull(TIMING),
  ratio: orNull(object({ median: figure, p10: figure, p90: figure } satisfies Record<keyof Ratio, Rule>)),
  failed: orNull(words),
} satisfies Record<keyof PeerRow, Rule>);

const CASE: Rule = object({
  network: words,
  pass: among(['forward', 'step']),
  batch: count,
  size: count,
  weights: among(['pseudo-random', 'pretrained']),
  rows: list(ROW, 0, 100),
} satisfies Record<keyof PeerCase, Rule>);

const RESULT: Rule = object({
  format: among(['tessera-peers']),
  version: among([PEERS_VERSION]),
  header: HEADER,
  shaderCache: among(['off', 'as it was']),
  load: object({ before: figure, after: figure, cores: count }),
  cases: list(CASE, 0, 1000),
} satisfies Record<keyof PeersResult, Rule>);

/**
 * A document out of a file.
 * @param place what sentences call it: the file's name
 * @throws RangeError, a sentence, where it is no such document
 */
export function peersResultOf(json: string, place: string): PeersResult {
  const value = parseBounded(json, place);
  demand(RESULT, value, place);
  return value as PeersResult;
}
