/**
 * A callback over the contract of src/train/callback.ts: finishes a run whose validation has not become better for some
 * epochs (Prechelt 1998). Its count is kept, so that a resumed run ends where an uninterrupted one would.
 */
import type { Callback, CallbackState, EpochEvent } from '../../../src/train/callback.ts';
import { better, type Metrics } from '../../../src/train/metrics.ts';

export class Patience implements Callback {
  readonly name = 'patience';
  private best: Metrics | null = null;
  private waited = 0;

  constructor(private readonly epochs: number) {}

  onEpoch({ record: { val }, finish }: EpochEvent): void {
    if (!val) return;
    if (!this.best || better(val, this.best)) [this.best, this.waited] = [val, 0];
    else if (++this.waited >= this.epochs) finish(`no better validation for ${this.waited} epochs`);
  }

  state(): CallbackState {
    return { json: { best: this.best, waited: this.waited } };
  }

  restore({ json }: CallbackState): void {
    ({ best: this.best, waited: this.waited } = json as { best: Metrics | null; waited: number });
  }
}
