/** The command list: writes, copies, reads and destructions happen in the order in which they were called. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementwise, program } from '../../src/gpu/index.ts';
import { add, mul } from '../../src/kernels/index.ts';
import { copyOf, tensor } from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('gpu/commands');

const increment = program(
  elementwise({
    name: 'increment',
    bindings: { x: 'write u32' },
    params: {},
    wgsl: 'fn element(i: u32) { x[i]++; }',
  }),
);

for (const open of [testDevice, clampedDevice]) {
  test(`a write between two dispatches is seen by the second only (${open.name})`, async () => {
    const device = await open();
    const x = tensor([1, 2, 3], [3]);
    const before = mul(x, 10);
    x.write(Float32Array.of(4, 5, 6));
    const after = mul(x, 10);
    assert.equal(await before.data(), Float32Array.of(10, 20, 30));
    assert.equal(await after.data(), Float32Array.of(40, 50, 60));
    device.close();
  });

  test(`a read gives the values of the moment it was called (${open.name})`, async () => {
    const device = await open();
    const x = tensor([1, 2, 3], [3]);
    const early = x.data();
    x.write(Float32Array.of(4, 5, 6));
    const late = x.data();
    const item = add(tensor([1], []), 1).item();
    assert.equal(await early, Float32Array.of(1, 2, 3));
    assert.equal(await late, Float32Array.of(4, 5, 6));
    assert.is(await item, 2);
    device.close();
  });
}

test('copies are ordered with dispatches and writes', async () => {
  const device = await testDevice();
  const x = tensor([1, 2], [2]);
  const doubled = mul(x, 2);
  device.commands.flush(); // only the copy is recorded when the write comes
  const copy = copyOf(doubled);
  doubled.write(Float32Array.of(7, 7));
  const copyOfWritten = copyOf(doubled);
  assert.equal(await copy.data(), Float32Array.of(2, 4));
  assert.equal(await copyOfWritten.data(), Float32Array.of(7, 7));
  device.close();
});

test('memory that was freed and taken again does not disturb what is recorded', async () => {
  const device = await testDevice();
  const results = [];
  for (let i = 0; i < 20; i++) {
    const x = tensor([i, i, i, i], [4]);
    const square = mul(x, x);
    results.push(add(square, 1));
    x.dispose(); // the next tensor takes this memory, before anything was submitted
    square.dispose();
  }
  for (const [i, result] of results.entries())
    assert.equal(await result.data(), new Float32Array(4).fill(i * i + 1));
  device.close();
});

test('pooled buffers may be destroyed while recorded work uses them', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3]);
  const square = mul(x, x);
  const y = add(square, 1);
  square.dispose();
  device.trim();
  assert.equal(await y.data(), Float32Array.of(2, 5, 10));
  assert.equal(await mul(y, 2).data(), Float32Array.of(4, 10, 20));
  device.close();
});

test('many reads at once each get their own values', async () => {
  const device = await testDevice();
  const reads = Array.from({ length: 16 }, (_, i) => tensor([i, -i], [2]).data());
  (await Promise.all(reads)).forEach((values, i) => {
    assert.equal(values, Float32Array.of(i, -i));
  });
  device.close();
});

test('long recordings are submitted on their own', async () => {
  const device = await testDevice();
  const { queue } = device.gpu;
  let submissions = 0;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    submissions++;
    return submit(buffers);
  };
  const x = device.take(256, 'activation');
  device.commands.flush();
  const run = (flops: number): void =>
    device.run(increment, { bindings: { x }, params: { count: 1 }, flops });
  submissions = 0;
  for (let i = 0; i < 10; i++) run(1000);
  assert.is(submissions, 0, 'a few small dispatches wait');
  for (let i = 0; i < 10; i++) run(1e12);
  assert.is(submissions, 10);
  device.close();
});

test('slices of an array are written from where they start', async () => {
  const device = await testDevice();
  const values = Float32Array.of(9, 1, 2, 3, 9);
  assert.equal(await tensor(values.subarray(1, 4), [3]).data(), Float32Array.of(1, 2, 3));
  device.close();
});

test.run();
