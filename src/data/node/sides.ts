/** How large the pictures of a set are, by a look at the heads of some files. */
import type { Sample } from '../sample.ts';
import { imageSize } from './decode.ts';
import { readPicture } from './picture-file.ts';

/** Width and height, upright, of up to `most` pictures spread over `samples`. What cannot be read is left out. */
export async function pictureSides(samples: readonly Sample[], most: number): Promise<PictureSides[]> {
  const count = Math.min(most, samples.length);
  const chosen = Array.from({ length: count }, (_, i) => samples[Math.floor((i * samples.length) / count)]);
  const sides = await Promise.all(chosen.map(sidesOf));
  return sides.filter((side) => side !== null);
}

/** The shorter of them. */
export async function shorterSides(samples: readonly Sample[], most: number): Promise<number[]> {
  return (await pictureSides(samples, most)).map(({ width, height }) => Math.min(width, height));
}

/** In pixels. */
export interface PictureSides {
  width: number;
  height: number;
}

async function sidesOf({ file, image }: Sample): Promise<PictureSides | null> {
  if (image) return image;
  try {
    return await imageSize(await readPicture(file));
  } catch {
    return null; // The loader says what is wrong with it.
  }
}
