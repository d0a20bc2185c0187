/**
 * Reshape and flatten: other shapes over the same memory. No kernel runs, forward or backward.
 */
import {
  checkShape,
  normaliseAxis,
  record,
  type Shape,
  show,
  sizeOf,
  type Tensor,
} from '../../tensor/index.ts';

/**
 * The same values, row-major, under another shape; one size may be −1 and is computed. PyTorch: `torch.reshape`.
 * Throws where the number of values would change.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = resolve(x.shape, shape);
  const shapeX = x.shape;
  return record('reshape', x.alias(target), [x], {}, (_, dy) => [dy.alias(shapeX)]);
}

/** All axes from `startDim` on as one: [N, H, W, C] → [N, H·W·C]. PyTorch: `torch.flatten`. */
export function flatten(x: Tensor, startDim = 1): Tensor {
  if (x.shape.length === 0) return reshape(x, [1]);
  const start = normaliseAxis('flatten', startDim, x.shape.length);
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start))]);
}

/** `shape` with its −1 replaced. */
function resolve(from: Shape, shape: Shape): Shape {
  const size = sizeOf(from);
  const open = shape.filter((extent) => extent === -1).length;
  if (open > 1)
    throw new RangeError(`reshape: ${show(shape)} leaves ${open} sizes open, and one can be computed`);
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  const target = shape.map((extent) => (extent === -1 ? size / known : extent));
  if (sizeOf(target) !== size || !Number.isInteger(size / known))
    throw new RangeError(`reshape: ${show(from)} holds ${size} values and cannot become ${show(shape)}`);
  checkShape('reshape', target);
  return target;
}
