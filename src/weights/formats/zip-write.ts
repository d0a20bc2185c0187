/**
 * A zip file of stored entries, as torch.save writes it: nothing is compressed, and every entry's bytes begin at a multiple
 * of 64, so that tensors can be mapped. By hand like the reader (zip.ts), and for its reasons: a library would give the
 * entries no places of their own, and this is its whole work. What it writes, it can read: one end record, no zip64, so
 * that a file ends before 4 GiB.
 *
 * Format: PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (end).
 */
const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_RECORD = 0x06054b50;
const LOCAL_HEADER_LENGTH = 30;
const DIRECTORY_ENTRY_LENGTH = 46;
const END_RECORD_LENGTH = 22;
const ALIGNMENT = 64;
/** An extra field's own head: two bytes each for its kind and its length. */
const EXTRA_HEAD = 4;
/** PyTorch's mark of the padding, 'FB'. */
const PADDING = 0x4246;
/** Version 1.0 of the format, and 1 January 1980: the same content gives the same bytes. */
const VERSION = 10;
const DATE = 0x0021;
const LARGEST = 2 ** 32 - 1;

interface Placed {
  name: Uint8Array;
  bytes: Uint8Array;
  crc: number;
  header: number;
  padding: number;
}

/** The bytes of a zip file with these entries. @throws RangeError where it would be larger than 4 GiB */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>): Uint8Array {
  let end = 0;
  const placed: Placed[] = [];
  for (const [path, bytes] of entries) {
    const name = new TextEncoder().encode(path);
    const start = end + LOCAL_HEADER_LENGTH + name.length + EXTRA_HEAD;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    placed.push({ name, bytes, crc: crc32(bytes), header: end, padding });
    end = start + padding + bytes.length;
  }
  const directory = placed.reduce((sum, { name }) => sum + DIRECTORY_ENTRY_LENGTH + name.length, 0);
  const length = end + directory + END_RECORD_LENGTH;
  if (length > LARGEST)
    throw new RangeError(`writeZip: ${length} bytes are more than a zip file without zip64 holds`);
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  for (const entry of placed) writeLocal(file, view, entry);
  let at = end;
  for (const entry of placed) at = writeDirectory(file, view, at, entry);
  view.setUint32(at, END_RECORD, true);
  view.setUint16(at + 8, placed.length, true);
  view.setUint16(at + 10, placed.length, true);
  view.setUint32(at + 12, directory, true);
  view.setUint32(at + 16, end, true);
  return file;
}

/** What a local header and a directory entry have in common: from the version that is needed on. */
function writeCommon(view: DataView, at: number, { name, bytes, crc }: Placed, extra: number): void {
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 8, DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, bytes.length, true);
  view.setUint32(at + 18, bytes.length, true);
  view.setUint16(at + 22, name.length, true);
  view.setUint16(at + 24, extra, true);
}

function writeLocal(file: Uint8Array, view: DataView, entry: Placed): void {
  const { name, bytes, header, padding } = entry;
  view.setUint32(header, LOCAL_HEADER, true);
  writeCommon(view, header + 4, entry, EXTRA_HEAD + padding);
  file.set(name, header + LOCAL_HEADER_LENGTH);
  const extra = header + LOCAL_HEADER_LENGTH + name.length;
  view.setUint16(extra, PADDING, true);
  view.setUint16(extra + 2, padding, true);
  file.set(bytes, extra + EXTRA_HEAD + padding);
}

/** @returns where the next entry begins */
function writeDirectory(file: Uint8Array, view: DataView, at: number, entry: Placed): number {
  view.setUint32(at, DIRECTORY_ENTRY, true);
  view.setUint16(at + 4, VERSION, true);
  writeCommon(view, at + 6, entry, 0);
  view.setUint32(at + 42, entry.header, true);
  file.set(entry.name, at + DIRECTORY_ENTRY_LENGTH);
  return at + DIRECTORY_ENTRY_LENGTH + entry.name.length;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zip and gzip have it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
