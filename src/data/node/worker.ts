/**
 * The body of a loader's worker thread: decodes and transforms the pictures of one batch into one array and
 * hands its memory over without a copy. Started by src/data/node/pool.ts only.
 */
import { parentPort } from 'node:worker_threads';
import { randomStream } from '../../tensor/random.ts';
import type { RgbImage } from '../image.ts';
import { type Augmentation, evalTransform, type Preprocessing, trainTransform } from '../transforms.ts';
import { readImage, UnreadableImageError } from './decode.ts';

/** The work for one batch. */
export interface BatchJob {
  preprocessing: Preprocessing;
  /** How training pictures vary; none: the evaluation transform. */
  augmentation: Augmentation | undefined;
  seed: number;
  epoch: number;
  pictures: PictureJob[];
}

/** One picture of a batch. `index` is its place in the data set, which its random numbers hang on. */
export interface PictureJob {
  index: number;
  file: string;
  image: RgbImage | undefined;
}

/** What comes back for a batch: the readable pictures without gaps, and why the others are not among them. */
export interface BatchResult {
  /** `[readable.length, inputSize, inputSize, 3]` */
  images: Float32Array;
  /** Positions in `pictures` of those that `images` holds, in order. */
  readable: number[];
  unreadable: { position: number; reason: string }[];
}

/** A worker's answer; `error` is a fault of the program, not of a picture. */
export type WorkerAnswer = { result: BatchResult } | { error: string };

async function runJob({
  preprocessing,
  augmentation,
  seed,
  epoch,
  pictures,
}: BatchJob): Promise<BatchResult> {
  const transform = augmentation ? trainTransform(preprocessing, augmentation) : evalTransform(preprocessing);
  const length = preprocessing.inputSize ** 2 * 3;
  const images = new Float32Array(pictures.length * length);
  const readable: number[] = [];
  const unreadable: BatchResult['unreadable'] = [];
  for (const [position, { index, file, image }] of pictures.entries()) {
    const slot = images.subarray(readable.length * length, (readable.length + 1) * length);
    try {
      const random = randomStream(seed, 'augment', epoch, index);
      transform(image ?? (await readImage(file)), random, slot);
      readable.push(position);
    } catch (error) {
      if (!(error instanceof UnreadableImageError)) throw error;
      unreadable.push({ position, reason: error.reason });
    }
  }
  return { images: images.subarray(0, readable.length * length), readable, unreadable };
}

parentPort?.on('message', async (job: BatchJob) => {
  try {
    const result = await runJob(job);
    const answer: WorkerAnswer = { result };
    parentPort?.postMessage(answer, [result.images.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: WorkerAnswer = {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    parentPort?.postMessage(answer);
  }
});
