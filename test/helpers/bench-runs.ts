/** Made-up documents of the bench: entries of known times on a machine that drifts, has bursts, and slow minutes. */

import { timingOf } from '../../src/bench/measure.ts';
import type { BenchEntry, BenchHeader, BenchResult } from '../../src/bench/result.ts';
import { normalAt, randomKey, uniformAt } from '../../src/tensor/random.ts';

/** Standard deviations are of logarithms. */
export interface Noise {
  /** Of a sample beside its round, of a round beside its run, of an entry in one process beside another, of a whole run. */
  sample: number;
  round: number;
  process: number;
  run: number;
  /** How much a round resembles the one before. */
  lasting: number;
  /** How likely a round of all entries is in a burst, and a sample by itself: 1.2 to 2 times the time. */
  bursts: number;
}

export const QUIET: Noise = { sample: 0.01, round: 0.015, process: 0.01, run: 0.02, lasting: 0, bursts: 0 };

export const HEADER: BenchHeader = {
  date: '2026-11-26T12:00:00.000Z',
  commit: 'abc1234',
  adapter: { description: 'a card', vendor: 'v', architecture: 'a', device: 'd', software: false },
  driver: 'driver 1',
  dawn: 'webgpu 0.6.2',
  runtime: 'Node 20.19',
  toggles: [],
  features: ['subgroups'],
  lanes: 32,
  processor: 'a processor, 2 threads',
};

export const entryOf = (name: string, rounds: number[][], more: Partial<BenchEntry> = {}): BenchEntry => ({
  name,
  group: 'kernels',
  op: 'conv2d',
  pass: 'forward',
  variant: 'tile',
  networks: [],
  error: null,
  timing: timingOf(rounds, 5),
  flops: 1e9,
  bytes: 1e6,
  limit: null,
  share: null,
  failed: null,
  ...more,
});

export const resultOf = (entries: readonly BenchEntry[], header: Partial<BenchHeader> = {}): BenchResult => ({
  format: 'tessera-bench',
  version: 1,
  header: { ...HEADER, ...header },
  ceilings: null,
  entries,
  starts: [],
});

/**
 * A run whose entries take 1, 2, 3, … ms, times `factors`.
 * @param seed of the run: another one is another process in other minutes
 */
export function madeRun(
  seed: number,
  noise: Noise,
  { entries = 6, rounds = 5, samples = 3, factors = [] as readonly number[] } = {},
): BenchResult {
  const key = randomKey(seed, 'made-run', 0);
  let counter = 0;
  const normal = (): number => normalAt(key, counter++);
  const uniform = (): number => uniformAt(key, counter++);
  const burst = (chance: number): number => (uniform() < chance ? 0.2 + 0.5 * uniform() : 0);
  /** Round by round, each like the one before as far as noise lasts. */
  const course = (bursts: number): number[] => {
    let last = noise.round * normal();
    return Array.from({ length: rounds }, () => {
      last = noise.lasting * last + Math.sqrt(1 - noise.lasting ** 2) * noise.round * normal();
      return last + burst(bursts);
    });
  };
  const run = noise.run * normal();
  const together = course(noise.bursts);
  return resultOf(
    Array.from({ length: entries }, (_, index) => {
      const level = Math.log((index + 1) * (factors[index] ?? 1)) + run + noise.process * normal();
      const own = course(0);
      return entryOf(
        `kernel ${index}`,
        together.map((common, round) =>
          Array.from({ length: samples }, () =>
            Math.exp(level + common + own[round]! + noise.sample * normal() + burst(noise.bursts)),
          ),
        ),
      );
    }),
  );
}
