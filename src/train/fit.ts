/**
 * The training loop. It owns where a run stands, the order of things, the pace and the end; what a step computes is
 * step.ts, what happens beside the steps callback.ts. A step records its work and returns; what waits is the end of a
 * step, for the step before:
 *
 *   forward → loss → backward → update     recorded by the step, inside one scope
 *   pace()                                 submits it; timers, signals and the loader get their turn
 *   await the loss of the step before      while the GPU computes this one
 *
 * So the GPU always has a step to compute, at most one readback is under way (the number of staging buffers does not
 * depend on timing), and a loss that is not finite is noticed a step later. The optimiser has skipped that update on
 * the GPU by then, and the run ends before anything is saved.
 *
 * Everything random depends on (seed, epoch, place), the learning rate and what trains on the step alone: a run that is
 * stopped and resumed gives the numbers of one that was not.
 */
import type { Batch, BatchSource } from '../data/loader.ts';
import { settle } from '../data/settle.ts';
import type { Device } from '../gpu/index.ts';
import { constant, type Model, type Optimizer, type Schedule } from '../nn/index.ts';
import { scope, setStep, type Tensor } from '../tensor/index.ts';
import { InputError } from '../text/input-error.ts';
import { fewestPictures, HeadStart, withLast } from './batches.ts';
import {
  type Callback,
  type CallbackStates,
  Callbacks,
  ResumeError,
  type RunEvent,
  type StepLoss,
} from './callback.ts';
import { type Inference, infer } from './infer.ts';
import { type Metrics, measure } from './metrics.ts';
import { noProgress, type Progress } from './progress.ts';
import { plainStep, type Step } from './step.ts';

/** Training cannot go on with these pictures and settings; the message says why and what to try. */
export class TrainingError extends InputError {
  override name = 'TrainingError';
}

/** The loss is not finite: one network at these rates, where whoever trains many goes on with the others. */
export class DivergedError extends TrainingError {}

/** Epochs with one schedule. */
export interface Phase {
  epochs: number;
  /** The factor on the learning rates at each step of the phase. Default: 1. */
  schedule?: Schedule | undefined;
  /** Called before its first step, and where a stopped run goes on within it: freezes, sets the rates of groups. */
  begin?: (() => void) | undefined;
}

/** A run is a phase, or several one after the other under one optimiser: the head first, then the rest, for example. */
export type FitOptions = RunOptions & (Phase | { phases: readonly Phase[] });

interface RunOptions {
  model: Model;
  device: Device;
  optimizer: Optimizer;
  train: BatchSource;
  /** Measured after every epoch. */
  val?: BatchSource;
  /** What of the answers to them is a figure of the epoch. Default: `measure`, of one class a picture. */
  measure?: (answers: Inference) => Metrics;
  /** Default: `plainStep()`, cross entropy and one update a batch. */
  step?: Step;
  callbacks?: readonly Callback[];
  /** The network that validates, where it is not the one that trains (an average of its weights, say). */
  validated?: Model;
  /** Where a stopped run goes on; weights and the optimiser's state are restored by then. */
  from?: { progress: Progress; callbacks?: CallbackStates };
}

export interface FitResult {
  /** False where it was stopped. */
  finished: boolean;
  /** Why it ended before its last epoch was done; null where it did not. */
  reason: string | null;
  progress: Progress;
}

/**
 * Trains until the epochs of all phases are done, or a callback stops or finishes the run.
 * @throws DivergedError where the loss is not finite; nothing was saved after the last good state. ResumeError where it
 * cannot go on from what it was given
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  return new Fit(options).run();
}

class Fit {
  private readonly progress: Progress;
  private readonly callbacks: Callbacks;
  private readonly record: Step;
  private readonly phases: readonly Phase[];
  private readonly totalEpochs: number;
  /** The phase of the epoch in progress, and its first epoch; null before the first. */
  private now: { phase: Phase; first: number } | null = null;
  /** What every event begins with. */
  private readonly event: RunEvent;
  /** The loss of the last step that was submitted, on its way back. */
  private pending: { value: Promise<() => number>; size: number; step: number } | null = null;
  private newest: StepLoss | null = null;
  private next: HeadStart | null = null;
  /** Whether gradients on the GPU wait for a later batch. */
  private held = false;
  private saveAsked = false;
  private stopReason: string | null = null;
  private finishReason: string | null = null;
  /** What was saved last: the sentence of an error names it. */
  private saved: { epoch: number; batch: number } | null;

  constructor(private readonly options: FitOptions) {
    const { train, val, from, model, device, optimizer, callbacks = [] } = options;
    const progress = from ? structuredClone(from.progress) : noProgress();
    if (progress.batch > train.batches)
      throw new ResumeError(
        `fit: the run is to go on behind batch ${progress.batch} of an epoch that has ${train.batches}; it was saved with ` +
          'other batches, or is damaged',
      );
    this.progress = progress;
    this.saved = from ? { epoch: progress.epoch, batch: progress.batch } : null;
    this.callbacks = new Callbacks(callbacks);
    this.record = options.step ?? plainStep();
    this.phases = 'phases' in options ? options.phases : [options];
    this.totalEpochs = this.phases.reduce((sum, { epochs }) => sum + epochs, 0);
    this.event = {
      model,
      device,
      optimizer,
      epochs: this.totalEpochs,
      stepsPerEpoch: train.batches,
      validationsPerEpoch: val?.batches ?? 0,
      progress,
      stop: (reason) => {
        this.stopReason ??= reason;
      },
      save: () => {
        this.saveAsked = true;
      },
      finish: (reason) => {
        this.finishReason ??= reason;
      },
    };
  }

  async run(): Promise<FitResult> {
    const { callbacks, event } = this;
    let result: FitResult;
    try {
      await callbacks.restore(this.options.from?.callbacks ?? {});
      await callbacks.ask('onStart', event);
      result = await this.epochs();
    } catch (error) {
      await callbacks.ask('onEnd', { ...event, finished: false, reason: null, error }).catch(() => undefined);
      throw error;
    } finally {
      await this.next?.drop();
    }
    await callbacks.ask('onEnd', { ...event, finished: result.finished, reason: result.reason });
    return result;
  }

  private async epochs(): Promise<FitResult> {
    const { progress } = this;
    while (progress.epoch < this.totalEpochs && progress.finished === undefined) {
      if (this.stopReason !== null) return { finished: false, reason: this.stopReason, progress };
      this.enterPhase();
      const ended = (await this.trainEpoch()) && (await this.endEpoch());
      if (!ended) await this.save(false);
    }
    return { finished: true, reason: progress.finished ?? null, progress };
  }

  /** Begins the phase of the epoch in progress where this process has not yet. */
  private enterPhase(): void {
    let first = 0;
    for (const phase of this.phases) {
      if (this.progress.epoch < first + phase.epochs) {
        if (this.now?.phase !== phase) phase.begin?.();
        this.now = { phase, first };
        return;
      }
      first += phase.epochs;
    }
  }

  /** Trains to the end of the epoch; false where the run stops before. */
  private async trainEpoch(): Promise<boolean> {
    const { options, progress } = this;
    const { model, train, val } = options;
    const batches = this.takeNext(() => train.load(progress.epoch, progress.batch));
    model.train();
    const least = fewestPictures(model);
    let leftOut = 0;
    const wanted = ({ size }: Batch): boolean => {
      leftOut += Number(size < least);
      return size >= least;
    };
    let started = performance.now();
    for await (const { batch, last } of withLast(batches, wanted)) {
      if (last) this.startNext(val ? () => val.load(0) : this.nextEpoch());
      await this.step(batch, last);
      progress.batch = batch.index + 1;
      const now = performance.now();
      progress.seconds += (now - started) / 1000;
      started = now;
      if (this.stopReason !== null && !this.held) {
        await this.settleLoss();
        return false;
      }
      if (this.saveAsked && !this.held) {
        await this.settleLoss();
        await this.save(false);
        started = performance.now();
      }
    }
    await this.settleLoss();
    if (progress.lossCount === 0)
      throw new TrainingError(
        leftOut === 0
          ? 'no picture of the training set could be read; the lines above name them'
          : 'no step could be taken: norms that train need two pictures in a step, and no batch held two that could be read; take more pictures or larger batches, or freeze the norms',
      );
    progress.batch = train.batches;
    progress.seconds += (performance.now() - started) / 1000;
    return true;
  }

  private async step(batch: Batch, last: boolean): Promise<void> {
    const { model, device, optimizer, train } = this.options;
    const { epoch } = this.progress;
    const step = epoch * train.batches + batch.index;
    setStep(device, step);
    const { phase, first } = this.now!;
    const { schedule = constant } = phase;
    optimizer.lrFactor = schedule(step - first * train.batches, phase.epochs * train.batches);
    this.held = false;
    const holdUpdate = (): void => {
      this.held = true;
    };
    const where = { epoch, step, index: batch.index, count: train.batches, last };
    const context = { model, device, optimizer, ...where, holdUpdate };
    const loss = scope(() => this.record(batch, context));
    if (last && this.held)
      throw new Error(
        `fit: the step held its update back at the last batch of epoch ${epoch + 1}, where no later one comes; a step that accumulates updates where context.last is true`,
      );
    await device.pace();
    await this.settleLoss();
    this.pending = { value: settle(onItsWay(loss)), size: batch.size, step: step + 1 };
    const { lossSum, lossCount } = this.progress;
    this.callbacks.tell('onStep', {
      ...this.event,
      step: step + 1,
      epoch,
      pictures: batch.size,
      updated: !this.held,
      loss: this.newest,
      meanLoss: lossCount > 0 ? lossSum / lossCount : Number.NaN,
    });
  }

  /** Waits for the loss that is under way and counts it. */
  private async settleLoss(): Promise<void> {
    if (!this.pending) return;
    const { value: settled, size, step } = this.pending;
    this.pending = null;
    const value = (await settled)();
    if (!Number.isFinite(value)) throw new DivergedError(this.diverged(value, step));
    this.progress.lossSum += value * size;
    this.progress.lossCount += size;
    this.newest = { step, value };
    this.callbacks.tell('onLoss', this.newest);
  }

  private diverged(loss: number, step: number): string {
    const { optimizer, train } = this.options;
    const rates = [...new Set(optimizer.groups.map(({ lr }) => lr))].join(' and ');
    return (
      `the loss became ${loss} in epoch ${Math.ceil(step / train.batches)} of ${this.totalEpochs} (step ${step}), so training ends; ` +
      `most often the learning rate (${rates}) is too high: try a tenth of it. ` +
      this.whatWasSaved()
    );
  }

  private whatWasSaved(): string {
    if (!this.callbacks.saves || !this.saved) return 'Nothing was saved';
    const { epoch, batch } = this.saved;
    const { batches } = this.options.train;
    const place =
      batch > 0 ? `after ${batch} of ${batches} steps of epoch ${epoch + 1}` : `after epoch ${epoch}`;
    return `What was saved last is the state ${place}`;
  }

  /** Measures the validation pictures; null where the run stops before their end. */
  private async validate(val: BatchSource): Promise<{ answers: Inference; metrics: Metrics } | null> {
    const { model, device, validated = model } = this.options;
    const batches = this.takeNext(() => val.load(0));
    let atLast = false;
    const watched = async function* (fit: Fit): AsyncGenerator<Batch> {
      for await (const { batch, last } of withLast(batches)) {
        atLast = last;
        if (last) fit.startNext(fit.nextEpoch());
        yield batch;
      }
    };
    const answers = await infer(validated, device, watched(this), {
      onBatch: (done) => {
        this.callbacks.tell('onValidation', { ...this.event, done });
        return this.stopReason === null || atLast;
      },
    });
    if (!answers) return null;
    if (answers.labels.length === 0)
      throw new TrainingError('no picture of the validation set could be read; the lines above name them');
    const metrics = (this.options.measure ?? measure)(answers);
    if (!Number.isFinite(metrics.loss)) throw new DivergedError(this.diverged(metrics.loss, this.lastStep()));
    return { answers, metrics };
  }

  private lastStep(): number {
    return (this.progress.epoch + 1) * this.options.train.batches;
  }

  /** Validates, books the epoch and keeps the state; false where the run stops in the validation. */
  private async endEpoch(): Promise<boolean> {
    const { progress, options, callbacks } = this;
    const started = performance.now();
    const validation = options.val ? await this.validate(options.val) : { answers: null, metrics: null };
    if (!validation) return false;
    const record = {
      epoch: progress.epoch + 1,
      trainLoss: progress.lossSum / progress.lossCount,
      val: validation.metrics,
      trainSeconds: progress.seconds,
      valSeconds: (performance.now() - started) / 1000,
    };
    progress.history.push(record);
    Object.assign(progress, { epoch: progress.epoch + 1, batch: 0, lossSum: 0, lossCount: 0, seconds: 0 });
    await callbacks.ask('onEpoch', { ...this.event, record, answers: validation.answers });
    if (this.finishReason !== null && progress.epoch < this.totalEpochs)
      progress.finished = this.finishReason;
    await this.save(true);
    return true;
  }

  private async save(epochEnded: boolean): Promise<void> {
    this.saveAsked = false;
    let states: Promise<CallbackStates> | undefined;
    await this.callbacks.ask('onSave', {
      ...this.event,
      epochEnded,
      states: () => {
        states ??= this.callbacks.states();
        return states;
      },
    });
    this.saved = { epoch: this.progress.epoch, batch: this.progress.batch };
  }

  /**
   * What loads the first batches of the epoch after this one; null where there is none to come, and where it begins a phase,
   * which may freeze what this one trains: what batches carry may depend on it (feature-cache.ts).
   */
  private nextEpoch(): (() => ReturnType<BatchSource['load']>) | null {
    const { phase, first } = this.now!;
    const next = this.progress.epoch + 1;
    return next < first + phase.epochs && this.finishReason === null
      ? () => this.options.train.load(next)
      : null;
  }

  private startNext(load: (() => ReturnType<BatchSource['load']>) | null): void {
    this.next = load && new HeadStart(load());
  }

  /** The batches that are being made already; from `load` at the start. */
  private takeNext(load: () => ReturnType<BatchSource['load']>): HeadStart {
    const batches = this.next ?? new HeadStart(load());
    this.next = null;
    return batches;
  }
}

/** The value of a scalar that nobody needs afterwards. */
function onItsWay(loss: Tensor): Promise<number> {
  const value = loss.item();
  loss.dispose();
  return value;
}
