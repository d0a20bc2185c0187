/** A run's figures for TensorBoard: a callback that writes event files (`tensorboard --logdir runs`). */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Callback, EpochEvent, RunEvent, StepEvent, StepLoss } from '../train/callback.ts';
import { highestRate } from '../train/callbacks/rate-trace.ts';
import { type EventRecord, openEventRecord, type TensorBoardEvent } from './event-file.ts';
import { GrowingFile } from './growing-file.ts';

/** How an event file's name begins; the time, the machine and the process follow. */
export const EVENTS = 'events.out.tfevents.';

export interface TensorBoardOptions {
  /** The folder; or what gives the place of a file in it, where it moves as a run's folder does. */
  folder: string | ((file: string) => Promise<string>);
  /** Values of every so many steps; by default all, which is what TensorBoard thins by itself. */
  every?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * `train/loss` and `train/learning_rate` over the steps; after each epoch `val/loss`, `val/accuracy`,
 * `val/balanced_accuracy`, `val/macro_f1`, and where there is one `val/micro_f1`, `val/auc`, `val/map`, `val/top5`.
 *
 * A run that goes on writes another file, which tells TensorBoard from which step on it counts in place of those before.
 * List it before what saves (`Checkpoints`).
 */
export class TensorBoard implements Callback {
  readonly name = 'tensorboard';
  private readonly file: GrowingFile;
  private readonly every: number;
  private readonly now: () => number;
  private readonly rates = new Map<number, number>();
  private record!: EventRecord;

  constructor({ folder, every = 1, now = Date.now }: TensorBoardOptions) {
    const place = typeof folder === 'string' ? async (file: string) => join(folder, file) : folder;
    const seconds = Math.floor(now() / 1000);
    const machine = hostname().replace(/[^\w.-]/g, '_');
    const file = `${EVENTS}${String(seconds).padStart(10, '0')}.${machine}.${process.pid}.${files++}`;
    this.file = new GrowingFile(() => place(file));
    this.every = every;
    this.now = now;
  }

  async onStart({ progress, stepsPerEpoch }: RunEvent): Promise<void> {
    this.record = await openEventRecord();
    this.add({ fileVersion: 'brain.Event:2' });
    const done = progress.epoch * stepsPerEpoch + progress.batch;
    if (done > 0) this.add({ step: done + 1, restart: true });
  }

  onStep({ step, optimizer }: StepEvent): void {
    if (step % this.every === 0) this.rates.set(step, highestRate(optimizer));
  }

  onLoss({ step, value }: StepLoss): void {
    const rate = this.rates.get(step);
    if (rate === undefined) return;
    this.rates.delete(step);
    this.add({
      step,
      scalars: [
        ['train/loss', value],
        ['train/learning_rate', rate],
      ],
    });
  }

  async onEpoch({ record: { epoch, val }, stepsPerEpoch }: EpochEvent): Promise<void> {
    if (val) {
      const { loss, accuracy, balancedAccuracy, macroF1, microF1, auc, map, top5 } = val;
      const figures = {
        loss,
        accuracy,
        balanced_accuracy: balancedAccuracy,
        macro_f1: macroF1,
        micro_f1: microF1,
        auc,
        map,
        top5,
      };
      const scalars = Object.entries(figures).flatMap(([name, value]) =>
        value === undefined ? [] : [[`val/${name}`, value] as const],
      );
      this.add({ step: epoch * stepsPerEpoch, scalars });
    }
    await this.file.flush();
  }

  onSave(): Promise<void> {
    return this.file.flush();
  }

  onEnd(): Promise<void> {
    return this.file.flush();
  }

  private add(event: TensorBoardEvent): void {
    this.file.add(this.record(this.now() / 1000, event));
  }
}

/** Files of this process, so that each has a name of its own. */
let files = 0;
