/**
 * JavaScript's garbage collector on demand. Bind groups that are out of use are free only when it has found them
 * (src/gpu/pipelines.ts), and in a process whose memory is nearly all the GPU's it sees no reason to run.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: (() => void) | null = null;

/** Collects what is out of use. Its finalizers run in later tasks. Node hides the collector; a new context has it. */
export function collect(): void {
  if (!gc) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
