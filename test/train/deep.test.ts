/** The deepest network trains, in a step that the preflight made fit. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildModel } from '../../src/models/table.ts';
import { AdamW, crossEntropy } from '../../src/nn/index.ts';
import { scope, tensor } from '../../src/tensor/index.ts';
import { preflight } from '../../src/train/preflight.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('train/deep');

const CLASSES = 2;
const STEPS = 5;
const MIB = 2 ** 20;

test('ResNet-152 in 1,056 MiB: the loss falls, every gradient is finite and not zero, and the bytes are as foretold', async () => {
  const device = await testDevice({ poison: false });
  const wanted = {
    device,
    model: 'resnet152',
    modelOptions: { numClasses: CLASSES },
    batch: 16,
    size: 224,
    phases: [{ trainFrom: 'all', trainNorms: true }],
    budget: 1056 * MIB,
  };
  const { fits, smaller } = await preflight(wanted);
  assert.not(fits);
  const { batch } = smaller!;
  const size = Number(smaller!.size);
  const foretold = (await preflight({ ...wanted, size, batch })).cost!;

  const model = buildModel('resnet152', { device, numClasses: CLASSES, zeroInitResidual: true, seed: 1 });
  const parameters = [...model.namedParameters()];
  const optimizer = new AdamW(
    parameters.map(([, parameter]) => parameter),
    { lr: 1e-4 },
  );
  const [images, labels] = brightAndDark(batch, size);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const loss = scope(() => {
      const value = crossEntropy(model.forward(tensor(images, [batch, size, size, 3], { device })), labels);
      value.backward();
      return value;
    });
    if (step === STEPS - 1)
      for (const [name, { grad }] of parameters) {
        const values = (await grad!.data()) as Float32Array;
        assert.ok(values.every(Number.isFinite), `the gradient of ${name} is not finite`);
        assert.ok(
          values.some((value) => value !== 0),
          `the gradient of ${name} is zero`,
        );
      }
    optimizer.step(loss);
    optimizer.zeroGrad();
    losses.push(await loss.item());
    loss.dispose();
    await device.pace();
  }
  const { live, pooled, byKind } = device.memory();
  // Without what reading the gradients left, which is this test's and not a run's.
  const held = live + pooled - byKind.staging;
  device.close();
  console.log(`\n  ${batch} pictures of ${size}²: loss ${losses.map((loss) => loss.toFixed(3)).join(' ')}`);
  assert.ok(losses.at(-1)! < losses[0] / 2, `losses ${losses}`);
  assert.ok(held <= foretold.totalBytes, `${held / MIB} of ${foretold.totalBytes / MIB} MiB`);
});

/** Noise, brighter in the pictures of class 1. */
function brightAndDark(batch: number, size: number): [Float32Array<ArrayBuffer>, Int32Array<ArrayBuffer>] {
  const labels = Int32Array.from({ length: batch }, (_, n) => n % CLASSES);
  const each = size * size * 3;
  const images = Float32Array.from({ length: batch * each }, (_, i) => {
    const noise = ((i * 2654435761) % 4096) / 4096 - 0.5;
    return noise + labels[Math.floor(i / each)] - 0.5;
  });
  return [images, labels];
}

test.run();
