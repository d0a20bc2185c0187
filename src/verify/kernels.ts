/** Kernels against the float64 reference on random shapes: values and every gradient. */
import type { Device } from '../gpu/index.ts';
import { KERNEL_LIMITS, runOnDevice } from './engine-ops.ts';
import { relativeError, type Worst, worse } from './errors.ts';
import { runReference } from './float64.ts';
import type { OpResult } from './parameters.ts';
import { pseudo } from './pseudo.ts';
import { describe, randomCase } from './random-cases.ts';

export interface KernelCheck {
  op: string;
  cases: number;
  forward: Worst;
  gradients: Worst;
  /** Whether both are within the limits. */
  passed: boolean;
}

export interface RandomOptions {
  /** Other seeds draw other shapes. */
  seed: string;
  /** Cases of each op. */
  rounds: number;
}

/** Runs an op on random shapes and compares values and gradients with float64. */
export async function checkOp(
  device: Device,
  op: string,
  { seed, rounds }: RandomOptions,
): Promise<KernelCheck> {
  let [forward, gradients]: Worst[] = [
    { error: 0, at: '' },
    { error: 0, at: '' },
  ];
  for (let round = 0; round < rounds; round++) {
    const drawn = randomCase(op, seed, round);
    const dy = (count: number): Float32Array => pseudo(`${drawn.name}/dy`, count);
    const reference = runReference(op, drawn.inputs, drawn.parameters, dy);
    const found = await runOnDevice(device, op, drawn.inputs, drawn.parameters, dy);
    const where = describe(drawn);
    forward = worst(forward, found.outputs, reference.outputs, (name) => `${name} of ${where}`);
    gradients = worst(
      gradients,
      found.gradients,
      reference.gradients,
      (name) => `the gradient of ${name} of ${where}`,
    );
  }
  const passed = forward.error <= KERNEL_LIMITS.forward && gradients.error <= KERNEL_LIMITS.gradients;
  return { op, cases: rounds, forward, gradients, passed };
}

/** The worst of `before` and the errors of `found`. */
function worst(
  before: Worst,
  found: OpResult['outputs'],
  reference: OpResult['outputs'],
  at: (name: string) => string,
): Worst {
  let result = before;
  for (const [name, { shape, data }] of Object.entries(reference)) {
    const given = found[name];
    const fits = given !== undefined && `${given.shape}` === `${shape}`;
    const error = fits ? relativeError(given.data, data) : Number.POSITIVE_INFINITY;
    result = worse(result, { error, at: at(name) });
  }
  return result;
}
