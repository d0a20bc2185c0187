/**
 * Timing of recorded GPU work: warm up, then time whole submissions from the outside.
 *
 * A sample is one submission of `repeats` runs, from the first record to the end of the work on the device, divided
 * by the runs; `repeats` is chosen so that a sample lasts some 30 ms and a readback's millisecond does not count.
 * Median and spread (the 10th and the 90th percentile) are reported, never a mean: the machine may be shared.
 *
 * What is compared is measured in *rounds*: a few samples of each, then a few of each again, so that a minute in which the
 * machine was busy falls on all alike.
 */
import type { Device } from '../gpu/index.ts';
import { scope } from '../tensor/index.ts';
import type { Timing } from './result.ts';

export interface MeasureOptions {
  /** Samples to take. */
  samples?: number;
  /** Stop taking samples after this many milliseconds. */
  budget?: number;
  /** Samples that are taken in any case. */
  least?: number;
}

/** A work that is warm, and how often a sample runs it. */
export interface Timer {
  readonly repeats: number;
  /** Takes samples: milliseconds of one run each. */
  round(options?: MeasureOptions): Promise<number[]>;
}

const SAMPLE_MS = 30;

/**
 * Warms `run` up. It records work (in a scope of its own), and returns nothing of interest; it is told how often it has run,
 * so that its inputs can rotate.
 */
export async function timer(device: Device, run: (index: number) => unknown): Promise<Timer> {
  let index = 0;
  const sample = async (repeats: number): Promise<number> => {
    const start = performance.now();
    for (let count = 0; count < repeats; count++)
      scope(() => {
        run(index++);
      });
    await device.idle();
    return (performance.now() - start) / repeats;
  };
  await sample(1); // compiles
  const once = await sample(1);
  const repeats = Math.max(1, Math.round(SAMPLE_MS / once));
  return {
    repeats,
    async round({ samples = 15, budget = 3000, least = 3 } = {}) {
      const times: number[] = [];
      const end = performance.now() + budget;
      while (times.length < samples && (times.length < least || performance.now() < end))
        times.push(await sample(repeats));
      if (device.fault) throw device.fault;
      return times;
    },
  };
}

/** Times `run` in one round. */
export async function measure(
  device: Device,
  run: (index: number) => unknown,
  options?: MeasureOptions,
): Promise<Timing> {
  const { repeats, round } = await timer(device, run);
  return timingOf([await round(options)], repeats);
}

/** The figures of samples. */
export function timingOf(rounds: readonly (readonly number[])[], repeats: number): Timing {
  const times = rounds.flat().sort((a, b) => a - b);
  const at = (quantile: number): number => times[Math.round(quantile * (times.length - 1))]!;
  return { median: at(0.5), p10: at(0.1), p90: at(0.9), rounds, repeats };
}

/** Values that look like activations: never zeros, which some hardware multiplies faster. */
export function randomValues(count: number, seed = 1): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < count; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[index] = (state | 0) / 2 ** 31;
  }
  return values;
}
