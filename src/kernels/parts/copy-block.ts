/**
 * Copies a block of one tensor to a place in another: what concatenation and slices are made of.
 *
 *   y[startY + i₀·y₀ + i₁·y₁ + … + iₖ] = x[startX + i₀·x₀ + i₁·x₁ + … + iₖ]     the last axis lies side by side in both
 *
 * An invocation moves four neighbours of a row where all rows and starts are multiples of four, else one value. The block's
 * number of axes is specialised, since each costs a division. Limited by memory: 8 bytes an element. Bits are copied, of
 * any type.
 */
import { elementwise, family, type ParamType, type PooledBuffer } from '../../gpu/index.ts';
import { sizeOf, type Tensor } from '../../tensor/index.ts';

/** Axes of a block at most: those that are copied whole count with the axis before them. */
export const BLOCK_AXES = 4;

const blockProgram = family(({ element, axes }: { element: 'vec4u' | 'u32'; axes: number }) => {
  const inner = Array.from({ length: axes - 2 }, (_, index) => axes - 2 - index);
  const outer = Array.from({ length: axes - 1 }, (_, axis) => axis);
  const params: Record<string, ParamType> = { startX: 'u32', startY: 'u32', [`n${axes - 1}`]: 'u32' };
  for (const axis of inner) params[`n${axis}`] = 'u32';
  for (const axis of outer) params[`x${axis}`] = params[`y${axis}`] = 'u32';
  return elementwise({
    name: `copy-block-${axes}-${element}`,
    bindings: { x: `read ${element}`, y: `write ${element}` },
    params,
    wgsl: `
fn element(i: u32) {
  let column = i % p.n${axes - 1};
  var row = i / p.n${axes - 1};
  var source = p.startX + column;
  var destination = p.startY + column;
${inner.map((axis) => `  source += row % p.n${axis} * p.x${axis}; destination += row % p.n${axis} * p.y${axis}; row /= p.n${axis};`).join('\n')}
  y[destination + row * p.y0] = x[source + row * p.x0];
}`,
  });
});

/** Where a block lies in a tensor's memory: its first value, and the step to the next along each axis but the last. */
export interface BlockPlace {
  buffer: PooledBuffer;
  start: number;
  strides: readonly number[];
}

/** Copies a block of `sizes`, of two to four axes, from one place to another on the device of a tensor. */
export function copyBlock(
  { device }: Pick<Tensor, 'device'>,
  sizes: readonly number[],
  from: BlockPlace,
  to: BlockPlace,
): void {
  const lengths = [sizes.at(-1)!, from.start, to.start, ...from.strides, ...to.strides];
  const wide = lengths.every((length) => length % 4 === 0);
  const unit = wide ? 4 : 1;
  const params: Record<string, number> = {
    count: sizeOf(sizes) / unit,
    startX: from.start / unit,
    startY: to.start / unit,
  };
  sizes.forEach((size, axis) => {
    params[`n${axis}`] = axis === sizes.length - 1 ? size / unit : size;
    params[`x${axis}`] = (from.strides[axis] ?? 1) / unit;
    params[`y${axis}`] = (to.strides[axis] ?? 1) / unit;
  });
  device.run(blockProgram({ element: wide ? 'vec4u' : 'u32', axes: sizes.length }), {
    bindings: { x: from.buffer, y: to.buffer },
    params,
    bytes: 8 * sizeOf(sizes),
  });
}
