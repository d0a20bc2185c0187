/**
 * The body of a loader's worker thread: makes one batch after the other from picture files and hands its memory over
 * without a copy. Started by pool.ts only.
 */
import { parentPort } from 'node:worker_threads';
import { type BatchJob, type BatchResult, makeBatch } from '../batch.ts';
import { decodePicture } from './decode.ts';
import { throughJpeg } from './through-jpeg.ts';

/** A worker's answer; `error` is a fault of the program, not of a picture. */
export type WorkerAnswer = { result: BatchResult } | { error: string };

parentPort?.on('message', async (job: BatchJob) => {
  try {
    const result = await makeBatch(job, decodePicture, undefined, throughJpeg);
    const answer: WorkerAnswer = { result };
    parentPort?.postMessage(answer, [result.images.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: WorkerAnswer = {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    parentPort?.postMessage(answer);
  }
});
