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

let listener: ((computed: ComputedOp) => void) | null = null;

/** Runs `body` and tells `watch` of every op meanwhile, in order. */
export function watchingOps<Result>(watch: (computed: ComputedOp) => void, body: () => Result): Result {
  const before = listener;
  listener = watch;
  try {
    return body();
  } finally {
    listener = before;
  }
}

/** What an op is called. */
export const opName = (op: Op): string => (typeof op === 'string' ? op : op.op);

/** Tells whoever watches. */
export function computed(op: Op, output: Tensor, inputs: ComputedOp['inputs']): void {
  listener?.({ name: opName(op), output, inputs, attributes: typeof op === 'string' ? {} : op });
}
