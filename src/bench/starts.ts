/**
 * What a network costs before it is warm, and what a warm one still makes: the first call, what each program takes to
 * compile, the objects that later calls create, and the JavaScript of a dispatch.
 *
 * A program is compiled when its pipeline is made or, by software drivers, at its first dispatch. So each is dispatched
 * alone, as the network does (which a device that computes nothing finds out), and waited for: the first time less a later
 * one is its compile time. All of it is measured on a device that has run nothing else; the shader cache of a driver, which
 * makes it warm, is whoever opens the device's (node/cold.ts).
 */
import { dryDevice } from '../gpu/dry.ts';
import {
  type BufferBinding,
  type Device,
  type DispatchEvent,
  elementwise,
  type Made,
  type Program,
  program,
} from '../gpu/index.ts';
import { scope } from '../tensor/index.ts';
import { timingOf } from './measure.ts';
import type { ProgramCost, StartEntry } from './result.ts';
import { watched } from './wgsl/watched.ts';

/** Work that can be prepared on any device, and is then called again and again. */
export interface Startable {
  /** That of its entry. */
  name: string;
  prepare(device: Device): { run(index: number): unknown; dispose(): void };
}

/** What `measureStart` finds; the rest of an entry needs processes of its own. */
export type StartFigures = Omit<StartEntry, 'name' | 'coldMs' | 'warmMs'>;
/** What of it holds for every call of a warm network. */
export type SteadyState = Omit<StartFigures, 'programs'>;

/** Calls after which nothing is to be made any more. */
const SETTLING = 2;
/** Calls that are watched for what they make. */
const WATCHED = 4;
/** Calls whose JavaScript is timed; the tenth percentile counts, since a busy machine only adds to it. */
const RECORDED = 20;
/** Later dispatches of a program that its first one is compared with. */
const LATER = 3;

/** Milliseconds of the first call on `device`, which has run nothing else, once its weights and inputs are there. */
export async function firstCall(device: Device, { prepare }: Startable): Promise<number> {
  const work = prepare(device);
  await device.idle();
  const start = performance.now();
  scope(() => void work.run(0));
  await device.idle();
  const took = performance.now() - start;
  work.dispose();
  if (device.fault) throw device.fault;
  return took;
}

/** Everything of a start but the time of the first call. `device` has run nothing else. */
export async function measureStart(device: Device, startable: Startable): Promise<StartFigures> {
  const programs = await compileTimes(device, await firstDispatches(device, startable));
  device.trim(); // free buffers of the programs would hide some that a call makes
  return { programs, ...(await steadyState(device, startable)) };
}

/**
 * What calls make and take once the first two are over.
 * @param recorded calls whose JavaScript is timed
 */
export async function steadyState(
  device: Device,
  { prepare }: Startable,
  recorded = RECORDED,
): Promise<SteadyState> {
  const work = prepare(device);
  let index = 0;
  const call = (): void => scope(() => void work.run(index++));
  for (let count = 0; count < SETTLING; count++) {
    call();
    await device.pace();
  }
  await device.idle();
  const made = await whatIsMade(device, call);
  const recording = await recordingOf(device, call, recorded);
  work.dispose();
  if (device.fault) throw device.fault;
  return { made, ...recording };
}

/** The first dispatch of each program that the first two calls run, in order. */
export async function firstDispatches(device: Device, { prepare }: Startable): Promise<DispatchEvent[]> {
  const { device: dry } = await dryDevice(device);
  const work = prepare(dry);
  const events = watched(dry, () => {
    for (let index = 0; index < SETTLING; index++) scope(() => void work.run(index));
  });
  work.dispose();
  dry.close();
  const first = new Map<Program, DispatchEvent>();
  for (const event of events) if (!first.has(event.program)) first.set(event.program, event);
  return [...first.values()];
}

/** Runs before any other, so that what a driver does once in a process is not counted for the first program. */
const nothing = program(
  elementwise({
    name: 'start-nothing',
    bindings: { y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 1; }',
  }),
);

/** What each program takes to compile. Its buffers hold whatever is in them: that decides no compilation. */
export async function compileTimes(
  device: Device,
  dispatches: readonly DispatchEvent[],
): Promise<ProgramCost[]> {
  const time = async (record: () => void): Promise<number> => {
    const start = performance.now();
    record();
    await device.idle();
    return performance.now() - start;
  };
  const y = device.take(256, 'activation');
  await time(() => device.run(nothing, { bindings: { y }, params: { count: 1 } }));
  device.pool.release(y);
  const costs: ProgramCost[] = [];
  for (const { program: source, bindings, params, groups } of dispatches) {
    const own = Object.entries(bindings).map(([name, { size }]: [string, BufferBinding]) => ({
      name,
      buffer: device.take(size, 'activation'),
    }));
    // A buffer may come a little larger than it was asked for, and a binding has a limit.
    const bound = Object.fromEntries(
      own.map(({ name, buffer }) => [name, { buffer, offset: 0, size: bindings[name]!.size }]),
    );
    const record = (): void => device.run(source, { bindings: bound, params, groups });
    const first = await time(record);
    let later = Number.POSITIVE_INFINITY;
    for (let count = 0; count < LATER; count++) later = Math.min(later, await time(record));
    costs.push({ name: source.name, compileMs: Math.max(0, first - later) });
    for (const { buffer } of own) device.pool.release(buffer);
  }
  if (device.fault) throw device.fault;
  return costs;
}

async function whatIsMade(device: Device, call: () => void): Promise<StartEntry['made']> {
  const made = new Map<Made, number>();
  const stop = device.observe({ make: (what) => void made.set(what, (made.get(what) ?? 0) + 1) });
  for (let count = 0; count < WATCHED; count++) {
    call();
    await device.pace();
  }
  stop();
  const count = (what: Made): number => made.get(what) ?? 0;
  return {
    buffers: count('buffer') + count('uniform') + count('staging'),
    bindGroups: count('bind group'),
    pipelines: count('pipeline'),
  };
}

/** Dispatches of a call, and microseconds of JavaScript for each: recording and submitting, with nobody waiting. */
async function recordingOf(
  device: Device,
  call: () => void,
  calls: number,
): Promise<Pick<SteadyState, 'dispatches' | 'javascriptUs'>> {
  const times: number[] = [];
  const before = device.commands.dispatches;
  for (let count = 0; count < calls; count++) {
    const start = performance.now();
    call();
    device.commands.flush();
    times.push(performance.now() - start);
    await device.idle();
  }
  const dispatches = Math.round((device.commands.dispatches - before) / calls);
  const { p10 } = timingOf([times], 1);
  return { dispatches, javascriptUs: (1000 * p10) / Math.max(1, dispatches) };
}
