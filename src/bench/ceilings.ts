/**
 * What this adapter can do at best, measured in the same run as the kernels: multiply-adds from registers, and reading
 * and writing memory. A kernel's share of the nearer ceiling says how much is left to gain.
 *
 * A ceiling that is too low flatters every kernel below it. So each is the best of a fixed set of kernels
 * (ceilings/arithmetic.ts, ceilings/bandwidth.ts) whose results are checked, a rate counts when it was reached twice, and
 * where there is a reason to doubt it the ceiling says so, and no share of it is to be printed.
 */
import type { Device } from '../gpu/index.ts';
import { chainContenders } from './ceilings/arithmetic.ts';
import { cacheDoubt, memoryContenders, walkedBytes } from './ceilings/bandwidth.ts';
import { type Contender, ceilingOf, contest, type Tried } from './ceilings/contest.ts';
import type { Ceilings } from './result.ts';

/**
 * Measures the ceilings of `device`; takes about ten seconds.
 * @param memory bytes that a run may plan with
 * @param progress told the part that is done, from 0 to 1
 * @param signal ends it between two kernels' rounds, with its own error
 */
export async function measureCeilings(
  device: Device,
  memory: number,
  progress: (done: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Ceilings> {
  const bytes = walkedBytes(device.limits.maxBufferSize, memory);
  const race = async (
    prepare: () => Promise<{ contenders: Contender[]; dispose: () => void }>,
    half: number,
  ): Promise<Tried[]> => {
    const { contenders, dispose } = await prepare();
    try {
      return await contest(device, contenders, (done) => {
        signal?.throwIfAborted();
        progress((half + done) / 2);
      });
    } finally {
      dispose();
    }
  };
  const arithmetic = await race(() => chainContenders(device), 0);
  const bandwidth = await race(() => memoryContenders(device, bytes), 1);
  device.trim(); // half a gigabyte that nobody needs any more
  return {
    arithmetic: ceilingOf(arithmetic, null, true),
    bandwidth: ceilingOf(bandwidth, cacheDoubt(bytes), false),
  };
}
