/**
 * A window of a tensor, cut out along any of its axes:
 *
 *   y[i₀, i₁, …] = x[start₀ + i₀, start₁ + i₁, …]           y.shape[k] = endₖ − startₖ
 *   dx[j₀, j₁, …] = dy[j₀ − start₀, j₁ − start₁, …]         where that lies inside the window, else 0
 *
 * Axes that are taken whole count with the axis before them, so that a window has as many axes as it has edges. One that
 * begins with the first value and has no gaps, such as the first rows of a matrix, is the memory that is there: no kernel
 * runs. Any other is copied, since a binding may begin at multiples of 256 bytes only. Limited by memory: 8 bytes an
 * element forward; backward the whole of dx is written. Bits are copied, of any type.
 */
import { elementwise, family, type ParamType } from '../../gpu/index.ts';
import { empty, record, type Shape, scope, show, sizeOf, type Tensor } from '../../tensor/index.ts';
import { BLOCK_AXES, copyBlock } from '../parts/copy-block.ts';

/**
 * Where a window begins and ends along an axis: the first place, by default 0, and the place after the last, by default the
 * axis's size. Negative: counted from the back, as in `Array.prototype.slice`.
 */
export type SliceRange = readonly [start?: number, end?: number];

/** An axis of a window: places of the tensor, where the window begins, and its own places. */
interface Axis {
  size: number;
  start: number;
  length: number;
}

/**
 * The window of x that `ranges` say, axis by axis from the first; axes without one are taken whole. `slice(x, [[0, 3]])` are
 * the first three rows, `slice(x, [[], [-1]])` is the last column. PyTorch: `x[0:3]`, `x[:, -1:]`, and `torch.narrow`.
 * What is shared is written to for both, as with PyTorch's views.
 * @throws RangeError where a range leaves its axis or is empty (as `torch.narrow`, and unlike Python, which shortens it),
 *   and where more than four axes are cut
 */
export function slice(x: Tensor, ranges: readonly SliceRange[]): Tensor {
  if (ranges.length > x.shape.length)
    throw new RangeError(`slice: ${ranges.length} ranges for ${show(x.shape)}, which has fewer axes`);
  const window = x.shape.map((size, axis) => axisOf(axis, size, ranges[axis] ?? []));
  const axes = joined(window);
  if (axes.length > BLOCK_AXES)
    throw new RangeError(
      `slice: ${axes.length} axes of ${show(x.shape)} are cut, at most ${BLOCK_AXES} can be`,
    );
  const shape = window.map(({ length }) => length);
  const starts = window.map(({ start }) => start);
  const shapeX = x.shape;
  return scope(() => {
    const [first] = axes;
    const y = axes.length === 1 && first!.start === 0 ? x.alias(shape) : cut(x, axes, shape);
    return record({ op: 'slice', starts }, y, [x], {}, (_, dy) => [
      dy.size === sizeOf(shapeX) ? dy : surrounded(dy, axes, shapeX),
    ]);
  });
}

function axisOf(axis: number, size: number, [start = 0, end = size]: SliceRange): Axis {
  const [from, to] = [start, end].map((place) => (place < 0 ? place + size : place)) as [number, number];
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > size)
    throw new RangeError(`slice: [${start}, ${end}] is no range of axis ${axis}, which has ${size} places`);
  if (from >= to) throw new RangeError(`slice: [${start}, ${end}] leaves nothing of axis ${axis}`);
  return { size, start: from, length: to - from };
}

/** The axes of a window, those joined that lie side by side: an axis that is whole, or the first that counts. */
function joined(window: readonly Axis[]): Axis[] {
  const axes: Axis[] = [{ size: 1, start: 0, length: 1 }];
  for (const { size, start, length } of window) {
    const outer = axes.at(-1)!;
    if (outer.length !== 1 && length !== size) axes.push({ size, start, length });
    else {
      outer.size *= size;
      outer.start = outer.start * size + start;
      outer.length *= length;
    }
  }
  return axes;
}

/** The step from a place to the next along each axis but the last. */
const stridesOf = (sizes: Shape): number[] => sizes.slice(1).map((_, axis) => sizeOf(sizes.slice(axis + 1)));

function cut(x: Tensor, axes: readonly Axis[], shape: Shape): Tensor {
  const y = empty(x.device, shape, { dtype: x.dtype });
  // A block has two axes at least.
  const block = axes.length > 1 ? axes : [{ size: 1, start: 0, length: 1 }, ...axes];
  const sizes = block.map(({ size }) => size);
  const lengths = block.map(({ length }) => length);
  const strides = stridesOf(sizes);
  const start = block.reduce((total, axis, index) => total + axis.start * (strides[index] ?? 1), 0);
  copyBlock(
    x,
    lengths,
    { buffer: x.buffer, start, strides },
    { buffer: y.buffer, start: 0, strides: stridesOf(lengths) },
  );
  return y;
}

const surroundProgram = family(({ element, axes }: { element: 'vec4u' | 'u32'; axes: number }) => {
  const inwards = Array.from({ length: axes }, (_, index) => axes - 1 - index);
  const params: Record<string, ParamType> = {};
  for (const axis of inwards) params[`n${axis}`] = params[`start${axis}`] = params[`length${axis}`] = 'u32';
  return elementwise({
    name: `slice-gradient-${axes}-${element}`,
    bindings: { dy: `read ${element}`, dx: `write ${element}` },
    params,
    wgsl: `
fn element(i: u32) {
  var rest = i;
  var stride = 1u;
  var source = 0u;
  var inside = true;
${inwards
  .map(
    (axis) => `  {
    let place = rest % p.n${axis} - p.start${axis}; // before the window it wraps around, far beyond the end
    inside = inside && place < p.length${axis};
    source += place * stride;
    stride *= p.length${axis};
    rest /= p.n${axis};
  }`,
  )
  .join('\n')}
  dx[i] = select(${element}(0), dy[select(0u, source, inside)], inside);
}`,
  });
});

/** dy in its place, and zeros around it. */
function surrounded(dy: Tensor, axes: readonly Axis[], shape: Shape): Tensor {
  const dx = empty(dy.device, shape);
  const { size, start, length } = axes.at(-1)!;
  const wide = [size, start, length].every((places) => places % 4 === 0);
  const unit = wide ? 4 : 1;
  const params: Record<string, number> = { count: dx.size / unit };
  axes.forEach((axis, index) => {
    const by = index === axes.length - 1 ? unit : 1;
    params[`n${index}`] = axis.size / by;
    params[`start${index}`] = axis.start / by;
    params[`length${index}`] = axis.length / by;
  });
  dy.device.run(surroundProgram({ element: wide ? 'vec4u' : 'u32', axes: axes.length }), {
    bindings: { dy: dy.buffer, dx: dx.buffer },
    params,
    bytes: 4 * (dx.size + dy.size),
  });
  return dx;
}
