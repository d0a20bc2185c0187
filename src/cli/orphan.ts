/**
 * npm that is asked to end (SIGTERM) passes that on to the shell between it and the command, which ends and tells nobody: the
 * prompt is back, and the command works on unseen. What it does notice is that its parent is another one.
 */
import { ignoresHangUp } from './nohup.ts';

/** Milliseconds between looks. */
const INTERVAL = 250;

/**
 * Calls `onOrphaned` once when the npm that started this process has left it alone. Under nohup that is no reason to end: npm
 * itself ends with its terminal there.
 * @returns what ends the watch
 */
export function watchNpm(onOrphaned: () => void): () => void {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event || ignoresHangUp()) return () => undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onOrphaned();
  }, INTERVAL).unref();
  return () => clearInterval(timer);
}
