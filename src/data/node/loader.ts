/** The loader in Node: batches made from files by worker threads, beside the loop that consumes them. */
import { type Batch, batchesFrom, type LoaderOptions, type SampleSource, sourceFrom } from '../loader.ts';
import type { Sample } from '../sample.ts';
import { defaultWorkers, sharedPool } from './pool.ts';

export { closeLoader, defaultWorkers } from './pool.ts';

/** The loader's options, and how many threads work for it. */
export interface WorkerLoaderOptions extends LoaderOptions {
  /** Worker threads. Default: one less than the cores, at most 8. */
  workers?: number;
}

/**
 * The batches of one epoch, in order, decoded and transformed in worker threads; the same bits with any number of
 * them. See {@link batchesFrom} for pictures that cannot be read and for leaving early.
 */
export function loadBatches(
  samples: readonly Sample[],
  { workers = defaultWorkers(), ...options }: WorkerLoaderOptions,
): AsyncGenerator<Batch, void, undefined> {
  return batchesFrom(sharedPool(workers), samples, options);
}

/** Samples as a source of batches that worker threads make. */
export function fromSamples(
  samples: readonly Sample[],
  { workers = defaultWorkers(), ...options }: Omit<WorkerLoaderOptions, 'epoch' | 'startBatch'>,
): SampleSource {
  return sourceFrom(sharedPool(workers), samples, options);
}
