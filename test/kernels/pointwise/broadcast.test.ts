/** add, sub, mul, div: NumPy's broadcasting over many pairs of shapes, against float64. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, div, mul, sub } from '../../../src/kernels/pointwise/broadcast.ts';
import {
  broadcastShapes,
  type Shape,
  scope,
  sizeOf,
  type Tensor,
  tensor,
} from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/broadcast');

const OPS: Record<string, [(a: Tensor, b: Tensor | number) => Tensor, (a: number, b: number) => number]> = {
  add: [add, (a, b) => a + b],
  sub: [sub, (a, b) => a - b],
  mul: [mul, (a, b) => a * b],
  div: [div, (a, b) => a / b],
};

/** Shapes as text, so that a pair is a line; '' is a scalar. */
const PAIRS = [
  ['', ''],
  ['1', ''],
  ['5', '5'],
  ['7', '1'],
  ['1', '6'],
  ['3,5', ''],
  ['', '2,4'],
  ['1,3,5', '3,5'],
  ['3,4', '4'],
  ['3,5', '5'],
  ['3,4', '3,1'],
  ['3,1', '1,5'],
  ['3,1', '1,8'],
  ['2,3,5', '3,1'],
  ['2,1,5', '1,3,1'],
  ['2,5,4,8', '2,1,1,8'],
  ['2,1,1,10', '2,5,4,10'],
  ['2,5,4,3', '2,5,4,1'],
  ['2,5,4,8', '2,5,4,1'],
  ['1,5,1,3', '2,1,4,1'],
  ['2,1,4,1,3', '1,3,1,2,1'],
  ['2,1,2,1,2,1', '1,2,1,3,1,4'],
  ['2,7,7,16', '16'],
] as const;

const shapeOf = (text: string): Shape => (text === '' ? [] : text.split(',').map(Number));

/** The formula of an op on two broadcast shapes, in float64. */
function formula(shapeA: Shape, shapeB: Shape, op: (a: number, b: number) => number) {
  const shape = broadcastShapes('test', shapeA, shapeB);
  const at = (own: Shape, i: number): number => {
    let rest = i;
    let index = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = own[axis - shape.length + own.length] ?? 1;
      if (size > 1) index += stride * (rest % shape[axis]!);
      stride *= size;
      rest = Math.floor(rest / shape[axis]!);
    }
    return index;
  };
  const places = Array.from({ length: sizeOf(shape) }, (_, i) => [at(shapeA, i), at(shapeB, i)] as const);
  return (a: Float64Array, b: Float64Array) => places.map(([i, j]) => op(a[i]!, b[j]!));
}

for (const open of [testDevice, clampedDevice]) {
  test(`values and both gradients for all shapes and ops (${open.name})`, async () => {
    const device = await open();
    for (const [name, [op, scalar]] of Object.entries(OPS))
      for (const [a, b] of PAIRS.map((pair) => pair.map(shapeOf) as [Shape, Shape])) {
        const values = pseudoFill(`${name}/${b}`, sizeOf(b), { offset: 2 }); // away from a division by zero
        const gradients = { name: `${name} [${a}] [${b}]`, inputs: [a, b], values: [undefined, values] };
        await checkOp(device, { ...gradients, op, formula: formula(a, b, scalar) });
      }
    device.close();
  });

  test(`a number as the second operand (${open.name})`, async () => {
    const device = await open();
    for (const [name, [op, scalar]] of Object.entries(OPS))
      for (const shape of [[], [7], [3, 5, 4]])
        await checkOp(device, {
          name: `${name} [${shape}] and a number`,
          inputs: [shape],
          op: (a) => op(a, -1.5),
          formula: (a) => a.map((value) => scalar(value, -1.5)),
        });
    device.close();
  });
}

test('only the gradients that are needed are computed', async () => {
  const device = await testDevice();
  for (const [name, [op, scalar]] of Object.entries(OPS))
    for (const gradients of [
      [true, false],
      [false, true],
    ])
      await checkOp(device, {
        name: `${name} of ${gradients}`,
        inputs: [[2, 3, 4], [4]],
        values: [undefined, Float32Array.of(1, -2, 3, 0.5)],
        gradients,
        op,
        formula: formula([2, 3, 4], [4], scalar),
      });
  const [a, b] = [tensor([1, 2], [2], { requiresGrad: true }), tensor([3, 4], [2])];
  scope(() => mul(a, b).backward(tensor([1, 1], [2])));
  assert.is(b.grad, null);
  device.close();
});

test('a tensor with itself', async () => {
  const device = await testDevice();
  for (const [name, [op, scalar]] of Object.entries(OPS))
    await checkOp(device, {
      name: `${name} of x and x`,
      inputs: [[3, 5]],
      op: (x) => op(x, x),
      formula: (x) => x.map((value) => scalar(value, value)),
    });
  device.close();
});

test('shapes that do not broadcast are a sentence', async () => {
  const device = await testDevice();
  const [a, b] = [tensor(new Float32Array(6), [2, 3]), tensor(new Float32Array(2), [2])];
  assert.throws(() => add(a, b), 'add: [2,3] and [2] do not broadcast (3 against 2)');
  assert.throws(() => div(b, a), 'div: [2] and [2,3] do not broadcast (2 against 3)');
  device.close();
});

test.run();
