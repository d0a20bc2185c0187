/**
 * How far a run has come: its place and what it measured. Beside the weights, the optimiser's state and the states of
 * the callbacks it is all that a resumed run needs to give the numbers of an uninterrupted one. Plain JSON.
 */
import type { Metrics } from './metrics.ts';

export interface EpochRecord {
  /** Counted from 1. */
  epoch: number;
  /** Mean over the training pictures as they were seen, with augmentation and label smoothing. */
  trainLoss: number;
  /** Null where no pictures were given to validate with. */
  val: Metrics | null;
  trainSeconds: number;
  valSeconds: number;
}

/** An epoch that was validated. */
export type ValidatedRecord = EpochRecord & { val: Metrics };

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
  /** Why the run is over before all its epochs are done; absent while it is not. */
  finished?: string;
}

/** A run that has not begun. */
export function noProgress(): Progress {
  return { epoch: 0, batch: 0, lossSum: 0, lossCount: 0, seconds: 0, history: [] };
}

export function isValidated(record: EpochRecord): record is ValidatedRecord {
  return record.val !== null;
}

/** Whether `value`, from a file, is a place that a run can go on from. */
export function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, batch, lossSum, lossCount, seconds, history, finished } = value as Partial<Progress>;
  return (
    [epoch, batch, lossCount].every((count) => Number.isSafeInteger(count) && count! >= 0) &&
    [lossSum, seconds].every(Number.isFinite) &&
    Array.isArray(history) &&
    history.length === epoch &&
    history.every(isRecord) &&
    (finished === undefined || typeof finished === 'string')
  );
}

function isRecord(value: unknown): value is EpochRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, trainLoss, val, trainSeconds, valSeconds } = value as Partial<EpochRecord>;
  return (
    [epoch, trainLoss, trainSeconds, valSeconds].every(Number.isFinite) &&
    (val === null || [val?.count, val?.loss, val?.accuracy].every(Number.isFinite))
  );
}
