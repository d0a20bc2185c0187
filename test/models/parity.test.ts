/**
 * Every other architecture with pseudo-random weights against torchvision at a small size: logits in evaluation mode
 * and, where the fixture holds them, the training mode's loss, gradients, running statistics and an SGD step.
 * Prints a line a model. ResNet-18 has a file of its own.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/expected.ts';
import { LIMITS, logitsError, type ModelFixture, trainingErrors } from '../helpers/model-parity.ts';

const MODELS = [
  'alexnet',
  ...['resnet34', 'resnet50', 'resnet101', 'resnet152'],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `efficientnet_b${i}`),
];

const test = suite('models against torchvision');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

for (const name of MODELS)
  test(name, async () => {
    const stored = fixture<ModelFixture>(`model_${name}.json`);
    for (const row of stored.evaluation) {
      const error = await logitsError(device, stored, row);
      console.log(`${name} logits: ${error.toExponential(1)}`);
      assert.ok(error <= LIMITS.logits, `logits of ${row.input.shape} are off by ${error}`);
    }
    for (const row of stored.training)
      for (const [kind, { error, at }] of Object.entries(await trainingErrors(device, stored, row))) {
        console.log(`${name} ${kind}: ${error.toExponential(1)} (${at})`);
        assert.ok(error <= LIMITS[kind as keyof typeof LIMITS], `${kind} are off by ${error} at ${at}`);
      }
    device.trim();
  });

test.run();
