/**
 * The training loop. A step records its work and returns; what waits is the end of a step, for the step before:
 *
 *   forward → loss → backward → update     recorded inside one scope
 *   pace()                                 submits it; timers, signals and the loader get their turn
 *   await the loss of the step before      while the GPU computes this one
 *
 * So the GPU always has a step to compute, at most one readback is under way (the number of staging buffers does not
 * depend on timing), and a loss that is not finite is noticed a step later. The optimiser has skipped that update on
 * the GPU by then, and the run ends before anything is saved.
 *
 * Everything random depends on (seed, epoch, place), the learning rate on the step alone: a run that is stopped and
 * resumed gives the numbers of one that was not.
 */
import type { Batch, BatchSource } from '../data/loader.ts';
import { settle } from '../data/settle.ts';
import type { Device } from '../gpu/index.ts';
import { BatchNorm2d, crossEntropy, type Model, type Optimizer, type Schedule } from '../nn/index.ts';
import { scope, setStep } from '../tensor/index.ts';
import { HeadStart } from './batches.ts';
import { type Inference, imagesOf, infer } from './infer.ts';
import { better, measure } from './metrics.ts';
import { type EpochRecord, extendTrace, noProgress, type Progress } from './progress.ts';

/** Training cannot go on; the message says why and what to try. */
export class TrainingError extends Error {
  override name = 'TrainingError';
}

/** What is told after a step, when the loss of the step before is known. */
export interface StepEvent {
  /** Steps that were submitted since the run began, resumed parts included. */
  step: number;
  /** Counted from 0. */
  epoch: number;
  /** Pictures in the step just submitted. */
  pictures: number;
  /** Mean loss of the epoch so far; NaN before the first one is known. */
  loss: number;
}

export interface FitOptions {
  model: Model;
  device: Device;
  optimizer: Optimizer;
  train: BatchSource;
  val: BatchSource;
  epochs: number;
  schedule: Schedule;
  /** Default 0. */
  labelSmoothing?: number;
  /** Where a stopped run goes on. It is changed in place. */
  from?: Progress;
  /** Looked at after each step. */
  stop?: { readonly requested: boolean };
  onStep?: (event: StepEvent) => void;
  /** After each validation batch, with the number of batches so far. */
  onValidate?: (done: number) => void;
  /** After an epoch and its checkpoints. `answers`: what the network said to the validation pictures. */
  onEpoch?: (record: EpochRecord, best: boolean, answers: Inference) => void;
  /** Keeps the state: 'last' after every epoch and where the run stops, 'best' after an epoch that is the best so far. */
  save?: (which: 'best' | 'last', progress: Progress) => Promise<void>;
}

export interface FitResult {
  /** False where it was stopped. */
  finished: boolean;
  progress: Progress;
}

/**
 * Trains until `epochs` epochs are done or a stop is requested.
 * @throws TrainingError where the loss is not finite; nothing was saved after the last good epoch
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  return new Fit(options).run();
}

class Fit {
  private readonly progress: Progress;
  private readonly totalSteps: number;
  /** The loss of the last step that was submitted, on its way back. */
  private pending: { loss: Promise<() => number>; batch: Batch; step: number } | null = null;
  private next: HeadStart | null = null;

  constructor(private readonly options: FitOptions) {
    this.progress = options.from ?? noProgress();
    this.totalSteps = options.epochs * options.train.batches;
  }

  async run(): Promise<FitResult> {
    const { options, progress } = this;
    try {
      while (progress.epoch < options.epochs) {
        const trained = await this.trainEpoch();
        const validated = trained ? await this.validate() : null;
        if (!validated) {
          await options.save?.('last', progress);
          return { finished: false, progress };
        }
        await this.endEpoch(...validated);
      }
      return { finished: true, progress };
    } finally {
      await this.next?.drop();
    }
  }

  /** Trains to the end of the epoch; false where a stop was requested before. */
  private async trainEpoch(): Promise<boolean> {
    const { options, progress } = this;
    const batches = this.takeNext(() => options.train.load(progress.epoch, progress.batch));
    options.model.train();
    let started = performance.now();
    for await (const batch of batches) {
      const lonely = batch.size === 1 && this.hasActiveNorms();
      if (!lonely) await this.step(batch);
      if (batch.index === options.train.batches - 1) this.next = new HeadStart(options.val.load(0));
      progress.batch = batch.index + 1;
      const now = performance.now();
      progress.seconds += (now - started) / 1000;
      started = now;
      if (options.stop?.requested) {
        await this.settleLoss();
        return false;
      }
    }
    await this.settleLoss();
    progress.batch = options.train.batches;
    progress.seconds += (performance.now() - started) / 1000;
    return true;
  }

  /** Batch statistics of one picture say nothing, and of one pixel of it are undefined; PyTorch throws there. */
  private hasActiveNorms(): boolean {
    return [...this.options.model.namedModules()].some(([, m]) => m instanceof BatchNorm2d && m.active);
  }

  private async step(batch: Batch): Promise<void> {
    const { model, device, optimizer, schedule, train, labelSmoothing = 0 } = this.options;
    const step = this.progress.epoch * train.batches + batch.index;
    setStep(device, step);
    optimizer.lrFactor = schedule(step, this.totalSteps);
    const loss = scope(() => {
      const logits = model.forward(imagesOf(batch, device));
      const value = crossEntropy(logits, batch.labels as Int32Array<ArrayBuffer>, { labelSmoothing });
      value.backward();
      optimizer.step(value);
      optimizer.zeroGrad();
      return value;
    });
    await device.pace();
    await this.settleLoss();
    this.pending = { loss: settle(loss.item()), batch, step };
    loss.dispose();
    this.report(step + 1, batch);
  }

  /** Waits for the loss that is under way and counts it. */
  private async settleLoss(): Promise<void> {
    if (!this.pending) return;
    const { loss, batch, step } = this.pending;
    this.pending = null;
    const value = (await loss)();
    if (!Number.isFinite(value)) throw new TrainingError(this.diverged(value, step));
    this.progress.lossSum += value * batch.size;
    this.progress.lossCount += batch.size;
    extendTrace(this.progress.trace, value);
  }

  private diverged(loss: number, step: number): string {
    const { epochs, optimizer, train } = this.options;
    const rates = [...new Set(optimizer.groups.map(({ lr }) => lr))].join(' and ');
    const { history } = this.progress;
    return (
      `the loss became ${loss} in epoch ${Math.floor(step / train.batches) + 1} of ${epochs} (step ${step + 1}), so training ends; ` +
      `most often the learning rate (${rates}) is too high: try a tenth of it. ` +
      (history.length > 0
        ? `The checkpoints are those of epoch ${history.length}`
        : 'No checkpoint was written')
    );
  }

  private report(step: number, batch: Batch): void {
    const { lossSum, lossCount, epoch } = this.progress;
    const loss = lossCount > 0 ? lossSum / lossCount : Number.NaN;
    this.options.onStep?.({ step, epoch, pictures: batch.size, loss });
  }

  /** Measures the validation set; null where a stop was requested before its end. */
  private async validate(): Promise<[EpochRecord, Inference] | null> {
    const { model, device, val, train, epochs, stop, onValidate } = this.options;
    const { progress } = this;
    const started = performance.now();
    const batches = this.takeNext(() => val.load(0));
    const answers = await infer(model, device, batches, {
      onBatch: (done) => {
        onValidate?.(done);
        if (done === val.batches && progress.epoch + 1 < epochs)
          this.next = new HeadStart(train.load(progress.epoch + 1));
        return !stop?.requested || done === val.batches;
      },
    });
    if (!answers) return null;
    if (answers.labels.length === 0)
      throw new TrainingError('no picture of the validation set could be read; the lines above name them');
    if (progress.lossCount === 0)
      throw new TrainingError('no picture of the training set could be read; the lines above name them');
    const metrics = measure(answers);
    if (!Number.isFinite(metrics.loss)) throw new TrainingError(this.diverged(metrics.loss, this.lastStep()));
    const record = {
      epoch: progress.epoch + 1,
      trainLoss: progress.lossSum / progress.lossCount,
      val: metrics,
      trainSeconds: progress.seconds,
      valSeconds: (performance.now() - started) / 1000,
    };
    return [record, answers];
  }

  private lastStep(): number {
    return (this.progress.epoch + 1) * this.options.train.batches - 1;
  }

  /** Books the epoch and keeps the state. */
  private async endEpoch(record: EpochRecord, answers: Inference): Promise<void> {
    const { progress, options } = this;
    const { history } = progress;
    const isBest = progress.best < 0 || better(record.val, history[progress.best].val);
    history.push(record);
    if (isBest) progress.best = history.length - 1;
    Object.assign(progress, { epoch: progress.epoch + 1, batch: 0, lossSum: 0, lossCount: 0, seconds: 0 });
    if (isBest) await options.save?.('best', progress);
    await options.save?.('last', progress);
    options.onEpoch?.(record, isBest, answers);
  }

  /** The batches that are being made already; from `load` at the start, and where unreadable ones hid the end. */
  private takeNext(load: () => ReturnType<BatchSource['load']>): HeadStart {
    const batches = this.next ?? new HeadStart(load());
    this.next = null;
    return batches;
  }
}
