/** Networks in the page: a network of each family against torchvision and timm, and the certificate of `verify`. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { parseFixture } from '../../../src/verify/fixtures.ts';
import { verify } from '../../../src/verify/verify.ts';
import { testDevice } from '../../helpers/device.ts';
import { fixture } from '../../helpers/fixture.ts';
import { LIMITS, logitsError, type ModelFixture, trainingErrors } from '../../helpers/model-parity.ts';
import { NETWORKS } from './fixture.ts';

/** Pixels of a side: larger pictures take seconds on a software adapter. */
const SMALL = 100;
/** Trained here; `verify` holds the gradients of a ResNet against PyTorch's, Node those of all. */
const TRAINED = ['tf_efficientnet_lite0'];

const test = suite('networks');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after.each(() => device.trim());
test.after(() => device.close());

for (const model of NETWORKS) {
  const stored = fixture<ModelFixture>(`model_${model}.json`);
  const small = ({ input: { shape } }: { input: { shape: number[] } }): boolean => shape[1] < SMALL;
  for (const row of stored.evaluation.filter(small))
    test(`${model}: logits of ${row.input.shape}`, async () => {
      const error = await logitsError(device, stored, row);
      assert.ok(error <= LIMITS.logits, `off by ${error}`);
    });
  for (const row of TRAINED.includes(model) ? stored.training.filter(small) : [])
    test(`${model}: training on ${row.input.shape}`, async () => {
      for (const [kind, { error, at }] of Object.entries(await trainingErrors(device, stored, row)))
        assert.ok(error <= LIMITS[kind as keyof typeof LIMITS], `${kind} are off by ${error} at ${at}`);
    });
}

test('verify: the certificate, from fixtures that are fetched', async () => {
  const seen: string[] = [];
  const { passed, complete, networks } = await verify(device, {
    ops: ['conv2d', 'batchNorm'],
    rounds: 1,
    models: ['resnet18'],
    fixture: async (model) => parseFixture(await (await fetch(`/src/verify/fixtures/${model}.json`)).text()),
    onCheck: (name) => seen.push(name),
  });
  assert.equal([passed, complete, seen], [true, true, ['conv2d', 'batchNorm', 'resnet18']]);
  assert.ok(networks[0]!.comparisons.length > 100);
});

test.run();
