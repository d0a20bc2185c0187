/**
 * Timing of recorded GPU work: warm up, then time whole submissions from the outside.
 *
 * A sample is one submission of `repeats` runs, from the first record to the end of the work on the device, divided
 * by the runs; `repeats` is chosen so that a sample lasts some 30 ms and a readback's millisecond does not count.
 * Median and spread (the 10th and the 90th percentile) are reported, never a mean: the machine may be shared.
 */
import type { Device } from '../src/gpu/index.ts';
import { scope } from '../src/tensor/index.ts';

export interface Timing {
  /** Milliseconds of one run. */
  median: number;
  low: number;
  high: number;
  samples: number;
}

export interface MeasureOptions {
  /** Samples to take. */
  samples?: number;
  /** Stop taking samples after this many milliseconds (three are always taken). */
  budget?: number;
}

const SAMPLE_MS = 30;

/** Times `run`, which records work (in a scope of its own) and returns nothing of interest. */
export async function measure(
  device: Device,
  run: () => unknown,
  { samples = 15, budget = 3000 }: MeasureOptions = {},
): Promise<Timing> {
  const sample = async (repeats: number): Promise<number> => {
    const start = performance.now();
    for (let index = 0; index < repeats; index++)
      scope(() => {
        run();
      });
    device.commands.flush();
    await device.gpu.queue.onSubmittedWorkDone();
    return (performance.now() - start) / repeats;
  };
  await sample(1); // compiles
  const once = await sample(1);
  const repeats = Math.max(1, Math.round(SAMPLE_MS / once));
  const times: number[] = [];
  const end = performance.now() + budget;
  while (times.length < samples && (times.length < 3 || performance.now() < end))
    times.push(await sample(repeats));
  if (device.fault) throw device.fault;
  times.sort((a, b) => a - b);
  const at = (quantile: number): number => times[Math.round(quantile * (times.length - 1))]!;
  return { median: at(0.5), low: at(0.1), high: at(0.9), samples: times.length };
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
