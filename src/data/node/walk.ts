/** Finding picture files below a folder: sorted, hidden ones left out, symbolic links followed, loops survived. */
import { readdir, realpath } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { reading, statOrNull } from '../../node/files.ts';

const PICTURE_ENDINGS = new Set([
  '.png',
  '.jpg',
  '.jpeg',
  '.jfif',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
]);

/** The folders and files in a folder, sorted by name; links count as what they point to. */
export async function listFolder(dir: string): Promise<{ folders: string[]; files: string[] }> {
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of await reading(dir, readdir(dir, { withFileTypes: true }))) {
    if (isHidden(entry.name)) continue;
    // a link that leads nowhere is nothing
    const kind = entry.isSymbolicLink() ? await statOrNull(join(dir, entry.name)) : entry;
    if (kind?.isDirectory()) folders.push(entry.name);
    else if (kind?.isFile()) files.push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

/**
 * All picture files below a folder (by their endings), and the files that are none. A folder that is reached a
 * second time, by a link, is not walked again.
 */
export async function listPictures(dir: string): Promise<{ pictures: string[]; ignored: string[] }> {
  const found = { pictures: [] as string[], ignored: [] as string[] };
  const visited = new Set<string>();
  const walk = async (folder: string): Promise<void> => {
    const real = await reading(folder, realpath(folder));
    if (visited.has(real)) return;
    visited.add(real);
    const { folders, files } = await listFolder(folder);
    for (const name of files) {
      const isPicture = PICTURE_ENDINGS.has(extname(name).toLowerCase());
      (isPicture ? found.pictures : found.ignored).push(join(folder, name));
    }
    for (const name of folders) await walk(join(folder, name));
  };
  await walk(dir);
  return found;
}

/** Hidden files, and what macOS puts into archives. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX' || name === 'Thumbs.db' || name === 'desktop.ini';
}
