/** Where the trainer's batches come from, and a head start for the first of them. */
import { type Batch, countBatches, type LoadOptions, loadBatches } from '../data/loader.ts';
import type { Sample } from '../data/sample.ts';
import { settle } from '../data/settle.ts';

/** A part of a data set as batches. */
export interface BatchSource {
  /** Batches of one epoch. */
  readonly batches: number;
  /** The batches of an epoch (counted from 0) in order, from `startBatch` on. */
  load(epoch: number, startBatch?: number): AsyncGenerator<Batch, void, undefined>;
}

/** Samples through the loader. */
export function fromSamples(
  samples: readonly Sample[],
  options: Omit<LoadOptions, 'epoch' | 'startBatch'>,
): BatchSource {
  return {
    batches: countBatches(samples.length, options.batchSize),
    load: (epoch, startBatch = 0) => loadBatches(samples, { ...options, epoch, startBatch }),
  };
}

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
