/** Tensors: values in and out, types, shared memory, freed memory, and what the garbage collector frees. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mul, relu, reshape } from '../../src/kernels/index.ts';
import { copyOf, getDefaultDevice, scope, tensor, zeros } from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('tensor/tensor');

for (const open of [testDevice, clampedDevice])
  test(`values of every type come back as they went in (${open.name})`, async () => {
    const device = await open();
    const arrays = [
      Float32Array.of(1.5, -0, Number.NaN, 3e38),
      Int32Array.of(-5, 2 ** 31 - 1, -(2 ** 31)),
      Uint32Array.of(0, 2 ** 32 - 1),
    ];
    for (const array of arrays) {
      const back = await tensor(array, [array.length]).data();
      assert.is(back.constructor, array.constructor);
      assert.equal(new Uint32Array(back.buffer), new Uint32Array(array.buffer)); // bit for bit, NaN and −0 too
    }
    assert.equal(await tensor([1, 2, 3, 4], [2, 2]).data(), Float32Array.of(1, 2, 3, 4));
    assert.equal(await tensor([1, 2], [2], { dtype: 'int32' }).data(), Int32Array.of(1, 2));
    assert.equal(await zeros([2, 3]).data(), new Float32Array(6));
    assert.is(await tensor([7], []).item(), 7);
    device.close();
  });

test('the device of a tensor is the one last opened, or the one named', async () => {
  const [first, second] = [await testDevice(), await testDevice()];
  assert.is(getDefaultDevice(), second);
  assert.is(tensor([1], [1]).device, second);
  assert.is(tensor([1], [1], { device: first }).device, first);
  for (const device of [first, second]) device.close();
});

test('what does not fit is a sentence', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3]);
  const cases: [() => unknown, string][] = [
    [() => tensor([1, 2], [3]), 'tensor: 2 values do not fill the shape [3]'],
    [() => tensor([], [0]), 'tensor: [0] is no shape; sizes are positive whole numbers'],
    [() => tensor([1], [1.5]), 'tensor: [1.5] is no shape; sizes are positive whole numbers'],
    [() => x.write(Float32Array.of(1)), 'write: 1 values for a tensor of shape [3]'],
  ];
  for (const [attempt, message] of cases) assert.throws(attempt, message);
  const failed = await x.item().catch((error: Error) => error.message);
  assert.is(failed, 'item: [3] holds 3 values, not one');
  device.close();
});

test('memory goes back with the last tensor that uses it', async () => {
  const device = await testDevice();
  const { live } = device.memory();
  const x = tensor([1, 2, 3, 4], [4]);
  const view = reshape(x, [2, 2]);
  const detached = x.detach();
  assert.ok(x.shared);
  x.dispose();
  view.dispose();
  assert.not(detached.shared);
  assert.equal(await detached.data(), Float32Array.of(1, 2, 3, 4));
  detached.dispose();
  detached.dispose(); // harmless
  assert.is(device.memory().live, live);
  device.close();
});

test('a copy has memory of its own', async () => {
  const device = await testDevice();
  const x = tensor(Int32Array.of(1, 2), [2]);
  const copy = copyOf(x);
  x.write(Int32Array.of(8, 9));
  assert.equal(await copy.data(), Int32Array.of(1, 2));
  device.close();
});

test('use after free throws and says what to do', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3]);
  x.dispose();
  const message = 'a tensor of shape [3] was used after it was freed; return it from its scope or keep() it';
  assert.throws(() => relu(x), message);
  assert.throws(() => mul(tensor([1], [1]), x), message);
  assert.throws(() => x.alias(), message);
  assert.throws(() => x.write(Float32Array.of(1, 2, 3)), message);
  const failed = await x.data().catch((error: Error) => error.message);
  assert.is(failed, message);
  device.close();
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Waits until the collector has brought the live bytes down to `live`. */
async function settles(live: () => number, expected: number): Promise<boolean> {
  for (let attempt = 0; attempt < 50 && live() > expected; attempt++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return live() === expected;
}

test('tensors outside of any scope are freed when nobody refers to them, saved ones and results of scopes too', async () => {
  const device = await testDevice();
  const x = tensor(new Float32Array(1000), [1000], { requiresGrad: true });
  const { live } = device.memory();
  const abandon = (): void => {
    mul(relu(x), relu(x)); // saves two tensors for a backward pass that never comes
    scope(() => relu(x));
  };
  for (let i = 0; i < 10; i++) abandon();
  assert.ok(device.memory().live > live);
  assert.ok(
    await settles(() => device.memory().live, live),
    `${device.memory().live} bytes live, not ${live}`,
  );
  assert.is((await x.data()).length, 1000);
  device.close();
});

test.run();
