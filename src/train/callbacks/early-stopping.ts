/**
 * Early stopping (Prechelt 1998): finishes a run whose validation has not become better for some epochs. Its count is
 * kept, so that a resumed run ends where an undisturbed one would. Keras: `EarlyStopping`; the best epoch's weights are
 * what `Checkpoints` has kept.
 */
import { demand, object, orNull, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, EpochEvent } from '../callback.ts';
import { type BestBy, better, METRICS, type Metrics } from '../metrics.ts';
import { MOST_EPOCHS } from '../progress.ts';

export interface EarlyStoppingOptions {
  /** Epochs without a better one after which the run is finished. */
  patience: number;
  /** The figure that says which epoch is better; by default as `better` (metrics.ts) has it. */
  by?: BestBy | null | undefined;
  /**
   * Epochs that do not count: those of the phases before the last, for example. What joins in a later phase may well help
   * where an earlier one has come to its end. Default 0.
   */
  after?: number;
}

/** The state of `EarlyStopping` out of a file. */
export const EARLY_STOPPING_STATE: Rule = object({ best: orNull(METRICS), waited: whole(0, MOST_EPOCHS) });

export class EarlyStopping implements Callback {
  readonly name = 'early-stopping';
  private readonly patience: number;
  private readonly by: BestBy | null;
  private readonly after: number;
  private best: Metrics | null = null;
  private waited = 0;

  /** @throws RangeError where the patience is no whole number of at least 1 */
  constructor({ patience, by = null, after = 0 }: EarlyStoppingOptions) {
    if (!Number.isInteger(patience) || patience < 1)
      throw new RangeError(
        `EarlyStopping: a patience of ${patience} epochs; give a whole number of at least 1`,
      );
    [this.patience, this.by, this.after] = [patience, by, after];
  }

  onEpoch({ record: { epoch, val }, finish }: EpochEvent): void {
    if (!val) return;
    if (!this.best || better(val, this.best, this.by)) [this.best, this.waited] = [val, 0];
    else if (epoch > this.after) this.waited++;
    if (this.waited >= this.patience)
      finish(`${this.waited === 1 ? 'no better epoch' : `${this.waited} epochs without a better one`}`);
  }

  state(): CallbackState {
    return { json: { best: this.best, waited: this.waited } };
  }

  restore({ json }: CallbackState): void {
    demand(EARLY_STOPPING_STATE, json, 'the state of early-stopping');
    ({ best: this.best, waited: this.waited } = json as { best: Metrics | null; waited: number });
  }
}
