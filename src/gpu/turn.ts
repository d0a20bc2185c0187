/** Giving everything else a turn, between two steps of a loop. */

/** Resolves after timers, messages, signals and input that are waiting had their turn. */
export const nextTurn: () => Promise<void> = 'setImmediate' in globalThis ? byTimer : byMessage;

/**
 * In Node a timer of a millisecond: `setImmediate` in its place keeps Dawn's polling busy and takes a core from the
 * driver (EfficientNet-B0 forward: 99–185 ms in place of 75–82).
 */
function byTimer(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

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
