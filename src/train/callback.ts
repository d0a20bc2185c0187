/**
 * What watches a run and acts on it: a callback. Saving, progress bars, an early end, a moving average of the weights
 * and logs are callbacks; `fit` knows none of them.
 *
 *   onStart → (onStep, onLoss …) → (onValidation …) → onEpoch → onSave → … → onEnd
 *
 * Order: at every hook the callbacks are called as they were listed, one after the other. `onSave` comes when every
 * callback has seen the epoch, so that what it saves (`SavePoint.states`) is of one moment.
 *
 * A callback that keeps anything from one hook to a later one gives it by `state` and takes it back by `restore`;
 * then a resumed run gives the numbers of one that was never stopped.
 */
import type { Device } from '../gpu/index.ts';
import type { Model, Optimizer } from '../nn/index.ts';
import type { Inference } from './infer.ts';
import type { EpochRecord, Progress } from './progress.ts';

/** The run that an event is about. */
export interface RunEvent {
  readonly model: Model;
  readonly device: Device;
  readonly optimizer: Optimizer;
  /** Epochs of the whole run; training steps and validation batches of an epoch (0 without validation pictures). */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly validationsPerEpoch: number;
  /** How far the run has come. `fit` changes it in place; a callback only reads. */
  readonly progress: Readonly<Progress>;
  /**
   * Asks the run to stop as soon as its state is whole: after this step, or where gradients wait for a later batch,
   * after the one that updates; a validation is broken off, and done again when the run goes on.
   */
  stop(reason: string): void;
  /**
   * Asks for the state to be saved (`onSave`) as soon as it is whole: after this step, or where gradients wait for a later batch,
   * after the one that updates. The run goes on.
   */
  save(): void;
  /**
   * Asks the run to end for good after this epoch, its validation included: it is finished, earlier than planned. To be
   * asked again where the run is stopped before.
   */
  finish(reason: string): void;
}

/** A step was submitted. */
export interface StepEvent extends RunEvent {
  /** Steps that were submitted since the run began, resumed parts included. */
  readonly step: number;
  /** Counted from 0. */
  readonly epoch: number;
  /** Pictures in the step. */
  readonly pictures: number;
  /** Whether the step updated the parameters; false where its gradients wait for a later one. */
  readonly updated: boolean;
  /** Of the step before, the newest that is known; null before the first one of this process. */
  readonly loss: StepLoss | null;
  /** Mean loss over the pictures of the epoch so far; NaN before the first is known. */
  readonly meanLoss: number;
}

/** A step's loss, once the GPU has computed it. */
export interface StepLoss {
  /** Number of the step, counted from 1 since the run began. */
  readonly step: number;
  /** Mean over its pictures; finite. */
  readonly value: number;
}

/** A batch of the validation pictures was answered. */
export interface ValidationEvent extends RunEvent {
  /** Batches so far, of about `validationsPerEpoch`. */
  readonly done: number;
}

/** An epoch was trained and validated. */
export interface EpochEvent extends RunEvent {
  readonly record: EpochRecord;
  /** What the network said to the validation pictures; null where there are none. */
  readonly answers: Inference | null;
}

/** The state is whole: after an epoch, where the run stops, and after a step of which a callback asked it (`save`). */
export interface SavePoint extends RunEvent {
  /** Whether an epoch has just ended; false within one. */
  readonly epochEnded: boolean;
  /** The state of every callback that has one, by name; gathered once, when it is asked for first. */
  states(): Promise<CallbackStates>;
}

/** The run is over. */
export interface EndEvent extends RunEvent {
  /** False where it was stopped, or failed. */
  readonly finished: boolean;
  /** Why it stopped or finished early, in the words of whoever asked; null where it came to its planned end or failed. */
  readonly reason: string | null;
  /** What `fit` is about to throw. */
  readonly error?: unknown;
}

/** What a callback keeps. */
export interface CallbackState {
  /** As JSON can hold it: NaN and infinities cannot be kept here. */
  json?: unknown;
  tensors?: Record<string, Float32Array>;
}

/** The states of a run's callbacks by their names. */
export type CallbackStates = Record<string, CallbackState>;

/** See the head of this file. Every hook is optional. */
export interface Callback {
  /** Unique in a run: the state lies in checkpoints under it. Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Awaited, before the first batch; states are restored by then. */
  onStart?(event: RunEvent): void | Promise<void>;
  /**
   * After a step was submitted. Synchronous: the loop does not wait, and what is recorded here runs after the step.
   * The loss of this step is not known yet.
   */
  onStep?(event: StepEvent): void;
  /**
   * Each step's loss exactly once, in order, as soon as it is known: as a rule during the step after it, the last one
   * of an epoch before its validation, and always before the state is saved. Synchronous.
   */
  onLoss?(loss: StepLoss): void;
  /** After each validation batch. Synchronous. */
  onValidation?(event: ValidationEvent): void;
  /** Awaited, after an epoch and its validation. */
  onEpoch?(event: EpochEvent): void | Promise<void>;
  /** Awaited, when the state is whole. */
  onSave?(point: SavePoint): void | Promise<void>;
  /** Awaited, exactly once, also where the run fails (then an error in here is lost to the first one). */
  onEnd?(event: EndEvent): void | Promise<void>;
  /** What `restore` needs in another process to go on as if nothing had happened. */
  state?(): CallbackState | Promise<CallbackState>;
  /** @throws where the state is damaged or another callback's */
  restore?(state: CallbackState): void | Promise<void>;
}

/** A run cannot go on from what it was given: the state is damaged, or another run's. */
export class ResumeError extends RangeError {
  override name = 'ResumeError';
}

const NAME = /^[\w-]+$/;

/** The callbacks of a run, called one after the other. */
export class Callbacks {
  /** @throws RangeError where two have the same name, or one's name cannot stand in a checkpoint */
  constructor(private readonly list: readonly Callback[]) {
    const names = new Set<string>();
    for (const { name } of list) {
      if (!NAME.test(name))
        throw new RangeError(`fit: a callback's name is of letters, digits, - and _, not '${name}'`);
      if (names.has(name))
        throw new RangeError(
          `fit: two callbacks are called '${name}'; their states would lie in one place, so give one another name`,
        );
      names.add(name);
    }
  }

  /** Whether anybody keeps states. */
  get saves(): boolean {
    return this.list.some(({ onSave }) => onSave !== undefined);
  }

  /** Calls a synchronous hook of each. */
  tell(hook: 'onStep', event: StepEvent): void;
  tell(hook: 'onLoss', event: StepLoss): void;
  tell(hook: 'onValidation', event: ValidationEvent): void;
  tell(hook: 'onStep' | 'onLoss' | 'onValidation', event: StepEvent & StepLoss & ValidationEvent): void {
    for (const callback of this.list) callback[hook]?.(event);
  }

  /** Calls an awaited hook of each, one when the one before is done. */
  async ask(hook: 'onStart', event: RunEvent): Promise<void>;
  async ask(hook: 'onEpoch', event: EpochEvent): Promise<void>;
  async ask(hook: 'onSave', event: SavePoint): Promise<void>;
  async ask(hook: 'onEnd', event: EndEvent): Promise<void>;
  async ask(
    hook: 'onStart' | 'onEpoch' | 'onSave' | 'onEnd',
    event: EpochEvent & SavePoint & EndEvent,
  ): Promise<void> {
    for (const callback of this.list) await callback[hook]?.(event);
  }

  /** The state of each that has one. */
  async states(): Promise<CallbackStates> {
    const states: CallbackStates = {};
    for (const callback of this.list) if (callback.state) states[callback.name] = await callback.state();
    return states;
  }

  /**
   * Gives every state back to whom it belongs.
   * @throws ResumeError where nobody takes a state (the run would go on as another one), or who takes it finds it damaged
   */
  async restore(states: CallbackStates): Promise<void> {
    for (const [name, state] of Object.entries(states)) {
      const owner = this.list.find((callback) => callback.name === name);
      if (!owner?.restore)
        throw new ResumeError(
          `fit: the run was saved with a callback '${name}', whose state nobody takes now; give that callback, or leave its state out`,
        );
      try {
        await owner.restore(state);
      } catch (error) {
        throw error instanceof RangeError ? new ResumeError(error.message, { cause: error }) : error;
      }
    }
  }
}
