/**
 * More than 65,535 pictures, rows, columns, groups, channels or residues of a stride: the first and the last of them come
 * out as they do alone, forward and backward. dispatches.test.ts asks every op, without values, whether it starts too
 * many workgroups.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import {
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm,
  conv2d,
  depthwiseConv2d,
  maxPool2d,
} from '../../src/kernels/index.ts';
import { type Shape, scope, sizeOf, type Tensor, tensor } from '../../src/tensor/index.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { relativeError } from '../helpers/check.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('kernels/many');

const MANY = 65_539;
/** So many from either end are computed alone. */
const FEW = 24;

interface Case {
  name: string;
  /** Into how many parts, which know nothing of each other, everything falls. */
  parts: number;
  /** Each input, and the axis along which it falls into parts; null where all parts read it. */
  inputs: readonly (readonly [shape: Shape, axis: number | null])[];
  axisOfY: number;
  op: (...inputs: Tensor[]) => Tensor;
}

const normOf = (training: boolean): Omit<Case, 'name'> => ({
  parts: 4 * MANY,
  inputs: [[[7, 4 * MANY], 1], ...Array.from({ length: 4 }, () => [[4 * MANY], 0] as const)],
  axisOfY: 1,
  op: (x, weight, bias, mean, variance) =>
    batchNorm(x!, {
      weight: weight!,
      bias: bias!,
      runningMean: mean!,
      runningVar: variance!,
      training,
      activation: 'relu',
    }),
});

// biome-ignore format: a table
const CASES: Case[] = [
  { name: 'max-pooling of pictures', parts: MANY, inputs: [[[MANY, 2, 2, 1], 0]], axisOfY: 0, op: (x) => maxPool2d(x!, { kernelSize: 2 }) },
  { name: 'max-pooling of rows', parts: MANY, inputs: [[[1, 2 * MANY, 2, 1], 1]], axisOfY: 1, op: (x) => maxPool2d(x!, { kernelSize: 2 }) },
  { name: 'average-pooling of pictures', parts: MANY, inputs: [[[MANY, 2, 2, 1], 0]], axisOfY: 0, op: (x) => avgPool2d(x!, { kernelSize: 2 }) },
  { name: 'average-pooling of columns', parts: 64 * MANY, inputs: [[[1, 1, 64 * MANY, 1], 2]], axisOfY: 2, op: (x) => avgPool2d(x!, { kernelSize: 1 }) },
  { name: 'adaptive pooling of pictures', parts: MANY, inputs: [[[MANY, 3, 1, 1], 0]], axisOfY: 0, op: (x) => adaptiveAvgPool2d(x!, [2, 1]) },
  { name: 'groups', parts: MANY, inputs: [[[3, 1, 1, 4 * MANY], 3], [[1, 1, 4, 4 * MANY], 3]], axisOfY: 3, op: (x, w) => conv2d(x!, w!, { groups: x!.shape[3]! / 4 }) },
  { name: 'groups of one channel to two', parts: MANY, inputs: [[[1, 1, 2, MANY], 3], [[1, 2, 1, 2 * MANY], 3]], axisOfY: 3, op: (x, w) => conv2d(x!, w!, { groups: x!.shape[3]! }) },
  { name: 'depthwise of pictures', parts: MANY, inputs: [[[MANY, 1, 2, 2], 0], [[1, 2, 1, 2], null]], axisOfY: 0, op: (x, w) => depthwiseConv2d(x!, w!) },
  { name: 'depthwise of channels', parts: 130 * MANY, inputs: [[[1, 1, 1, 130 * MANY], 3], [[1, 1, 1, 130 * MANY], 3]], axisOfY: 3, op: (x, w) => depthwiseConv2d(x!, w!) },
  { name: 'a norm by the batch', ...normOf(true) },
  { name: 'a norm by running statistics', ...normOf(false) },
];

/** The first or last parts of an array: their shape, and where their values lie in the whole. */
function endOf(shape: Shape, axis: number | null, parts: number, last: boolean) {
  if (axis === null) return { shape, at: (i: number) => i };
  const size = shape[axis]!;
  const count = (size / parts) * FEW;
  const start = last ? size - count : 0;
  const inner = sizeOf(shape.slice(axis + 1));
  const at = (i: number): number => {
    const outer = Math.floor(i / (count * inner));
    return (outer * size + start) * inner + (i - outer * count * inner);
  };
  return { shape: shape.with(axis, count), at };
}

type End = ReturnType<typeof endOf>;

const cut = (values: ArrayLike<number>, { shape, at }: End): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => values[at(i)]!);

/** The shape of y; y, and the gradients of Σ y·dy for the first three inputs. */
async function results(
  device: Device,
  { inputs, op }: Case,
  values: readonly Float32Array<ArrayBuffer>[],
  shapes: readonly Shape[],
  gradient: (count: number) => Float32Array<ArrayBuffer>,
): Promise<{ shape: Shape; values: ArrayLike<number>[] }> {
  const made = shapes.map((shape, index) =>
    tensor(values[index]!, shape, { device, requiresGrad: index < 3, owned: true }),
  );
  const y = scope(() => {
    const y = op(...made);
    y.backward(tensor(gradient(y.size), y.shape, { device }));
    return y;
  });
  const read = [await y.data()];
  for (const [index] of inputs.entries()) {
    const { grad } = made[index]!;
    if (grad) read.push(await grad.data());
  }
  for (const used of [y, ...made]) used.dispose();
  return { shape: y.shape, values: read };
}

/** Cases of so many parts run once: what they are about is the same on both devices. */
const LONG = 2 ** 20;

for (const [name, device] of [
  ['as it is', await testDevice()],
  ['clamped', await clampedDevice()],
] as const)
  for (const row of CASES.filter(({ parts }) => name === 'as it is' || parts < LONG))
    test(`${row.name}: device ${name}`, async () => {
      const { parts, inputs, axisOfY } = row;
      const shapes = inputs.map(([shape]) => shape);
      // Variances, the last of five inputs, are positive.
      const values = shapes.map((shape, index) =>
        pseudo(`${row.name}/${index}`, sizeOf(shape)).map((v) => (index === 4 ? v + 2 : v)),
      );
      const dy = (count: number) => pseudo('dy', count);
      const whole = await results(device, row, values, shapes, dy);
      for (const last of [false, true]) {
        const ends = inputs.map(([shape, axis]) => endOf(shape, axis, parts, last));
        const end = endOf(whole.shape, axisOfY, parts, last);
        const alone = await results(
          device,
          row,
          values.map((array, index) => cut(array, ends[index]!)),
          ends.map(({ shape }) => shape),
          () => cut(dy(sizeOf(whole.shape)), end),
        );
        for (const [index, part] of [end, ...ends].slice(0, alone.values.length).entries()) {
          if (index > 0 && inputs[index - 1]![1] === null) continue; // summed over all parts
          const error = relativeError(cut(whole.values[index]!, part), alone.values[index]!);
          assert.ok(
            error < 1e-6,
            `${last ? 'the last' : 'the first'} of result ${index} are off by ${error}`,
          );
        }
      }
    });

test('the residues of a long stride', async () => {
  const device = await testDevice();
  const [size, stride] = [257, 256];
  const x = tensor(pseudo('x', size * size * 4), [1, size, size, 4], { device, requiresGrad: true });
  const w = tensor(pseudo('w', 16), [1, 1, 4, 4], { device });
  const dy = pseudo('dy', 16);
  conv2d(x, w, { stride }).backward(tensor(dy, [1, 2, 2, 4], { device }));
  const [dx, weight] = [await x.grad!.data(), await w.data()];
  const expected = new Float64Array(dx.length);
  for (let window = 0; window < 4; window++)
    for (let ci = 0; ci < 4; ci++) {
      const pixel = stride * (Math.floor(window / 2) * size + (window % 2));
      for (let co = 0; co < 4; co++) expected[4 * pixel + ci]! += dy[4 * window + co]! * weight[4 * ci + co]!;
    }
  assert.ok(relativeError(dx, expected) < 1e-6);
  device.close();
});

test.run();
