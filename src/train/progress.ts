/**
 * How far a run has come: everything beside weights and optimiser state that a resumed run needs to give the numbers
 * of an uninterrupted one. Plain JSON, stored in last.safetensors.
 */
import type { Metrics } from './metrics.ts';

export interface EpochRecord {
  /** Counted from 1. */
  epoch: number;
  /** Mean over the training pictures as they were seen, with augmentation and label smoothing. */
  trainLoss: number;
  val: Metrics;
  trainSeconds: number;
  valSeconds: number;
}

export interface Progress {
  /** The epoch in progress, counted from 0; the number of epochs when all are done. */
  epoch: number;
  /** Its next batch. All are done, but validation is not, where this is the number of batches. */
  batch: number;
  /** Of the epoch in progress: loss summed over pictures, pictures, seconds of training. */
  lossSum: number;
  lossCount: number;
  seconds: number;
  history: EpochRecord[];
  /** Place in `history` of the best epoch; −1 before the first. */
  best: number;
  /** The training loss over the steps. */
  trace: LossTrace;
}

/** Mean losses of `every` steps each, from the first step on; the last may be of fewer. */
export interface LossTrace {
  every: number;
  sums: number[];
  /** Steps in the last sum. */
  last: number;
}

/** At twice this many points of the trace pairs are merged, so that a long run's file stays small. */
const TRACE_POINTS = 256;

/** A run that has not begun. */
export function noProgress(): Progress {
  return {
    epoch: 0,
    batch: 0,
    lossSum: 0,
    lossCount: 0,
    seconds: 0,
    history: [],
    best: -1,
    trace: { every: 1, sums: [], last: 1 },
  };
}

/** Appends the loss of a step. */
export function extendTrace(trace: LossTrace, loss: number): void {
  if (trace.last < trace.every) {
    trace.sums[trace.sums.length - 1] += loss;
    trace.last++;
    return;
  }
  if (trace.sums.length === 2 * TRACE_POINTS) {
    trace.sums = Array.from({ length: TRACE_POINTS }, (_, i) => trace.sums[2 * i] + trace.sums[2 * i + 1]);
    trace.every *= 2;
    trace.last = trace.every;
  }
  trace.sums.push(loss);
  trace.last = 1;
}

/** [step at the middle of the piece, mean loss] for every piece of the trace. */
export function tracePoints({ every, sums, last }: LossTrace): [step: number, loss: number][] {
  return sums.map((sum, index) => {
    const steps = index === sums.length - 1 ? last : every;
    return [index * every + (steps + 1) / 2, sum / steps];
  });
}
