/** SHA-256 of files, read piece by piece. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { openRegular } from './regular.ts';

const PIECE = 1 << 20;

/** SHA-256 of `length` bytes from `start` (as far as the file goes), in hexadecimal digits. */
export async function hashRange(file: FileHandle, start: number, length: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = new Uint8Array(Math.min(PIECE, length));
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, length - done), start + done);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest('hex');
}

/** SHA-256 of a whole file of at most `most` bytes, in hexadecimal digits. @throws as `openRegular` */
export async function hashFile(path: string, most?: number): Promise<string> {
  const { file, size } = await openRegular(path, most);
  try {
    return await hashRange(file, 0, size);
  } finally {
    await file.close();
  }
}
