/** `gpu` and `verify`: what the adapter is, and whether it computes what it should. */
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
