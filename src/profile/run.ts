/** `profile`: the profiler around a function, for programs. The commands' `--profile` uses its parts. */
import type { Device } from '../gpu/index.ts';
import type { Profile } from './profile.ts';
import { Profiler, type ProfilerOptions } from './profiler.ts';
import { summarise } from './summary.ts';
import { profileText } from './text.ts';
import { traceOf } from './trace.ts';

export interface ProfileOptions extends ProfilerOptions {
  /** How often `body` runs and is profiled. Default 1. */
  steps?: number;
  /** How often it runs before, so that all is compiled. Default 1; 0 shows what a cold start takes. */
  warmUp?: number;
}

/** A profile with its trace. */
export interface Profiled {
  profile: Profile;
  /** Lines of tables, for a terminal. */
  text: string[];
  /** JSON for https://ui.perfetto.dev. */
  trace: string;
}

/**
 * Runs `body` and says where its time went: by program, op and layer on the GPU, and of the wall clock's time what computed,
 * compiled, uploaded, recorded and waited.
 *
 *   const device = await openDevice({ profile: true });
 *   const { text, trace } = await profile(device, () => scope(() => void model.forward(x)));
 *
 * `body` may wait; what it records until it returns or resolves is profiled, and the values have the same bits as ever.
 * Dispatches are timed by timestamps on a device that was opened with `{ profile: true }` where its adapter has them, and by
 * waiting for each elsewhere, which is slow. Of `steps` runs all times are sums; `text` prints means.
 * @throws RangeError where `steps` is no whole number above 0 or `warmUp` none of at least 0; whatever `body` throws
 */
export async function profile(
  device: Device,
  body: (step: number) => unknown,
  options: ProfileOptions = {},
): Promise<Profiled> {
  const { steps = 1, warmUp = 1 } = options;
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`profile: steps is a whole number above 0, not ${steps}`);
  if (!Number.isInteger(warmUp) || warmUp < 0)
    throw new RangeError(`profile: warmUp is a whole number of at least 0, not ${warmUp}`);
  for (let step = 0; step < warmUp; step++) await body(step);
  await device.idle();
  const profiler = await Profiler.start(device, options);
  try {
    for (let step = 0; step < steps; step++) {
      await body(warmUp + step);
      profiler.mark();
    }
  } catch (error) {
    await profiler.stop();
    throw error;
  }
  const recording = await profiler.stop();
  if (device.fault) throw device.fault;
  const found = summarise(recording);
  return { profile: found, text: profileText(found), trace: traceOf(recording) };
}
