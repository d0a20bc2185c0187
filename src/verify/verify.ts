/**
 * The certificate: every op against float64 on random shapes, networks layer by layer against PyTorch, on the device at
 * hand. Fixtures are handed in, so that it runs wherever they can be had: from files in Node, by `fetch` in a page.
 */
import { adapterName } from '../gpu/adapter-name.ts';
import type { Device } from '../gpu/index.ts';
import { KERNEL_LIMITS } from './engine-ops.ts';
import type { NetworkFixture } from './fixtures.ts';
import { checkOp, type KernelCheck } from './kernels.ts';
import { checkNetwork, NETWORK_LIMITS, type NetworkCheck } from './networks.ts';
import { RANDOM_OPS } from './random-cases.ts';

export interface VerifyOptions {
  /** Networks to compare, by name. Default: none. */
  models?: readonly string[];
  /** Where a network's fixture comes from; see `parseFixture`. */
  fixture?: (model: string) => NetworkFixture | Promise<NetworkFixture>;
  /** Ops to compare, by name. Default: all. */
  ops?: readonly string[];
  /** Random shapes for each op. Default 6. */
  rounds?: number;
  /** Other seeds draw other shapes. Default '0'. */
  seed?: string;
  /** Told of each op and network that was compared, and how many that makes. */
  onCheck?: (name: string, done: number) => void;
  /** Ends the comparisons early: the certificate says what was not run. */
  signal?: AbortSignal;
}

/** What was compared, and whether it agrees. */
export interface Certificate {
  adapter: { description: string; software: boolean };
  /** Whether all that was asked for was compared, and agrees. */
  passed: boolean;
  /** False where the run was stopped before its end. */
  complete: boolean;
  /** The ops and networks that a stopped run did not come to. */
  notRun: string[];
  limits: typeof NETWORK_LIMITS & typeof KERNEL_LIMITS;
  kernels: KernelCheck[];
  networks: NetworkCheck[];
}

/**
 * Compares ops, then networks.
 * @throws Error where models are asked for and no fixtures were handed in, or what `fixture` throws
 */
export async function verify(
  device: Device,
  { models = [], fixture, ops = RANDOM_OPS, rounds = 6, seed = '0', onCheck, signal }: VerifyOptions = {},
): Promise<Certificate> {
  if (models.length > 0 && !fixture)
    throw new Error(
      `verify: ${models.join(', ')} need PyTorch's values; hand in \`fixture\`, which finds them`,
    );
  const kernels: KernelCheck[] = [];
  const networks: NetworkCheck[] = [];
  for (const op of ops) {
    if (signal?.aborted) break;
    kernels.push(await checkOp(device, op, { rounds, seed }));
    onCheck?.(op, kernels.length);
  }
  for (const model of models) {
    if (signal?.aborted) break;
    networks.push(await checkNetwork(device, await fixture!(model)));
    // A network's buffers have sizes that the next one cannot use.
    device.trim();
    onCheck?.(model, kernels.length + networks.length);
  }
  const { info, software } = device;
  const notRun = [...ops.slice(kernels.length), ...models.slice(networks.length)];
  const complete = notRun.length === 0;
  return {
    adapter: { description: adapterName(info), software },
    passed: complete && [...kernels, ...networks].every(({ passed }) => passed),
    complete,
    notRun,
    limits: { ...NETWORK_LIMITS, ...KERNEL_LIMITS },
    kernels,
    networks,
  };
}
