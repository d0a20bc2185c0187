/** dropout and dropPath: masks that the CPU predicts bit for bit, drawn again in the backward pass. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DropoutOptions, dropout, dropPath } from '../../../src/kernels/pointwise/dropout.ts';
import { type Shape, scope, setStep, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { randomKey, uniformAt } from '../../../src/tensor/random.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { countCreated } from '../../helpers/created.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/dropout');

const ones = (shape: Shape): Tensor => tensor(new Float32Array(sizeOf(shape)).fill(1), shape);

/** What the op must give, from the CPU's random numbers. */
function predicted(x: Float32Array, p: number, key: number, sample: number): Float32Array {
  const scale = Math.fround(p < 1 ? 1 / (1 - p) : 0);
  return x.map((value, i) => (uniformAt(key, Math.floor(i / sample)) >= p ? value * scale : 0));
}

const CASES: [string, Shape, number, DropoutOptions & { purpose: string }, step: number][] = [
  ['dropout', [7], 0.5, { training: true, purpose: 'dropout' }, 0],
  ['dropout', [33, 130], 0.2, { training: true, seed: 5, purpose: 'classifier.0' }, 1],
  ['dropout', [4, 5, 5, 3], 0.9, { training: true, seed: -7, purpose: 'classifier.3' }, 4_000_000_000],
  ['dropout', [16], 1, { training: true, seed: 2 ** 40, purpose: 'all' }, 3],
  ['dropPath', [64, 3, 3, 8], 0.5, { training: true, seed: 1, purpose: 'features.2.1' }, 12],
  ['dropPath', [50, 5], 0.3, { training: true, purpose: 'features.2.2' }, 13],
  ['dropPath', [9], 0.3, { training: true, purpose: 'rows of one' }, 2],
];

for (const open of [testDevice, clampedDevice])
  test(`values and gradients are what the CPU predicts (${open.name})`, async () => {
    const device = await open();
    for (const [name, shape, p, options, step] of CASES) {
      const op = name === 'dropout' ? dropout : dropPath;
      const [values, weights] = [pseudo('x', sizeOf(shape)), pseudo('dy', sizeOf(shape))];
      const x = tensor(values, shape, { requiresGrad: true });
      setStep(device, step);
      const y = op(x, p, options);
      y.backward(tensor(weights, shape));
      const key = randomKey(options.seed ?? 0, options.purpose, step);
      const sample = name === 'dropout' ? 1 : x.size / shape[0]!;
      assert.equal(await y.data(), predicted(values, p, key, sample), `${name} [${shape}]`);
      assert.equal(
        await x.grad!.data(),
        predicted(weights, p, key, sample),
        `gradient of ${name} [${shape}]`,
      );
    }
    device.close();
  });

test('a value whose random number is p itself is kept', async () => {
  const device = await testDevice();
  const p = uniformAt(randomKey(0, 'dropout', 0), 5);
  const y = await dropout(ones([8]), p, { training: true }).data();
  assert.ok(y[5]! > 0);
  device.close();
});

test('the mean is kept, the share of zeros is p', async () => {
  const device = await testDevice();
  for (const p of [0.1, 0.5, 0.8]) {
    const y = await dropout(ones([100_000]), p, { training: true, seed: 3 }).data();
    const zeros = y.filter((value) => value === 0).length / y.length;
    const mean = (y as Float32Array).reduce((total, value) => total + value, 0) / y.length;
    assert.ok(Math.abs(zeros - p) < 0.005, `${zeros} of the values are zero at p = ${p}`);
    assert.ok(Math.abs(mean - 1) < 0.03, `the mean is ${mean} at p = ${p}`);
  }
  device.close();
});

test('step, seed and purpose change the mask; the same three repeat it', async () => {
  const device = await testDevice();
  const x = ones([4096]);
  const mask = async (step: number, seed: number, purpose: string): Promise<string> => {
    setStep(device, step);
    return (await dropout(x, 0.5, { training: true, seed, purpose }).data()).join();
  };
  const base = await mask(7, 1, 'a');
  assert.is.not(await mask(8, 1, 'a'), base);
  assert.is.not(await mask(7, 2, 'a'), base);
  assert.is.not(await mask(7, 1, 'b'), base);
  assert.is(await mask(7, 1, 'a'), base);
  device.close();
});

test('a step recorded between two forward passes changes only the second', async () => {
  const device = await testDevice();
  const x = ones([256]);
  const options = { training: true };
  setStep(device, 1);
  const first = dropout(x, 0.5, options);
  setStep(device, 2);
  const second = dropout(x, 0.5, options);
  const expected = (step: number) =>
    predicted(new Float32Array(256).fill(1), 0.5, randomKey(0, 'dropout', step), 1);
  assert.equal(await first.data(), expected(1));
  assert.equal(await second.data(), expected(2));
  device.close();
});

test('steps create nothing on the device once the first has run', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    const x = ones([1000]);
    const run = (step: number): void => {
      setStep(device, step);
      scope(() => {
        dropPath(dropout(x, 0.5, { training: true }), 0.2, { training: true });
      });
    };
    run(0);
    run(1);
    const created = countCreated(device);
    for (let step = 2; step < 8; step++) run(step);
    assert.is(created(), 0);
    device.close();
  }
});

test('in evaluation, or with p = 0, the input itself comes back', async () => {
  const device = await testDevice();
  const x = ones([8]);
  assert.is(dropout(x, 0.5, { training: false }), x);
  assert.is(dropPath(x, 0.5, { training: false }), x);
  assert.is(dropout(x, 0, { training: true }), x);
  assert.throws(
    () => dropout(x, 1.5, { training: true }),
    'dropout: the probability is a number from 0 to 1, not 1.5',
  );
  assert.throws(
    () => dropPath(x, -1, { training: false }),
    'dropPath: the probability is a number from 0 to 1, not -1',
  );
  assert.throws(() => setStep(device, -1), 'setStep: a step is a whole number from 0 to 4294967295, not -1');
  device.close();
});

test.run();
