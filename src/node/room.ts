/** Whether a disk takes what is to be written later: asked before the work, and not found out after it. */
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { reading, systemReason } from './files.ts';

/** A file in the folder that is there only while this looks. */
export const PROBE = '.room';
const PIECE = 8 * 2 ** 20;

/**
 * Asks the disk for its figures, then writes a file of the size of the largest one: the figures know nothing of quotas, and
 * of the largest file that is allowed.
 * @param needed bytes in all; `largest`, of one file
 * @throws Error, a sentence, where the folder does not take them
 */
export async function ensureRoom(folder: string, needed: number, largest: number): Promise<void> {
  const { blocks, bavail, bsize } = await reading(folder, statfs(folder));
  const free = bavail * bsize;
  // Some file systems say nothing: they have no blocks at all.
  if (blocks > 0 && free < needed)
    throw new Error(
      `the checkpoints of the run take ${megabytes(needed)}, and the disk with ${folder} has room for ` +
        `${megabytes(free)}; make room there, or name a folder on another disk with --out`,
    );
  await writeProbe(folder, largest);
}

async function writeProbe(folder: string, bytes: number): Promise<void> {
  const path = join(folder, PROBE);
  try {
    const file = await open(path, 'w');
    try {
      for (let left = bytes; left > 0; left -= PIECE)
        await file.writeFile(new Uint8Array(Math.min(left, PIECE)));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`${folder} does not take a checkpoint of ${megabytes(bytes)}: ${systemReason(error)}`, {
      cause: error,
    });
  } finally {
    await rm(path, { force: true });
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
