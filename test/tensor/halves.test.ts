/**
 * Matrices in 16 bits a value: every half is stored exactly, products have the bits of those with floats, and whatever else
 * is done with such a tensor finds its values.
 */

import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { linear, matmul } from '../../src/kernels/index.ts';
import { type Model, SGD } from '../../src/nn/index.ts';
import {
  empty,
  noGrad,
  packHalves,
  type Shape,
  scope,
  sizeOf,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { float32ToHalf, halfToFloat32 } from '../../src/weights/formats/half.ts';
import { createModel, loadWeights } from '../../src/weights/node/create-model.ts';
import { onBothDevices, testDevice } from '../helpers/device.ts';

const test = suite('tensor/halves');

/** Halves with subnormals, both zeros and large values among them. */
function someHalves(name: string, count: number): Uint16Array {
  const halves = float32ToHalf(
    pseudo(name, count).map((value, index) => value * [1, 1e-5, 60, 3e-7][index % 4]!),
  );
  halves.set([0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x53ff]);
  return halves;
}

/** A parameter of halves, packed, and one of the same values as floats. */
function pair(device: Device, shape: Shape, requiresGrad = false): [packed: Tensor, whole: Tensor] {
  const halves = someHalves('w', sizeOf(shape));
  const made = () => empty(device, shape, { kind: 'parameter', owned: true, requiresGrad });
  const [packed, whole] = [made(), made()];
  packed.writeHalves(packHalves(halves)!);
  whole.write(halfToFloat32(halves));
  return [packed, whole];
}

/** The values' bytes, which are compared faster than numbers one by one. */
const bits = async (x: Tensor): Promise<Buffer> => Buffer.from((await x.data()).buffer);
const same = (a: Buffer | undefined, b: Buffer | undefined): void =>
  assert.ok(a && b?.equals(a), 'the same bits');

const product = async (x: Tensor, w: Tensor, bias?: Tensor): Promise<Buffer> =>
  bits(noGrad(() => linear(x, w, bias)));

/** Has every product of one row go by the row that reads halves, as those of large matrices do. */
const byVector = { get: () => 'vector' };

test('every half below 64 is stored exactly, 2¹⁰ times as large; the others have no such form', () => {
  for (let half = 0; half < 2 ** 16; half++) {
    const one = Uint16Array.of(half);
    const [value] = halfToFloat32(one);
    const packed = packHalves(one);
    assert.is(packed !== null, Math.abs(value!) < 64, String(value));
    if (!packed) continue;
    assert.ok(Object.is(halfToFloat32(packed)[0]! / 1024, value), String(value));
    assert.ok(value === 0 || (packed[0]! & 0x7c00) > 0, `${value} is stored as a subnormal`);
  }
});

for (const shape of [
  [8, 4],
  [36, 52],
  [70 * 4, 1000],
  [1280, 1000],
  [8300, 4096], // larger than a binding
] as const)
  onBothDevices(
    test,
    `one row times ${shape.join(' × ')}: the bits of floats, from half the bytes`,
    async (device) => {
      device.choices = byVector;
      const [packed, whole] = pair(device, shape);
      const x = tensor(pseudo('x', shape[0]), [1, shape[0]], { device });
      const bias = tensor(pseudo('b', shape[1]), [shape[1]], { device });
      same(await product(x, packed, bias), await product(x, whole, bias));
      assert.ok(packed.halves && !whole.halves);
      assert.ok(packed.halves!.size <= Math.max(256, (whole.buffer.size * 5) / 8));
      same(await bits(packed), await bits(whole));
      assert.is(packed.halves, null, 'unpacked for whoever asks');
    },
  );

/** What else a weight goes through, and the result, of which the bits are compared. */
const USES: [name: string, use: (w: Tensor, x: Tensor) => Tensor | Promise<Tensor>][] = [
  ['a batch of rows', (w, x) => linear(matmul(tensor([1, -2], [2, 1], { device: x.device }), x), w)],
  [
    'columns that are not in fours',
    (w) => linear(tensor(pseudo('y', 52), [1, 52], { device: w.device }), transposed(w)),
  ],
  ['the gradient through it', (w, x) => gradients(w, x, false)],
  ['its own gradient', (w, x) => gradients(w, x, true)],
  [
    'a step of an optimiser',
    (w, x) => {
      w.requiresGrad = true;
      const optimizer = new SGD([w], { lr: 0.1 });
      scope(() => {
        const y = linear(x, w);
        y.backward(tensor(pseudo('dy', 52), [1, 52], { device: w.device }));
        optimizer.step(y);
        optimizer.zeroGrad();
      });
      w.requiresGrad = false;
      return linear(x, w);
    },
  ],
  [
    'a write',
    (w, x) => {
      w.write(pseudo('other', sizeOf(w.shape)));
      return linear(x, w);
    },
  ],
  [
    'a part of a write',
    (w, x) => {
      w.device.commands.write(w.buffer, pseudo('other', 8), 32);
      return linear(x, w);
    },
  ],
  [
    'halves written again',
    (w, x) => {
      w.writeHalves(packHalves(someHalves('again', sizeOf(w.shape)))!);
      return linear(x, w);
    },
  ],
  ['another tensor over the same memory', (w, x) => linear(x, w.alias([36, 52]))],
];

const transposed = (w: Tensor): Tensor => {
  const one = tensor(pseudo('e', 36 * 3), [3, 36], { device: w.device });
  return matmul(w, one, { transposeA: true, transposeB: true });
};

function gradients(w: Tensor, x: Tensor, own: boolean): Tensor {
  const input = tensor(pseudo('x', 36), [1, 36], { device: x.device, requiresGrad: !own });
  w.requiresGrad = own;
  linear(input, w).backward(tensor(pseudo('dy', 52), [1, 52], { device: x.device }));
  w.requiresGrad = false;
  return own ? w.grad! : input.grad!;
}

for (const [name, use] of USES)
  onBothDevices(test, `${name}: as of floats`, async (device) => {
    device.choices = { get: (key) => (/^matmul forward one/.test(key) ? 'vector' : undefined) };
    const x = tensor(pseudo('x', 36), [1, 36], { device });
    const results: Buffer[] = [];
    for (const w of pair(device, [36, 52])) {
      await product(x, w);
      results.push(await bits(await use(w, x)));
    }
    same(results[0], results[1]);
  });

test('its memory is accounted, and given back', async () => {
  const device = await testDevice();
  const [shape, before] = [[1024, 1024] as const, device.memory()];
  const w = empty(device, shape, { kind: 'parameter', owned: true });
  w.writeHalves(packHalves(someHalves('w', sizeOf(shape)))!);
  const parameters = () => device.memory().byKind.parameter - before.byKind.parameter;
  assert.is(parameters(), 2 * sizeOf(shape));
  assert.is(device.memory().pooled, before.pooled, 'the place for floats is not kept');
  await w.data();
  assert.is(parameters(), 4 * sizeOf(shape));
  w.writeHalves(packHalves(someHalves('w', sizeOf(shape)))!);
  w.dispose();
  assert.is(device.memory().live, before.live);
  assert.throws(() => w.halves, /was used after it was freed/);
  device.close();
});

test('another number of values is a sentence', async () => {
  const device = await testDevice();
  const w = empty(device, [4, 4], { owned: true });
  assert.throws(
    () => w.writeHalves(new Uint16Array(12)),
    'writeHalves: 12 values for a tensor of shape [4,4]',
  );
  device.close();
});

const SHIPPED = fileURLToPath(new URL('../../weights/efficientnet_lite0.safetensors', import.meta.url));

test('a file of halves: packed to answer, as floats to train, with the same answers', async () => {
  const device = await testDevice({ poison: false });
  const model = await createModel('efficientnet_lite0', { device, weights: SHIPPED, use: 'answer' });
  const trains = await createModel('efficientnet_lite0', { device, weights: SHIPPED, use: 'train' });
  const loaded = await createModel('efficientnet_lite0', { device, weights: SHIPPED, use: 'train' });
  await loadWeights(loaded, SHIPPED);
  const packed = () =>
    [model, trains, loaded].map(
      (one) => [...one.namedParameters()].filter(([, { halves }]) => halves).length,
    );
  assert.equal(packed(), [1, 0, 1], 'the head: 1280 × 1000');
  const x = tensor(pseudo('picture', 32 * 32 * 3), [1, 32, 32, 3], { device });
  const answers = await Promise.all(
    [model, trains, loaded].map((one) => bits(noGrad(() => one.eval().forward(x)))),
  );
  same(answers[0], answers[1]);
  same(answers[2], answers[1]);
  assert.equal(packed(), [1, 0, 1]);
  model.train().eval();
  assert.equal(packed(), [1, 0, 1], 'as for a validation between epochs');
  const head = (one: Model) => bits(new Map(one.namedParameters()).get('classifier.weight')!);
  same(await head(model), await head(trains));
  device.close();
});

test.run();
