/**
 * A run's figures as they come, for other programs: a callback that appends a line of JSON for some of the steps and one
 * for each epoch.
 *
 *   {"type":"step","step":20,"epoch":1,"loss":0.6931,"lr":0.003}
 *   {"type":"epoch","step":75,"epoch":1,"lr":0.0029,"trainLoss":0.51,"val":{"count":160,"loss":0.4,"accuracy":0.8,…},
 *    "trainSeconds":9.1,"valSeconds":3.2}
 *
 * `step` counts from 1 over the whole run, `epoch` too; `loss` is of that step, `trainLoss` the mean of the epoch, `lr` the
 * highest learning rate of the step (of the epoch's last step); `val` are `Metrics`, null without validation pictures.
 */
import { bytesIfThere, writeWhole } from '../node/files.ts';
import { isObject } from '../text/rules.ts';
import type { Callback, EpochEvent, RunEvent, StepEvent, StepLoss } from '../train/callback.ts';
import { highestRate } from '../train/callbacks/rate-trace.ts';
import { GrowingFile } from './growing-file.ts';

export interface MetricsLogOptions {
  /** The file; or what gives it, where it moves as that of a run's folder does. */
  file: string | (() => Promise<string>);
  /** A line for every so many steps; by default about twenty an epoch. */
  every?: number;
}

/** No log of a run is longer. */
const MOST_BYTES = 2 ** 28;

/**
 * A run that goes on keeps the lines up to the place where it was saved and appends to them, whatever a kill left behind
 * them: lines of steps that are taken again, or a part of one. So each step and epoch has one line.
 *
 * List it before what saves (`Checkpoints`).
 */
export class MetricsLog implements Callback {
  readonly name = 'metrics-log';
  private readonly place: () => Promise<string>;
  private readonly file: GrowingFile;
  private readonly rates = new Map<number, number>();
  private stepsPerEpoch = 1;
  private every: number | undefined;

  constructor({ file, every }: MetricsLogOptions) {
    this.place = typeof file === 'string' ? async () => file : file;
    this.file = new GrowingFile(this.place);
    this.every = every;
  }

  async onStart({ progress, stepsPerEpoch }: RunEvent): Promise<void> {
    this.stepsPerEpoch = stepsPerEpoch;
    this.every ??= Math.max(1, Math.round(stepsPerEpoch / 20));
    const path = await this.place();
    const bytes = await bytesIfThere(path, MOST_BYTES);
    if (!bytes) return;
    const text = new TextDecoder().decode(bytes);
    const step = progress.epoch * stepsPerEpoch + progress.batch;
    const kept = text
      .split('\n')
      .filter((line) => belongs(line, { step, epoch: progress.epoch }))
      .map((line) => `${line}\n`)
      .join('');
    if (kept !== text) await writeWhole(path, kept);
  }

  onStep({ step, optimizer }: StepEvent): void {
    if (this.isLogged(step)) this.rates.set(step, highestRate(optimizer));
  }

  onLoss({ step, value }: StepLoss): void {
    if (!this.isLogged(step)) return;
    const lr = this.rates.get(step);
    this.rates.delete(step);
    this.add({ type: 'step', step, epoch: Math.ceil(step / this.stepsPerEpoch), loss: value, lr });
  }

  async onEpoch({ record, optimizer, stepsPerEpoch }: EpochEvent): Promise<void> {
    const { epoch, ...figures } = record;
    this.add({
      type: 'epoch',
      step: epoch * stepsPerEpoch,
      epoch,
      lr: highestRate(optimizer),
      ...figures,
    });
    await this.file.flush();
  }

  onSave(): Promise<void> {
    return this.file.flush();
  }

  onEnd(): Promise<void> {
    return this.file.flush();
  }

  private isLogged(step: number): boolean {
    return step === 1 || step % this.every! === 0;
  }

  private add(line: object): void {
    this.file.add(`${JSON.stringify(line)}\n`);
  }
}

/** Whether a line is whole and of what was done when a run had come to `at`. */
function belongs(line: string, at: { step: number; epoch: number }): boolean {
  if (line === '') return false;
  try {
    const found: unknown = JSON.parse(line);
    if (!isObject(found) || !(Number(found.step) <= at.step)) return false;
    // The last epoch's steps may all be done where its validation is not.
    return found.type !== 'epoch' || Number(found.epoch) <= at.epoch;
  } catch {
    return false; // A kill came in the middle of it.
  }
}
