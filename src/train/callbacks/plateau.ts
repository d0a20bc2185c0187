/**
 * A learning rate that falls where validation no longer gets better: times `factor` after more than `patience` epochs
 * whose loss is not below the best by a share of `threshold`. PyTorch: `ReduceLROnPlateau` (mode 'min', threshold mode
 * 'rel'), whose values it gives. It is a callback that watches, and a schedule that tells:
 *
 *   const plateau = new Plateau({ patience: 2 });
 *   await fit({ …, schedule: plateau.schedule(), callbacks: [plateau] });
 *
 * What the rate has fallen to follows from the history of the run, so that nothing has to be kept for one that is resumed.
 */
import { constant, type Schedule } from '../../nn/index.ts';
import type { Callback, RunEvent } from '../callback.ts';
import type { EpochRecord } from '../progress.ts';

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

/** Falls that are smaller than this are left out, as PyTorch's `eps` does. */
const TOO_SMALL = 1e-8;

export class Plateau implements Callback {
  readonly name = 'plateau';
  private readonly options: Required<PlateauOptions>;
  /** What the rate is multiplied by now. */
  private level = 1;

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

  onStart({ progress }: RunEvent): void {
    this.level = this.levelAfter(progress.history);
  }

  onEpoch({ progress }: RunEvent): void {
    this.level = this.levelAfter(progress.history);
  }

  private levelAfter(history: readonly EpochRecord[]): number {
    const { factor, patience, threshold, cooldown, least, phases } = this.options;
    const ends = phases.map((_, index) => phases.slice(0, index + 1).reduce((sum, epochs) => sum + epochs));
    let best = Number.POSITIVE_INFINITY;
    let [level, bad, cooling] = [1, 0, 0];
    for (const { val, epoch } of history) {
      if (val && val.loss < best * (1 - threshold)) [best, bad] = [val.loss, 0];
      else if (val) bad++;
      if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
      if (bad > patience) {
        const lower = Math.max(level * factor, least);
        if (level - lower > TOO_SMALL) level = lower;
        [cooling, bad] = [cooldown, 0];
      }
      if (ends.includes(epoch)) [level, bad, cooling] = [1, 0, 0];
    }
    return level;
  }
}
