/**
 * Reading and writing files, with errors in sentences. Node only.
 *
 * Only a path that is not there counts as absent. Whatever else the system says (no permission, a damaged disk, too
 * many open files) is thrown: taken for absence, it would make `predict` answer with other weights than those of the
 * run it cannot read, and throw away a download that is half done.
 */
import type { Stats } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** ENOTDIR: a file stands where the path wants a folder, so that nothing can be below it. */
const ABSENT = ['ENOENT', 'ENOTDIR'];

/** What people can do about the system's errors. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is a file where a folder should be',
  EEXIST: 'a part of the path is a file where a folder should be',
  EISDIR: 'it is a folder; name a file',
  EACCES: 'permission is denied; ls -ld shows its rights and those of the folders above it',
  EPERM: 'the system does not permit it; ls -ld shows its owner and its rights',
  EROFS: 'the disk can only be read; name another place',
  ELOOP: 'its symbolic links lead in a circle; remove or mend them',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'there is no room left on the disk',
  EDQUOT: 'there is no room left in your quota of the disk',
  EMFILE: 'too many files are open; ulimit -n raises the limit',
  ENFILE: 'too many files are open on this machine; close some programs',
  EIO: 'the disk answers with an error; copy the file to another one, if it still can be read',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Why the system refused, in words and with its code. */
export function systemReason(error: unknown): string {
  const code = codeOf(error);
  if (code in REASONS) return `${REASONS[code]} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

const nameOf = (path: string | URL): string => (typeof path === 'string' ? path : fileURLToPath(path));

/** What `work` gives. @throws Error, a sentence that names `path`, where the system refuses */
export async function reading<T>(path: string | URL, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${nameOf(path)} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

/** What `work` gives, or null where `path` is not there. @throws Error as `reading` for every other failure */
export function ifThere<T>(path: string | URL, work: Promise<T>): Promise<T | null> {
  const orNull = work.catch((error: unknown) => {
    if (ABSENT.includes(codeOf(error))) return null;
    throw error;
  });
  return reading(path, orNull);
}

/** What there is at `path`, or null. */
export function statOrNull(path: string): Promise<Stats | null> {
  return ifThere(path, stat(path));
}

/** The bytes of a file. @throws Error, a sentence, where it is not there or cannot be read */
export async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = await ifThere(path, readFile(path));
  if (!bytes) throw new Error(`there is no file ${path}`);
  return bytes;
}

/** Writes a file so that its path holds the old content or the new one at any time, and the new one after a crash. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    try {
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw new Error(`${path} could not be written: ${systemReason(error)}; what was there is untouched`, {
      cause: error,
    });
  }
}
