/**
 * The page: the core's tests as they are (the bundler swaps uvu, the fixtures and the WebGPU that they import, see
 * ../bundle.ts), and what only a page has. Each test is told to the server when it begins and when it ends, so that a
 * hang has a name.
 */
import '../../tensor/shape.test.ts';
import '../../tensor/scope.test.ts';
import '../../tensor/autograd.test.ts';
import '../../tensor/accumulate.test.ts';
import '../../explain/maps.test.ts';
import '../../kernels/reference.test.ts';
import '../../kernels/loss/cross-entropy.test.ts';
import '../../kernels/matmul/matmul.test.ts';
import '../../kernels/norm/batch-norm.test.ts';
import '../../kernels/norm/lrn.test.ts';
import '../../kernels/parts/divide.test.ts';
import '../../kernels/parts/pad-channels.test.ts';
import '../../kernels/pointwise/broadcast.test.ts';
import '../../kernels/pointwise/dropout.test.ts';
import '../../kernels/pool/pools.test.ts';
import '../../kernels/reduce/reduce.test.ts';
import '../../kernels/reduce/softmax.test.ts';
import '../../kernels/shape/shape-ops.test.ts';
import '../../nn/layout.test.ts';
import '../../nn/modules.test.ts';
import '../../nn/optimizers-reference.test.ts';
import './networks.ts';
import './pictures.ts';
import './weights.ts';
import type { Device } from '../../../src/gpu/index.ts';
import { testDevice } from '../../helpers/device.ts';
import type { PageMessage } from '../messages.ts';
import { trainingLosses } from './training.ts';
import { type PageSuite, suites } from './uvu.ts';

/** What the engine does with default limits is no matter of the browser: Node runs these suites and tests. */
const LEFT_OUT = /default limits|clamped ?device/i;

async function tell(message: PageMessage): Promise<void> {
  await fetch('/told', { method: 'POST', body: JSON.stringify(message) });
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

async function runSuite({ name, tests, before, after, beforeEach, afterEach }: PageSuite): Promise<void> {
  for (const hook of before) await hook();
  for (const { name: what, body } of tests.filter(({ name }) => !LEFT_OUT.test(name))) {
    const test = `${name}: ${what}`;
    await tell({ kind: 'begin', test });
    try {
      for (const part of [...beforeEach, body, ...afterEach]) await part();
      await tell({ kind: 'end', test });
    } catch (error) {
      await tell({ kind: 'end', test, error: describe(error) });
    }
  }
  for (const hook of after) await hook();
}

function nameOf({ info }: Device): string {
  return [info.description, info.vendor, info.architecture, info.device].filter(Boolean).join(', ');
}

try {
  for (const one of suites.filter(({ name }) => !LEFT_OUT.test(name))) await runSuite(one);
  const device = await testDevice();
  await tell({ kind: 'losses', losses: await trainingLosses(device) });
  await tell({ kind: 'done', adapter: nameOf(device) });
  device.close();
} catch (error) {
  await tell({ kind: 'fault', error: describe(error) });
}
