/**
 * Which module computes: containers, layers and the stages of a model say so around what they do, and it costs a comparison
 * where nobody listens. The profiler names layers this way; taps (tap.ts) are told of results.
 *
 *   layer1 ▸ layer1.0 ▸ layer1.0.conv1
 */

/** Told when a module begins and ends to compute. */
export interface ModuleListener {
  /** @param part a stage of a model, where it is one that computes */
  enter(module: object, part: string): void;
  leave(): void;
}

const listeners = new Set<ModuleListener>();

/** Tells `listener` from now on, until the function that is returned is called; between two forward passes. */
export function listenToModules(listener: ModuleListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Runs `body`, which is what `module` computes. */
export function within<Result>(module: object, body: () => Result, part = ''): Result {
  if (listeners.size === 0) return body();
  const told = [...listeners];
  for (const listener of told) listener.enter(module, part);
  try {
    return body();
  } finally {
    for (const listener of told) listener.leave();
  }
}
