/**
 * What a weights file holds once it has been read: tensors by name, as bytes with a type and a shape.
 *
 * Tensors stay bytes (views of the file, not copies) until somebody asks for numbers, so that opening a file
 * costs nothing and a tensor that the model does not want is never converted. Bytes are little-endian and in
 * row-major order; every machine with WebGPU is little-endian, so typed arrays read them as they are.
 */

import { bfloat16ToFloat32, float32ToBfloat16, float32ToHalf, halfToFloat32 } from './half.ts';

/** PyTorch's names of the element types that are read. */
export type DType =
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float64'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

/** Bytes an element. */
export const ITEM_SIZE: Readonly<Record<DType, number>> = {
  float64: 8,
  int64: 8,
  float32: 4,
  int32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** A tensor as stored: `bytes` is contiguous, little-endian, `ITEM_SIZE[dtype]` × the product of `shape` long. */
export interface StoredTensor {
  dtype: DType;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** Tensors by their torchvision name, in the file's order. */
export type StateDict = Map<string, StoredTensor>;

/** Tensors that a file may hold: a ResNet-152 with its optimiser has 4,000. */
export const MOST_TENSORS = 65_536;

/** Another set of tensors in a file, read when it is asked for. */
export interface OtherWeights {
  /** How many. */
  tensors: number;
  read(): WeightsFile;
}

/** A file that has been read. `notes` says in sentences what the reader unwrapped, renamed or left out. */
export interface WeightsFile {
  /** What error sentences call it. */
  name?: string;
  tensors: StateDict;
  metadata: Record<string, string>;
  notes?: readonly string[];
  /** What else the weights could be, the likeliest first. */
  others?: readonly OtherWeights[];
}

/** The number of elements of a shape; 1 for a scalar, NaN where the product is no exact integer. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return Number.NaN;
  }
  return count;
}

/** `[64, 3, 7, 7]`, as messages show shapes. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 16).join(', ')}${shape.length > 16 ? ', …' : ''}]`;
}

/** The bytes at an address that a typed array accepts; copied only where they are not. */
function aligned(bytes: Uint8Array, itemSize: number): Uint8Array {
  return bytes.byteOffset % itemSize === 0 ? bytes : new Uint8Array(bytes);
}

/**
 * The numbers of a tensor as float32. float16 and bfloat16 are exact; float64, int64 and int32 are rounded to
 * nearest even; bool gives 0 and 1. A float32 tensor is a **view** of the file's bytes where they are aligned:
 * do not write to it.
 */
export function toFloat32(tensor: StoredTensor): Float32Array {
  const itemSize = ITEM_SIZE[tensor.dtype];
  const { buffer, byteOffset, byteLength } = aligned(tensor.bytes, itemSize);
  const length = byteLength / itemSize;
  switch (tensor.dtype) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'float16':
      return halfToFloat32(new Uint16Array(buffer, byteOffset, length));
    case 'bfloat16':
      return bfloat16ToFloat32(new Uint16Array(buffer, byteOffset, length));
    case 'float64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, length));
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, length), int64ToNumber);
    case 'int32':
      return Float32Array.from(new Int32Array(buffer, byteOffset, length));
    case 'int16':
      return Float32Array.from(new Int16Array(buffer, byteOffset, length));
    case 'int8':
      return Float32Array.from(new Int8Array(buffer, byteOffset, length));
    case 'uint8':
      return Float32Array.from(new Uint8Array(buffer, byteOffset, length));
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer, byteOffset, length), (value) => (value === 0 ? 0 : 1));
  }
}

/** The bits of a float16 tensor's values; a view where they are aligned, as above. */
export function toHalves({ bytes }: StoredTensor): Uint16Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/**
 * int64 → a double that rounds to the right float32. Beyond 2⁵³ `Number(value)` would round twice; the bits that
 * a double cannot hold are therefore gathered into one sticky bit, which is enough to break ties correctly.
 */
function int64ToNumber(value: bigint): number {
  if (value >= -(2n ** 53n) && value <= 2n ** 53n) return Number(value);
  const magnitude = value < 0n ? -value : value;
  const kept = (magnitude >> 11n) << 11n;
  const sticky = magnitude === kept ? kept : kept | (1n << 11n);
  return value < 0n ? -Number(sticky) : Number(sticky);
}

/** float32 numbers as a stored tensor, rounded to nearest even for the 16-bit types. float32 is a view. */
export function fromFloat32(
  data: Float32Array,
  shape: readonly number[],
  dtype: 'float32' | 'float16' | 'bfloat16' = 'float32',
): StoredTensor {
  if (elementCount(shape) !== data.length) {
    throw new Error(`fromFloat32: shape ${showShape(shape)} does not hold ${data.length} numbers.`);
  }
  const stored =
    dtype === 'float32' ? data : dtype === 'float16' ? float32ToHalf(data) : float32ToBfloat16(data);
  return {
    dtype,
    shape: [...shape],
    bytes: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength),
  };
}
