/**
 * Random shapes and parameters against the float64 reference, seeded: every run tries the same ones. `TESSERA_SEED`
 * tries others. `npm run verify` does the same on a user's adapter.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { KERNEL_LIMITS } from '../../../src/verify/engine-ops.ts';
import { checkOp } from '../../../src/verify/kernels.ts';
import { RANDOM_OPS } from '../../../src/verify/random-cases.ts';
import { testDevice } from '../../helpers/device.ts';

const SEED = process.env.TESSERA_SEED ?? '0';
const ROUNDS = 12;

const test = suite('random shapes against float64');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

for (const op of RANDOM_OPS)
  test(op, async () => {
    const { forward, gradients } = await checkOp(device, op, { seed: SEED, rounds: ROUNDS });
    const [y, dx] = [forward, gradients].map(({ error }) => error.toExponential(1));
    console.log(`${op}: ${ROUNDS} shapes, ${y} forward, ${dx} gradients`);
    assert.ok(forward.error <= KERNEL_LIMITS.forward, `${forward.at}: off by ${forward.error}`);
    assert.ok(gradients.error <= KERNEL_LIMITS.gradients, `${gradients.at}: off by ${gradients.error}`);
  });

test.run();
