/**
 * The body of a loader's worker thread: makes one batch after the other from picture files and hands its memory over
 * without a copy. Started by pool.ts only.
 */
import { parentPort } from 'node:worker_threads';
import { type BatchJob, type BatchResult, makeBatch, type PictureSource } from '../batch.ts';
import type { RgbImage } from '../image.ts';
import { decodeImage, readImage } from './decode.ts';

/** A worker's answer; `error` is a fault of the program, not of a picture. */
export type WorkerAnswer = { result: BatchResult } | { error: string };

async function decode({ file, blob }: PictureSource): Promise<RgbImage> {
  return blob ? decodeImage(new Uint8Array(await blob.arrayBuffer()), file) : readImage(file);
}

parentPort?.on('message', async (job: BatchJob) => {
  try {
    const result = await makeBatch(job, decode);
    const answer: WorkerAnswer = { result };
    parentPort?.postMessage(answer, [result.images.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: WorkerAnswer = {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    parentPort?.postMessage(answer);
  }
});
