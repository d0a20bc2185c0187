/**
 * Checks an op and its gradients against a formula in float64: the values directly, the gradients by central
 * differences of the formula. The formulas are the tests' own, a few lines each; test/reference/ holds PyTorch's.
 */
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { scope, sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { relativeError } from '../../src/verify/errors.ts';
import { pseudo } from '../../src/verify/pseudo.ts';

export { relativeError };

export interface OpCheck {
  name: string;
  /** Shapes of the inputs; values are pseudo-random in [-1, 1), or what `values` gives. */
  inputs: readonly (readonly number[])[];
  values?: readonly (Float32Array | undefined)[];
  op: (...inputs: Tensor[]) => Tensor;
  /** The same in float64, row-major. */
  formula: (...inputs: Float64Array[]) => ArrayLike<number>;
  /** Which inputs get a gradient; all by default. */
  gradients?: readonly boolean[];
  tolerance?: { forward?: number; gradient?: number };
}

/** Gradients of this many elements of an input are differenced; the rest share the kernel's code. */
const SAMPLES = 48;

/** Runs the op and asserts its values (≤ 1e-5) and gradients (≤ 1e-4). Resolves to the two errors. */
export async function checkOp(
  device: Device,
  check: OpCheck,
): Promise<{ forward: number; gradient: number }> {
  const arrays = check.inputs.map(
    (shape, index) => check.values?.[index] ?? pseudo(`${check.name}/${index}`, sizeOf(shape)),
  );
  const wanted = check.gradients ?? check.inputs.map(() => true);
  const inputs = arrays.map((values, index) =>
    tensor(values, check.inputs[index]!, { device, requiresGrad: wanted[index], owned: true }),
  );
  const exact = arrays.map((values) => Float64Array.from(values));
  const reference = check.formula(...exact);
  const weights = pseudo(`${check.name}/dy`, reference.length);
  const y = scope(() => {
    const result = check.op(...inputs);
    if (wanted.includes(true)) result.backward(tensor(weights, result.shape, { device }));
    return result;
  });
  const forward = relativeError(await y.data(), reference);
  assert.ok(forward <= (check.tolerance?.forward ?? 1e-5), `${check.name}: the values are off by ${forward}`);

  const objective = (): number => {
    const values = check.formula(...exact);
    return weights.reduce((total, weight, i) => total + weight * values[i]!, 0);
  };
  let gradient = 0;
  for (const [index, input] of inputs.entries()) {
    if (!wanted[index]) continue;
    const { grad } = input;
    assert.ok(grad, `${check.name}: input ${index} has no gradient`);
    assert.equal(grad.shape, input.shape);
    const computed = await grad.data();
    const at = samples(input.size);
    const differences = at.map((i) => derivative(objective, exact[index]!, i));
    const error = relativeError(
      at.map((i) => computed[i]!),
      differences,
    );
    assert.ok(
      error <= (check.tolerance?.gradient ?? 1e-4),
      `${check.name}: the gradient of input ${index} is off by ${error}`,
    );
    gradient = Math.max(gradient, error);
    grad.dispose();
  }
  for (const used of [...inputs, y]) used.dispose();
  return { forward, gradient };
}

/** d objective / d values[i], by central differences. */
function derivative(objective: () => number, values: Float64Array, i: number): number {
  const value = values[i]!;
  const step = 1e-5 * Math.sqrt(Math.max(1, Math.abs(value)));
  values[i] = value + step;
  const above = objective();
  values[i] = value - step;
  const below = objective();
  values[i] = value;
  return (above - below) / (2 * step);
}

/** All indices below `count`, or a spread of them with both ends. */
function samples(count: number): number[] {
  if (count <= SAMPLES) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: SAMPLES }, (_, k) => Math.round((k * (count - 1)) / (SAMPLES - 1)));
}
