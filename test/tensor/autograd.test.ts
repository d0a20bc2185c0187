/** Reverse-mode differentiation: graphs that share and join, what is freed when, and what is refused. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import { add, concat, mul, relu, reshape, slice, sub, sum } from '../../src/kernels/index.ts';
import {
  empty,
  listenToOps,
  noGrad,
  record,
  recordsGrad,
  scope,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('tensor/autograd');

let device: Device;
test.before.each(async () => {
  device = await testDevice();
});
test.after.each(() => device.close());

const leaf = (...values: number[]): Tensor => tensor(values, [values.length], { requiresGrad: true });

const gradientOf = async (x: Tensor): Promise<number[]> => [...(await x.grad!.data())];

/** Formulas of one leaf x with values 1, −2, 3, and dΣy/dx. */
const GRAPHS: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
  ['x·x', (x) => mul(x, x), (x) => 2 * x],
  ['x + x: the same dy for both', (x) => add(x, x), () => 2],
  ['x − x', (x) => sub(x, x), () => 0],
  [
    'a diamond',
    (x) => {
      const h = mul(x, 3);
      return mul(add(h, 1), sub(h, 2));
    },
    (x) => 18 * x - 3,
  ],
  [
    'a diamond whose branches differ in length',
    (x) => {
      const h = mul(x, 2);
      return add(mul(mul(h, h), h), h);
    },
    (x) => 24 * x * x + 2,
  ],
  [
    'a residual chain',
    (x) => {
      let h = x;
      for (let i = 0; i < 3; i++) h = add(h, mul(h, h));
      return h;
    },
    (x) => {
      let [h, slope] = [x, 1];
      for (let i = 0; i < 3; i++) [h, slope] = [h + h * h, slope * (1 + 2 * h)];
      return slope;
    },
  ],
  ['x used five times', (x) => add(add(add(x, x), add(x, x)), x), () => 5],
  ['reshapes share memory', (x) => add(reshape(reshape(x, [3, 1]), [3]), reshape(x, [3])), () => 2],
  [
    'slices that overlap, shared and copied',
    (x) => concat([slice(x, [[0, 2]]), slice(x, [[1]])], 0),
    (x) => (x === -2 ? 2 : 1),
  ],
  ['x three times in one op', (x) => concat([x, mul(x, 2), x], 0), () => 4],
  [
    'a branch that leads nowhere',
    (x) => {
      mul(relu(x), 5);
      return mul(x, 2);
    },
    () => 2,
  ],
];

for (const open of [testDevice, clampedDevice])
  for (const scoped of [false, true])
    test(`gradients of graphs (${open.name}, forward ${scoped ? 'in' : 'without'} a scope)`, async () => {
      device.close();
      device = await open();
      for (const [name, formula, slope] of GRAPHS) {
        const x = leaf(1, -2, 3);
        const y = scoped ? scope(() => sum(formula(x))) : sum(formula(x));
        y.backward();
        assert.equal(await gradientOf(x), [1, -2, 3].map(slope), name);
      }
    });

test('gradients add up over backward passes until they are reset', async () => {
  const x = leaf(1, 2);
  for (let i = 1; i <= 3; i++) {
    scope(() => sum(mul(x, x)).backward());
    assert.equal(await gradientOf(x), [2 * i, 4 * i]);
  }
  x.grad!.dispose();
  x.grad = null;
  scope(() => sum(mul(x, 5)).backward());
  assert.equal(await gradientOf(x), [5, 5]);
});

test('a gradient that somebody else holds is not changed by the next pass', async () => {
  const x = leaf(1, 2);
  scope(() => sum(mul(x, 2)).backward());
  const held = x.grad!.alias();
  scope(() => sum(mul(x, 3)).backward());
  assert.equal(await gradientOf(x), [5, 5]);
  assert.equal(await held.data(), Float32Array.of(2, 2));
});

test('a tensor that is no scalar takes the gradient to start from, and leaves it as it is', async () => {
  const x = leaf(1, 2, 3);
  const seed = tensor([1, 10, 100], [3]);
  add(x, x).backward(seed);
  add(x, 1).backward(seed);
  assert.equal(await gradientOf(x), [3, 30, 300]);
  assert.equal(await seed.data(), Float32Array.of(1, 10, 100));
  assert.throws(
    () => mul(x, 2).backward(),
    'backward: a tensor of shape [3] is no scalar; give the gradient to start from',
  );
  assert.throws(
    () => mul(x, 2).backward(tensor([1], [1])),
    'backward: gradient [1] for a tensor of shape [3]',
  );
});

test('a second backward pass through the same graph throws', () => {
  const x = leaf(1, 2);
  const y = sum(mul(x, x));
  y.backward();
  assert.throws(() => y.backward(), 'was already differentiated and its saved tensors are freed');
  const shared = mul(x, x);
  sum(mul(shared, 2)).backward();
  assert.throws(() => sum(mul(shared, 3)).backward(), 'mul was already differentiated');
});

test('nothing is recorded where no gradient is needed', () => {
  const [x, constant] = [leaf(1), tensor([2], [1])];
  assert.is(mul(constant, constant).node, null);
  assert.ok(recordsGrad(constant, x) && !recordsGrad(constant, null, undefined));
  const y = noGrad(() => mul(x, x));
  assert.is(y.node, null);
  assert.throws(() => y.backward(), 'backward: nothing that led to this tensor requires a gradient');
  assert.throws(() =>
    noGrad(() => {
      throw new Error('inside');
    }),
  );
  assert.ok(mul(x, x).node, 'recording goes on after an error inside noGrad');
  assert.is(mul(x, x).detach().node, null);
});

test('constants and frozen inputs get no gradient', async () => {
  const [x, constant] = [leaf(3), tensor([2], [1])];
  scope(() => mul(mul(x, constant), constant).backward());
  assert.equal(await gradientOf(x), [4]);
  assert.is(constant.grad, null);
});

test('formulas are asked only for what is needed', () => {
  const asked: boolean[][] = [];
  const [x, constant] = [leaf(1), tensor([2], [1])];
  const op = (...inputs: (Tensor | null)[]): Tensor =>
    record('op', empty(device, [1]), inputs, {}, (_, dy, needs) => {
      asked.push([...needs]);
      return needs.map((need) => (need ? mul(dy, 1) : null));
    });
  scope(() => op(op(constant, x, null), constant).backward(tensor([1], [1])));
  assert.equal(asked, [
    [true, false],
    [false, true, false],
  ]);
});

test('a formula may return dy itself, and one tensor for two inputs', async () => {
  const [a, b] = [leaf(1, 2), leaf(3, 4)];
  const pass = (twice: boolean): Tensor =>
    record('pass', empty(device, [2]), [a, b], {}, (_, dy) => {
      const result = twice ? mul(dy, 2) : dy;
      return [result, result];
    });
  const seed = tensor([1, 10], [2]);
  for (const twice of [false, true, false]) scope(() => pass(twice).backward(seed));
  assert.equal(await gradientOf(a), [4, 40]);
  assert.equal(await gradientOf(b), [4, 40]);
  assert.equal(await seed.data(), Float32Array.of(1, 10));
});

test('a hook changes the gradient before it is added', async () => {
  const x = leaf(1, 2);
  const mask = tensor([0, 1], [2]);
  x.gradHook = (gradient) => mul(gradient, mask);
  for (let i = 0; i < 2; i++) scope(() => sum(mul(x, x)).backward());
  assert.equal(await gradientOf(x), [0, 8]);
});

test('saved tensors outlive their scope and are freed by the backward pass', () => {
  const x = leaf(...new Array<number>(1000).fill(1));
  const { live } = device.memory();
  const y = scope(() => sum(mul(relu(mul(x, 2)), relu(x))));
  assert.ok(device.memory().live > live + 256, 'something is kept for the backward pass');
  y.backward();
  y.dispose();
  assert.is(device.memory().live - live, 4096, 'only the gradient is left');
  assert.is(device.memory().byKind.gradient, 4096);
});

test('a graph that is never differentiated is freed with its result', () => {
  const x = leaf(...new Array<number>(1000).fill(1));
  const { live } = device.memory();
  scope(() => {
    sum(mul(relu(mul(x, 2)), relu(x)));
  });
  assert.is(device.memory().live, live);
  scope(() => sum(mul(relu(x), relu(x)))).dispose();
  assert.is(device.memory().live, live);
});

test('memory is back where it was after forward and backward in a scope, however deep', () => {
  const x = leaf(...new Array<number>(1000).fill(0.5));
  const step = (): void =>
    scope(() => {
      let h: Tensor = x;
      for (let i = 0; i < 30; i++) h = add(h, mul(relu(h), 0.1));
      sum(h).backward();
      x.grad!.dispose();
      x.grad = null;
    });
  step();
  const { live, peak } = device.memory();
  for (let i = 0; i < 3; i++) step();
  assert.is(device.memory().live, live);
  assert.is(device.memory().peak, peak);
});

test('the backward pass frees as it goes: its peak does not grow with the depth of a residual chain', async () => {
  const peakOf = async (depth: number): Promise<number> => {
    const fresh = await testDevice();
    const x = leaf(...new Array<number>(1000).fill(0.5));
    let h = x;
    for (let i = 0; i < depth; i++) {
      const next = scope(() => add(h, mul(h, 0.1))); // saves nothing: only gradients take memory
      if (h !== x) h.dispose();
      h = next;
    }
    h.backward(leaf(...new Array<number>(1000).fill(1)));
    const { peak } = fresh.memory();
    fresh.close();
    return peak;
  };
  assert.is(await peakOf(24), await peakOf(3));
});

test('a graph of 20,000 nodes is freed, forward only and after a backward pass', async () => {
  const { device: dry } = await dryDevice(PLAIN_DEVICE);
  const x = empty(dry, [4], { requiresGrad: true, owned: true });
  const { live } = dry.memory();
  const chain = (): Tensor =>
    scope(() => {
      let h: Tensor = x;
      for (let depth = 0; depth < 20_000; depth++) h = relu(h);
      return sum(h);
    });
  chain().dispose();
  assert.is(dry.memory().live, live);
  const y = chain();
  y.backward();
  y.dispose();
  x.grad!.dispose();
  assert.is(dry.memory().live, live);
  dry.close();
});

test('who listens is told the whole gradient of what an op gave, and may keep it; the leaves have the same bits', async () => {
  const gradients = async (listens: boolean): Promise<{ ofLeaf: number[]; ofH: number[] }> => {
    const x = leaf(1, -2, 3);
    const h = mul(x, 3); // used twice: its gradient is a sum
    const kept: Tensor[] = [];
    const deaf = listenToOps({
      began({ of, gradient }) {
        if (listens && gradient && of === h.node) kept.push(gradient.alias(gradient.shape, true));
      },
    });
    sum(mul(add(h, 1), sub(h, 2))).backward();
    deaf();
    return { ofLeaf: await gradientOf(x), ofH: kept.length ? [...(await kept[0]!.data())] : [] };
  };
  const { ofLeaf, ofH } = await gradients(true);
  assert.equal(
    ofH,
    [1, -2, 3].map((value) => 2 * 3 * value - 1),
  );
  assert.equal(ofLeaf, (await gradients(false)).ofLeaf);
});

test.run();
