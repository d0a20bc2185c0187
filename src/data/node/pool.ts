/**
 * Worker threads that live as long as the process and decode pictures beside it. Jobs wait in one queue; a
 * worker takes the next when it is free. Idle workers do not keep the process alive, busy ones do.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { BatchJob, BatchResult } from '../batch.ts';
import type { BatchMaker } from '../loader.ts';
import type { WorkerAnswer } from './worker.ts';

interface Waiting {
  job: BatchJob;
  signal: AbortSignal;
  resolve: (result: BatchResult) => void;
  reject: (error: Error) => void;
}

/** A fixed number of worker threads, started when first needed. */
export class ImagePool implements BatchMaker {
  readonly parallel: number;
  private readonly queue: Waiting[] = [];
  private readonly idle: Worker[] = [];
  private readonly busy = new Map<Worker, Waiting>();

  constructor(workers: number) {
    if (!Number.isInteger(workers) || workers < 1) {
      throw new Error(`the loader needs at least one worker, not ${workers}`);
    }
    this.parallel = workers;
  }

  /** Does the job when a worker is free. Rejects where `signal` aborted before the job began. */
  make(job: BatchJob, signal: AbortSignal): Promise<BatchResult> {
    return new Promise((resolve, reject) => {
      this.queue.push({ job, signal, resolve, reject });
      this.serve();
    });
  }

  /** Ends the workers; what they were doing rejects. The pool can be used again afterwards. */
  async close(): Promise<void> {
    const workers = [...this.idle, ...this.busy.keys()];
    this.idle.length = 0;
    for (const waiting of this.queue.splice(0)) waiting.reject(new Error('the loader was closed'));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  private serve(): void {
    while (this.queue.length > 0 && this.busy.size < this.parallel) {
      const waiting = this.queue.shift()!;
      if (waiting.signal.aborted) {
        waiting.reject(new Error('the batch is no longer wanted'));
        continue;
      }
      const worker = this.idle.pop() ?? this.start();
      this.busy.set(worker, waiting);
      worker.ref();
      worker.postMessage(waiting.job);
    }
  }

  private start(): Worker {
    const worker = new Worker(workerUrl, { execArgv: [] });
    worker.on('message', (answer: WorkerAnswer) => {
      const waiting = this.release(worker);
      this.idle.push(worker);
      worker.unref();
      if ('result' in answer) waiting?.resolve(answer.result);
      else waiting?.reject(new Error(`a loader worker failed: ${answer.error}`));
      this.serve();
    });
    worker.on('error', (error) => this.lose(worker, error.message));
    worker.on('exit', () => this.lose(worker, 'it was ended'));
    return worker;
  }

  private release(worker: Worker): Waiting | undefined {
    const waiting = this.busy.get(worker);
    this.busy.delete(worker);
    return waiting;
  }

  /** A worker is gone: its job fails, the next job starts another. */
  private lose(worker: Worker, why: string): void {
    const at = this.idle.indexOf(worker);
    if (at >= 0) this.idle.splice(at, 1);
    const waiting = this.release(worker);
    if (!waiting) return;
    const files = waiting.job.pictures.map(({ file }) => file);
    waiting.reject(
      new Error(
        `a loader worker stopped (${why}) at a batch of ${files.length} pictures from ${files[0]} on`,
      ),
    );
    this.serve();
  }
}

const isTypeScript = import.meta.url.endsWith('.ts');
const workerUrl = new URL(isTypeScript ? './worker-entry.mjs' : './worker.js', import.meta.url);

const pools = new Map<number, ImagePool>();

/** The process's pool of this size. */
export function sharedPool(workers: number): ImagePool {
  let pool = pools.get(workers);
  if (!pool) {
    pool = new ImagePool(workers);
    pools.set(workers, pool);
  }
  return pool;
}

/** Ends every worker of the process, for a tidy end before it would come by itself. */
export async function closeLoader(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}

/** One core is left to the thread that feeds the GPU; past eight workers a disk is rarely faster. */
export function defaultWorkers(): number {
  return Math.max(1, Math.min(8, availableParallelism() - 1));
}
