/** What `train` says while it runs: an estimate after the first steps, a bar, a line for each epoch. A callback. */
import { describeMetrics } from '../report/report.ts';
import type { Callback, EpochEvent, StepEvent } from '../train/callback.ts';
import type { Checkpoints } from '../train/callbacks/checkpoints.ts';
import { formatNumber, formatSeconds, type ProgressBar, progressBar, say } from './ui.ts';

/** How far a run has to go. */
export interface RemainingWork {
  epochs: number;
  /** Steps and validation batches that are left in all, and per epoch. */
  stepsLeft: number;
  /** The steps that are left, counted in steps of the phase that goes on: those of a later one take longer. */
  workLeft: number;
  validationsLeft: number;
  /** Time of a validation batch over that of a step, as a first guess. */
  validationShare: number;
}

/** Steps at the start that compile kernels: the first one, and the one that waits for it. */
const COMPILING = 2;
/** Steps whose mean time gives the estimate and the pictures per second. */
const MEASURED = 3;
const RECENT = 12;

export class TrainProgress implements Callback {
  readonly name = 'progress';
  private bar: ProgressBar | null = null;
  private readonly started = performance.now();
  private last = performance.now();
  private steps = 0;
  private done = 0;
  private estimated = false;
  private status = '';
  private recent: { seconds: number; pictures: number }[] = [];
  private totalPictures = 0;
  private totalSeconds = 0;
  /** Until the first step was computed, in seconds. */
  firstStepSeconds = 0;

  /** @param checkpoints knows which epoch is the best; stands before this one among the callbacks */
  constructor(
    private readonly work: RemainingWork,
    private readonly checkpoints: Checkpoints,
  ) {}

  onStep({ epoch, pictures, meanLoss }: StepEvent): void {
    const now = performance.now();
    const seconds = (now - this.last) / 1000;
    this.last = now;
    this.steps++;
    this.done++;
    // The second event comes when the first step is done.
    if (this.steps <= COMPILING) this.firstStepSeconds = (now - this.started) / 1000;
    else this.count(seconds, pictures);
    if (this.steps >= COMPILING)
      this.bar ??= progressBar('Training', this.work.stepsLeft + this.work.validationsLeft);
    this.estimate();
    const rate = this.recentRate();
    this.status = [
      `epoch ${epoch + 1}/${this.work.epochs}`,
      Number.isFinite(meanLoss) ? `loss ${meanLoss.toFixed(3)}` : '',
      rate > 0 ? `${formatNumber(rate)} images/s` : '',
    ]
      .filter(Boolean)
      .join('  ');
    this.bar?.update(this.done, this.status);
  }

  onValidation(): void {
    this.last = performance.now();
    this.bar?.update(++this.done, this.status);
  }

  onEpoch({ record, progress }: EpochEvent): void {
    const { epoch, trainLoss, val, trainSeconds, valSeconds } = record;
    const best = this.checkpoints.bestOf(progress.history) === record;
    this.note(
      `Epoch ${epoch}/${this.work.epochs}: training loss ${trainLoss.toFixed(3)}` +
        `${val ? `; validation ${describeMetrics(val)}` : ''}${best ? ' (best so far)' : ''}; ` +
        `${formatSeconds(trainSeconds)} + ${formatSeconds(valSeconds)}`,
    );
  }

  /** An epoch's checkpoints are written: what they took is no step's. */
  onSave(): void {
    this.last = performance.now();
  }

  onEnd(): void {
    this.bar?.stop();
    this.bar = null;
  }

  /** Prints a line without breaking the bar. */
  note(line: string): void {
    if (this.bar) this.bar.note(line);
    else say(line);
  }

  /** Pictures a second while training, without the first steps; 0 before there is a figure. */
  get imagesPerSecond(): number {
    return this.totalSeconds > 0 ? this.totalPictures / this.totalSeconds : 0;
  }

  private count(seconds: number, pictures: number): void {
    this.totalSeconds += seconds;
    this.totalPictures += pictures;
    this.recent.push({ seconds, pictures });
    if (this.recent.length > RECENT) this.recent.shift();
  }

  private recentRate(): number {
    const seconds = this.recent.reduce((sum, item) => sum + item.seconds, 0);
    return seconds > 0 ? this.recent.reduce((sum, item) => sum + item.pictures, 0) / seconds : 0;
  }

  /** Says once how long it will take, from steps that compiled nothing. */
  private estimate(): void {
    if (this.estimated || this.recent.length < MEASURED) return;
    this.estimated = true;
    const each = this.totalSeconds / this.recent.length;
    const { workLeft, validationsLeft, validationShare } = this.work;
    const left = each * (workLeft - this.steps + validationsLeft * validationShare);
    this.note(
      `A step takes ${formatSeconds(each)} (${formatNumber(this.imagesPerSecond)} images/s; the first, with ` +
        `compilation, ${formatSeconds(this.firstStepSeconds)}), so about ${formatSeconds(left)} are left, validation included.`,
    );
  }
}
