/** The learning rate over the steps, in a bounded number of points: what a report draws. */
import type { Optimizer } from '../../nn/index.ts';
import { demand, list, number, object, type Rule, whole } from '../../text/rules.ts';
import type { Callback, CallbackState, StepEvent } from '../callback.ts';

/** The rates of steps `first`, `first + every`, `first + 2·every` and so on. */
export interface RateTrace {
  first: number;
  every: number;
  rates: number[];
}

/** At twice this many points every other one goes. */
const TRACE_POINTS = 256;

const steps = whole(1, Number.MAX_SAFE_INTEGER);

/** `RateTrace` out of a file. */
export const RATE_TRACE: Rule = object({
  first: steps,
  every: steps,
  rates: list(number(0, Number.MAX_VALUE), 0, 2 * TRACE_POINTS),
} satisfies Record<keyof RateTrace, Rule>);

/** The highest rate of a step, that of the last layer as a rule. */
export function highestRate({ groups, lrFactor }: Optimizer): number {
  return lrFactor * groups.reduce((most, { lr }) => Math.max(most, lr), 0);
}

/** Keeps the rates of a run, over all of its processes; of one that was begun before they were kept, from there on. */
export class RateTracer implements Callback {
  readonly name = 'rate-trace';
  private trace: RateTrace = { first: 1, every: 1, rates: [] };

  onStep({ step, optimizer }: StepEvent): void {
    const { trace } = this;
    if (trace.rates.length === 0) trace.first = step;
    if ((step - trace.first) % trace.every !== 0) return;
    if (trace.rates.length === 2 * TRACE_POINTS) {
      trace.rates = trace.rates.filter((_, index) => index % 2 === 0);
      trace.every *= 2;
      if ((step - trace.first) % trace.every !== 0) return;
    }
    trace.rates.push(highestRate(optimizer));
  }

  /** [step, rate], steps counted from 1. */
  points(): [step: number, rate: number][] {
    const { first, every, rates } = this.trace;
    return rates.map((rate, index) => [first + index * every, rate]);
  }

  state(): CallbackState {
    return { json: structuredClone(this.trace) };
  }

  restore({ json }: CallbackState): void {
    demand(RATE_TRACE, json, 'the trace of the learning rate');
    this.trace = structuredClone(json) as RateTrace;
  }
}
