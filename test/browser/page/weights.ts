/** Weights in the page: the folder over the network, bytes, an address, and a file of the page's own storage. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import type { Model } from '../../../src/nn/index.ts';
import { noGrad, scope, tensor } from '../../../src/tensor/index.ts';
import { pseudoPictures } from '../../../src/verify/pseudo.ts';
import { createModel, loadWeights, saveWeights } from '../../../src/weights/web-create-model.ts';
import { testDevice } from '../../helpers/device.ts';

const test = suite('weights');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const NAME = 'efficientnet_lite0';
const SHAPE = [1, 64, 64, 3] as const;

async function logits(model: Model): Promise<number[]> {
  const y = scope(() =>
    noGrad(() => model.eval().forward(tensor(pseudoPictures('page', [...SHAPE]), SHAPE, { device }))),
  );
  return [...(await y.data())];
}

test('pretrained weights from the folder, saved and loaded again as bytes and by address', async () => {
  const model = await createModel(NAME, { weights: 'pretrained', folder: '/weights/', device });
  const expected = await logits(model);
  assert.ok(Math.max(...expected) > 0);

  const storage = await navigator.storage.getDirectory();
  const handle = await storage.getFileHandle('model.safetensors', { create: true });
  await saveWeights(model, handle);
  const saved = await handle.getFile();
  const fromBytes = await createModel(NAME, { weights: new Uint8Array(await saved.arrayBuffer()), device });
  assert.equal(await logits(fromBytes), expected);

  const address = URL.createObjectURL(saved);
  const other = await createModel(NAME, { seed: 5, padding: 'same', normEps: 1e-3, device });
  assert.not.equal(await logits(other), expected);
  await loadWeights(other, address);
  URL.revokeObjectURL(address);
  assert.equal(await logits(other), expected);
  for (const used of [model, fromBytes, other]) used.dispose();
});

test('weights that are not there are a sentence with the address', async () => {
  const message = await createModel(NAME, { weights: '/weights/none.safetensors', device }).then(
    () => '',
    (error: Error) => error.message,
  );
  assert.match(message, /there is no weights file http.*\/weights\/none\.safetensors/);
});

test.run();
