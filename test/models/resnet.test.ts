/**
 * ResNet-18 with pseudo-random weights against torchvision: logits in evaluation mode, and the training mode's loss,
 * gradients, running statistics and three SGD steps. Prints the errors.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/fixture.ts';
import { LIMITS, logitsError, type ModelFixture, trainingErrors } from '../helpers/model-parity.ts';
import { sabotage } from '../helpers/sabotage.ts';

const test = suite('ResNet-18');
const stored = fixture<ModelFixture>('model_resnet18.json');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

for (const row of stored.evaluation)
  test(`logits of ${row.input.shape}`, async () => {
    const error = await logitsError(device, stored, row);
    console.log(`logits of ${row.input.shape}: ${error.toExponential(1)}`);
    assert.ok(error <= LIMITS.logits, `off by ${error}`);
  });

for (const row of stored.training)
  test(`training on ${row.input.shape}, three SGD steps`, async () => {
    const errors = await trainingErrors(device, stored, row);
    for (const [kind, { error, at }] of Object.entries(errors)) {
      console.log(`${kind} of ${row.input.shape}: ${error.toExponential(1)} (${at})`);
      assert.ok(error <= LIMITS[kind as keyof typeof errors], `${kind} are off by ${error} at ${at}`);
    }
  });

test('gradients that are NaN are the largest error, though those compared after them are right', async () => {
  const own = await testDevice();
  sabotage(own, /^max-pool-backward/, 'dx', 'NaN');
  const { gradients } = await trainingErrors(own, stored, stored.training[0]);
  own.close();
  assert.equal(gradients.error, Number.NaN);
});

test.run();
