/**
 * How fast a run goes and how long it has taken: the one source of what a bar shows, what is estimated, and what a report
 * says. Times are of the whole run, over all of its processes, as far as their work was saved.
 */
import { demand, number, object, type Rule } from '../../text/rules.ts';
import type { Callback, CallbackState, RunEvent, StepEvent } from '../callback.ts';

/** Steps at a process's start that compile kernels: the first one, and the one that waits for it. */
const COMPILING = 2;
/** Steps whose mean time gives the first estimate. */
const MEASURED = 3;
/** Steps whose mean time is the pace of the moment. */
const RECENT = 12;

export interface PaceOptions {
  /** What a step of an epoch (counted from 0) costs, in any unit: only ratios count. Default: all the same. */
  stepCost?: (epoch: number) => number;
  /** Time of a validation batch over that of a step, until one was measured. */
  validationShare?: number;
  /** Milliseconds on a clock that only goes forward. */
  now?: () => number;
}

const amount = number(0, Number.MAX_VALUE);

/** The state of `Pace` out of a file. */
export const PACE_STATE: Rule = object({
  seconds: amount,
  pictures: amount,
  trainSeconds: amount,
  firstStepSeconds: amount,
});

export class Pace implements Callback {
  readonly name = 'pace';
  private readonly stepCost: (epoch: number) => number;
  private readonly validationShare: number;
  private readonly now: () => number;
  /** When the process began, and when the last thing that is timed ended. */
  private readonly started: number;
  private last: number;
  /** Of this process. */
  private steps = 0;
  private recent: { seconds: number; pictures: number; cost: number }[] = [];
  private validations = { count: 0, seconds: 0 };
  private saves = { count: 0, seconds: 0 };
  /** Of the processes before, and of all: pictures that were trained on while time was taken, and that time. */
  private before = 0;
  private pictures = 0;
  private trainSeconds = 0;
  /** Until the run's first step was computed, compilation included; 0 before. */
  firstStepSeconds = 0;

  constructor({
    stepCost = () => 1,
    validationShare = 0.7,
    now = () => performance.now(),
  }: PaceOptions = {}) {
    this.stepCost = stepCost;
    this.validationShare = validationShare;
    this.now = now;
    this.started = now();
    this.last = this.started;
  }

  onStart(): void {
    this.lap();
  }

  onStep({ pictures, epoch }: StepEvent): void {
    const seconds = this.lap();
    this.steps++;
    if (this.steps <= COMPILING) {
      // The second event comes when the first step is done. A run that goes on had its first step in another process.
      if (this.before === 0) this.firstStepSeconds = this.sinceStart();
      return;
    }
    this.trainSeconds += seconds;
    this.pictures += pictures;
    this.recent.push({ seconds, pictures, cost: this.stepCost(epoch) });
    if (this.recent.length > RECENT) this.recent.shift();
  }

  onValidation(): void {
    this.validations.seconds += this.lap();
    this.validations.count++;
  }

  onEpoch(): void {
    this.lap();
  }

  onSave(): void {
    this.saves.seconds += this.lap();
    this.saves.count++;
  }

  /** Seconds that the run has taken, compilation and checkpoints included. */
  get seconds(): number {
    return this.before + this.sinceStart();
  }

  /** Pictures a second while training, without the steps that compile; 0 before there is a figure. */
  get imagesPerSecond(): number {
    return this.trainSeconds > 0 ? this.pictures / this.trainSeconds : 0;
  }

  /** The same of the last steps. */
  get recentImagesPerSecond(): number {
    const seconds = this.sumOfRecent('seconds');
    return seconds > 0 ? this.sumOfRecent('pictures') / seconds : 0;
  }

  /** Seconds that a step takes in `epoch`; null before enough were measured. */
  stepSeconds(epoch: number): number | null {
    if (this.recent.length < MEASURED) return null;
    return (this.stepCost(epoch) * this.sumOfRecent('seconds')) / this.sumOfRecent('cost');
  }

  /**
   * Seconds until the run's planned end; null before enough steps were measured.
   * @param validated batches of the epoch's validation that are done, where it is under way
   */
  left({ epochs, stepsPerEpoch, validationsPerEpoch, progress }: RunEvent, validated = 0): number | null {
    const { epoch, batch } = progress;
    const step = this.stepSeconds(epoch);
    if (step === null) return null;
    let training = -step * batch;
    for (let next = epoch; next < epochs; next++) training += this.stepSeconds(next)! * stepsPerEpoch;
    const { count, seconds } = this.validations;
    const validation = count > 0 ? seconds / count : step * this.validationShare;
    const save = this.saves.count > 0 ? this.saves.seconds / this.saves.count : 0;
    const epochsLeft = epochs - epoch;
    return training + validation * (epochsLeft * validationsPerEpoch - validated) + save * epochsLeft;
  }

  state(): CallbackState {
    const { seconds, pictures, trainSeconds, firstStepSeconds } = this;
    return { json: { seconds, pictures, trainSeconds, firstStepSeconds } };
  }

  restore({ json }: CallbackState): void {
    demand(PACE_STATE, json, 'the state of pace');
    const { seconds, pictures, trainSeconds, firstStepSeconds } = json as Record<string, number>;
    [this.before, this.pictures, this.trainSeconds] = [seconds!, pictures!, trainSeconds!];
    this.firstStepSeconds = firstStepSeconds!;
  }

  private sinceStart(): number {
    return (this.now() - this.started) / 1000;
  }

  /** Seconds since the last thing that was timed. */
  private lap(): number {
    const now = this.now();
    const seconds = (now - this.last) / 1000;
    this.last = now;
    return seconds;
  }

  private sumOfRecent(what: 'seconds' | 'pictures' | 'cost'): number {
    return this.recent.reduce((sum, step) => sum + step[what], 0);
  }
}
