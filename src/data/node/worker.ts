/**
 * The body of a loader's worker thread: makes one batch after the other from picture files and hands its memory over
 * without a copy. Started by pool.ts only.
 */
import { parentPort } from 'node:worker_threads';
import { type BatchJob, type BatchResult, type Decoded, makeBatch, type PictureSource } from '../batch.ts';
import { decodeImage, readImageFile } from './decode.ts';
import { markOf } from './picture-file.ts';
import { throughJpeg } from './through-jpeg.ts';

/** A worker's answer; `error` is a fault of the program, not of a picture. */
export type WorkerAnswer = { result: BatchResult } | { error: string };

async function decode({ file, blob, image }: PictureSource): Promise<Decoded> {
  if (image) return { image, mark: markOf(image.pixels) };
  const bytes = blob ? new Uint8Array(await blob.arrayBuffer()) : await readImageFile(file);
  return { image: await decodeImage(bytes, file), mark: markOf(bytes) };
}

parentPort?.on('message', async (job: BatchJob) => {
  try {
    const result = await makeBatch(job, decode, undefined, throughJpeg);
    const answer: WorkerAnswer = { result };
    parentPort?.postMessage(answer, [result.images.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: WorkerAnswer = {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    parentPort?.postMessage(answer);
  }
});
