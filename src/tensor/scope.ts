/**
 * Scopes free what was created inside them, so that nobody calls `dispose` for ordinary work.
 *
 *   const loss = scope(() => crossEntropy(model.forward(x), labels));   // everything but the loss goes back to the pool
 *
 * What outlives a scope: what it returns (tensors, also inside arrays and plain objects), what was marked by `keep`,
 * parameters, gradients and optimiser state.
 */
import type { Tensor } from './tensor.ts';

const frames: Set<Tensor>[] = [];

/** Registers a new tensor with the innermost scope. False where there is none. */
export function register(tensor: Tensor): boolean {
  const frame = frames.at(-1);
  frame?.add(tensor);
  return frame !== undefined;
}

/** Takes a tensor out of the scope that would free it and returns it; its owner frees it. */
export function keep(tensor: Tensor): Tensor {
  for (const frame of frames) frame.delete(tensor);
  tensor.watch();
  return tensor;
}

/** Runs `body` and frees every tensor created in it, except those it returns. */
export function scope<Result>(body: () => Result): Result {
  const frame = new Set<Tensor>();
  frames.push(frame);
  let survivors = new Set<unknown>();
  try {
    const result = body();
    if (result instanceof Promise) {
      // What fails in there later fails because of the error below, which says what to do.
      result.catch(() => undefined);
      throw new TypeError(
        'scope: the function returned a promise; what it awaits would run after its tensors are freed. Await outside of the scope',
      );
    }
    survivors = tensorsIn(result);
    return result;
  } finally {
    frames.pop();
    const outer = frames.at(-1);
    for (const tensor of frame) {
      if (!survivors.has(tensor)) tensor.dispose();
      else if (outer) outer.add(tensor);
      else tensor.watch();
    }
  }
}

/** Every object reachable in a result through arrays, plain objects, maps and sets (tensors among them). */
function tensorsIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value) || ArrayBuffer.isView(value))
    return found;
  found.add(value);
  if (Array.isArray(value) || value instanceof Set) for (const item of value) tensorsIn(item, found);
  else if (value instanceof Map) for (const item of value.values()) tensorsIn(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) tensorsIn(item, found);
  return found;
}
