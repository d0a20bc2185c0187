/**
 * What `torch.save` writes, in both of its formats.
 *
 * Zip (since PyTorch 1.6): NAME/data.pkl describes the objects, NAME/data/KEY holds each storage, NAME/byteorder
 * the byte order. Legacy: five pickles (magic number, protocol, system, the object, the storage keys), then for each
 * key its element count in 8 bytes and its elements, always little-endian.
 * torch/serialization.py: `_save`, `_legacy_save`, `_load`, `_legacy_load`.
 */

import { demand, object, parseBounded, text } from '../../text/rules.ts';
import { weightsIn } from './dictionaries.ts';
import { listNames, shorten, WeightsError } from './error.ts';
import { foreignPickle, foreignZip } from './foreign.ts';
import { unpickle } from './pickle.ts';
import type { PickleValue } from './pickle-values.ts';
import type { WeightsFile } from './state.ts';
import { storageItemSize, TensorBuilder } from './torch-tensor.ts';
import { METADATA } from './torch-write.ts';
import { ZipFile } from './zip.ts';

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** True for the first bytes of a zip file. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Reads a file that `torch.save` wrote. Contiguous tensors are views of `bytes`. @throws WeightsError */
export function readTorch(bytes: Uint8Array): WeightsFile {
  return isZip(bytes) ? readTorchZip(bytes) : readTorchLegacy(bytes);
}

function readTorchZip(bytes: Uint8Array): WeightsFile {
  const zip = new ZipFile(bytes);
  const foreign = foreignZip(zip.names);
  if (foreign) throw foreign;
  const root = archiveRoot(zip);
  const pickle = zip.read(`${root}data.pkl`)!;
  const order = new TextDecoder().decode(zip.read(`${root}byteorder`)?.subarray(0, 16)).trim() || 'little';
  if (order !== 'little' && order !== 'big') {
    throw new WeightsError('header', 'is damaged: its byte order is neither little nor big.');
  }
  const { value } = unpickle(pickle);
  const source = (key: string) => zip.read(`${root}data/${key}`);
  const file = weightsIn(value, new TensorBuilder(source, bytes.length, order === 'big'));
  const metadata = metadataIn(zip.read(`${root}${METADATA}`));
  return metadata ? { ...file, metadata: { ...file.metadata, ...metadata } } : file;
}

/** What a file of ours says of itself (torch-write.ts); null where it is another's. */
function metadataIn(bytes: Uint8Array | undefined): Record<string, string> | null {
  if (!bytes) return null;
  try {
    const value = parseBounded(new TextDecoder().decode(bytes), METADATA);
    demand(object({}), value, METADATA);
    const entries = Object.entries(value as object);
    for (const [key, entry] of entries) demand(text(2 ** 22), entry, shorten(key));
    return Object.fromEntries(entries);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WeightsError('header', `describes itself wrongly: ${error.message}.`, { cause: error });
  }
}

/** The directory that every record of the archive lies in, with its slash. */
function archiveRoot(zip: ZipFile): string {
  const roots = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (roots.length !== 1) {
    throw new WeightsError(
      'header',
      `is a zip file but not one of torch.save: no data.pkl (it holds ${listNames(zip.names)}).`,
    );
  }
  return roots[0].slice(0, -'data.pkl'.length);
}

/** The three pickles before the object. @returns the byte after them. */
function legacyPreamble(bytes: Uint8Array): number {
  try {
    const magic = unpickle(bytes);
    if (magic.value !== LEGACY_MAGIC) throw foreignPickle();
    const protocol = unpickle(bytes, magic.end);
    if (protocol.value !== LEGACY_PROTOCOL) {
      throw new WeightsError('header', 'is written in an unknown version of the legacy torch format.');
    }
    return unpickle(bytes, protocol.end).end;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    const { sentence, python } = error;
    throw new WeightsError('header', sentence, { cause: error, python });
  }
}

function readTorchLegacy(bytes: Uint8Array): WeightsFile {
  const object = unpickle(bytes, legacyPreamble(bytes));
  const keys = unpickle(bytes, object.end);
  const sizes = new Map<string, number>();
  for (const storage of object.storages)
    sizes.set(storage.view?.key ?? storage.key, storageItemSize(storage));
  const storages = legacyStorages(bytes, keys, sizes);
  return weightsIn(object.value, new TensorBuilder((key) => storages.get(key), bytes.length));
}

/** The storages' bytes, one after the other, in the order of their keys. */
function legacyStorages(
  bytes: Uint8Array,
  keys: { value: PickleValue; end: number },
  itemSizes: ReadonlyMap<string, number>,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys.value))
    throw new WeightsError('objects', 'is damaged: it has no list of storages.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  let position = keys.end;
  for (const key of keys.value) {
    const itemSize = typeof key === 'string' ? itemSizes.get(key) : undefined;
    if (typeof key !== 'string' || itemSize === undefined || storages.has(key)) {
      throw new WeightsError('objects', 'is damaged: its list of storages does not match its tensors.');
    }
    const available = bytes.length - position - 8;
    const length = available < 0 ? Number.NaN : Number(view.getBigUint64(position, true)) * itemSize;
    if (!(length <= available)) {
      throw new WeightsError(
        'tensors',
        `is truncated: its tensors go on after its last byte (${bytes.length}). Take a whole copy of it.`,
      );
    }
    storages.set(key, bytes.subarray(position + 8, position + 8 + length));
    position += 8 + length;
  }
  return storages;
}
