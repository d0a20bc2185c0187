/** The training loss over the steps, in a bounded number of points: what a report draws. */
import { demand, list, number, object, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, StepLoss } from '../callback.ts';

/** Mean losses of `every` steps each, from the first step on; the last may be of fewer. */
export interface LossTrace {
  every: number;
  sums: number[];
  /** Steps in the last sum. */
  last: number;
}

/** At twice this many points of the trace pairs are merged, so that a long run's file stays small. */
const TRACE_POINTS = 256;

const steps = whole(1, Number.MAX_SAFE_INTEGER);

/** `LossTrace` out of a file. */
export const LOSS_TRACE: Rule = object({
  every: steps,
  sums: list(number(-Number.MAX_VALUE, Number.MAX_VALUE), 0, 2 * TRACE_POINTS),
  last: steps,
} satisfies Record<keyof LossTrace, Rule>);

/** Keeps the trace of a run, over all of its processes. */
export class LossTracer implements Callback {
  readonly name = 'loss-trace';
  private trace: LossTrace = { every: 1, sums: [], last: 1 };

  onLoss({ value }: StepLoss): void {
    extendTrace(this.trace, value);
  }

  /** [step at the middle of the piece, mean loss] for every piece of the trace. */
  points(): [step: number, loss: number][] {
    const { every, sums, last } = this.trace;
    return sums.map((sum, index) => {
      const steps = index === sums.length - 1 ? last : every;
      return [index * every + (steps + 1) / 2, sum / steps];
    });
  }

  state(): CallbackState {
    return { json: structuredClone(this.trace) };
  }

  restore({ json }: CallbackState): void {
    demand(LOSS_TRACE, json, 'the trace of the training loss');
    this.trace = structuredClone(json) as LossTrace;
  }
}

/** Appends the loss of a step. */
function extendTrace(trace: LossTrace, loss: number): void {
  if (trace.last < trace.every) {
    trace.sums[trace.sums.length - 1] += loss;
    trace.last++;
    return;
  }
  if (trace.sums.length === 2 * TRACE_POINTS) {
    trace.sums = Array.from({ length: TRACE_POINTS }, (_, i) => trace.sums[2 * i] + trace.sums[2 * i + 1]);
    trace.every *= 2;
    trace.last = trace.every;
  }
  trace.sums.push(loss);
  trace.last = 1;
}
