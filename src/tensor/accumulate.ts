/**
 * Sums gradients: a ← a + b. A program of its own here, since autograd needs it and may not know the ops above it.
 * One read of each and one write: 12 bytes an element, limited by memory.
 */
import { elementwise, program, slices } from '../gpu/index.ts';
import { empty, type Tensor } from './tensor.ts';

// Buffers are multiples of 16 bytes, so the last vec4 may run past the tensor but not past its buffer.
const addInPlace = program(
  elementwise({
    name: 'accumulate',
    bindings: { a: 'write vec4f', b: 'read vec4f' },
    params: {},
    wgsl: 'fn element(i: u32) { a[i] += b[i]; }',
  }),
);

/** a + b, in the memory of `a` where no other tensor uses it, else in a new tensor. */
export function accumulate(a: Tensor, b: Tensor): Tensor {
  const target = a.shared ? copyOf(a) : a;
  for (const { count, slice } of slices(a.device, a.size)) {
    a.device.run(addInPlace, {
      bindings: { a: slice(target.buffer), b: slice(b.buffer) },
      params: { count: Math.ceil(count / 4) },
      flops: count,
      bytes: 12 * count,
    });
  }
  return target;
}

/** A tensor with the same values in memory of its own. */
export function copyOf(source: Tensor): Tensor {
  const copy = empty(source.device, source.shape, { dtype: source.dtype });
  source.device.commands.copy(source.buffer, 0, copy.buffer, 0, 4 * source.size);
  return copy;
}
