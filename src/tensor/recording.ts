/**
 * The state of recording: whether gradients are recorded, and which scope frees what is made. It is global, since ops
 * are called without a context, and all of it is in this file.
 *
 * Scopes free what was created inside them, so that nobody calls `dispose` for ordinary work.
 *
 *   const loss = scope(() => crossEntropy(model.forward(x), labels));   // everything but the loss goes back to the pool
 *
 * What outlives a scope: what it returns (tensors, also inside arrays and plain objects), what was marked by `keep`,
 * parameters, gradients and optimiser state.
 *
 * Ops own their temporaries in the same way: the body of an op that makes more than one tensor is a scope that returns
 * its result. Where a dispatch refuses half way (TooLarge), all of it is free at once, the output included.
 */

/** What a scope frees: a tensor. */
export interface Scoped {
  dispose(): void;
  /** Leaves it to the garbage collector: no scope is left to free it. */
  watch(): void;
}

const frames: Set<Scoped>[] = [];
let gradEnabled = true;

/** Whether ops record how gradients go back through them. */
export function recordsGradients(): boolean {
  return gradEnabled;
}

/** Runs `body` without recording gradients. @throws TypeError where it returns a promise: it must be synchronous */
export function noGrad<Result>(body: () => Result): Result {
  const before = gradEnabled;
  gradEnabled = false;
  try {
    return synchronous('noGrad', body(), 'what it awaits would run with gradients on again');
  } finally {
    gradEnabled = before;
  }
}

/** Registers a new tensor with the innermost scope. False where there is none. */
export function register(tensor: Scoped): boolean {
  const frame = frames.at(-1);
  frame?.add(tensor);
  return frame !== undefined;
}

/** Takes a tensor out of the scope that would free it and returns it; its owner frees it. */
export function keep<Kept extends Scoped>(tensor: Kept): Kept {
  for (const frame of frames) frame.delete(tensor);
  tensor.watch();
  return tensor;
}

/**
 * Runs `body` and frees every tensor created in it, except those it returns; where it throws, all of them.
 * @throws TypeError where it returns a promise: it must be synchronous
 */
export function scope<Result>(body: () => Result): Result {
  const frame = new Set<Scoped>();
  frames.push(frame);
  let survivors = new Set<unknown>();
  try {
    const result = synchronous('scope', body(), 'what it awaits would run after its tensors are freed');
    survivors = reachable(result);
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

/** `result`, unless it is a promise: the state that `what` sets is gone when a function that waits goes on. */
function synchronous<Result>(what: string, result: Result, consequence: string): Result {
  if (!(result instanceof Promise)) return result;
  // What fails in there later fails because of the error below, which says what to do.
  result.catch(() => undefined);
  throw new TypeError(`${what}: the function returned a promise; ${consequence}. Await outside of ${what}`);
}

/** Every object reachable in a result through arrays, plain objects, maps and sets (tensors among them). */
function reachable(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value) || ArrayBuffer.isView(value))
    return found;
  found.add(value);
  if (Array.isArray(value) || value instanceof Set) for (const item of value) reachable(item, found);
  else if (value instanceof Map) for (const item of value.values()) reachable(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) reachable(item, found);
  return found;
}
