/**
 * Reading and writing files, with errors in sentences. Node only.
 *
 * Only a path that is not there counts as absent. Whatever else the system says (no permission, a damaged disk, too
 * many open files) is thrown: taken for absence, it would make `predict` answer with other weights than those of the
 * run it cannot read, and throw away a download that is half done.
 */
import { rmSync, type Stats, writeFileSync } from 'node:fs';
import { lstat, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../text/input-error.ts';
import { shown } from '../text/shown.ts';
import { removeLeftovers, temporaryFor } from './leftovers.ts';
import { kindOf, readRegular } from './regular.ts';

/** ENOTDIR: a file stands where the path wants a folder, so that nothing can be below it. */
const ABSENT = ['ENOENT', 'ENOTDIR'];

/** What people can do about the system's errors. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is a file where a folder should be',
  EEXIST: 'a part of the path is a file where a folder should be',
  EACCES: 'permission is denied; ls -ld shows its rights and those of the folders above it',
  EPERM: 'the system does not permit it; ls -ld shows its owner and its rights',
  EROFS: 'the disk can only be read; name another place',
  ELOOP: 'its symbolic links lead in a circle; remove or mend them',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'there is no room left on the disk',
  EDQUOT: 'there is no room left in your quota of the disk',
  EFBIG: 'a file of this size is not allowed; ulimit -f shows the limit',
  EMFILE: 'too many files are open; ulimit -n raises the limit',
  ENFILE: 'too many files are open on this machine; close some programs',
  EIO: 'the disk answers with an error; copy the file to another one, if it still can be read',
};

/** What stays so until somebody mends the path or what is there. A disk or a network that fails may be back the next time. */
const LASTING = new Set([
  'ENOENT',
  'ENOTDIR',
  'EEXIST',
  'EISDIR',
  'EACCES',
  'EPERM',
  'EROFS',
  'ELOOP',
  'ENAMETOOLONG',
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Why the system refused, in words and with its code. */
export function systemReason(error: unknown): string {
  const code = codeOf(error);
  if (code in REASONS) return `${REASONS[code]} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** What the system refused, as a sentence. @returns an InputError where trying again cannot help */
function refusal(sentence: string, cause: unknown): Error {
  const lasts = cause instanceof InputError || LASTING.has(codeOf(cause));
  return new (lasts ? InputError : Error)(sentence, { cause });
}

const nameOf = (path: string | URL): string => shown(typeof path === 'string' ? path : fileURLToPath(path));

/** What `work` gives. @throws Error, a sentence that names `path`, where the system refuses */
export async function reading<T>(path: string | URL, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw refusal(`${nameOf(path)} cannot be read: ${systemReason(error)}`, error);
  }
}

/** What `work` gives, or null where it finds that its path is not there. */
function orNull<T>(work: Promise<T>): Promise<T | null> {
  return work.catch((error: unknown) => {
    if (ABSENT.includes(codeOf(error))) return null;
    throw error;
  });
}

/** What `work` gives, or null where `path` is not there. @throws Error as `reading` for every other failure */
export function ifThere<T>(path: string | URL, work: Promise<T>): Promise<T | null> {
  return reading(path, orNull(work));
}

/** What there is at `path`, or null. */
export function statOrNull(path: string): Promise<Stats | null> {
  return ifThere(path, stat(path));
}

/** What all paths to one file or folder have in common, whatever their links and spellings; null where there is none. */
export async function identityOf(path: string): Promise<string | null> {
  const found = await ifThere(path, stat(path, { bigint: true }));
  return found && `${found.dev}:${found.ino}`;
}

/** Whether two paths lead to one file, by whatever links and spellings. */
export async function sameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map(identityOf));
  return first !== null && first === second;
}

/** The bytes of a regular file, or null where there is none. @throws Error, a sentence, where it cannot be read */
export function bytesIfThere(path: string | URL, most?: number): Promise<Uint8Array | null> {
  return ifThere(path, readRegular(path, most));
}

/** The bytes of a regular file. @throws Error, a sentence, where it is not there or cannot be read */
export async function readBytes(path: string, most?: number): Promise<Uint8Array> {
  const bytes = await bytesIfThere(path, most);
  if (!bytes) throw new InputError(`there is no file ${nameOf(path)}`);
  return bytes;
}

/** A file could not be written; what was there is untouched. The cause is an InputError where its path is no place for one. */
export class WriteError extends Error {
  override name = 'WriteError';
}

/**
 * Makes a folder and those above it, one after the other: where the system answers that there is no such folder to one
 * that is (as /proc does), Node's own `recursive` asks for ever.
 * @returns those that were made, the innermost last
 * @throws Error, a sentence
 */
export async function makeFolder(path: string): Promise<string[]> {
  const isFolder = async (at: string): Promise<boolean> => (await statOrNull(at))?.isDirectory() ?? false;
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)) && at !== dirname(at); at = dirname(at))
    missing.unshift(at);
  for (const folder of missing)
    await mkdir(folder).catch(async (error: unknown) => {
      if (await isFolder(folder)) return;
      const above = dirname(folder);
      const why =
        codeOf(error) === 'ENOENT' && (await isFolder(above))
          ? `${above} takes no folders; name another place (ENOENT)`
          : systemReason(error);
      throw refusal(`the folder ${nameOf(folder)} cannot be made: ${why}`, error);
    });
  return missing;
}

/**
 * Writes a file so that its path holds the old content or the new one at any time; once this returns the new one, after
 * a crash too where the system syncs folders (Windows does not). A symbolic link keeps pointing where it does, and the
 * file there is written.
 * @throws WriteError, a sentence, where the path is there and no regular file, or the system refuses
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    const target = await writableFile(path);
    await makeFolder(dirname(target));
    await removeLeftovers(dirname(target));
    const temporary = temporaryFor(target);
    const release = removedOnExit(temporary);
    try {
      // Made in the same breath as it is registered: a signal finds both or neither. r+ makes no file that is gone.
      writeFileSync(temporary, '');
      const file = await open(temporary, 'r+');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, target);
      await syncFolder(dirname(target));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      release();
    }
  } catch (error) {
    throw new WriteError(
      `${nameOf(path)} could not be written: ${systemReason(error)}; what was there is untouched`,
      {
        cause: error,
      },
    );
  }
}

/** Puts the names in a folder on the disk. Some file systems cannot; the file is whole at its place all the same. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path).catch(() => null);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** The regular file that `path` is, leads to or will be. A rename would replace a device or a link by a file. */
async function writableFile(path: string): Promise<string> {
  const found = await orNull(stat(path));
  if (found) {
    if (!found.isFile()) throw new InputError(`it is ${kindOf(found)}; name a file`);
    return realpath(path);
  }
  if (await orNull(lstat(path)))
    throw new InputError('it is a symbolic link to a file that is not there; remove it');
  if (/[/\\]$/.test(path)) throw new InputError('it ends as a folder does; name a file');
  return path;
}

/** Files that are being written: whatever ends the process before they are whole removes them. */
const unfinished = new Set<string>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Registers `path` for removal when the process ends, by a signal too. @returns what takes it off the list */
function removedOnExit(path: string): () => void {
  if (unfinished.size === 0) {
    process.on('exit', removeUnfinished);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  unfinished.add(path);
  return () => {
    unfinished.delete(path);
    if (unfinished.size > 0) return;
    process.off('exit', removeUnfinished);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/** Ends the process as the signal does where nobody listens. Who else listens decides, and `exit` follows if it ends. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removeUnfinished();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
