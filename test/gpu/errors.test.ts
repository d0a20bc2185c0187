/** Errors poison a device: after one, nothing can be read from it, and the reason is told. Other devices go on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Device, DeviceError, elementwise, program, TooLarge } from '../../src/gpu/index.ts';
import { add, concat, mul } from '../../src/kernels/index.ts';
import { empty, noGrad, tensor } from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('gpu/errors');

const twice = program(
  elementwise({
    name: 'twice',
    bindings: { x: 'read f32', y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 2 * x[i]; }',
  }),
);

const misspelt = program({ ...twice, name: 'misspelt', wgsl: twice.wgsl.replace('2 * x', '2 * xx') });

const run = (device: Device, source: typeof twice): void => {
  const [x, y] = [device.take(256, 'activation'), device.take(256, 'activation')];
  device.run(source, { bindings: { x, y }, params: { count: 4 } });
};

/** The message that a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, DeviceError);
    return (error as Error).message;
  }
  throw new Error('nothing was rejected');
}

test('an invalid program makes every later read reject with its message', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3]);
  run(device, misspelt);
  const first = await rejection(x.data());
  assert.match(first, /unresolved value 'xx'/);
  assert.is(await rejection(x.data()), first);
  assert.is(await rejection(add(x, 1).data()), first);
  assert.is(await rejection(device.pace()), first);
  device.close();
});

test('a buffer bound for reading and writing at once poisons as well', async () => {
  const device = await testDevice();
  const x = device.take(256, 'activation');
  device.run(twice, { bindings: { x, y: x }, params: { count: 4 } });
  assert.match(
    await rejection(tensor([1], [1]).item()),
    /WebGPU: .*includes writable usage and another usage/,
  );
  device.close();
});

test('debug mode throws at the op that caused the error, and names it', async () => {
  const device = await testDevice({ debug: true });
  run(device, twice);
  assert.throws(() => run(device, misspelt), /^misspelt: WebGPU: /);
  device.close();
});

test('a lost device rejects reads with a sentence, and another one can be opened', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3], { device });
  device.gpu.destroy(); // as a driver would take it away
  await device.gpu.lost;
  assert.match(await rejection(x.data()), /the GPU device was lost/);
  assert.match(await rejection(device.pace()), /the GPU device was lost/);
  const next = await testDevice();
  assert.equal(await tensor([4], [1], { device: next }).data(), Float32Array.of(4));
  next.close();
});

test('a read under way when the device is lost rejects', async () => {
  const device = await testDevice();
  const reading = tensor([1], [1], { device }).item();
  device.gpu.destroy();
  await rejection(reading);
});

test('a closed device rejects reads; closing twice is harmless', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3], [3]);
  const y = mul(x, 2);
  device.close();
  device.close();
  assert.is(await rejection(y.data()), 'the device was closed');
  assert.is(await rejection(device.pace()), 'the device was closed');
  x.dispose();
});

test('two devices live side by side', async () => {
  const [one, two] = [await testDevice(), await clampedDevice()];
  const a = tensor([1, 2], [2], { device: one });
  const b = tensor([3, 4], [2], { device: two });
  const [sumOne, sumTwo] = [add(a, a), add(b, b)];
  assert.equal(await sumOne.data(), Float32Array.of(2, 4));
  assert.equal(await sumTwo.data(), Float32Array.of(6, 8));
  one.close();
  assert.equal(await add(sumTwo, b).data(), Float32Array.of(9, 12));
  two.close();
});

test('tensors of two devices in one op are a sentence', async () => {
  const [one, two] = [await testDevice(), await testDevice()];
  const a = tensor([1, 2], [2], { device: one });
  const b = tensor([3, 4], [2], { device: two });
  const message =
    'lies on another device than the first tensor; read it with data() and make a tensor of it here';
  noGrad(() => {
    // Twice: the first attempt must not leave a bind group behind that the second finds.
    for (let i = 0; i < 2; i++) assert.throws(() => add(a, b), `b ${message}`);
    assert.throws(() => concat([a, b], 0), `x ${message}`);
  });
  assert.equal(await add(a, a).data(), Float32Array.of(2, 4));
  for (const device of [one, two]) device.close();
});

test('a tensor that one binding cannot hold is a sentence', async () => {
  const device = await clampedDevice();
  const x = empty(device, [34_000_000]);
  assert.throws(
    () => add(x, 1),
    /^add-1-number-vec4f: a takes 136314880 bytes, but this adapter binds at most 134217728 at once; use a smaller batch or input$/,
  );
  device.close();
});

test('more workgroups than a dimension has never reach the GPU', async () => {
  const device = await testDevice();
  const y = device.take(256, 'activation');
  const counted = program({
    name: 'test-counted',
    bindings: { y: 'write f32' },
    params: {},
    wgsl: '@compute @workgroup_size(1) fn main() { y[0] = 1; }',
  });
  for (const groups of [
    [65536, 1, 1],
    [1, 65536, 1],
    [1, 1, 65536],
  ] as const)
    assert.throws(
      () => device.run(counted, { bindings: { y }, params: {}, groups }),
      (error: Error) =>
        error instanceof TooLarge &&
        error.limit === 'workgroups' &&
        error.asked === 65536 &&
        error.most === 65535,
    );
  device.run(counted, { bindings: { y }, params: {}, groups: [1, 1, 65535] });
  assert.is(new Float32Array(await device.read(y, 4))[0], 1);
  device.close();
});

test.run();
