/** Summing gradients in place, also of tensors larger than one binding can hold. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { slices } from '../../src/gpu/index.ts';
import { accumulate } from '../../src/tensor/accumulate.ts';
import { empty, record, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('tensor/accumulate');

test('sums are made in place unless the memory is shared', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    for (const size of [1, 3, 4, 5, 1000, 1027]) {
      const [left, right] = [pseudo('a', size), pseudo('b', size)];
      const [a, b] = [tensor(left, [size]), tensor(right, [size])];
      const expected = left.map((value, i) => value + right[i]!);
      assert.is(accumulate(a, b), a);
      assert.equal(await a.data(), expected);
      const other = a.alias();
      const sum = accumulate(a, b);
      assert.is.not(sum, a);
      assert.equal(await other.data(), expected, 'whoever shares the memory sees no change');
      assert.equal(
        await sum.data(),
        expected.map((value, i) => value + right[i]!),
      );
    }
    device.close();
  }
});

test('slices cover a tensor without gap or overlap, at offsets that bind', async () => {
  const device = await clampedDevice();
  const most = device.limits.maxStorageBufferBindingSize;
  const buffer = device.take(256, 'activation');
  for (const size of [1, most / 4, most / 4 + 1, most / 2 + 3, 37_748_736]) {
    const parts = slices(device, size);
    let next = 0;
    for (const { start, count, slice } of parts) {
      const bound = slice(buffer);
      assert.is(start, next);
      next += count;
      if (parts.length === 1) assert.is(bound, buffer);
      else {
        if (!('offset' in bound)) throw new Error('a slice must say where it begins');
        assert.is(bound.offset, 4 * start);
        assert.is(bound.offset % 256, 0);
        assert.ok(bound.size >= 4 * count && bound.size <= most && bound.size % 16 === 0);
      }
    }
    assert.is(next, size);
  }
  device.close();
});

test('gradients beyond the binding limit are summed slice by slice', async () => {
  const device = await clampedDevice();
  const most = device.limits.maxStorageBufferBindingSize / 4;
  const size = most + 1003;
  assert.is(slices(device, size).length, 2);
  const weights = empty(device, [size], { requiresGrad: true });
  const pass = (): Tensor => record('pass', weights.alias(), [weights], {}, (_, dy) => [dy]);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = i % 1009;
  const seed = tensor(values, [size]);
  for (let i = 0; i < 2; i++) scope(() => pass().backward(seed));
  // The beginning, both sides of the place where the slices meet, and the end.
  for (const [from, to] of [
    [0, 1000],
    [most - 1000, most + 1000],
    [size - 1000, size],
  ] as const) {
    const bytes = await device.read(weights.grad!.buffer, 4 * (to - from), 4 * from);
    assert.equal(
      new Float32Array(bytes),
      values.slice(from, to).map((value) => 2 * value),
    );
  }
  device.close();
});

test.run();
