/** A head start for the batches that a loop will need next. */
import type { Batch } from '../data/loader.ts';
import { settle } from '../data/settle.ts';

/**
 * Batches whose first ones are being made from now on, so that validation need not wait for its first batch after the
 * last training step, nor the next epoch for its own after validation.
 */
export class HeadStart implements AsyncIterable<Batch> {
  private readonly first: Promise<() => IteratorResult<Batch, void>>;

  constructor(private readonly batches: AsyncGenerator<Batch, void, undefined>) {
    this.first = settle(batches.next());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    try {
      for (let next = (await this.first)(); !next.done; next = await this.batches.next()) yield next.value;
    } finally {
      await this.drop();
    }
  }

  /** Stops making batches. */
  async drop(): Promise<void> {
    await this.batches.return(undefined);
  }
}
