/**
 * How fast a run goes and how long it has taken: the one source of what a bar shows, what is estimated, and what a report
 * says. Times are of the whole run, over all of its processes, as far as their work was saved.
 */
import { demand, number, object, type Rule } from '../../text/rules.ts';
import type { Callback, CallbackState, RunEvent, StepEvent, ValidationEvent } from '../callback.ts';

/** Steps at a process's start that compile kernels: the first one, and the one that waits for it. */
const COMPILING = 2;
/** Steps whose mean time gives the first estimate. */
const MEASURED = 3;
/** Steps whose mean time is the pace of the moment. */
const RECENT = 12;

export interface PaceOptions {
  /**
   * What a step of an epoch (counted from 0) costs, in any unit: until steps of that cost were measured, the ratio to the
   * costliest that were is what they are estimated by. Default: all the same.
   */
  stepCost?: (epoch: number) => number;
  /** The same of a validation batch, in the same unit. Default: 0.7 of a step. */
  validationCost?: (epoch: number) => number;
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

/** How long pieces of work take, by what they cost. */
class Meter {
  private readonly measured = new Map<number, number[]>();

  /** @param enough pieces of a cost that are measured before they count */
  constructor(private readonly enough: number) {}

  add(cost: number, seconds: number): void {
    const times = this.measured.get(cost) ?? [];
    this.measured.set(cost, [...times, seconds].slice(-RECENT));
  }

  /** Seconds that a piece of a cost takes; from those of others, as their costs are; null where nothing is measured. */
  seconds(cost: number): number | null {
    const known = [...this.measured].filter(([, times]) => times.length >= this.enough).map(([of]) => of);
    if (known.length === 0) return null;
    // What is cheap is mostly waiting, which says nothing of what works.
    const from = known.includes(cost) ? cost : Math.max(...known);
    const times = this.measured.get(from)!;
    return ((cost / from) * times.reduce((sum, each) => sum + each, 0)) / times.length;
  }
}

export class Pace implements Callback {
  readonly name = 'pace';
  private readonly stepCost: (epoch: number) => number;
  private readonly validationCost: (epoch: number) => number;
  private readonly now: () => number;
  /** When the process began, and when the last thing that is timed ended. */
  private readonly started: number;
  private last: number;
  /** Of this process. */
  private steps = 0;
  private recent: { seconds: number; pictures: number }[] = [];
  private readonly stepTimes = new Meter(MEASURED);
  private readonly validationTimes = new Meter(1);
  private saves = { count: 0, seconds: 0 };
  /** Of the processes before, and of all: pictures that were trained on while time was taken, and that time. */
  private before = 0;
  private pictures = 0;
  private trainSeconds = 0;
  /** Until the run's first step was computed, compilation included; 0 before. */
  firstStepSeconds = 0;

  constructor({
    stepCost = () => 1,
    validationCost = (epoch) => 0.7 * stepCost(epoch),
    now = () => performance.now(),
  }: PaceOptions = {}) {
    this.stepCost = stepCost;
    this.validationCost = validationCost;
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
    this.stepTimes.add(this.stepCost(epoch), seconds);
    this.recent.push({ seconds, pictures });
    if (this.recent.length > RECENT) this.recent.shift();
  }

  onValidation({ progress }: ValidationEvent): void {
    this.validationTimes.add(this.validationCost(progress.epoch), this.lap());
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
    return this.stepTimes.seconds(this.stepCost(epoch));
  }

  /** Seconds that a validation batch takes in `epoch`; null before enough steps were measured. */
  private validationSeconds(epoch: number): number | null {
    const cost = this.validationCost(epoch);
    return this.validationTimes.seconds(cost) ?? this.stepTimes.seconds(cost);
  }

  /**
   * Seconds until the run's planned end; null before enough steps were measured.
   * @param validated batches of the epoch's validation that are done, where it is under way
   */
  left({ epochs, stepsPerEpoch, validationsPerEpoch, progress }: RunEvent, validated = 0): number | null {
    const { epoch, batch } = progress;
    const step = this.stepSeconds(epoch);
    if (step === null) return null;
    const save = this.saves.count > 0 ? this.saves.seconds / this.saves.count : 0;
    let left = -step * batch - this.validationSeconds(epoch)! * validated;
    for (let next = epoch; next < epochs; next++)
      left +=
        this.stepSeconds(next)! * stepsPerEpoch + this.validationSeconds(next)! * validationsPerEpoch + save;
    return left;
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

  private sumOfRecent(what: 'seconds' | 'pictures'): number {
    return this.recent.reduce((sum, step) => sum + step[what], 0);
  }
}
