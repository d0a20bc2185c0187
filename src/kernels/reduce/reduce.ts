/**
 * Sum and mean over any axes.
 *
 *   y = scale · Σ x over the axes        scale = 1, or 1 / (number of values summed) for the mean
 *   dx = scale · dy, repeated along the axes
 *
 * The sums themselves are in partial-sums.ts, the repetition is a broadcast. Limited by memory: 4 bytes an element
 * forward and backward.
 */
import { checkTypes, normaliseAxis, record, type Shape, show, type Tensor } from '../../tensor/index.ts';
import { sumAxes } from '../parts/partial-sums.ts';
import { expand } from '../pointwise/broadcast.ts';

/** Σ x over `axes` (all by default; negative ones count from the back). PyTorch: `torch.sum`. */
export function sum(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce('sum', x, axes, keepDims);
}

/** The mean over `axes` (all by default; negative ones count from the back). PyTorch: `torch.mean`. */
export function mean(x: Tensor, axes?: number | readonly number[], keepDims = false): Tensor {
  return reduce('mean', x, axes, keepDims);
}

function reduce(
  what: 'sum' | 'mean',
  x: Tensor,
  axes: number | readonly number[] | undefined,
  keepDims: boolean,
): Tensor {
  checkTypes(what, { x });
  const reduced = axesOf(what, x.shape, axes);
  const kept = x.shape.map((size, axis) => (reduced.includes(axis) ? 1 : size));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !reduced.includes(axis));
  const terms = reduced.reduce((product, axis) => product * x.shape[axis]!, 1);
  const scale = what === 'mean' ? 1 / terms : 1;
  const y = reduced.length > 0 ? sumAxes(x, reduced, shape, scale) : x.alias();
  const shapeX = x.shape;
  return record({ op: what, axes: reduced }, y, [x], {}, (_, dy) => {
    const gradient = dy.alias(kept);
    return [terms === 1 ? gradient.alias(shapeX) : expand(gradient, shapeX, scale)];
  });
}

/** The axes as ascending numbers from the front. Throws where one does not exist or is named twice. */
function axesOf(what: string, shape: Shape, axes: number | readonly number[] | undefined): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  const named = typeof axes === 'number' ? [axes] : axes;
  const front = named.map((axis) => normaliseAxis(what, axis, shape.length));
  if (new Set(front).size < front.length)
    throw new RangeError(`${what}: the axes ${show(named)} of ${show(shape)} name an axis twice`);
  return front.sort((a, b) => a - b);
}
