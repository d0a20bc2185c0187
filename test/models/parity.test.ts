/**
 * Every model with pseudo-random weights against torchvision's and timm's (resnet18 has a file of its own): logits in
 * evaluation mode; of some also loss, gradients, running statistics and an SGD step in training mode.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/expected.ts';
import { logitsError, type ModelFixture, trainingErrors } from '../helpers/model-parity.ts';

const LIMITS = { logits: 1e-4, losses: 1e-4, gradients: 1e-3, running: 1e-4, changes: 1e-3 };

const MODELS = [
  ...['resnet34', 'resnet50', 'resnet101', 'resnet152', 'alexnet', 'alexnet_2012'],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((phi) => `efficientnet_b${phi}`),
  ...['efficientnet_lite0', ...[0, 1, 2, 3, 4].map((index) => `tf_efficientnet_lite${index}`)],
  ...['tf_efficientnet_b0', 'tf_efficientnet_b3'],
];

const test = suite('models against PyTorch');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after.each(() => device.trim());
test.after(() => device.close());

for (const name of MODELS) {
  const stored = fixture<ModelFixture>(`model_${name}.json`);
  for (const row of stored.evaluation)
    test(`${name}: logits of ${row.input.shape}`, async () => {
      const error = await logitsError(device, stored, row);
      console.log(`${name}: logits ${error.toExponential(1)}`);
      assert.ok(error <= LIMITS.logits, `off by ${error}`);
    });
  for (const row of stored.training)
    test(`${name}: training on ${row.input.shape}`, async () => {
      const errors = await trainingErrors(device, stored, row);
      for (const [kind, { error, at }] of Object.entries(errors)) {
        console.log(`${name}: ${kind} ${error.toExponential(1)} ${at}`);
        assert.ok(error <= LIMITS[kind as keyof typeof errors], `${kind} are off by ${error} at ${at}`);
      }
    });
}

test.run();
