/**
 * Axes in another order:
 *
 *   y[i₀, i₁, …] = x at the index whose axis axes[k] is iₖ        y.shape[k] = x.shape[axes[k]]
 *
 * The gradient is the permutation back. An invocation writes one value and reads it from where the strides say: the
 * writes lie side by side, the reads do not. Limited by memory, 8 bytes an element. Bits are copied, of any type.
 */
import { elementwise, program } from '../../gpu/index.ts';
import {
  empty,
  normaliseAxis,
  record,
  type Shape,
  scope,
  show,
  sizeOf,
  type Tensor,
} from '../../tensor/index.ts';

/** Tensors of fewer axes get sizes of 1 in front. */
const AXES = 4;

const permuteProgram = program(
  elementwise({
    name: 'permute',
    bindings: { x: 'read u32', y: 'write u32' },
    params: { n1: 'u32', n2: 'u32', n3: 'u32', s0: 'u32', s1: 'u32', s2: 'u32', s3: 'u32' },
    wgsl: `
fn element(i: u32) {
  let i2 = i / p.n3;
  let i1 = i2 / p.n2;
  let i0 = i1 / p.n1;
  y[i] = x[i0 * p.s0 + (i1 % p.n1) * p.s1 + (i2 % p.n2) * p.s2 + (i % p.n3) * p.s3];
}`,
  }),
);

/**
 * x with its axes in the order `axes` (negative: from the back). NCHW becomes NHWC with `permute(x, [0, 2, 3, 1])`, and
 * comes back with `permute(x, [0, 3, 1, 2])`. PyTorch: `torch.permute`, followed by `contiguous`.
 * Throws where `axes` does not name every axis once, and beyond four axes.
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => normaliseAxis('permute', axis, x.shape.length));
  if (order.length !== x.shape.length || new Set(order).size !== order.length)
    throw new RangeError(
      `permute: [${axes.join(', ')}] does not name each of the ${x.shape.length} axes of ${show(x.shape)} once`,
    );
  if (order.length > AXES)
    throw new RangeError(`permute: ${show(x.shape)} has ${order.length} axes, at most ${AXES} can be moved`);
  const back = order.map((_, axis) => order.indexOf(axis));
  return scope(() =>
    record({ op: 'permute', axes: order }, permuted(x, order), [x], {}, (_, dy) => [permuted(dy, back)]),
  );
}

function permuted(x: Tensor, order: readonly number[]): Tensor {
  const shape: Shape = order.map((axis) => x.shape[axis]!);
  const y = empty(x.device, shape, { dtype: x.dtype });
  const missing = new Array<number>(AXES - order.length).fill(1);
  const [, n1, n2, n3] = [...missing, ...shape] as [number, number, number, number];
  const strides = order.map((axis) => sizeOf(x.shape.slice(axis + 1)));
  const [s0, s1, s2, s3] = [...missing, ...strides] as [number, number, number, number];
  x.device.run(permuteProgram, {
    bindings: { x: x.buffer, y: y.buffer },
    params: { count: y.size, n1, n2, n3, s0, s1, s2, s3 },
    bytes: 8 * y.size,
  });
  return y;
}
