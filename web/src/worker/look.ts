/** `look`: what tells a picture from others. */
import { decodeBlob } from '../../../src/data/blob.ts';
import { lookOfImage } from '../../../src/data/look.ts';
import type { Photo } from '../contract.ts';
import type { Look } from '../lesson.ts';
import { sha256 } from './fetched.ts';

/** @throws UnreadableImageError */
export async function look({ name, blob }: Photo): Promise<Look> {
  const bits = lookOfImage(await decodeBlob(blob, name)) as Look['bits'];
  return { hash: await sha256(new Uint8Array(await blob.arrayBuffer())), bits };
}
