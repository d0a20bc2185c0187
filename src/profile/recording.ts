/**
 * What a profile is made from: every dispatch with its times and whose it is, and what else time went into. Times are
 * milliseconds of `performance.now()`. The profiler fills it (profiler.ts); summary and trace are functions of it.
 */
import type { Pass } from '../bench/result.ts';
import type { Spent, TimingMethod } from '../gpu/index.ts';

/** What a dispatch belongs to. */
export interface Place {
  /** `conv2d`, `AdamW`; `(no op)` of a dispatch that no op answers for. */
  op: string;
  pass: Pass;
  /** Path of the module; of an op that no layer computes `layer1.0 (add)` or, outside of a network, `(crossEntropy)`. */
  layer: string;
}

export interface Dispatched extends Place {
  program: string;
  flops: number;
  bytes: number;
  groups: readonly [number, number, number];
  /** Whether the device ran the program for the first time. */
  first: boolean;
  /** Counted from 0. */
  step: number;
  /** NaN where nobody could tell. */
  start: number;
  end: number;
}

/** What time went into beside dispatches. `JavaScript`: a stretch that records work, from its first call to its next `await`. */
export type Activity = Spent | 'JavaScript' | 'decoding' | 'layer';

export interface Span {
  what: Activity;
  start: number;
  end: number;
  /** Bytes, a program's name, a layer's path. */
  about: number | string;
}

/** How times were taken, and what taking them costs. */
export interface Measuring {
  method: TimingMethod;
  /** Why not by timestamps, as a clause; null where by them. */
  why: string | null;
  /** Nanoseconds that all times are multiples of; null where the method is another. */
  quantum: number | null;
  /** Milliseconds by which the GPU's clock may be off against JavaScript's. */
  clockError: number;
  /** Milliseconds that a dispatch takes longer because it is timed, at least. */
  overhead: number;
  /** Milliseconds that an empty dispatch takes where it is waited for, taken off each; 0 by timestamps. */
  floor: number;
}

export interface Recording {
  measuring: Measuring;
  /** Of the device. */
  adapter: string;
  start: number;
  /** When all was done; NaN while it goes on. */
  end: number;
  dispatches: Dispatched[];
  spans: Span[];
  steps: number;
  /** Dispatches and spans beyond those that are kept: in no figure. */
  missed: number;
}

/** Dispatches, and spans, that are kept by default: some 40 MB. */
export const MOST = 100_000;
