/**
 * Batches of pictures, decoded and transformed in worker threads ahead of the loop that consumes them.
 * Order and values depend on the options alone, not on timing or on the number of workers: each batch is made
 * by one worker from its own samples, every sample draws from its own random stream, and batches are handed
 * out in order.
 */
import { shuffled } from '../tensor/random.ts';
import { UnreadableImageError } from './node/decode.ts';
import { defaultWorkers, sharedPool } from './node/pool.ts';
import type { BatchJob, BatchResult } from './node/worker.ts';
import type { Sample } from './sample.ts';
import { settle } from './settle.ts';
import type { Augmentation, Preprocessing } from './transforms.ts';

export { closeLoader, defaultWorkers } from './node/pool.ts';

/** One batch for the network. */
export interface Batch {
  /** `[size, inputSize, inputSize, 3]`, normalised. The memory belongs to whoever takes the batch. */
  images: Float32Array;
  /** Class indices, `[size]`. */
  labels: Int32Array;
  /** Number of pictures: the batch size, less at the end of the epoch and where pictures were unreadable. */
  size: number;
  /** The samples behind the pictures, in order. */
  samples: Sample[];
  /** Number of the batch in its epoch, counted from 0 as if nothing were skipped. */
  index: number;
  /** How many of its pictures could not be read. */
  skipped: number;
}

export interface LoadOptions {
  batchSize: number;
  preprocessing: Preprocessing;
  /** Random crops and flips (`trainTransform`) in random order; otherwise `evalTransform` in the given order. */
  train?: boolean;
  /** How training pictures vary. */
  augmentation?: Augmentation;
  /** Default 0. */
  seed?: number;
  /** Default 0; gives another order and other crops. */
  epoch?: number;
  /** Default: as `train`. */
  shuffle?: boolean;
  /** Batches made ahead, at least (as many as there are workers, where memory allows). Default 2. */
  prefetch?: number;
  /** Worker threads. Default: one less than the cores, at most 8. */
  workers?: number;
  /** First batch, to go on in the middle of an epoch. Default 0. */
  startBatch?: number;
  /** Told of each picture that is skipped. Default: a line on stderr. */
  onUnreadable?: (error: UnreadableImageError, sample: Sample) => void;
}

/** Number of batches of an epoch: `ceil(samples / batchSize)`. */
export function countBatches(samples: number, batchSize: number): number {
  return Math.ceil(samples / batchSize);
}

/**
 * The batches of one epoch, in order. Unreadable pictures are reported and left out; a batch of which nothing
 * is left does not appear. Leaving the loop early (`break`, `throw`) drops what was prepared.
 * @throws where an option makes no sense, or a worker fails for another reason than a picture
 */
export async function* loadBatches(
  samples: readonly Sample[],
  options: LoadOptions,
): AsyncGenerator<Batch, void, undefined> {
  const { batchSize, train = false, seed = 0, epoch = 0, shuffle = train, startBatch = 0 } = options;
  for (const [name, value, least] of [
    ['batchSize', batchSize, 1],
    ['startBatch', startBatch, 0],
    ['prefetch', options.prefetch ?? 2, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new Error(`loadBatches: ${name} must be an integer of at least ${least}, not ${value}`);
    }
  }
  const order = shuffle ? shuffled(samples.length, seed, epoch) : Int32Array.from(samples.keys());
  const batches = countBatches(samples.length, batchSize);
  const pool = sharedPool(options.workers ?? defaultWorkers());
  const ahead = batchesAhead(options, pool.size);

  const abort = new AbortController();
  const running: Promise<() => BatchResult>[] = [];
  let next = startBatch;
  const startNext = () => {
    if (next >= batches) return;
    const indices = order.subarray(next * batchSize, (next + 1) * batchSize);
    running.push(settle(pool.run(batchJob(samples, indices, options), abort.signal)));
    next++;
  };
  try {
    for (let i = 0; i <= ahead; i++) startNext();
    for (let index = startBatch; index < batches; index++) {
      const settled = await running[0];
      running.shift();
      startNext();
      const indices = order.subarray(index * batchSize, (index + 1) * batchSize);
      const batch = assemble(samples, indices, settled(), index, options.onUnreadable ?? warn);
      if (batch.size > 0) yield batch;
    }
  } finally {
    abort.abort();
    await Promise.all(running);
  }
}

const MAX_BYTES_AHEAD = 512 * 2 ** 20;

/** At least `prefetch` batches; one for each worker as long as they fit into half a gigabyte. */
function batchesAhead({ batchSize, preprocessing, prefetch = 2 }: LoadOptions, workers: number): number {
  const bytes = batchSize * preprocessing.inputSize ** 2 * 3 * 4;
  return Math.max(prefetch, Math.min(workers, Math.floor(MAX_BYTES_AHEAD / bytes)));
}

function batchJob(samples: readonly Sample[], indices: Int32Array, options: LoadOptions): BatchJob {
  const { preprocessing, train = false, augmentation = {}, seed = 0, epoch = 0 } = options;
  const pictures = Array.from(indices, (index) => {
    const { file, image } = samples[index];
    return { index, file, image };
  });
  return { preprocessing, augmentation: train ? augmentation : undefined, seed, epoch, pictures };
}

function assemble(
  samples: readonly Sample[],
  indices: Int32Array,
  { images, readable, unreadable }: BatchResult,
  index: number,
  onUnreadable: (error: UnreadableImageError, sample: Sample) => void,
): Batch {
  for (const { position, reason } of unreadable) {
    const sample = samples[indices[position]];
    onUnreadable(new UnreadableImageError(sample.file, reason), sample);
  }
  const kept = readable.map((position) => samples[indices[position]]);
  return {
    images,
    labels: Int32Array.from(kept, ({ label }) => label),
    size: kept.length,
    samples: kept,
    index,
    skipped: unreadable.length,
  };
}

function warn(error: UnreadableImageError): void {
  process.stderr.write(`skipped: ${error.message}\n`);
}
