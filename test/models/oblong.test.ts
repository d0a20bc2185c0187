/**
 * A network of each family on pictures that are no squares, against torchvision and timm: logits of wide and high ones, and
 * loss, gradients, running statistics and an SGD step of wide ones. Where height and width were mistaken for one another,
 * every one of them would be off.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { gradCam } from '../../src/explain/grad-cam.ts';
import type { Device } from '../../src/gpu/index.ts';
import { buildModel } from '../../src/models/table.ts';
import { tensor } from '../../src/tensor/index.ts';
import { pseudoPictures } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/fixture.ts';
import { LIMITS, logitsError, type ModelFixture, trainingErrors } from '../helpers/model-parity.ts';

const test = suite('models on pictures that are no squares');
const { models } = fixture<{ models: ModelFixture[] }>('oblong.json');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after.each(() => device.trim());
test.after(() => device.close());

for (const stored of models) {
  for (const row of stored.evaluation)
    test(`${stored.model}: logits of ${row.input.shape}`, async () => {
      const error = await logitsError(device, stored, row);
      assert.ok(error <= LIMITS.logits, `off by ${error}`);
    });
  for (const row of stored.training)
    test(`${stored.model}: training on ${row.input.shape}`, async () => {
      for (const [kind, { error, at }] of Object.entries(await trainingErrors(device, stored, row)))
        assert.ok(error <= LIMITS[kind as keyof typeof LIMITS], `${kind} are off by ${error} at ${at}`);
    });
}

test('Grad-CAM of a wide picture has a wide map', async () => {
  const model = buildModel('resnet18', { device, numClasses: 3, seed: 1 });
  const x = tensor(pseudoPictures('pictures', [1, 64, 160, 3]), [1, 64, 160, 3], { device });
  const { height, width, maps } = await gradCam(model, x, { stage: 'layer3' });
  assert.equal([height, width, maps.length], [4, 10, 40]);
  x.dispose();
  model.dispose();
});

test.run();
