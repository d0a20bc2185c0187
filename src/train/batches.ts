/**
 * What a loop wants of its batches beside the batches: a head start for the first, to know which is the last, and how
 * few pictures will do.
 */
import type { Batch } from '../data/loader.ts';
import { settle } from '../data/settle.ts';
import { BatchNorm2d, type Model, type Module } from '../nn/index.ts';

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

/**
 * The batches that `wanted` accepts, each with whether it is the last one. Only the batch after it can tell, since
 * those of unreadable pictures do not appear; where the loader runs ahead, it is there already.
 */
export async function* withLast(
  batches: AsyncIterable<Batch>,
  wanted: (batch: Batch) => boolean = () => true,
): AsyncGenerator<{ batch: Batch; last: boolean }, void, undefined> {
  let held: Batch | null = null;
  for await (const batch of batches) {
    if (!wanted(batch)) continue;
    if (held) yield { batch: held, last: false };
    held = batch;
  }
  if (held) yield { batch: held, last: true };
}

/**
 * The fewest pictures that a training step makes sense with: 2 where norms take the statistics of the batch, else 1.
 * Those of one picture say nothing of the others, and of one pixel of it they are undefined; PyTorch throws there.
 */
export function fewestPictures(model: Model): 1 | 2 {
  const takesStatistics = (module: Module): boolean => module instanceof BatchNorm2d && !module.frozen;
  return [...model.namedModules()].some(([, module]) => takesStatistics(module)) ? 2 : 1;
}
