/**
 * Every op against PyTorch: the cases of test/reference/ops.json, outputs and all gradients, on the adapter as it is
 * and on a device clamped to WebGPU's defaults. Prints the largest errors of each op.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { resize } from '../../src/kernels/index.ts';
import { scope, sizeOf, tensor } from '../../src/tensor/index.ts';
import type { OpResult } from '../../src/verify/parameters.ts';
import { pseudoFill } from '../../src/verify/pseudo.ts';
import { describe, inputsOf, type OpCase, opsFixture, outputGradientOf } from '../helpers/cases.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';
import { Errors, KERNEL_LIMITS, runOnDevice } from '../helpers/engine-ops.ts';
import { decodeBytes, departure, type Expected } from '../helpers/expected.ts';

const { cases, pictures } = opsFixture();

/** The largest departure of the tensors of one kind; every stored one must be there, and no other. */
function largest(found: OpResult['outputs'], stored: Record<string, Expected>): number {
  assert.equal(Object.keys(found).sort(), Object.keys(stored).sort());
  return Math.max(
    0,
    ...Object.entries(stored).map(([name, reference]) =>
      departure(found[name].data, found[name].shape, reference),
    ),
  );
}

async function check(device: Device, row: OpCase, errors: Errors): Promise<string | null> {
  const result = await runOnDevice(device, row.op, inputsOf(row), row.parameters, outputGradientOf(row));
  const forward = largest(result.outputs, row.outputs);
  const gradients = largest(result.gradients, row.gradients);
  if (!row.tolerance) errors.add(forward, gradients);
  const [mostForward, mostGradients] = row.tolerance ?? [KERNEL_LIMITS.forward, KERNEL_LIMITS.gradients];
  if (forward <= mostForward && gradients <= mostGradients) return null;
  return `${describe(row)}: off by ${forward.toExponential(1)} forward, ${gradients.toExponential(1)} gradients`;
}

for (const [name, open] of [
  ['PyTorch', testDevice],
  ['PyTorch, clamped device', clampedDevice],
] as const) {
  const test = suite(name);
  let device: Device;
  test.before(async () => {
    device = await open();
  });
  test.after(() => device.close());

  for (const op of new Set(cases.map((row) => row.op)))
    test(op, async () => {
      const errors = new Errors();
      const failures: string[] = [];
      const rows = cases.filter((row) => row.op === op);
      for (const row of rows) {
        const failure = await check(device, row, errors).catch(
          (error: Error) => `${describe(row)}: ${error.message}`,
        );
        if (failure) failures.push(failure);
      }
      console.log(`${op}: ${rows.length} cases, ${errors}`);
      assert.is(failures.join('\n'), '', `${failures.length} of ${rows.length} cases`);
    });

  test('resize of 8-bit pictures equals Pillow', async () => {
    for (const { name: stream, shape, size, interpolation, bytes } of pictures) {
      const pixels = pseudoFill(stream, sizeOf(shape), { levels: 256 });
      const y = scope(() =>
        resize(tensor(pixels, [1, ...shape], { device }), size, { interpolation, round8: true }),
      );
      const found = Uint8Array.from(await y.data());
      y.dispose();
      assert.equal(found, decodeBytes(bytes), `${interpolation} ${shape} to ${size}`);
    }
  });

  test.run();
}
