/**
 * Early stopping (Prechelt 1998): finishes a run whose validation has not become better for some epochs. It looks at the
 * history of the run and keeps nothing of its own, so that a resumed run ends where an undisturbed one would. Keras:
 * `EarlyStopping`; the best epoch's weights are what `Checkpoints` has kept.
 */
import type { Callback, EpochEvent } from '../callback.ts';
import { type BestBy, better, type Metrics } from '../metrics.ts';

export interface EarlyStoppingOptions {
  /** Epochs without a better one after which the run is finished. */
  patience: number;
  /** The figure that says which epoch is better; by default as `better` (metrics.ts) has it. */
  by?: BestBy | null | undefined;
  /**
   * First epochs that are not waited for, those of the phases before the last, for example: what joins in a later phase
   * may well help where an earlier one has come to its end. Default 0.
   */
  after?: number;
}

export class EarlyStopping implements Callback {
  readonly name = 'early-stopping';
  private readonly options: Required<EarlyStoppingOptions>;

  /** @throws RangeError where the patience is no whole number of at least 1 */
  constructor({ patience, by = null, after = 0 }: EarlyStoppingOptions) {
    if (!Number.isInteger(patience) || patience < 1)
      throw new RangeError(
        `EarlyStopping: a patience of ${patience} epochs; give a whole number of at least 1`,
      );
    this.options = { patience, by, after };
  }

  onEpoch({ progress: { history }, finish }: EpochEvent): void {
    const { patience, by, after } = this.options;
    let best: { val: Metrics; epoch: number } | null = null;
    for (const { val, epoch } of history)
      if (val && (!best || better(val, best.val, by))) best = { val, epoch };
    if (!best) return;
    const waited = history.length - Math.max(best.epoch, after);
    if (waited >= patience) finish(`${waited === 1 ? 'an epoch' : `${waited} epochs`} without a better one`);
  }
}
