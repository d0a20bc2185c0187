/**
 * Keeps the state of a run: the last one, and the one of the best epoch. Where to is the business of `write`: files in
 * Node, whatever a browser has to keep things in.
 */
import { demand, object, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, EpochEvent, SavePoint } from '../callback.ts';
import { type BestBy, better } from '../metrics.ts';
import { type EpochRecord, isValidated, MOST_EPOCHS } from '../progress.ts';

/** The state of `Checkpoints` out of a file. */
export const CHECKPOINTS_STATE: Rule = object({ best: whole(-1, MOST_EPOCHS) });

/** Writes the state at `point`; 'best' is asked for its weights, 'last' for all that a run goes on with. */
export type WriteState = (which: 'best' | 'last', point: SavePoint) => Promise<void>;

/**
 * Writes 'best' after an epoch that validates better than all before (`better` in metrics.ts), then 'last', after every
 * epoch and where the run stops. Without validation pictures no epoch is the best.
 */
export class Checkpoints implements Callback {
  readonly name = 'checkpoints';
  /** Place of the best epoch in the history; −1 before the first. */
  private best = -1;
  private isNew = false;

  /** @param by the figure that the best epoch is chosen by; by default as `better` has it */
  constructor(
    private readonly write: WriteState,
    private readonly by: BestBy | null = null,
  ) {}

  onEpoch({ record, progress }: EpochEvent): void {
    const { history } = progress;
    const best = history[this.best]?.val;
    this.isNew = isValidated(record) && (!best || better(record.val, best, this.by));
    if (this.isNew) this.best = history.length - 1;
  }

  async onSave(point: SavePoint): Promise<void> {
    if (point.epochEnded && this.isNew) await this.write('best', point);
    await this.write('last', point);
  }

  /** The best of the epochs in `history`; null before the first. */
  bestOf(history: readonly EpochRecord[]): EpochRecord | null {
    return history[this.best] ?? null;
  }

  state(): CallbackState {
    return { json: { best: this.best } };
  }

  restore({ json }: CallbackState): void {
    demand(CHECKPOINTS_STATE, json, 'the state of checkpoints');
    this.best = (json as { best: number }).best;
  }
}
