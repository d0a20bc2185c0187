/**
 * Starts a worker thread from TypeScript: the launcher's registration of tsx does not reach worker threads.
 *
 *     new Worker(new URL('../../bin/worker.mjs', import.meta.url), { workerData: { module: url.href, … } });
 */
import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.module);
