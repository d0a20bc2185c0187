/**
 * The safetensors format, read and written: 8 bytes of header length, a JSON header, then the tensors' bytes.
 * https://github.com/huggingface/safetensors#format
 *
 * The reader is at least as strict as the reference: the tensors must tile the rest of the file without holes or
 * overlaps, so nothing is ever allocated: every tensor is a view of the file.
 */

import { listNames, shorten, WeightsError } from './error.ts';
import { type HeaderTensor, parseHeader } from './safetensors-header.ts';
import { type DType, elementCount, ITEM_SIZE, type StateDict, showShape, type WeightsFile } from './state.ts';

/** The reference allows 100 MB; a thousand tensors take 0.1 MB, and what is parsed grows fivefold in memory. */
const MAX_HEADER = 32 * 2 ** 20;

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);
const NAMES = new Map([...DTYPES].map(([name, dtype]) => [dtype, name]));

/** What tells where the header ends: this many bytes at a file's start. */
export const HEADER_START = 8;

/** Where the data of a file of `size` bytes begins, by its first eight; checked against the size. @throws WeightsError */
export function headerEnd(first: Uint8Array, size: number): number {
  if (size < 10) {
    throw new WeightsError('header', `is truncated: ${size} bytes, and a header alone takes 10 or more.`);
  }
  const length = Number(new DataView(first.buffer, first.byteOffset, HEADER_START).getBigUint64(0, true));
  if (length > MAX_HEADER) {
    throw new WeightsError(
      'header',
      `claims a header of ${length} bytes; at most ${MAX_HEADER} are allowed.`,
    );
  }
  const end = HEADER_START + length;
  if (end > size) {
    throw new WeightsError(
      'header',
      `is truncated: its header takes ${length} bytes, but only ${size - HEADER_START} follow. Take a whole copy of it.`,
    );
  }
  return end;
}

/** Checks type, shape and length of one entry. */
function checkEntry(name: string, entry: HeaderTensor): DType {
  const dtype = DTYPES.get(entry.dtype);
  if (!dtype) {
    throw new WeightsError(
      'objects',
      `stores ${shorten(name)} as ${shorten(entry.dtype)}, which is not supported; convert it to one of ${[...DTYPES.keys()].join(', ')}.`,
    );
  }
  const [begin, end] = entry.offsets;
  const count = elementCount(entry.shape);
  const takes = count * ITEM_SIZE[dtype];
  if (end - begin !== takes) {
    const claim = Number.isNaN(count) ? 'is larger than any file' : `takes ${takes}`;
    throw new WeightsError(
      'objects',
      `gives ${shorten(name)} ${end - begin} bytes (offsets ${begin} to ${end}), but ${entry.dtype} ${showShape(entry.shape)} ${claim}.`,
    );
  }
  return dtype;
}

/** Where a tensor lies in its file: bytes from `begin` to `end`. */
export interface Placed {
  dtype: DType;
  shape: readonly number[];
  begin: number;
  end: number;
}

/**
 * What a file of `size` bytes holds, and where, by its header: for a file that is not in memory.
 * @param head its bytes up to `headerEnd`
 * @throws WeightsError for a lying header, duplicate names, unknown types, holes and overlaps
 */
export function readHeader(
  head: Uint8Array,
  size: number,
): { tensors: Map<string, Placed>; metadata: Record<string, string> } {
  const start = head.length;
  const { entries, metadata } = parseHeader(head.subarray(HEADER_START));
  const tensors = new Map<string, Placed>();
  for (const [name, entry] of entries) {
    const dtype = checkEntry(name, entry);
    const [begin, end] = entry.offsets;
    tensors.set(name, { dtype, shape: entry.shape, begin: start + begin, end: start + end });
  }
  checkTiling(entries, size - start);
  return { tensors, metadata };
}

/**
 * Reads a safetensors file. The tensors are views of `bytes`.
 * @throws WeightsError for a truncated or lying header, duplicate names, unknown types, holes and overlaps.
 */
export function readSafetensors(bytes: Uint8Array): WeightsFile {
  const { tensors: placed, metadata } = readHeader(
    bytes.subarray(0, headerEnd(bytes, bytes.length)),
    bytes.length,
  );
  const tensors: StateDict = new Map();
  for (const [name, { dtype, shape, begin, end }] of placed)
    tensors.set(name, { dtype, shape: [...shape], bytes: bytes.subarray(begin, end) });
  return { tensors, metadata };
}

/** Every byte of the data belongs to exactly one tensor, as the format demands. */
function checkTiling(entries: Map<string, HeaderTensor>, length: number): void {
  const sorted = [...entries].sort(
    ([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1],
  );
  let position = 0;
  for (const [name, { offsets }] of sorted) {
    if (offsets[0] !== position) {
      const what = offsets[0] < position ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw new WeightsError(
        'tensors',
        `places ${shorten(name)} at byte ${offsets[0]}, which ${what} (expected ${position}).`,
      );
    }
    position = offsets[1];
  }
  if (position > length) {
    throw new WeightsError(
      'tensors',
      `is truncated: its tensors take ${position} bytes, but ${length} are there. Take a whole copy of it.`,
    );
  }
  if (position < length) {
    throw new WeightsError(
      'tensors',
      `has ${length - position} bytes after its last tensor that belong to none.`,
    );
  }
}

/**
 * What stands in a safetensors file before its data, and in which order the tensors' bytes follow. The header keeps the order
 * of `tensors`; the data is laid out by element size, the largest first, and the header padded to 8 bytes, so that every tensor
 * is aligned and can be read as a view.
 */
export function writeHeader(
  tensors: ReadonlyMap<string, Pick<Placed, 'dtype' | 'shape'>>,
  metadata: Record<string, string> = {},
): { head: Uint8Array<ArrayBuffer>; order: string[] } {
  if (tensors.has('__metadata__')) {
    throw new Error('writeSafetensors: a tensor cannot be called __metadata__; the format keeps that name.');
  }
  const order = [...tensors].sort(([, a], [, b]) => ITEM_SIZE[b.dtype] - ITEM_SIZE[a.dtype]);
  const offsets = new Map<string, readonly [begin: number, end: number]>();
  let at = 0;
  for (const [name, { dtype, shape }] of order) {
    const end = at + elementCount(shape) * ITEM_SIZE[dtype];
    offsets.set(name, [at, end]);
    at = end;
  }
  const header = encodeHeader(tensors, offsets, metadata);
  const head = new Uint8Array(HEADER_START + header.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(header.length), true);
  head.set(header, HEADER_START);
  return { head, order: order.map(([name]) => name) };
}

/** Writes a safetensors file, laid out as `writeHeader` says. */
export function writeSafetensors(tensors: StateDict, metadata: Record<string, string> = {}): Uint8Array {
  const wrong = [...tensors].filter(([, t]) => elementCount(t.shape) * ITEM_SIZE[t.dtype] !== t.bytes.length);
  if (wrong.length > 0) {
    throw new Error(`writeSafetensors: shape and bytes disagree: ${listNames(wrong.map(([name]) => name))}.`);
  }
  const { head, order } = writeHeader(tensors, metadata);
  const parts = [head, ...order.map((name) => tensors.get(name)!.bytes)];
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** The JSON header, padded with spaces to a multiple of 8 bytes. */
function encodeHeader(
  tensors: ReadonlyMap<string, Pick<Placed, 'dtype' | 'shape'>>,
  offsets: ReadonlyMap<string, readonly [begin: number, end: number]>,
  metadata: Record<string, string>,
): Uint8Array {
  // Fields are joined by hand: an object literal would put a name such as "10" first and drop "__proto__".
  const fields: string[] = [];
  const pairs = Object.entries(metadata).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  if (pairs.length > 0) fields.push(`"__metadata__":{${pairs.join(',')}}`);
  for (const [name, { dtype, shape }] of tensors) {
    const info = { dtype: NAMES.get(dtype), shape, data_offsets: offsets.get(name) };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);
  return padded;
}
