/**
 * How far a run has come: its place and what it measured. Beside the weights, the optimiser's state and the states of
 * the callbacks it is all that a resumed run needs to give the numbers of an uninterrupted one. Plain JSON.
 */
import { all, list, number, object, optional, orNull, type Rule, text, whole } from '../text/rules.ts';
import { METRICS, type Metrics } from './metrics.ts';

/** Epochs of a run, at most: what a file may hold records of. */
export const MOST_EPOCHS = 100_000;

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

const count = whole(0, Number.MAX_SAFE_INTEGER);
const seconds = number(0, Number.MAX_VALUE);
const RECORD: Rule = object({
  epoch: whole(1, MOST_EPOCHS),
  trainLoss: number(-Number.MAX_VALUE, Number.MAX_VALUE),
  val: orNull(METRICS),
  trainSeconds: seconds,
  valSeconds: seconds,
} satisfies Record<keyof EpochRecord, Rule>);

/** `Progress` out of a file: a place that a run can go on from, with a record of each epoch before it. */
export const PROGRESS: Rule = all(
  object({
    epoch: whole(0, MOST_EPOCHS),
    batch: count,
    lossSum: number(-Number.MAX_VALUE, Number.MAX_VALUE),
    lossCount: count,
    seconds,
    finished: optional(text(10_000)),
    history: list(RECORD, 0, MOST_EPOCHS),
  } satisfies Record<keyof Progress, Rule>),
  (value, place) => {
    const { epoch, history } = value as Progress;
    return list(() => null, epoch, epoch)(history, `${place}.history`);
  },
);
