/** What a run of the peers found, as one document: the table is a function of it. Milliseconds. */
import { timingOf } from '../../src/bench/measure.ts';
import type { BenchHeader, Timing } from '../../src/bench/result.ts';
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
