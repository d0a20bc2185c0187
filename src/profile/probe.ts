/**
 * How dispatches of a device can be timed, found before a profile begins: whether its timestamps mean anything, what their
 * quantum is, and what timing costs. A dispatch that does next to nothing is run some hundred times.
 */
import {
  clockOf,
  type Device,
  elementwise,
  type GpuClock,
  program,
  type Round,
  type TimingMethod,
} from '../gpu/index.ts';
import type { Measuring } from './recording.ts';

const nothing = program(
  elementwise({
    name: 'profile-probe',
    bindings: { y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 1; }',
  }),
);

/** Rounds of a few dispatches from which the clock is found; samples of more from which the cost is. */
const ROUNDS = 8;
const SAMPLES = 8;
const DISPATCHES = 32;

export interface Probed {
  measuring: Measuring;
  clock: GpuClock | null;
}

/** @param wanted 'waiting' where timestamps are not to be used although they are there */
export async function probe(device: Device, wanted?: TimingMethod): Promise<Probed> {
  const buffer = device.take(256, 'activation');
  const run = (count: number): void => {
    for (let index = 0; index < count; index++)
      device.run(nothing, { bindings: { y: buffer }, params: { count: 1 } });
  };
  try {
    run(1);
    await device.idle();
    const clock = await clockOrReason(device, run, wanted);
    return typeof clock === 'string'
      ? { clock: null, measuring: await waitingCost(device, run, clock) }
      : { clock, measuring: await stampingCost(device, run, clock) };
  } finally {
    device.pool.release(buffer);
  }
}

async function clockOrReason(
  device: Device,
  run: (count: number) => void,
  wanted: TimingMethod | undefined,
): Promise<GpuClock | string> {
  if (wanted === 'waiting') return 'it was asked for';
  if (!device.features.has('timestamp-query'))
    return 'the device was opened without timestamps, or its adapter has none';
  const rounds: Round[] = [];
  let stamps: number[] = [];
  const timer = device.timeDispatches({ clock: null }, (_, start, end) => stamps.push(start, end))!;
  for (let round = 0; round < ROUNDS; round++) {
    stamps = [];
    run(4);
    const submitted = performance.now();
    await device.idle();
    const done = performance.now();
    await timer.settled();
    rounds.push({ submitted, done, stamps });
  }
  device.timeDispatches(null, () => undefined);
  timer.dispose();
  return clockOf(rounds);
}

async function stampingCost(
  device: Device,
  run: (count: number) => void,
  clock: GpuClock,
): Promise<Measuring> {
  const plain: number[] = [];
  const timed: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    plain.push(await timeOf(device, run));
    const timer = device.timeDispatches({ clock }, () => undefined)!;
    timed.push(await timeOf(device, run));
    device.timeDispatches(null, () => undefined);
    await timer.settled();
    timer.dispose();
  }
  return {
    method: 'timestamps',
    why: null,
    quantum: clock.quantum,
    clockError: clock.error,
    overhead: Math.max(least(timed) - least(plain), 0) / DISPATCHES,
    floor: 0,
  };
}

async function waitingCost(device: Device, run: (count: number) => void, why: string): Promise<Measuring> {
  const plain: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) plain.push(await timeOf(device, run));
  const each: number[] = [];
  const timer = device.timeDispatches('waiting', (_, start, end) => each.push(end - start))!;
  const timed = await timeOf(device, run);
  await timer.settled();
  device.timeDispatches(null, () => undefined);
  return {
    method: 'waiting',
    why,
    quantum: null,
    clockError: 0,
    overhead: Math.max(timed - least(plain), 0) / DISPATCHES,
    floor: median(each),
  };
}

async function timeOf(device: Device, run: (count: number) => void): Promise<number> {
  const start = performance.now();
  run(DISPATCHES);
  await device.idle();
  return performance.now() - start;
}

/** What a busy machine adds comes in bursts, and is no cost of timing. */
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
