/**
 * Kernels' transforms that are kept: the bits are those without keeping, nothing stale is ever served, and the memory is
 * accounted and given back.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { conv2d } from '../../../src/kernels/index.ts';
import { Conv2d, onDevice, SGD } from '../../../src/nn/index.ts';
import { empty, noGrad, type Shape, scope, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { testDevice } from '../../helpers/device.ts';

const test = suite('kernels/conv/kept');

const X: Shape = [1, 8, 8, 32];
const W: Shape = [3, 3, 32, 32];

/** A device that convolves by `row`, and how often it transformed a kernel. */
async function watched(row = 'winograd4'): Promise<{ device: Device; transforms: () => number }> {
  const device = await testDevice();
  device.choices = { get: () => row };
  let count = 0;
  device.observe({
    dispatch: ({ program }) => {
      if (/^winograd-kernel-\d/.test(program.name)) count++;
    },
  });
  return {
    device,
    transforms: () => {
      const since = count;
      count = 0;
      return since;
    },
  };
}

/** A parameter with the values called `name`. */
function weight(device: Device, name: string, requiresGrad = false): Tensor {
  const w = empty(device, W, { kind: 'parameter', owned: true, requiresGrad });
  w.write(pseudo(name, sizeOf(W)));
  return w;
}

const input = (device: Device, requiresGrad = false): Tensor =>
  tensor(pseudo('x', sizeOf(X)), X, { device, requiresGrad });

/** The convolution with `w`, in evaluation. */
const evaluate = async (x: Tensor, w: Tensor): Promise<ArrayLike<number>> => {
  const y = noGrad(() => scope(() => conv2d(x, w, { padding: 1 })));
  const values = await y.data();
  y.dispose();
  return values;
};

/** The same with a weight of the values `name` that keeps nothing. */
const fresh = (x: Tensor, name: string): Promise<ArrayLike<number>> =>
  evaluate(x, tensor(pseudo(name, sizeOf(W)), W, { device: x.device }));

for (const row of ['winograd', 'winograd4'])
  test(`${row}: transformed once, with the bits of a weight that keeps nothing`, async () => {
    const { device, transforms } = await watched(row);
    const [x, w] = [input(device), weight(device, 'a')];
    const expected = await fresh(x, 'a');
    transforms();
    for (let pass = 0; pass < 3; pass++) assert.equal(await evaluate(x, w), expected);
    assert.is(transforms(), 1);
    device.close();
  });

test('a model that goes back to training keeps what is of frozen weights only', async () => {
  const { device } = await watched();
  const derived = (): number => device.memory().byKind.derived;
  const model = onDevice(device, () => new Conv2d(32, 32, 3, { padding: 1 }));
  const x = input(device);
  await evaluate(x, model.weight);
  const kept = derived();
  assert.ok(kept > 0);
  model.weight.requiresGrad = false;
  model.train();
  assert.is(derived(), kept, 'frozen');
  model.weight.requiresGrad = true;
  model.train();
  assert.is(derived(), 0);
  device.close();
});

test("the input's gradient through a frozen weight keeps the turned kernel", async () => {
  const { device, transforms } = await watched();
  const gradients: ArrayLike<number>[] = [];
  for (const w of [weight(device, 'a'), weight(device, 'a'), weight(device, 'a', true)]) {
    for (let pass = 0; pass < 2; pass++) {
      const x = input(device, true);
      conv2d(x, w, { padding: 1 }).backward(tensor(pseudo('dy', sizeOf(X)), X, { device }));
      gradients.push(await x.grad!.data());
    }
  }
  for (const gradient of gradients) assert.equal(gradient, gradients[0]);
  // Two frozen weights, each as it is and turned; one that trains, both anew in each pass.
  assert.is(transforms(), 2 * 2 + 2 * 2);
  device.close();
});

test('a write, a part of a write and a copy outdate it', async () => {
  const { device, transforms } = await watched();
  const [x, w] = [input(device), weight(device, 'a')];
  await evaluate(x, w);
  const { derived } = device.memory().byKind;
  assert.ok(derived >= 4 * 36 * 32 * 32);
  w.write(pseudo('b', sizeOf(W)));
  assert.is(device.memory().byKind.derived, 0, 'given back with the write');
  assert.equal(await evaluate(x, w), await fresh(x, 'b'));
  device.commands.write(w.buffer, pseudo('c', sizeOf(W)).subarray(0, 64), 0);
  device.commands.write(w.buffer, pseudo('c', sizeOf(W)).subarray(64), 256);
  assert.equal(await evaluate(x, w), await fresh(x, 'c'));
  const source = tensor(pseudo('d', sizeOf(W)), W, { device });
  device.commands.copy(source.buffer, 0, w.buffer, 0, 4 * sizeOf(W));
  assert.equal(await evaluate(x, w), await fresh(x, 'd'));
  assert.is(transforms(), 4 + 3, 'four times of the parameter, three of the others');
  device.close();
});

test('a step of the optimiser outdates it, and passes that record a gradient keep nothing', async () => {
  const { device, transforms } = await watched();
  const w = weight(device, 'a', true);
  const x = input(device);
  const optimizer = new SGD([w], { lr: 0.1 });
  for (let step = 0; step < 2; step++) {
    const before = await evaluate(x, w);
    assert.ok(device.memory().byKind.derived > 0);
    transforms();
    scope(() => {
      const y = conv2d(x, w, { padding: 1 });
      assert.is(transforms(), 1, 'the choice for training keeps none');
      y.backward(tensor(pseudo('dy', sizeOf(X)), X, { device }));
      optimizer.step(y);
      optimizer.zeroGrad();
    });
    assert.is(device.memory().byKind.derived, 0);
    const after = await evaluate(x, w);
    assert.not.equal(after, before);
    assert.equal(
      after,
      await evaluate(x, tensor(await w.data(), W, { device })),
      'as of a weight that keeps nothing',
    );
  }
  device.close();
});

test('a buffer that is given back and taken again serves nothing of its last owner', async () => {
  const { device } = await watched();
  const x = input(device);
  const first = weight(device, 'a');
  const { buffer } = first;
  await evaluate(x, first);
  first.dispose();
  assert.is(device.memory().byKind.derived, 0, 'given back with its weight');
  const second = weight(device, 'b');
  assert.is(second.buffer, buffer);
  assert.equal(await evaluate(x, second), await fresh(x, 'b'));
  device.close();
});

test('two weights of one shape, and of two devices, have their own', async () => {
  const [one, two] = [await watched(), await watched()];
  for (const { device, transforms } of [one, two]) {
    const x = input(device);
    const [a, b] = [weight(device, device === one.device ? 'a' : 'c'), weight(device, 'b')];
    for (let pass = 0; pass < 2; pass++) {
      await evaluate(x, a);
      await evaluate(x, b);
    }
    assert.is(transforms(), 2);
    assert.equal(await evaluate(x, a), await fresh(x, device === one.device ? 'a' : 'c'));
    assert.equal(await evaluate(x, b), await fresh(x, 'b'));
  }
  const { derived } = two.device.memory().byKind;
  one.device.trim();
  assert.is(two.device.memory().byKind.derived, derived);
  one.device.close();
  two.device.close();
});

test('trim frees it, and the next pass makes it anew', async () => {
  const { device, transforms } = await watched();
  const [x, w] = [input(device), weight(device, 'a')];
  const expected = await evaluate(x, w);
  const before = device.memory();
  device.trim();
  const after = device.memory();
  assert.is(after.byKind.derived, 0);
  assert.is(after.live, before.live - before.byKind.derived);
  assert.is(after.pooled, 0);
  transforms();
  assert.equal(await evaluate(x, w), expected);
  assert.is(transforms(), 1);
  device.close();
});

test.run();
