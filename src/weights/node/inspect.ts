/**
 * What is in a weights file, without loading it: types, shapes and hashes of its tensors.
 *
 * The strict readers want a whole file as one array. They get one of the file's size in which only the pieces that
 * describe the tensors have been filled in; the rest are untouched zero pages, which take no memory. What they return
 * are views, and a view's place in the array is the tensor's place in the file, where its bytes are then hashed.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { reading } from '../../node/files.ts';
import { hashRange } from '../../node/hash.ts';
import { fillFrom, openRegular } from '../../node/regular.ts';
import { SPEC_KEY } from '../card.ts';
import { classesIn, detectModels, shapeBuilder } from '../expected.ts';
import { WeightsError } from '../formats/error.ts';
import { unpickle } from '../formats/pickle.ts';
import { readStructure, readWeights } from '../formats/read.ts';
import { isSealed } from '../formats/seal.ts';
import type { DType, StoredTensor } from '../formats/state.ts';
import { storageItemSize } from '../formats/torch-tensor.ts';
import { isZip } from '../formats/torchfile.ts';
import { ZipFile } from '../formats/zip.ts';
import { runStateNotes } from '../load.ts';
import { matchNames, networkAmong, strangeNames } from '../names.ts';

export interface InspectedTensor {
  name: string;
  dtype: DType;
  shape: readonly number[];
  bytes: number;
  /** SHA-256 of the bytes, contiguous and little-endian; null where hashes were not asked for. */
  sha256: string | null;
}

export interface Inspection {
  format: 'safetensors' | 'torch (zip)' | 'torch (legacy)';
  bytes: number;
  sha256: string | null;
  metadata: Record<string, string>;
  /** What the reader unwrapped, renamed or left out, in sentences. */
  notes: readonly string[];
  tensors: InspectedTensor[];
}

/** A file of which only some pieces have been read. */
class SparseFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(
    private readonly file: FileHandle,
    size: number,
  ) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Reads `[start, end)`, as far as the file goes. */
  async fill(start: number, end: number): Promise<void> {
    await fillFrom(this.file, this.bytes, Math.max(0, start), Math.min(end, this.bytes.length));
  }
}

/**
 * Reads the names, types and shapes of a file's tensors, and hashes their bytes piece by piece. A file that carries its own
 * hash (seal.ts) is held against it, with `hashes`.
 * @param options hashes: false leaves the tensors' bytes unread
 * @throws WeightsError where it is no weights file or a damaged one, as `readWeights` does
 */
export async function inspectFile(path: string, options: { hashes?: boolean } = {}): Promise<Inspection> {
  const { hashes = true } = options;
  const { file: handle, size } = await reading(path, openRegular(path));
  try {
    const sparse = new SparseFile(handle, size);
    const format = await fillStructure(sparse);
    const sealed = hashes && isSealed(sparse.bytes);
    if (sealed) await sparse.fill(0, size);
    let file = await (sealed ? readWeights : readStructure)(sparse.bytes, basename(path));
    // A tensor that is not contiguous was copied, from pieces that are not there.
    if (
      hashes &&
      [...file.tensors.values()].some(({ bytes }) => bytes.length > 0 && bytes.buffer !== sparse.bytes.buffer)
    ) {
      await sparse.fill(0, size);
      file = readStructure(sparse.bytes, basename(path));
    }
    const tensors: InspectedTensor[] = [];
    for (const [name, tensor] of file.tensors) {
      const sha256 = hashes ? await hashTensor(handle, tensor, sparse.bytes.buffer) : null;
      tensors.push({ name, dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes.length, sha256 });
    }
    const sha256 = hashes ? await hashRange(handle, 0, size) : null;
    const { metadata, notes = [] } = file;
    const names = [...file.tensors.keys()];
    return { format, bytes: size, sha256, metadata, notes: [...notes, ...runStateNotes(names)], tensors };
  } finally {
    await handle.close();
  }
}

const EMPTY = new Uint8Array(0);

/**
 * Which of our networks has these tensors, in a sentence; names and shapes are all that is looked at. null where the file's
 * own header says it.
 */
export async function describeNetwork({ tensors, metadata }: Inspection): Promise<string | null> {
  if (metadata[SPEC_KEY] !== undefined) return null;
  const state = new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape, bytes: EMPTY }]));
  const file = networkAmong({ tensors: state, metadata });
  const fitting = await detectModels(file.tensors);
  if (fitting.length === 0) {
    const stranger = strangeNames(state.keys());
    return stranger ? `It ${stranger}.` : 'Its tensors are those of none of our networks.';
  }
  const model = (await shapeBuilder())(fitting[0], { numClasses: 1 });
  const classes = classesIn(model, matchNames(file.tensors, model).tensors);
  const head = classes === null ? 'no last layer that fits' : `a last layer for ${classes} classes`;
  const left = state.size - file.tensors.size;
  const beside = left > 0 ? `; ${left} other tensor${left === 1 ? ' lies' : 's lie'} beside it` : '';
  return `It holds the body of ${fitting.join(' or ')} and ${head}${beside}.`;
}

async function hashTensor(
  handle: FileHandle,
  { bytes }: StoredTensor,
  file: ArrayBufferLike,
): Promise<string> {
  if (bytes.buffer === file) return hashRange(handle, bytes.byteOffset, bytes.length);
  return createHash('sha256').update(bytes).digest('hex');
}

/** Enough of a file to recognise what it is, and for the sentence where it is something else. */
const START = 1 << 16;

/** Fills in whatever the reader needs to find the tensors; damage is left to the reader to name. */
async function fillStructure(sparse: SparseFile): Promise<Inspection['format']> {
  await sparse.fill(0, START);
  if (isZip(sparse.bytes)) {
    await fillZip(sparse);
    return 'torch (zip)';
  }
  if (sparse.bytes[0] === 0x80 && sparse.bytes[8] !== 0x7b) {
    await fillLegacy(sparse);
    return 'torch (legacy)';
  }
  // The header's length may be anything where this is no safetensors file.
  if (sparse.bytes.length >= 8) {
    const length = sparse.view.getBigUint64(0, true);
    if (length <= BigInt(sparse.bytes.length)) await fillWith(sparse, 8 + Number(length));
  }
  return 'safetensors';
}

async function fillWith(sparse: SparseFile, end: number): Promise<void> {
  if (end > START) await sparse.fill(START, end);
}

/** A zip file's directory stands at its end; a megabyte holds that of 10,000 tensors. */
const DIRECTORY = 1 << 20;
const LOCAL_HEADER_LENGTH = 30;

async function fillZip(sparse: SparseFile): Promise<void> {
  const zip = await growing(sparse.bytes.length, DIRECTORY, async (length) => {
    await sparse.fill(sparse.bytes.length - length, sparse.bytes.length);
    return new ZipFile(sparse.bytes);
  });
  if (!zip) return;
  for (const name of zip.names) {
    const { offset, length } = zip.place(name)!;
    await sparse.fill(offset, offset + LOCAL_HEADER_LENGTH);
    // Everything but the tensors is small: data.pkl, byteorder, version.
    if (/\/data\/[^/]+$/.test(name) || offset + LOCAL_HEADER_LENGTH > sparse.bytes.length) continue;
    const names = sparse.view.getUint16(offset + 26, true) + sparse.view.getUint16(offset + 28, true);
    const start = offset + LOCAL_HEADER_LENGTH + names;
    await sparse.fill(start, start + length);
  }
}

/** The five pickles at the start, then in front of each storage its number of elements. */
async function fillLegacy(sparse: SparseFile): Promise<void> {
  const pickles = await growing(sparse.bytes.length, DIRECTORY, async (length) => {
    await sparse.fill(0, length);
    const { bytes } = sparse;
    const object = unpickle(bytes, unpickle(bytes, unpickle(bytes, unpickle(bytes).end).end).end);
    return { object, keys: unpickle(bytes, object.end) };
  });
  if (!pickles || !Array.isArray(pickles.keys.value)) return;
  const sizes = new Map(
    pickles.object.storages.map((storage) => [storage.view?.key ?? storage.key, storageItemSize(storage)]),
  );
  let at = pickles.keys.end;
  for (const key of pickles.keys.value) {
    const itemSize = typeof key === 'string' ? sizes.get(key) : undefined;
    if (itemSize === undefined || at + 8 > sparse.bytes.length) return;
    await sparse.fill(at, at + 8);
    at += 8 + Number(sparse.view.getBigUint64(at, true)) * itemSize;
  }
}

/** Tries with ever more of the file, until `read` succeeds; null where even the whole file is not enough. */
async function growing<Result>(
  size: number,
  first: number,
  read: (length: number) => Promise<Result>,
): Promise<Result | null> {
  for (let length = Math.min(first, size); ; length = Math.min(16 * length, size)) {
    try {
      return await read(length);
    } catch (error) {
      // The reader refuses the file for the same reason, in a sentence with its name.
      if (!(error instanceof WeightsError)) throw error;
      if (length === size) return null;
    }
  }
}
