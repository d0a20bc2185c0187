/**
 * `bench`: what `npm run bench` measures, as the same document: the ceilings, then the ladders' rungs, or forward passes and how
 * they start. The page cannot read the revision or the processor, and says so by null.
 */
import { ladderTasks } from '../../../bench/ladder/ladders.ts';
import { measureCeilings } from '../../../src/bench/ceilings.ts';
import { documentOf, headerOf } from '../../../src/bench/document.ts';
import { MODELS, type ModelCase, modelName, modelTask, readyModel } from '../../../src/bench/models.ts';
import type { BenchResult, StartEntry } from '../../../src/bench/result.ts';
import { firstCall, measureStart, type Startable } from '../../../src/bench/starts.ts';
import { measureTasks, type Task } from '../../../src/bench/tasks.ts';
import { Device } from '../../../src/gpu/index.ts';
import type { Calls } from '../contract.ts';
import type { Context } from './serve.ts';
import type { Session } from './session.ts';

/** Samples of each work, as `npm run bench` takes. */
const SAMPLES = 10;
/** Bytes to plan with, of which the ceilings take an eighth for each of two buffers: WebGPU does not say what there is. */
const MEMORY = 2 ** 31;

export async function bench(
  session: Session,
  what: Calls['bench']['argument'],
  context: Context<'bench'>,
): Promise<BenchResult> {
  const { signal, tell } = context;
  const device = await session.device();
  const part = (done: number): void =>
    tell({ done: Math.round(100 * done), total: 100, name: 'what this GPU reaches at best' });
  part(0);
  const ceilings = await measureCeilings(device, MEMORY, part, signal);
  const measured = await measureTasks(device, await tasksOf(device, what), {
    samples: SAMPLES,
    stopped: () => signal.aborted,
    onProgress: (done, total, name, left) => tell({ done, total, name, left }),
  });
  signal.throwIfAborted();
  const starts = what === 'forward' ? await startsOf(context) : [];
  if (device.fault) throw device.fault;
  const where = { commit: null, dawn: navigator.userAgent, runtime: null, processor: null };
  return documentOf(headerOf(device, where), { ceilings, measured, starts });
}

const CASES = ['efficientnet_lite0', ...MODELS].map((network): ModelCase => {
  return { network, form: { mode: 'evaluation', batch: 1, size: 224 } };
});

async function tasksOf(device: Device, what: Calls['bench']['argument']): Promise<Task[]> {
  if (what === 'ladders') return [...ladderTasks(device, 'matmul'), ...ladderTasks(device, 'conv2d')];
  return Promise.all(CASES.map((one) => modelTask(device, one, null)));
}

/**
 * How the networks start, on devices that have run nothing else. What the browser keeps of compiled shaders cannot be emptied, and
 * their passes were timed before: there is no cold start, and compile times are those of programs it may know.
 */
async function startsOf({ signal, tell }: Context<'bench'>): Promise<StartEntry[]> {
  const entries: StartEntry[] = [];
  for (const [at, one] of CASES.entries()) {
    signal.throwIfAborted();
    const startable: Startable = { name: modelName(one), prepare: (on) => readyModel(on, one) };
    tell({ done: at, total: CASES.length, name: `the start of ${startable.name}` });
    const warmMs = await onFreshDevice((device) => firstCall(device, startable));
    signal.throwIfAborted();
    const figures = await onFreshDevice((device) => measureStart(device, startable));
    entries.push({ name: startable.name, coldMs: null, warmMs, ...figures });
  }
  return entries;
}

/** `work` on a device of its own; the page's stays the one that tensors are made on. */
async function onFreshDevice<Result>(work: (device: Device) => Promise<Result>): Promise<Result> {
  const device = await Device.open(navigator.gpu);
  try {
    return await work(device);
  } finally {
    device.close();
  }
}
