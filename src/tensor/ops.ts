/**
 * Ops as an observer sees them. Every op ends in `record` (autograd.ts), which says here what was computed, whether or not
 * a gradient is recorded; nothing happens unless someone listens.
 *
 *   watchingOps(({ name, inputs, output, attributes }) => …, () => model.forward(x));
 *
 * An op is what a caller asked for, however many dispatches it took: a convolution that applies a norm, a residual and an
 * activation as it writes its result is one, and says so in its attributes. What an evaluation mode leaves out (dropout)
 * is none. Exports are made this way (src/export).
 */
import type { Tensor } from './tensor.ts';

/** What an op is called, with what it was told beside tensors: `{ op: 'lrn', size, alpha, beta, k }`, or a bare name. */
export type Op = string | { readonly op: string; readonly [attribute: string]: unknown };

/** An op that was computed. Its tensors may be freed after the call: take an alias of one to keep it. */
export interface ComputedOp {
  readonly name: string;
  readonly output: Tensor;
  readonly inputs: readonly (Tensor | null | undefined)[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Work on the GPU that is no op: a gradient formula, sums of gradients, an optimiser's update. */
export interface OtherWork {
  /** Of the op that is differentiated, or what is done: `accumulate`, `AdamW`. */
  readonly name: string;
  readonly pass: 'forward' | 'gradients' | 'update';
  /** The node whose formula it is, or where what it computes goes. */
  readonly of?: object | null;
  /** Of a formula: the gradient of the op's output, all its parts summed. It is freed after: take an alias to keep it. */
  readonly gradient?: Tensor;
}

/** A gradient that a formula gave, and whether it is that of a parameter. */
export interface Gradient {
  readonly tensor: Tensor;
  readonly ofParameter: boolean;
}

/** Who wants to know what is computed; each call is optional. Nothing may be computed in one. */
export interface OpListener {
  /** An op was computed; its dispatches came before. */
  computed?(computed: ComputedOp): void;
  /** The op that was told of last has a node, by which its gradients will be computed. */
  recorded?(node: object): void;
  /** Other work begins, and ends with the gradients that a formula gave. */
  began?(work: OtherWork): void;
  ended?(work: OtherWork, gradients: readonly Gradient[]): void;
}

const listeners = new Set<OpListener>();

/** Tells `listener` from now on, until the function that is returned is called. */
export function listenToOps(listener: OpListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Runs `body` and tells `watch` of every op meanwhile, in order. */
export function watchingOps<Result>(watch: (computed: ComputedOp) => void, body: () => Result): Result {
  const stop = listenToOps({ computed: watch });
  try {
    return body();
  } finally {
    stop();
  }
}

/** What an op is called. */
export const opName = (op: Op): string => (typeof op === 'string' ? op : op.op);

/** Tells whoever watches. */
export function computed(op: Op, output: Tensor, inputs: ComputedOp['inputs']): void {
  if (listeners.size === 0) return;
  const event = { name: opName(op), output, inputs, attributes: typeof op === 'string' ? {} : op };
  for (const listener of listeners) listener.computed?.(event);
}

/** Tells of the node of the op that was told of last. */
export function recorded(node: object): void {
  for (const listener of listeners) listener.recorded?.(node);
}

/** Runs `body`, which is other work; `gradientsOf` its result, where there are any. */
export function working<Result>(
  work: OtherWork,
  body: () => Result,
  gradientsOf: (result: Result) => readonly Gradient[] = () => [],
): Result {
  if (listeners.size === 0) return body();
  const told = [...listeners];
  for (const listener of told) listener.began?.(work);
  let gradients: readonly Gradient[] = [];
  try {
    const result = body();
    gradients = gradientsOf(result);
    return result;
  } finally {
    for (const listener of told) listener.ended?.(work, gradients);
  }
}
