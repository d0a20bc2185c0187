/**
 * Files from outside: whatever a path leads to, reading it ends. A pipe, a socket or a device may never end, and a file
 * may claim a length beyond any machine. Only regular files are read, up to a bound, and no further than the length that
 * they had when they were opened (a file of /proc says 0 and goes on for ever).
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { InputError } from '../text/input-error.ts';

/** The longest array that Node makes: nothing longer can be read whole. */
const MOST_BYTES = 2 ** 32;
/** Opening a pipe waits for somebody who writes, unless told not to. Windows has no such flag and no such pipes. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A file that is open, and its length. */
export interface OpenFile {
  file: FileHandle;
  size: number;
}

/**
 * Opens a file for reading; who calls closes it.
 * @param most bytes that it may have
 * @throws Error, the second half of a sentence, where it is no regular file or longer; else the system's error
 */
export async function openRegular(path: string | URL, most: number = MOST_BYTES): Promise<OpenFile> {
  // Looked at before it is opened, since a device may act on that; and again, since names can change hands.
  check(await stat(path), most);
  const file = await open(path, READ);
  try {
    const found = await file.stat();
    check(found, most);
    return { file, size: found.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of a file. @throws as `openRegular`, and where the file became shorter meanwhile */
export async function readRegular(path: string | URL, most?: number): Promise<Uint8Array> {
  const { file, size } = await openRegular(path, most);
  try {
    const bytes = new Uint8Array(size);
    await fillFrom(file, bytes, 0, size);
    return bytes;
  } finally {
    await file.close();
  }
}

/** Reads `[start, end)` of a file into the same places of `bytes`. @throws where the file ends before */
export async function fillFrom(
  file: FileHandle,
  bytes: Uint8Array,
  start: number,
  end: number,
): Promise<void> {
  for (let at = start; at < end; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(end - at, MOST_AT_ONCE), at);
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    at += bytesRead;
  }
}

/** The system reads no more than 2³¹ − 1 bytes at a time. */
const MOST_AT_ONCE = 2 ** 30;

function check(found: Stats, most: number): void {
  if (!found.isFile()) throw new InputError(`it is ${kindOf(found)}; name a file`);
  if (found.size > most)
    throw new InputError(`it is ${gibibytes(found.size)} long, and at most ${gibibytes(most)} are read`);
}

const gibibytes = (bytes: number): string =>
  `${(bytes / 2 ** 30).toLocaleString('en', { maximumSignificantDigits: 3 })} GiB`;

/** What stands where a file should be. */
export function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}
