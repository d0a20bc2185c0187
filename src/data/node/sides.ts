/** How large the pictures of a set are, by a look at the heads of some files. */
import type { Sample } from '../sample.ts';
import { imageSize } from './decode.ts';
import { readPicture } from './picture-file.ts';

/**
 * The shorter sides, in pixels, of up to `most` pictures spread over `samples`. What cannot be read is left out.
 */
export async function shorterSides(samples: readonly Sample[], most: number): Promise<number[]> {
  const count = Math.min(most, samples.length);
  const chosen = Array.from({ length: count }, (_, i) => samples[Math.floor((i * samples.length) / count)]);
  const sides = await Promise.all(chosen.map(shorterSide));
  return sides.filter((side) => side !== null);
}

async function shorterSide({ file, image }: Sample): Promise<number | null> {
  if (image) return Math.min(image.width, image.height);
  try {
    const { width, height } = await imageSize(await readPicture(file));
    return Math.min(width, height);
  } catch {
    return null; // The loader says what is wrong with it.
  }
}
