/** Waiting for the GPU, and giving everything else a turn between two steps of a loop. */

/**
 * How the device waits for a promise of WebGPU's. As it is, in a browser; Node polls while one is open, and has a way of
 * its own not to (node/patience.ts).
 */
export type Patience = <Result>(promise: Promise<Result>) => Promise<Result>;

/** Node has it, browsers do not. */
const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => void };

/**
 * Resolves after timers, messages, signals and input that are waiting had their turn. In Node that is a turn of the event
 * loop; a timer there waits a millisecond, and a step takes no less of it.
 */
export const nextTurn: () => Promise<void> = setImmediate
  ? () => new Promise((resolve) => setImmediate(resolve))
  : byMessage;

/** In a browser a message to oneself: timers that follow one another wait 4 ms there. */
function byMessage(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
