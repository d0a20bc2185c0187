/**
 * The directory of a zip file, and its stored entries as views of the file.
 *
 * Written by hand, because torch's archives need little and need it differently. torch.save stores without
 * compression so that tensors can be mapped: here each is a view, where a zip library copies it through a stream.
 * Compressed entries are refused rather than inflated, so a zip bomb has nothing to explode. A library's import
 * alone took 40 to 300 ms (zip.js), the whole of this reader 2 ms. And a file has exactly one reading: the end
 * record closes the file, offsets are where they say, names are unique; nothing is searched for or repaired.
 * Checksums are not compared: torch writes arbitrary ones when told to (torch.serialization.set_crc32_options).
 *
 * Format: PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 (zip64), 4.3.16 (end).
 */

import { shorten, WeightsError } from './error.ts';

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_RECORD = 0x06054b50;
const END_RECORD_64 = 0x06064b50;
const END_LOCATOR_64 = 0x07064b50;
const LOCAL_HEADER_LENGTH = 30;
const DIRECTORY_ENTRY_LENGTH = 46;
const END_RECORD_LENGTH = 22;
const END_LOCATOR_64_LENGTH = 20;
const END_RECORD_64_LENGTH = 56;
/** What a 32- or 16-bit field holds when the true value stands in a zip64 record. */
const IN_ZIP64 = 0xffffffff;
const COUNT_IN_ZIP64 = 0xffff;
/** ResNet-152 with its optimiser has 5,000. */
const MAX_ENTRIES = 100_000;

interface Entry {
  offset: number;
  length: number;
  readable: boolean;
}

interface Directory {
  start: number;
  length: number;
  count: number;
}

function damaged(what: string): WeightsError {
  return new WeightsError('header', `is damaged: ${what}. Take another copy of it.`);
}

function misplaced(name: string): WeightsError {
  return damaged(`${shorten(name)} is not where its directory says`);
}

/** A zip file that has been opened: its entries by name. */
export class ZipFile {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly entries: ReadonlyMap<string, Entry>;

  /** @throws WeightsError where the directory is missing (a truncated file), damaged, or names an entry twice */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.entries = readDirectory(bytes, this.view, findDirectory(this.view));
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  /** Where an entry's local header begins and how long its data is, for reading a file piece by piece. */
  place(name: string): { offset: number; length: number } | undefined {
    return this.entries.get(name);
  }

  /**
   * The data of an entry, as a view; undefined where there is no such entry.
   * @throws WeightsError where it is compressed, encrypted, or not where the directory says
   */
  read(name: string): Uint8Array | undefined {
    const entry = this.entries.get(name);
    if (!entry) return undefined;
    if (!entry.readable) {
      throw new WeightsError(
        'header',
        `cannot be read: ${shorten(name)} is compressed or encrypted, which torch.save never does; load the file in PyTorch and save it again.`,
      );
    }
    const { offset, length } = entry;
    if (
      offset + LOCAL_HEADER_LENGTH > this.bytes.length ||
      this.view.getUint32(offset, true) !== LOCAL_HEADER
    ) {
      throw misplaced(name);
    }
    const nameAndExtra = this.view.getUint16(offset + 26, true) + this.view.getUint16(offset + 28, true);
    const start = offset + LOCAL_HEADER_LENGTH + nameAndExtra;
    if (start + length > this.bytes.length) throw misplaced(name);
    return this.bytes.subarray(start, start + length);
  }
}

/** Finds the end record, which closes the file but for a comment of at most 65,535 bytes. */
function findEndRecord(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_RECORD_LENGTH - 0xffff);
  for (let at = view.byteLength - END_RECORD_LENGTH; at >= first; at--) {
    if (view.getUint32(at, true) !== END_RECORD) continue;
    if (at + END_RECORD_LENGTH + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  throw new WeightsError(
    'header',
    `is truncated: a PyTorch (zip) file ends with a directory, and these ${view.byteLength} bytes do not. Take a whole copy of it.`,
  );
}

/** Where the directory lies, by the end record or, where that says so, by its zip64 form. */
function findDirectory(view: DataView): Directory {
  const end = findEndRecord(view);
  let directory: Directory = {
    count: view.getUint16(end + 10, true),
    length: view.getUint32(end + 12, true),
    start: view.getUint32(end + 16, true),
  };
  let limit = end;
  if (directory.start === IN_ZIP64 || directory.length === IN_ZIP64 || directory.count === COUNT_IN_ZIP64) {
    const at = findEndRecord64(view, end);
    limit = at;
    directory = {
      count: Number(view.getBigUint64(at + 32, true)),
      length: Number(view.getBigUint64(at + 40, true)),
      start: Number(view.getBigUint64(at + 48, true)),
    };
  }
  if (directory.start + directory.length > limit) throw damaged('its directory lies outside the file');
  if (directory.count > MAX_ENTRIES)
    throw new WeightsError(
      'header',
      `has a directory of ${directory.count} entries; at most ${MAX_ENTRIES} are read.`,
    );
  return directory;
}

function findEndRecord64(view: DataView, end: number): number {
  const locator = end - END_LOCATOR_64_LENGTH;
  const missing = damaged('the zip64 record of its directory is missing');
  if (locator < 0 || view.getUint32(locator, true) !== END_LOCATOR_64) throw missing;
  const at = Number(view.getBigUint64(locator + 8, true));
  if (at + END_RECORD_64_LENGTH > locator || view.getUint32(at, true) !== END_RECORD_64) throw missing;
  return at;
}

function readDirectory(bytes: Uint8Array, view: DataView, directory: Directory): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const end = directory.start + directory.length;
  const decoder = new TextDecoder();
  let at = directory.start;
  for (let i = 0; i < directory.count; i++) {
    if (at + DIRECTORY_ENTRY_LENGTH > end || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      throw damaged(`entry ${i + 1} of ${directory.count} of its directory is missing`);
    }
    const nameEnd = at + DIRECTORY_ENTRY_LENGTH + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > end) throw damaged(`entry ${i + 1} of its directory goes on beyond the end`);
    const name = decoder.decode(bytes.subarray(at + DIRECTORY_ENTRY_LENGTH, nameEnd));
    if (entries.has(name)) throw damaged(`it holds two entries named ${shorten(name)}`);
    entries.set(name, readEntry(view, at, nameEnd, extraEnd));
    at = next;
  }
  return entries;
}

/** One entry of the directory at `at`, its 64-bit fields taken from the extra field [extra, extraEnd). */
function readEntry(view: DataView, at: number, extra: number, extraEnd: number): Entry {
  let compressed = view.getUint32(at + 20, true);
  let length = view.getUint32(at + 24, true);
  let offset = view.getUint32(at + 42, true);
  for (let field = extra; field + 4 <= extraEnd; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    // Only the fields that overflowed are there, in this order.
    const fieldEnd = Math.min(field + 4 + view.getUint16(field + 2, true), extraEnd);
    let value = field + 4;
    const wide = (narrow: number): number => {
      if (narrow !== IN_ZIP64 || value + 8 > fieldEnd) return narrow;
      value += 8;
      return Number(view.getBigUint64(value - 8, true));
    };
    length = wide(length);
    compressed = wide(compressed);
    offset = wide(offset);
    break;
  }
  const encrypted = (view.getUint16(at + 8, true) & 1) === 1;
  const stored = view.getUint16(at + 10, true) === 0 && compressed === length;
  return { offset, length, readable: stored && !encrypted };
}
