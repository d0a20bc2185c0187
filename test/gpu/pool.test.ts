/** The buffer pool: sizes, accounting, which buffer comes back, and that loops create nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { bucketSize } from '../../src/gpu/pool.ts';
import { add, mean, mul, relu, sum } from '../../src/kernels/index.ts';
import { scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { countCreated } from '../helpers/created.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('gpu/pool');

const MIB = 2 ** 20;

test('requests are rounded up to few sizes, by at most a quarter where they are large', () => {
  const cases = [
    [0, 256],
    [1, 256],
    [257, 512],
    [4096, 4096],
    [4097, 5120],
    [5121, 6144],
    [1.5 * MIB, 1.5 * MIB],
    [1.5 * MIB + 1, 1.75 * MIB],
    [32 * MIB + 1, 33 * MIB],
    [151.2 * MIB, 152 * MIB],
  ];
  for (const [bytes, size] of cases) assert.is(bucketSize(bytes!), size, `${bytes} bytes`);
  for (let bytes = 4097; bytes < 40 * MIB; bytes = Math.ceil(bytes * 1.01)) {
    const size = bucketSize(bytes);
    assert.ok(size >= bytes && size <= 1.25 * bytes, `${bytes} bytes became ${size}`);
    assert.is(size % 256, 0);
  }
});

test('live, peak and pooled bytes, by kind', async () => {
  const device = await testDevice();
  const before = device.memory();
  const [a, b] = [device.take(1000, 'activation'), device.take(5000, 'parameter')];
  const taken = device.memory();
  assert.is(taken.live - before.live, 1024 + 5120);
  assert.is(taken.byKind.activation - before.byKind.activation, 1024);
  assert.is(taken.byKind.parameter - before.byKind.parameter, 5120);
  device.pool.changeKind(a, 'gradient');
  assert.is(device.memory().byKind.gradient - before.byKind.gradient, 1024);
  device.pool.release(a);
  device.pool.release(b);
  const after = device.memory();
  assert.equal([after.live, after.byKind], [before.live, before.byKind]);
  assert.is(after.peak, taken.live);
  assert.is(after.pooled - before.pooled, 1024 + 5120);
  device.trim();
  assert.is(device.memory().pooled, 0);
  device.close();
});

test('the lowest id comes back first, whatever the order of release', async () => {
  const device = await testDevice();
  const buffers = Array.from({ length: 5 }, () => device.take(3000, 'activation'));
  for (const index of [3, 0, 4, 1, 2]) device.pool.release(buffers[index]!);
  const again = buffers.map(() => device.take(3000, 'activation').id);
  assert.equal(
    again,
    buffers.map(({ id }) => id),
  );
  device.close();
});

test('a buffer of another size is not handed out', async () => {
  const device = await testDevice();
  const small = device.take(256, 'activation');
  device.pool.release(small);
  assert.is.not(device.take(512, 'activation'), small);
  assert.is(device.take(100, 'activation'), small);
  device.close();
});

test('more than the adapter allows is a sentence', async () => {
  const device = await clampedDevice();
  assert.throws(
    () => device.take(300 * MIB, 'activation'),
    "a buffer of 314572800 bytes was asked for, but this adapter's largest buffer is 268435456 bytes; use a smaller batch or input",
  );
  device.close();
});

test('steps whose shapes grow do not pile up buffers', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  for (let step = 0; step < 60; step++) {
    const buffers = Array.from({ length: 4 }, (_, k) =>
      device.take((34 + step + 20 * k) * MIB, 'activation'),
    );
    for (const buffer of buffers) device.pool.release(buffer);
    const { live, pooled, peak } = device.memory();
    assert.ok(live + pooled <= 2 * peak + 64 * MIB, `step ${step}: ${(live + pooled) / MIB} MiB`);
  }
  device.close();
});

test('a loop of large and less large batches makes nothing after its second round', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const round = (): void => {
    for (const scale of [1, 1, 0.9, 0.5]) {
      const buffers = [40, 100, 64, 200].map((size) => device.take(size * scale * MIB, 'activation'));
      for (const buffer of buffers) device.pool.release(buffer);
    }
  };
  round();
  round();
  const created = countCreated(device);
  for (let i = 0; i < 3; i++) round();
  assert.is(created(), 0);
  device.close();
});

test('what the device keeps for itself counts, and trim frees it', async () => {
  const device = await clampedDevice();
  const x = tensor(pseudo('x', 1000), [1000], { owned: true });
  await scope(() => relu(x)).data();
  device.constant('test', () => new Float32Array(4));
  const { byKind, pooled } = device.memory();
  assert.ok(byKind.uniform > 0 && byKind.staging > 0 && byKind.constant > 0);
  assert.ok(pooled >= byKind.uniform + byKind.staging);
  device.trim();
  const after = device.memory();
  assert.equal(
    [after.byKind.uniform, after.byKind.staging, after.byKind.constant, after.pooled],
    [0, 0, 0, 0],
  );
  assert.is((await scope(() => relu(x)).data()).length, 1000);
  device.close();
});

/** A step of training in little: a forward pass, gradients, an update; batches of `n` rows. */
function step(weights: Tensor, n: number): void {
  scope(() => {
    const x = tensor(pseudo('x', n * 8), [n, 8]);
    const loss = mean(relu(add(mul(x, weights), x)));
    loss.backward();
    weights.grad!.dispose();
    weights.grad = null;
  });
}

for (const open of [testDevice, clampedDevice])
  test(`a loop with partial batches and validation takes the same buffers every time (${open.name})`, async () => {
    const device = await open();
    const weights = tensor(pseudo('w', 8), [8], { requiresGrad: true, owned: true });
    const epoch = async (): Promise<void> => {
      for (const n of [64, 64, 64, 17]) {
        step(weights, n);
        await device.pace();
      }
      const validation = scope(() => sum(mul(tensor(pseudo('v', 17 * 8), [17, 8]), weights)));
      await validation.item();
      validation.dispose();
    };
    await epoch();
    await epoch();
    const { live, pooled, peak } = device.memory();
    const created = countCreated(device);
    for (let i = 0; i < 3; i++) await epoch();
    assert.is(created(), 0, 'buffers, bind groups and pipelines created after the second epoch');
    const after = device.memory();
    assert.equal([after.live, after.pooled, after.peak], [live, pooled, peak]);
    device.close();
  });

test.run();
