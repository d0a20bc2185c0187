/**
 * Concatenation along one axis.
 *
 *   y[o, start + r] = x[o, r]     tensors seen as [outer, axis · inner]; start: where x begins in a row of y
 *   dx[o, r] = dy[o, start + r]
 *
 * Forward and backward are the same copy of a block, one dispatch a tensor: copy-block.ts. Limited by memory: 8 bytes an
 * element. Bits are copied, of any type.
 */
import { empty, normaliseAxis, record, scope, show, sizeOf, type Tensor } from '../../tensor/index.ts';
import { copyBlock } from '../parts/copy-block.ts';

/**
 * The tensors one after the other along `axis` (negative: from the back). PyTorch: `torch.cat`.
 * Throws where there is none, and where they differ in another axis or in their types.
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (!first) throw new RangeError('concat: there is no tensor to concatenate');
  const front = normaliseAxis('concat', axis, first.shape.length);
  tensors.forEach((tensor, index) => {
    checkAlike(first, tensor, front, index);
  });
  const outer = sizeOf(first.shape.slice(0, front));
  const widths = tensors.map((tensor) => tensor.size / outer);
  const starts = widths.map((_, index) => widths.slice(0, index).reduce((total, width) => total + width, 0));
  const row = widths.reduce((total, width) => total + width, 0);
  const extent = tensors.reduce((total, tensor) => total + tensor.shape[front]!, 0);
  return scope(() => {
    const y = empty(first.device, first.shape.with(front, extent), { dtype: first.dtype });
    tensors.forEach((x, index) => {
      const width = widths[index]!;
      const from = { buffer: x.buffer, start: 0, strides: [width] };
      copyBlock(x, [outer, width], from, { buffer: y.buffer, start: starts[index]!, strides: [row] });
    });
    const shapes = tensors.map((tensor) => tensor.shape);
    return record({ op: 'concat', axis: front }, y, tensors, {}, (_, dy, needs) =>
      shapes.map((shape, index) => {
        if (!needs[index]) return null;
        const dx = empty(dy.device, shape);
        const width = widths[index]!;
        const from = { buffer: dy.buffer, start: starts[index]!, strides: [row] };
        copyBlock(dx, [outer, width], from, { buffer: dx.buffer, start: 0, strides: [width] });
        return dx;
      }),
    );
  });
}

function checkAlike({ shape: first, dtype }: Tensor, tensor: Tensor, axis: number, index: number): void {
  const { shape } = tensor;
  if (tensor.dtype !== dtype)
    throw new TypeError(
      `concat: tensor ${index} is ${tensor.dtype} and tensor 0 is ${dtype}; their types must be equal`,
    );
  const alike =
    first.length === shape.length && shape.every((size, other) => other === axis || size === first[other]);
  if (!alike)
    throw new RangeError(
      `concat: tensor ${index} is ${show(shape)} and tensor 0 is ${show(first)}; they may differ in axis ${axis} only`,
    );
}
