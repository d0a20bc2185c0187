/**
 * From a tensor as a torch pickle describes it (a storage, an offset, sizes, strides) to contiguous bytes.
 *
 * A contiguous tensor is a view of its storage. Anything else (transposed, channels-last, expanded) is copied, and
 * the copies of one file share a budget of the file's size plus a constant: a stride of 0, or a thousand transposed
 * views of one storage, would otherwise ask for terabytes with a few bytes.
 */

import { shorten, WeightsError } from './error.ts';
import type { StorageRef, TensorRef } from './pickle-values.ts';
import { elementCount, ITEM_SIZE, type StoredTensor, showShape } from './state.ts';

/** What may be copied beyond the file's own size. */
const COPY_ALLOWANCE = 16 * 2 ** 20;

/** Finds the bytes of a storage by its key, or undefined. */
export type StorageSource = (key: string) => Uint8Array | undefined;

/** Bytes an element of a storage. */
export function storageItemSize({ type }: StorageRef): number {
  if (typeof type === 'object') return type.itemSize;
  return type === 'bytes' ? 1 : ITEM_SIZE[type];
}

/** Turns tensor descriptions of one file into bytes, within that file's copy budget. */
export class TensorBuilder {
  private readonly source: StorageSource;
  private readonly bigEndian: boolean;
  private budget: number;

  constructor(source: StorageSource, fileSize: number, bigEndian = false) {
    this.source = source;
    this.bigEndian = bigEndian;
    this.budget = fileSize + COPY_ALLOWANCE;
  }

  /** @throws WeightsError where offset, strides or storage do not fit. `name` is the tensor's, for the sentence. */
  build(name: string, tensor: TensorRef): StoredTensor {
    const { dtype, shape } = tensor;
    const itemSize = ITEM_SIZE[dtype];
    const count = elementCount(shape);
    if (Number.isNaN(count)) throw refuse(name, `has the impossible shape ${showShape(shape)}`);
    if (count === 0) return { dtype, shape, bytes: new Uint8Array(0) };
    const storage = this.storageBytes(name, tensor.storage);
    const last = tensor.offset + shape.reduce((sum, size, i) => sum + (size - 1) * tensor.stride[i], 0);
    if (!((last + 1) * itemSize <= storage.length)) {
      throw refuse(
        name,
        `reaches element ${last} of a storage of ${Math.floor(storage.length / itemSize)} ` +
          `(shape ${showShape(shape)}, stride ${showShape(tensor.stride)}, offset ${tensor.offset})`,
      );
    }
    const start = tensor.offset * itemSize;
    const contiguous = isContiguous(shape, tensor.stride);
    if (contiguous && !(this.bigEndian && itemSize > 1)) {
      return { dtype, shape, bytes: storage.subarray(start, start + count * itemSize) };
    }
    this.spend(name, count * itemSize);
    const bytes = contiguous
      ? new Uint8Array(storage.subarray(start, start + count * itemSize))
      : gather(storage.subarray(start, (last + 1) * itemSize), shape, tensor.stride, itemSize, count);
    if (this.bigEndian) swapBytes(bytes, itemSize);
    return { dtype, shape, bytes };
  }

  private storageBytes(name: string, storage: StorageRef): Uint8Array {
    const itemSize = storageItemSize(storage);
    const bytes = this.source(storage.view?.key ?? storage.key);
    if (!bytes) throw refuse(name, `lies in storage ${shorten(storage.key)}, which the file does not hold`);
    const start = (storage.view?.offset ?? 0) * itemSize;
    const length = (storage.view?.numel ?? storage.numel) * itemSize;
    if (start + length > bytes.length) {
      throw refuse(
        name,
        `needs ${start + length} bytes of storage ${shorten(storage.key)}, which has ${bytes.length}`,
      );
    }
    return bytes.subarray(start, start + length);
  }

  private spend(name: string, bytes: number): void {
    this.budget -= bytes;
    if (this.budget < 0) {
      throw refuse(
        name,
        'would need more memory than the file could hold, because tensors repeat the same storage; save them with ' +
          '.contiguous()',
      );
    }
  }
}

function refuse(name: string, what: string): WeightsError {
  return new WeightsError('tensors', `cannot be read: ${shorten(name)} ${what}.`);
}

/** Row-major without gaps; the stride of a dimension of size 1 does not matter. */
function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) return false;
    expected *= shape[i];
  }
  return true;
}

/** Copies a strided tensor into row-major order, element by element; `source` begins at its first element. */
function gather(
  source: Uint8Array,
  fullShape: readonly number[],
  fullStride: readonly number[],
  itemSize: number,
  count: number,
): Uint8Array {
  // Without dimensions of size 1, which every step would pass through (64 of them: a hundred times slower).
  const shape = fullShape.filter((size) => size > 1);
  const stride = fullStride.filter((_, axis) => fullShape[axis] > 1);
  const target = new Uint8Array(count * itemSize);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < target.length; to += itemSize) {
    for (let byte = 0; byte < itemSize; byte++) target[to + byte] = source[from * itemSize + byte];
    // Step to the next index, the last dimension first, and move `from` along.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= index[axis] * stride[axis];
      index[axis] = 0;
    }
  }
  return target;
}

/** Reverses the bytes of every element in place. */
function swapBytes(bytes: Uint8Array, itemSize: number): void {
  for (let i = 0; i < bytes.length; i += itemSize) bytes.subarray(i, i + itemSize).reverse();
}
