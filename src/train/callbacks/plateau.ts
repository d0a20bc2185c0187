/**
 * A learning rate that falls where validation no longer gets better: times `factor` after more than `patience` epochs
 * whose loss is not below the best by a share of `threshold`. PyTorch: `ReduceLROnPlateau` (mode 'min', threshold mode
 * 'rel'), whose values it gives. It is a callback that watches, and a schedule that tells:
 *
 *   const plateau = new Plateau({ patience: 2 });
 *   await fit({ …, schedule: plateau.schedule(), callbacks: [plateau] });
 */
import { constant, type Schedule } from '../../nn/index.ts';
import { demand, number, object, orNull, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, EpochEvent } from '../callback.ts';
import { MOST_EPOCHS } from '../progress.ts';

export interface PlateauOptions {
  /** Default 0.1. */
  factor?: number;
  /** Epochs without a better loss that are let pass. Default 10. */
  patience?: number;
  /** How much smaller a better loss is, as a share of the best. Default 1e-4. */
  threshold?: number;
  /** Epochs after a fall in which none is counted. Default 0. */
  cooldown?: number;
  /** What the rate is multiplied by at least. Default 0. */
  least?: number;
  /** Epochs of each phase of the run: each begins at its own full rate. Default: it is of one. */
  phases?: readonly number[];
}

interface State {
  /** What the rate is multiplied by now. */
  level: number;
  /** The smallest loss so far; null before the first. */
  best: number | null;
  /** Epochs without a better one. */
  bad: number;
  /** Epochs that are yet not counted. */
  cooling: number;
}

const count = whole(0, MOST_EPOCHS);

/** The state of `Plateau` out of a file. */
export const PLATEAU_STATE: Rule = object({
  level: number(0, 1),
  best: orNull(number(-Number.MAX_VALUE, Number.MAX_VALUE)),
  bad: count,
  cooling: count,
} satisfies Record<keyof State, Rule>);

/** Falls that are smaller than this are left out, as PyTorch's `eps` does. */
const TOO_SMALL = 1e-8;

export class Plateau implements Callback {
  readonly name = 'plateau';
  private readonly options: Required<PlateauOptions>;
  private now: State = { level: 1, best: null, bad: 0, cooling: 0 };

  /** @throws RangeError for a factor that is no number from 0 to below 1 */
  constructor({
    factor = 0.1,
    patience = 10,
    threshold = 1e-4,
    cooldown = 0,
    least = 0,
    phases = [],
  }: PlateauOptions = {}) {
    if (!(factor >= 0 && factor < 1))
      throw new RangeError(`Plateau: the rate falls by a factor from 0 to below 1, not ${factor}`);
    this.options = { factor, patience, threshold, cooldown, least, phases };
  }

  /** `base` times what the rate has fallen to. */
  schedule(base: Schedule = constant): Schedule {
    return (step, total) => base(step, total) * this.level;
  }

  /** What the rate is multiplied by now. */
  get level(): number {
    return this.now.level;
  }

  onEpoch({ record: { epoch, val } }: EpochEvent): void {
    if (val) this.look(val.loss);
    let end = 0;
    for (const epochs of this.options.phases) {
      end += epochs;
      if (epoch === end) Object.assign(this.now, { level: 1, bad: 0, cooling: 0 });
    }
  }

  private look(loss: number): void {
    const { factor, patience, threshold, cooldown, least } = this.options;
    const state = this.now;
    if (state.best === null || loss < state.best * (1 - threshold)) [state.best, state.bad] = [loss, 0];
    else state.bad++;
    if (state.cooling > 0) {
      state.cooling--;
      state.bad = 0;
    }
    if (state.bad <= patience) return;
    const lower = Math.max(state.level * factor, least);
    if (state.level - lower > TOO_SMALL) state.level = lower;
    [state.cooling, state.bad] = [cooldown, 0];
  }

  state(): CallbackState {
    return { json: { ...this.now } };
  }

  restore({ json }: CallbackState): void {
    demand(PLATEAU_STATE, json, 'the state of plateau');
    this.now = { ...(json as State) };
  }
}
