/**
 * Every op refuses integers that it would read as floats, whichever of its inputs they are; those that copy bits take any
 * type and keep it. Asked of a dry device: what is refused is refused before anything is recorded.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import * as kernels from '../../src/kernels/index.ts';
import { AdamW, fill, maskGradient, SGD } from '../../src/nn/index.ts';
import { type DataType, empty, type Shape, type Tensor, tensor } from '../../src/tensor/index.ts';

const test = suite('kernels/types');
const { device } = await dryDevice(PLAIN_DEVICE);

const INTEGERS = ['int32', 'uint32'] as const satisfies DataType[];

type Inputs = Record<string, Tensor>;
type Row = [op: string, shapes: Record<string, Shape>, run: (inputs: Inputs) => Tensor];

const PICTURES = [2, 5, 5, 4];
const VECTORS = { gamma: [4], beta: [4], mean: [4], variance: [4] };

const normOf = ({ gamma, beta, mean, variance }: Inputs) => ({
  weight: gamma!,
  bias: beta!,
  runningMean: mean!,
  runningVar: variance!,
  eps: 1e-5,
});

/** The inputs of each op that takes float32, and a call with all of them. */
// biome-ignore format: a table
const FLOATS: Row[] = [
  ['conv2d', { x: PICTURES, w: [3, 3, 4, 4], bias: [4] }, ({ x, w, bias }) => kernels.conv2d(x!, w!, { bias })],
  ['conv2d', { x: PICTURES, w: [1, 1, 4, 4], residual: PICTURES, ...VECTORS }, ({ x, w, residual, ...own }) => kernels.conv2d(x!, w!, { residual, norm: normOf(own) })],
  ['depthwiseConv2d', { x: PICTURES, w: [3, 3, 1, 4], bias: [4] }, ({ x, w, bias }) => kernels.depthwiseConv2d(x!, w!, { bias })],
  ['depthwiseConv2d', { x: PICTURES, w: [1, 1, 1, 4], residual: PICTURES, ...VECTORS }, ({ x, w, residual, ...own }) => kernels.depthwiseConv2d(x!, w!, { residual, norm: normOf(own) })],
  ['linear', { x: [2, 3], w: [3, 5], b: [5] }, ({ x, w, b }) => kernels.linear(x!, w!, b)],
  ['matmul', { a: [2, 3], b: [3, 5] }, ({ a, b }) => kernels.matmul(a!, b!)],
  ['batchNorm', { x: PICTURES, residual: PICTURES, ...VECTORS }, ({ x, residual, ...own }) => kernels.batchNorm(x!, { ...normOf(own), residual, training: true })],
  ['lrn', { x: PICTURES }, ({ x }) => kernels.lrn(x!, { size: 3 })],
  ['squeezeExcite', { x: PICTURES, 'reduce.weight': [1, 1, 4, 2], 'reduce.bias': [2], 'expand.weight': [1, 1, 2, 4], 'expand.bias': [4] }, (t) => kernels.squeezeExcite(t.x!, { weight: t['reduce.weight']!, bias: t['reduce.bias']! }, { weight: t['expand.weight']!, bias: t['expand.bias']! }).y],
  ['relu', { x: [3] }, ({ x }) => kernels.relu(x!)],
  ['relu6', { x: [3] }, ({ x }) => kernels.relu6(x!)],
  ['sigmoid', { x: [3] }, ({ x }) => kernels.sigmoid(x!)],
  ['silu', { x: [3] }, ({ x }) => kernels.silu(x!)],
  ['add', { a: [3], b: [3] }, ({ a, b }) => kernels.add(a!, b!)],
  ['add', { a: [3] }, ({ a }) => kernels.add(a!, 1)],
  ['sub', { a: [3], b: [3] }, ({ a, b }) => kernels.sub(a!, b!)],
  ['sub', { a: [3] }, ({ a }) => kernels.sub(a!, 1)],
  ['mul', { a: [3], b: [3] }, ({ a, b }) => kernels.mul(a!, b!)],
  ['mul', { a: [3] }, ({ a }) => kernels.mul(a!, 1)],
  ['div', { a: [3], b: [3] }, ({ a, b }) => kernels.div(a!, b!)],
  ['div', { a: [3] }, ({ a }) => kernels.div(a!, 1)],
  ['dropout', { x: [3] }, ({ x }) => kernels.dropout(x!, 0.5, { training: true })],
  ['dropout', { x: [3] }, ({ x }) => kernels.dropout(x!, 0.5, { training: false })],
  ['dropPath', { x: [3, 2] }, ({ x }) => kernels.dropPath(x!, 0.5, { training: true })],
  ['dropPath', { x: [3, 2] }, ({ x }) => kernels.dropPath(x!, 0.5, { training: false })],
  ['maxPool2d', { x: PICTURES }, ({ x }) => kernels.maxPool2d(x!, { kernelSize: 2 })],
  ['avgPool2d', { x: PICTURES }, ({ x }) => kernels.avgPool2d(x!, { kernelSize: 2 })],
  ['adaptiveAvgPool2d', { x: PICTURES }, ({ x }) => kernels.adaptiveAvgPool2d(x!, 2)],
  ['adaptiveAvgPool2d', { x: PICTURES }, ({ x }) => kernels.adaptiveAvgPool2d(x!, 1)],
  ['globalAvgPool', { x: PICTURES }, ({ x }) => kernels.globalAvgPool(x!)],
  ['sum', { x: [2, 3] }, ({ x }) => kernels.sum(x!)],
  ['sum', { x: [2, 3] }, ({ x }) => kernels.sum(x!, [])],
  ['mean', { x: [2, 3] }, ({ x }) => kernels.mean(x!, 1)],
  ['softmax', { x: [2, 3] }, ({ x }) => kernels.softmax(x!)],
  ['logSoftmax', { x: [2, 3] }, ({ x }) => kernels.logSoftmax(x!)],
  ['crossEntropy', { logits: [2, 3], weight: [3] }, ({ logits, weight }) => kernels.crossEntropy(logits!, [0, 2], { weight })],
  ['binaryCrossEntropy', { logits: [2, 3], targets: [2, 3], posWeight: [3] }, ({ logits, targets, posWeight }) => kernels.binaryCrossEntropy(logits!, targets!, { posWeight })],
  ['pad', { x: PICTURES }, ({ x }) => kernels.pad(x!, [1, 1, 1, 1])],
  ['resize', { x: PICTURES }, ({ x }) => kernels.resize(x!, [7, 7], { interpolation: 'bilinear' })],
  ['resize', { x: PICTURES }, ({ x }) => kernels.resize(x!, [5, 5], { interpolation: 'bilinear' })],
];

/** What takes any type. */
const BITS: Row[] = [
  ['concat', { a: [2, 3], b: [4, 3] }, ({ a, b }) => kernels.concat([a!, b!], 0)],
  ['slice', { x: [2, 3] }, ({ x }) => kernels.slice(x!, [[0, 1]])],
  ['slice', { x: [2, 3] }, ({ x }) => kernels.slice(x!, [[], [1]])],
  ['permute', { x: [2, 3] }, ({ x }) => kernels.permute(x!, [1, 0])],
  ['reshape', { x: [2, 3] }, ({ x }) => kernels.reshape(x!, [6])],
  ['flatten', { x: [2, 3] }, ({ x }) => kernels.flatten(x!, 0)],
];

/** Inputs of these shapes, float32 but for those whose type is given. */
const made = (shapes: Record<string, Shape>, types: Record<string, DataType> = {}): Inputs =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, empty(device, shape, { dtype: types[name] })]),
  );

/** An error that names op, input and type. */
const names =
  (op: string, input: string, dtype: DataType) =>
  (error: Error): boolean =>
    error instanceof TypeError && error.message.startsWith(`${op}: ${input} is ${dtype} `);

/** What an op calls its inputs where it does not call them as the table does. */
const CALLED: Record<string, Record<string, string>> = {
  batchNorm: { gamma: 'weight', beta: 'bias', mean: 'runningMean', variance: 'runningVar' },
  conv2d: { gamma: 'norm.weight', beta: 'norm.bias', mean: 'norm.runningMean', variance: 'norm.runningVar' },
};
CALLED.depthwiseConv2d = CALLED.conv2d!;

for (const [op, shapes, run] of FLOATS)
  for (const input of Object.keys(shapes))
    test(`${op} (${Object.keys(shapes).join(', ')}) refuses ${input} of integers`, () => {
      run(made(shapes)); // as it should be called
      let dispatches = 0;
      const stop = device.observe({ dispatch: () => dispatches++ });
      for (const dtype of INTEGERS)
        assert.throws(
          () => run(made(shapes, { [input]: dtype })),
          names(op, CALLED[op]?.[input] ?? input, dtype),
        );
      stop();
      assert.is(dispatches, 0, 'nothing was recorded');
    });

for (const [op, shapes, run] of BITS)
  test(`${op} takes any type and keeps it`, () => {
    for (const dtype of ['float32', ...INTEGERS] as const) {
      const types = Object.fromEntries(Object.keys(shapes).map((name) => [name, dtype]));
      assert.is(run(made(shapes, types)).dtype, dtype);
    }
  });

test('every op is in a table', () => {
  const named = new Set([...FLOATS, ...BITS].map(([op]) => op));
  assert.equal(
    Object.keys(kernels).filter((op) => !named.has(op)),
    [],
  );
});

test('the sentence says what to do', () => {
  assert.throws(
    () => kernels.sum(tensor(Int32Array.of(1, 2, 3), [3], { device })),
    "sum: x is int32 [3], and sum takes float32; convert it: tensor(await x.data(), [3], { dtype: 'float32' })",
  );
});

test('concat takes tensors of one type', () => {
  const inputs = made({ a: [2, 3], b: [4, 3] }, { b: 'int32' });
  assert.throws(
    () => kernels.concat([inputs.a!, inputs.b!], 0),
    'concat: tensor 1 is int32 and tensor 0 is float32; their types must be equal',
  );
});

test('labels are int32 indices or float32 probabilities', () => {
  const logits = empty(device, [2, 3]);
  kernels.crossEntropy(logits, empty(device, [2], { dtype: 'int32' }));
  kernels.crossEntropy(logits, empty(device, [2, 3]));
  for (const labels of [empty(device, [2], { dtype: 'uint32' }), empty(device, [2, 3], { dtype: 'int32' })])
    assert.throws(() => kernels.crossEntropy(logits, labels), /give int32 \[2\] or float32 \[2,3\]/);
});

test('gradients, masks, initial values and optimisers are of float32 too', () => {
  for (const dtype of INTEGERS) {
    const integers = empty(device, [3], { dtype });
    assert.throws(
      () => empty(device, [3], { dtype, requiresGrad: true }),
      `a tensor of ${dtype} can have no`,
    );
    const x = empty(device, [3], { requiresGrad: true });
    assert.throws(() => kernels.relu(x).backward(integers), names('backward', 'gradient', dtype));
    assert.throws(() => maskGradient(x, integers), names('maskGradient', 'mask', dtype));
    assert.throws(() => fill(integers, { constant: 1 }), names('fill', 'tensor', dtype));
    integers.requiresGrad = true;
    for (const Optimizer of [SGD, AdamW])
      assert.throws(
        () => new Optimizer([x, integers], { lr: 1 }),
        names(Optimizer.name, 'parameter 1', dtype),
      );
  }
});

test('integers are not cut out of other numbers', () => {
  for (const [values, dtype, value] of [
    [[0.5], 'int32', '0.5'],
    [[Number.NaN], 'int32', 'NaN'],
    [[2 ** 31], 'int32', '2147483648'],
    [[-1], 'uint32', '-1'],
    [Float32Array.of(1.5), 'int32', '1.5'],
  ] as const) {
    assert.throws(
      () => tensor(values, [1], { device, dtype }),
      `tensor: value 0 is ${value}, which is no ${dtype}`,
    );
    const target = empty(device, [1], { dtype });
    assert.throws(() => target.write(values), `write: value 0 is ${value}, which is no ${dtype}`);
  }
});

test.run();
