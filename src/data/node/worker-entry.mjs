// Starts src/data/node/worker.ts in a worker thread. tsx hooks itself only into the main thread (a worker that
// inherits `--import tsx` answers "Unknown file extension .ts"), so it is registered here by hand.
import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
