/** Distillation: the loss and its gradient against PyTorch's, what the teacher is shown, accumulation, refusals. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromSamples } from '../../src/data/in-thread.ts';
import type { Batch } from '../../src/data/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import { freeze, type Model, SGD } from '../../src/nn/index.ts';
import { scope, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { distilCriterion, distilStep } from '../../src/train/distil.ts';
import { fit } from '../../src/train/fit.ts';
import { type Mixer, mixPictures } from '../../src/train/mix.ts';
import { plainStep, type Step } from '../../src/train/step.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { testDevice } from '../helpers/device.ts';
import { fixture } from '../helpers/fixture.ts';
import { PREPROCESSING, stripes, tinyNet } from './tiny.ts';

const test = suite('train/distil');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

const { distil: CASES } = fixture<{
  distil: { temperature: number; share: number; smoothing: number; loss: number; gradient: number[] }[];
}>('training.json');
const [ROWS, CLASSES] = [5, 7];

const batchOf = (size: number, fields: Partial<Batch> = {}): Batch => ({
  images: Float32Array.from(pseudo('images', size * 16 * 16 * 3)),
  labels: Int32Array.from({ length: size }, (_, n) => n % CLASSES),
  size,
  samples: [],
  index: 0,
  skipped: 0,
  ...fields,
});

const logits = (name: string): Tensor =>
  tensor(
    pseudo(name, ROWS * CLASSES).map((value) => 4 * value),
    [ROWS, CLASSES],
    { device, requiresGrad: name === 'student' },
  );

for (const { temperature, share, smoothing, loss: wanted, gradient } of CASES)
  test(`T ${temperature}, share ${share}, smoothing ${smoothing}: PyTorch's loss and gradient`, async () => {
    const student = logits('student');
    const loss = scope(() => {
      const criterion = distilCriterion({
        teacher: () => logits('teacher'),
        temperature,
        share,
        labelSmoothing: smoothing,
      });
      const model = { numClasses: CLASSES } as Model;
      const loss = criterion(batchOf(ROWS), { model, device, epoch: 0, index: 0 }).lossOf(student);
      loss.backward();
      return loss;
    });
    assert.ok(Math.abs((await loss.item()) - wanted) <= 1e-5 * wanted, `${await loss.item()} for ${wanted}`);
    const largest = Math.max(...gradient.map(Math.abs));
    for (const [i, value] of (await student.grad!.data()).entries())
      assert.ok(Math.abs(value - gradient[i]!) <= 1e-5 * largest, `${i}: ${value} for ${gradient[i]}`);
    for (const one of [loss, student]) one.dispose();
  });

/** The weights that a step leaves behind one epoch of 16 pictures. */
async function trained(step: Step, batchSize = 8): Promise<number[]> {
  const model = tinyNet(device);
  freeze(model, { match: /bn/ });
  Object.assign(model.dropout, { p: 0 });
  const parameters = [...model.parameters()].filter(({ requiresGrad }) => requiresGrad);
  const optimizer = new SGD(parameters, { lr: 0.1, momentum: 0.9 });
  const train = fromSamples(stripes(16, 1), { batchSize, preprocessing: PREPROCESSING, train: true });
  await fit({ model, device, optimizer, train, step, epochs: 1 });
  const values: number[] = [];
  for (const { tensor } of model.tensors()) values.push(...(await tensor.data()));
  return values;
}

test('the teacher is shown the mixed pictures, once a batch, and without a share nothing comes of it', async () => {
  const mix = mixPictures({ mixup: 0.5, seed: 3 })!;
  const shown: Float32Array[] = [];
  const noted: Mixer = (batch, classes, place) => {
    const mixed = mix(batch, classes, place);
    shown.push(mixed.batch.images);
    return mixed;
  };
  const seen: Promise<ArrayLike<number>>[] = [];
  const teacher = (pictures: Tensor): Tensor => {
    seen.push(pictures.data());
    return zeros([pictures.shape[0]!, 2], { device });
  };
  const taught = await trained(distilStep({ teacher, share: 0, mix: noted }));
  assert.equal(await Promise.all(seen), shown);
  assert.is(seen.length, 2);
  assert.equal(taught, await trained(plainStep({ mix })));
});

test('a network that teaches answers as it does in evaluation mode, and stays what it is', async () => {
  const teacher = tinyNet(device, 5).train();
  const before = await Promise.all([...teacher.tensors()].map(({ tensor }) => tensor.data()));
  const byNetwork = await trained(distilStep({ teacher }));
  assert.equal(await Promise.all([...teacher.tensors()].map(({ tensor }) => tensor.data())), before);
  assert.ok([...teacher.parameters()].every(({ grad }) => !grad));
  const other = tinyNet(device, 5).eval();
  assert.equal(byNetwork, await trained(distilStep({ teacher: (pictures) => other.forward(pictures) })));
});

test('gradients that are gathered over two batches are those of one that is twice as large', async () => {
  const options = { teacher: tinyNet(device, 5), temperature: 2, clipNorm: 0.1 };
  const small = await trained(distilStep({ ...options, accumulate: 2 }));
  const large = await trained(distilStep(options), 16);
  assert.ok(small.every((value, i) => Math.abs(value - large[i]!) < 1e-5));
});

test('what it cannot teach with or be taught is refused in a sentence', () => {
  const teacher = (): Tensor => zeros([ROWS, CLASSES], { device });
  assert.throws(() => distilStep({ teacher, share: 1.5 }), /share is a number from 0 to 1, not 1\.5/);
  assert.throws(
    () => distilStep({ teacher, temperature: 0 }),
    /temperature is a number between 0 and 1,000, not 0/,
  );
  const question = (numClasses: number, fields: Partial<Batch> = {}) =>
    scope(() => {
      const place = { model: { numClasses } as Model, device, epoch: 0, index: 0 };
      distilCriterion({ teacher })(batchOf(ROWS, fields), place);
    });
  assert.throws(() => question(3), /the teacher answers \[5,7\] where the student answers \[5,3\]/);
  const features = { values: new Float32Array(ROWS), shape: [1], cut: 'fc' } as unknown as Batch['features'];
  assert.throws(() => question(CLASSES, { features }), /carries features of a FeatureCache.*load it without/);
});

test.run();
