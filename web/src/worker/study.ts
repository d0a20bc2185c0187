/**
 * A lesson that goes on after a reload: where it stands and what it has learnt so far, kept in the browser twice a second. The
 * trainer's own state (src/train/node/checkpoint.ts keeps the same in files), so that a lesson that goes on has the numbers of one
 * that was never disturbed.
 */
import { get } from 'idb-keyval';
import type { Model, Optimizer } from '../../../src/nn/index.ts';
import { demand } from '../../../src/text/rules.ts';
import type { Callback, SavePoint } from '../../../src/train/callback.ts';
import { PROGRESS, type Progress } from '../../../src/train/progress.ts';
import type { Learnt } from '../lesson.ts';
import { KEYS, keepState, store } from '../lesson-store.ts';

/** Milliseconds of training until it is kept again, so that with the time that keeping takes no more than a second is lost. */
const EVERY = 500;

interface State {
  key: string;
  progress: Progress;
  parameters: Learnt['parameters'];
  optimizer: readonly (readonly [string, Float32Array])[];
}

/** Values of the parameters that learn, by name. */
export async function learntOf(model: Model): Promise<Record<string, Float32Array<ArrayBuffer>>> {
  const values: Record<string, Float32Array<ArrayBuffer>> = {};
  for (const [name, parameter] of model.namedParameters())
    if (parameter.requiresGrad) values[name] = Float32Array.from(await parameter.data());
  return values;
}

/** Gives parameters the values that were learnt. @throws Error, a sentence, where they are another network's */
export function putLearnt(model: Model, parameters: Learnt['parameters']): void {
  const own = new Map(model.namedParameters());
  for (const [name, values] of Object.entries(parameters)) {
    const parameter = own.get(name);
    if (parameter?.size !== values.length || !values.every(Number.isFinite))
      throw new Error(
        `what was learnt does not fit the network that it was taught on: ${name} is of ${values.length} values${parameter ? `, which are to be ${parameter.size} numbers` : ''}; teach anew`,
      );
    parameter.write(values);
  }
}

/** Where the lesson of a key stands; its parameters and the optimiser are set to it. Null where nothing is kept of it. */
export async function goOn(key: string, model: Model, optimizer: Optimizer): Promise<Progress | null> {
  const state = await get<State>(KEYS.state, store);
  if (state?.key !== key) return null;
  demand(PROGRESS, state.progress, 'the progress');
  putLearnt(model, state.parameters);
  optimizer.loadState(state.optimizer);
  return state.progress;
}

/** Keeps the state as training goes. */
export class Keeper implements Callback {
  readonly name = 'keeper';
  /** When it was kept last; the first step is, so that a lesson that broke off at once is known. */
  private last = Number.NEGATIVE_INFINITY;

  /**
   * @param signal nothing is kept any more once it has aborted
   * @param onFailed told why it cannot be kept
   * @param breathe lets others have their turn
   */
  constructor(
    private readonly key: string,
    private readonly signal: AbortSignal,
    private readonly onFailed: (error: unknown, epoch: number) => void,
    private readonly breathe: () => Promise<void>,
  ) {}

  onStep({ save }: { save(): void }): void {
    if (this.due) save();
  }

  async onSave({ progress, epochs, model, optimizer }: SavePoint): Promise<void> {
    if (!this.due) return;
    const state: [string, Float32Array][] = [];
    for await (const [name, values] of optimizer.stateTensors())
      state.push([name, Float32Array.from(values)]);
    const kept: State = {
      ...{ key: this.key, progress: structuredClone(progress) as Progress },
      ...{ parameters: await learntOf(model), optimizer: state },
    };
    this.signal.throwIfAborted();
    await keepState({ key: this.key, epoch: progress.epoch, epochs }, kept).catch((error: unknown) =>
      this.onFailed(error, progress.epoch),
    );
    this.last = performance.now();
    await this.breathe();
  }

  private get due(): boolean {
    return performance.now() - this.last >= EVERY;
  }
}
