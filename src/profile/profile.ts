/**
 * A profile: what a recording says of some of its steps. Plain data; profile.json holds some (document.ts).
 *
 * Times are milliseconds on the GPU, for all steps together. `calls` are dispatches. Shares are of the GPU's time, which is
 * that of the dispatches without compiling; rows of programs, of ops and of layers each sum to it.
 */
import type { Pass } from '../bench/result.ts';
import type { Measuring } from './recording.ts';

export interface ProfileRow {
  name: string;
  calls: number;
  ms: number;
  share: number;
  /** As the kernels count them. Bytes are null where a dispatch of the row counts none: their sum would be too small. */
  flops: number;
  bytes: number | null;
}

export interface ProgramRow extends ProfileRow {
  /** Making the pipeline, and what its first dispatch took beyond a later one. */
  compileMs: number;
}

export interface OpRow extends ProfileRow {
  pass: Pass;
}

export interface LayerRow extends ProfileRow {
  /** Milliseconds by pass. */
  passes: Partial<Record<Pass, number>>;
}

/** What the wall clock's time went into. */
export const PARTS = ['GPU', 'compiling', 'uploading', 'JavaScript', 'decoding', 'waiting', 'other'] as const;
export type Part = (typeof PARTS)[number];

export interface WallRow {
  part: Part;
  /** While nothing above it in `PARTS` went on; the rows sum to the wall clock's time. */
  ms: number;
  share: number;
  /** In all, whatever went on beside it. */
  totalMs: number;
}

export interface Profile {
  adapter: string;
  measuring: Measuring;
  /** The first and the last step that it is of, counted from 1. */
  steps: readonly [first: number, last: number];
  wallMs: number;
  wall: readonly WallRow[];
  gpuMs: number;
  dispatches: number;
  /** Dispatches of which nobody could tell the time; they count as none. */
  untimed: number;
  /** First dispatches of programs that ran once, so that compiling cannot be told from running: how many, and their time. */
  onlyOnce: { programs: number; ms: number };
  /** Of the recording: what was beyond its bounds. */
  missed: number;
  programs: readonly ProgramRow[];
  ops: readonly OpRow[];
  layers: readonly LayerRow[];
}
