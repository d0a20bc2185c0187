/**
 * Bind groups that are out of use: they fall out of the cache and are collected, so that a process whose shapes change
 * with every step lives. On lavapipe each is a mapping of memory, of which Linux gives a process 65,530.
 */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Generations } from '../../src/gpu/generations.ts';
import { type Device, elementwise, program } from '../../src/gpu/index.ts';
import { countCreated } from '../helpers/created.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('gpu/bindings');

const fill = program(
  elementwise({
    name: 'test-fill',
    bindings: { y: 'write f32' },
    params: { value: 'f32' },
    wgsl: 'fn element(i: u32) { y[i] = p.value; }',
  }),
);

const SLICE = 256;
const SLICES = 4096;

/** Dispatches over `count` different slices of a few buffers, from the `from`th on: so many distinct bindings. */
function bindDistinct(device: Device, from: number, count: number): void {
  for (let index = from; index < from + count; index++)
    device.run(fill, {
      bindings: {
        y: {
          buffer: bufferFor(device, Math.floor(index / SLICES)),
          offset: (index % SLICES) * SLICE,
          size: SLICE,
        },
      },
      params: { count: 1, value: 1 },
    });
}

const buffers = new WeakMap<Device, ReturnType<Device['take']>[]>();

function bufferFor(device: Device, index: number) {
  const own = buffers.get(device) ?? [];
  buffers.set(device, own);
  own[index] ??= device.take(SLICES * SLICE, 'activation');
  return own[index];
}

const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;

if (existsSync('/proc/self/maps'))
  test('240,000 distinct bindings: memory maps stay below 20,000', async () => {
    const device = await testDevice({ poison: false });
    const created = countCreated(device, 'bind group');
    let most = 0;
    for (let step = 0; step < 240; step++) {
      bindDistinct(device, 1000 * step, 1000);
      await device.pace();
      most = Math.max(most, mappings());
    }
    assert.is(created(), 240_000);
    assert.ok(most < 20_000, `${most} memory maps`);
    device.close();
  });

test('a loop that never waits ends in a sentence before the driver does', async () => {
  const device = await testDevice({ poison: false, traits: { mostBindGroups: 9000 } });
  assert.throws(
    () => bindDistinct(device, 0, 9001),
    /^test-fill: 9000 bind groups are alive, .*`await device\.pace\(\)` once a step$/,
  );
  device.close();
});

test('parameters that never come back leave no uniform buffers behind', async () => {
  const device = await clampedDevice();
  const y = device.take(256, 'activation');
  for (let step = 0; step < 20; step++) {
    for (let k = 0; k < 1000; k++)
      device.run(fill, { bindings: { y }, params: { count: 64, value: 1000 * step + k } });
    await device.pace();
  }
  assert.is(new Float32Array(await device.read(y, 256))[63], 19_999);
  const { uniform } = device.memory().byKind;
  assert.ok(uniform > 0 && uniform <= 2 * 4096 * 16, `${uniform} bytes of uniform buffers`);
  device.trim();
  assert.equal(device.memory().byKind.uniform, 0);
  device.close();
});

test('a generation more is kept than what is full', () => {
  const dropped: number[] = [];
  const cache = new Generations<number>(2, (value) => dropped.push(value));
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const)
    cache.set(key, value);
  assert.is(cache.get('a'), 1);
  assert.is(cache.held, 3);
  cache.set('d', 4);
  assert.equal([dropped, cache.get('a'), cache.get('b'), cache.get('d')], [[2], 1, undefined, 4]);
  cache.clear();
  assert.equal([cache.held, dropped.sort()], [0, [1, 2, 3, 4]]);
});

test.run();
