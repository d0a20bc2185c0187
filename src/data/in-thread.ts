/**
 * The loader in a browser: batches made by the thread that asks for them, from blobs, addresses or decoded pictures.
 * Run the loop in a worker of the page and the page stays alive. The bits are those of Node's loader wherever a picture
 * decodes to the same bytes.
 */
import { makeBatch } from './batch.ts';
import { decodePicture } from './blob.ts';
import {
  type Batch,
  type BatchMaker,
  batchesFrom,
  type LoaderOptions,
  type SampleSource,
  type SourceOptions,
  sourceFrom,
} from './loader.ts';
import type { Sample } from './sample.ts';

const thisThread: BatchMaker = {
  parallel: 1,
  make: (job, signal) => makeBatch(job, decodePicture, signal),
};

/**
 * The batches of one epoch, in order. See {@link batchesFrom} for pictures that cannot be read and for leaving early.
 */
export function loadBatches(
  samples: readonly Sample[],
  options: LoaderOptions,
): AsyncGenerator<Batch, void, undefined> {
  return batchesFrom(thisThread, samples, options);
}

/** Samples as a source of batches that this thread makes. */
export function fromSamples(samples: readonly Sample[], options: SourceOptions): SampleSource {
  return sourceFrom(thisThread, samples, options);
}
