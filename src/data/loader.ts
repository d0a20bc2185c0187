/**
 * Batches of pictures, made ahead of the loop that consumes them. What makes a batch is handed in: worker threads in
 * Node (node/loader.ts), the thread that asks in a browser (in-thread.ts).
 *
 * Order and values depend on the options alone, not on timing or on who makes them: each batch is made from its own
 * samples, every sample draws from its own random stream, and batches are handed out in order.
 */
import { shuffled } from '../tensor/random.ts';
import type { BatchJob, BatchResult, Features } from './batch.ts';
import { heightWidth, type InputSize, pixelsOf } from './input-size.ts';
import type { Sample } from './sample.ts';
import { balancedOrder, repeatsIn, SAMPLERS, type Sampler } from './sampler.ts';
import { settle } from './settle.ts';
import type { Perturbation } from './stress.ts';
import type { Augmentation, Preprocessing } from './transforms.ts';
import { UnreadableImageError } from './unreadable.ts';

/** One batch for the network. */
export interface Batch {
  /**
   * `[size, height, width, 3]`, normalised; empty where there are `features`. The memory belongs to whoever takes the
   * batch.
   */
  images: Float32Array;
  /** Height and width of the pictures. Squares where it is left out. */
  inputSize?: InputSize | undefined;
  /** In place of the pictures: what the frozen part of the network makes of them (src/train/feature-cache.ts). */
  features?: Features | undefined;
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
  /** What stands for the bytes of its pictures (picture-set.ts), in their order; in Node only. */
  marks?: Uint8Array;
}

/** The shape of a batch's pictures, [size, height, width, 3]. */
export function pictureShape({
  images,
  size,
  inputSize = Math.sqrt(images.length / size / 3),
}: Pick<Batch, 'images' | 'size' | 'inputSize'>): [size: number, height: number, width: number, channels: 3] {
  return [size, ...heightWidth(inputSize), 3];
}

/** A part of a data set as batches, epoch by epoch: what a loop asks for pictures. */
export interface BatchSource {
  /** Batches of one epoch. */
  readonly batches: number;
  /** The batches of an epoch (counted from 0) in order, from `startBatch` on. */
  load(epoch: number, startBatch?: number): AsyncGenerator<Batch, void, undefined>;
}

/** A source that makes its batches of samples. */
export interface SampleSource extends BatchSource {
  readonly samples: readonly Sample[];
  readonly options: SourceOptions;
  /** The same batches from another maker, which is made of this source's. */
  madeBy(other: (maker: BatchMaker) => BatchMaker): SampleSource;
}

/** What is the same in every epoch. */
export type SourceOptions = Omit<LoaderOptions, 'epoch' | 'startBatch'>;

/** How the batches of an epoch are made. */
export interface LoaderOptions {
  batchSize: number;
  preprocessing: Preprocessing;
  /** Random crops and flips (`trainTransform`) in random order; otherwise `evalTransform` in the given order. */
  train?: boolean;
  /** How training pictures vary. */
  augmentation?: Augmentation;
  /** What is done to each decoded picture before all else: to see what answers hang on. */
  perturbation?: Perturbation;
  /** Default 0. */
  seed?: number;
  /** Default 0; gives another order and other crops. */
  epoch?: number;
  /**
   * How many random views a training picture is shown in, one after the other (epoch mod views); 0, the default: a new one
   * in every epoch. Fewer views are less variety, and what a frozen part of a network makes of them can be kept. The order
   * depends on the epoch all the same. A function tells it for each epoch.
   */
  views?: number | ((epoch: number) => number);
  /** Default: as `train`. */
  shuffle?: boolean;
  /**
   * Which pictures a shuffled epoch draws (sampler.ts). Default 'shuffled', each once. With 'balanced' a picture that comes
   * again in an epoch is shown in another view.
   */
  sampler?: Sampler;
  /** Batches made ahead, at least (as many as are made at a time, where memory allows). Default 2. */
  prefetch?: number;
  /** First batch, to go on in the middle of an epoch. Default 0. */
  startBatch?: number;
  /** Told of each picture that is skipped. Default: a line in the console (in Node on stderr). */
  onUnreadable?: (error: UnreadableImageError, sample: Sample) => void;
}

/** What makes batches. */
export interface BatchMaker {
  /** How many batches it makes at a time. */
  readonly parallel: number;
  /** Makes one. Rejects where `signal` aborted before it began. */
  make(job: BatchJob, signal: AbortSignal): Promise<BatchResult>;
}

/** Number of batches of an epoch: `ceil(samples / batchSize)`. */
export function countBatches(samples: number, batchSize: number): number {
  return Math.ceil(samples / batchSize);
}

/**
 * The batches of one epoch from `maker`, in order. Unreadable pictures are reported and left out; a batch of which
 * nothing is left does not appear. Leaving the loop early (`break`, `throw`) drops what was prepared.
 * @throws where an option makes no sense, or the maker fails for another reason than a picture
 */
export async function* batchesFrom(
  maker: BatchMaker,
  samples: readonly Sample[],
  options: LoaderOptions,
): AsyncGenerator<Batch, void, undefined> {
  const { batchSize, startBatch = 0 } = options;
  for (const [name, value, least] of [
    ['batchSize', batchSize, 1],
    ['startBatch', startBatch, 0],
    ['prefetch', options.prefetch ?? 2, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new Error(`loadBatches: ${name} must be an integer of at least ${least}, not ${value}`);
    }
  }
  for (const { file, label } of samples)
    if (!Number.isInteger(label))
      throw new Error(
        `loadBatches: the label of ${file} is ${label}; labels are whole numbers, indices into the classes`,
      );
  const order = orderOf(samples, options);
  const views = viewsOf(order, options);
  const batches = countBatches(samples.length, batchSize);
  const ahead = batchesAhead(options, maker.parallel);

  const abort = new AbortController();
  const running: Promise<() => BatchResult>[] = [];
  let next = startBatch;
  const startNext = () => {
    if (next >= batches) return;
    const [from, to] = [next * batchSize, (next + 1) * batchSize];
    const job = batchJob(samples, order.subarray(from, to), views.subarray(from, to), options);
    running.push(settle(maker.make(job, abort.signal)));
    next++;
  };
  try {
    for (let i = 0; i <= ahead; i++) startNext();
    for (let index = startBatch; index < batches; index++) {
      const settled = await running[0];
      running.shift();
      startNext();
      const indices = order.subarray(index * batchSize, (index + 1) * batchSize);
      const batch = assemble(samples, indices, settled(), index, options);
      if (batch.size > 0) yield batch;
    }
  } finally {
    abort.abort();
    await Promise.all(running);
  }
}

/** Samples as a source of batches from `maker`. */
export function sourceFrom(
  maker: BatchMaker,
  samples: readonly Sample[],
  options: SourceOptions,
): SampleSource {
  return {
    samples,
    options,
    batches: countBatches(samples.length, options.batchSize),
    load: (epoch, startBatch = 0) => batchesFrom(maker, samples, { ...options, epoch, startBatch }),
    madeBy: (other) => sourceFrom(other(maker), samples, options),
  };
}

/** In how many views an epoch's pictures are shown: see `LoaderOptions.views`. The evaluation transform has one. */
export function viewsIn(epoch: number, { train = false, views = 0 }: SourceOptions): number {
  if (!train) return 1;
  const count = typeof views === 'number' ? views : views(epoch);
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`loadBatches: views must be a whole number of at least 0, not ${count}`);
  return count;
}

/** A source of which each batch is shown to `look` on its way. */
export function watched(source: BatchSource, look: (batch: Batch) => void): BatchSource {
  return {
    batches: source.batches,
    async *load(epoch, startBatch) {
      for await (const batch of source.load(epoch, startBatch)) {
        look(batch);
        yield batch;
      }
    },
  };
}

const MAX_BYTES_AHEAD = 512 * 2 ** 20;

/** At least `prefetch` batches; one for each that is made at a time as long as they fit into half a gigabyte. */
function batchesAhead({ batchSize, preprocessing, prefetch = 2 }: LoaderOptions, parallel: number): number {
  const bytes = batchSize * pixelsOf(preprocessing.inputSize) * 3 * 4;
  return Math.max(prefetch, Math.min(parallel, Math.floor(MAX_BYTES_AHEAD / bytes)));
}

/** The pictures of an epoch in order. */
function orderOf(
  samples: readonly Sample[],
  { train = false, shuffle = train, sampler = 'shuffled', seed = 0, epoch = 0 }: LoaderOptions,
): Int32Array {
  if (!SAMPLERS.includes(sampler))
    throw new Error(`loadBatches: sampler is one of ${SAMPLERS.join(', ')}, not ${sampler}`);
  if (!shuffle) return Int32Array.from(samples.keys());
  return sampler === 'shuffled'
    ? shuffled(samples.length, seed, epoch)
    : balancedOrder(
        samples.map(({ label }) => label),
        seed,
        epoch,
      );
}

/** So many epochs apart are the views of a picture that comes again in an epoch. */
const REPEAT = 2 ** 20;

/** In which view each picture of an order is shown. One that comes again takes the next of a limited number. */
function viewsOf(order: Int32Array, options: LoaderOptions): Int32Array {
  const { epoch = 0 } = options;
  const count = viewsIn(epoch, options);
  return repeatsIn(order).map((repeat) => (count === 0 ? epoch + REPEAT * repeat : (epoch + repeat) % count));
}

function batchJob(
  samples: readonly Sample[],
  indices: Int32Array,
  views: Int32Array,
  { preprocessing, train = false, augmentation = {}, perturbation, seed = 0 }: LoaderOptions,
): BatchJob {
  const pictures = Array.from(indices, (index, position) => {
    const { file, blob, image } = samples[index];
    return { index, view: views[position], file, blob, image };
  });
  return { preprocessing, augmentation: train ? augmentation : undefined, perturbation, seed, pictures };
}

function assemble(
  samples: readonly Sample[],
  indices: Int32Array,
  { images, features, readable, unreadable, marks }: BatchResult,
  index: number,
  { preprocessing: { inputSize }, onUnreadable = warn }: LoaderOptions,
): Batch {
  for (const { position, reason } of unreadable) {
    const sample = samples[indices[position]];
    onUnreadable(new UnreadableImageError(sample.file, reason), sample);
  }
  const kept = readable.map((position) => samples[indices[position]]);
  return {
    images,
    inputSize,
    features,
    labels: Int32Array.from(kept, ({ label }) => label),
    size: kept.length,
    samples: kept,
    index,
    skipped: unreadable.length,
    marks,
  };
}

function warn(error: UnreadableImageError): void {
  console.warn(`skipped: ${error.message}`);
}
