/** `gpu`, `verify` and `bench`: what the adapter is, whether it computes what it should, and how fast. */
import { ladderTasks } from '../../../bench/ladder/ladders.ts';
import { entryOf } from '../../../src/bench/limits.ts';
import { MODELS, type ModelCase, modelTask } from '../../../src/bench/models.ts';
import { BENCH_VERSION, type BenchHeader, type BenchResult } from '../../../src/bench/result.ts';
import { measureTasks, type Task } from '../../../src/bench/tasks.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { parseFixture } from '../../../src/verify/fixtures.ts';
import { RANDOM_OPS } from '../../../src/verify/random-cases.ts';
import { type Certificate, verify } from '../../../src/verify/verify.ts';
import type { Calls, GpuFacts } from '../contract.ts';
import type { Context } from './serve.ts';
import type { Session } from './session.ts';

export async function gpuFacts(session: Session): Promise<GpuFacts> {
  const facts = await session.facts();
  const { info, limits, features, traits } = await session.device();
  const named: Record<string, number> = {};
  // Limits are members of their prototype, which Object.entries does not list.
  for (const name in limits) {
    const value = limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') named[name] = value;
  }
  return {
    ...facts,
    ...{
      vendor: info.vendor,
      architecture: info.architecture,
      limits: named,
      features: [...features].sort(),
    },
    traits: { ...traits },
  };
}

// --- certificate ----------------------------------------------------------------------------------------------

/** The addresses of PyTorch's values, by the file of each network. */
const fixtures = import.meta.glob<string>('../../../src/verify/fixtures/*.json', {
  query: '?url',
  import: 'default',
  eager: true,
});

async function fixture(model: string) {
  const address = fixtures[`../../../src/verify/fixtures/${model}.json`];
  if (!address) throw new RangeError(`PyTorch's values of ${model} are not stored`);
  const answer = await fetch(new URL(address, import.meta.url));
  if (!answer.ok) throw new Error(`PyTorch's values of ${model} cannot be fetched: ${answer.status}`);
  return parseFixture(await answer.text());
}

export async function certify(
  session: Session,
  { ops, models }: Calls['verify']['argument'],
  { signal, tell }: Context<'verify'>,
): Promise<Certificate> {
  const device = await session.device();
  const wanted = ops ? RANDOM_OPS : [];
  const total = wanted.length + models.length;
  tell({ done: 0, total, name: '' });
  const certificate = await verify(device, {
    ...{ models, fixture, ops: wanted, signal },
    onCheck: (name, done) => tell({ done, total, name }),
  });
  if (device.fault) throw device.fault;
  return certificate;
}

// --- bench ----------------------------------------------------------------------------------------------------

/** Samples of each work, as `npm run bench` takes. */
const SAMPLES = 10;

export async function bench(
  session: Session,
  what: Calls['bench']['argument'],
  { signal, tell }: Context<'bench'>,
): Promise<BenchResult> {
  const device = await session.device();
  const measured = await measureTasks(device, await tasksOf(device, what), {
    samples: SAMPLES,
    stopped: () => signal.aborted,
    onProgress: (done, total, name) => tell({ done, total, name }),
  });
  signal.throwIfAborted();
  if (device.fault) throw device.fault;
  return {
    ...{ format: 'tessera-bench', version: BENCH_VERSION, header: headerOf(device), ceilings: null },
    ...{ entries: measured.map((one) => entryOf(one, null)), starts: [] },
  };
}

async function tasksOf(device: Device, what: Calls['bench']['argument']): Promise<Task[]> {
  if (what === 'ladders') return [...ladderTasks(device, 'matmul'), ...ladderTasks(device, 'conv2d')];
  const cases = ['efficientnet_lite0', ...MODELS].map((network): ModelCase => {
    return { network, form: { mode: 'evaluation', batch: 1, size: 224 } };
  });
  return Promise.all(cases.map((one) => modelTask(device, one, null)));
}

function headerOf({ info, software, features, traits }: Device): BenchHeader {
  const { vendor, architecture, device, description } = info;
  return {
    ...{ date: new Date().toISOString(), commit: null, runtime: null, toggles: [], processor: null },
    adapter: {
      description: description || device || architecture || vendor,
      vendor,
      architecture,
      device,
      software,
    },
    ...{ driver: description || null, dawn: navigator.userAgent, lanes: traits.lanes },
    features: [
      ...[...features].filter((feature) => feature === 'subgroups'),
      ...(traits.immediates ? ['immediates'] : []),
      ...(traits.f16 ? ['shader-f16'] : []),
    ],
  };
}
