/**
 * Finding picture files below a folder: sorted, hidden ones and junk left out, symbolic links followed, loops survived.
 * An entry that cannot be looked at costs itself and not the folder; it is handed back with the reason.
 */
import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { reading, systemReason } from '../../node/files.ts';

/** Endings of files that are opened as pictures. HEIC is among them so that its pictures are named, with the remedy. */
const PICTURE_ENDINGS = new Set(
  '.png .jpg .jpeg .jpe .jfif .webp .gif .tif .tiff .avif .bmp .dib .heic .heif .hif'.split(' '),
);

/**
 * What systems and programs leave in people's folders, in lower case. Whatever begins with a dot is left out as well.
 * Thumbnails of Synology and QNAP, the recycle bins of Windows and NAS boxes, what fsck found, archives of macOS.
 */
export const JUNK: ReadonlySet<string> = new Set([
  '@eadir',
  '@recycle',
  '@recently-snapshot',
  '@tmp',
  '#recycle',
  '#snapshot',
  '$recycle.bin',
  'recycler',
  'system volume information',
  'lost+found',
  'network trash folder',
  'temporary items',
  '__macosx',
  '__pycache__',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  'icon\r',
]);

/** An entry that could not be looked at. */
export interface Lost {
  path: string;
  /** Without the path: `is a link that leads nowhere`. */
  why: string;
}

export interface Listing {
  folders: string[];
  files: string[];
  lost: Lost[];
}

/**
 * The folders and files in a folder, sorted by name; links count as what they point to.
 * @throws Error, a sentence, where the folder itself cannot be read
 */
export async function listFolder(dir: string): Promise<Listing> {
  const listing: Listing = { folders: [], files: [], lost: [] };
  for (const entry of await reading(dir, readdir(dir, { withFileTypes: true }))) {
    const { name } = entry;
    if (name.startsWith('.') || JUNK.has(name.toLowerCase())) continue;
    const kind = await kindOf(entry, join(dir, name));
    if (kind === 'folder') listing.folders.push(name);
    else if (kind === 'file') listing.files.push(name);
    else listing.lost.push({ path: join(dir, name), why: kind.why });
  }
  listing.folders.sort();
  listing.files.sort();
  return listing;
}

async function kindOf(entry: Dirent, path: string): Promise<'folder' | 'file' | { why: string }> {
  const unlessAbsent = (absent: string) => (error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? absent : `cannot be read: ${systemReason(error)}`;
  // Bytes that are no UTF-8 become this sign, and what it stands for is not found again.
  const found = entry.name.includes('\ufffd')
    ? await lstat(path).catch(unlessAbsent('has a name that is no UTF-8; rename it'))
    : entry;
  if (typeof found === 'string') return { why: found };
  const target = entry.isSymbolicLink()
    ? await stat(path).catch(unlessAbsent('is a link that leads nowhere'))
    : found;
  if (typeof target === 'string') return { why: target };
  if (target.isDirectory()) return 'folder';
  return target.isFile() ? 'file' : { why: 'is a pipe, a socket or a device' };
}

/** Puts `more` behind `list`. (`push(...more)` overflows the stack from some 100,000 entries on.) */
export function append<T>(list: T[], more: readonly T[]): void {
  for (const one of more) list.push(one);
}

/** What lies below a folder. */
export interface Found {
  pictures: string[];
  /** Files that are no pictures, by their endings. */
  ignored: string[];
  lost: Lost[];
  /** Folders below the first level that hold pictures: their pictures count to the folder that was asked about. */
  nested: string[];
}

/**
 * All picture files below a folder (by their endings), and what was left out. A folder that is reached a second time, by a
 * link, is not walked again.
 * @throws Error, a sentence, where the folder itself cannot be read
 */
export async function listPictures(dir: string): Promise<Found> {
  const found: Found = { pictures: [], ignored: [], lost: [], nested: [] };
  const visited = new Set<string>();
  const walk = async (folder: string): Promise<void> => {
    const real = await reading(folder, realpath(folder));
    if (visited.has(real)) return;
    visited.add(real);
    const { folders, files, lost } = await listFolder(folder);
    append(found.lost, lost);
    const isPicture = (name: string): boolean => PICTURE_ENDINGS.has(extname(name).toLowerCase());
    if (folder !== dir && files.some(isPicture)) found.nested.push(folder);
    for (const name of files) (isPicture(name) ? found.pictures : found.ignored).push(join(folder, name));
    for (const name of folders)
      await walk(join(folder, name)).catch((error: Error) => {
        found.lost.push({ path: join(folder, name), why: `cannot be read: ${systemReason(error.cause)}` });
      });
  };
  await walk(dir);
  return found;
}
