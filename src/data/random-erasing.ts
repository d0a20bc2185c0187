/**
 * Random erasing (Zhong et al. 2017): a rectangle of a normalised picture becomes 0, the mean colour, so that no single
 * part of a picture decides. torchvision's `RandomErasing(value=0)` after `Normalize`, with its shares of the area and its
 * aspect ratios.
 */
import type { Random } from '../tensor/random.ts';
import type { Rectangle } from './image.ts';
import { logUniform32, sidesOf, uniform32 } from './rounding.ts';

const TRIES = 10;

/** Shares of the picture's area that are erased, and heights divided by widths of what is. */
const SCALE = [0.02, 0.33] as const;
const RATIO = [0.3, 3.3] as const;

/**
 * The rectangle to erase, or null for none: with probability `1 − p`, and where ten tries gave none that is smaller than
 * the picture on both sides, as in pictures of a pixel or two. Draws counter 0 for whether, then four a try.
 */
export function randomErasure(width: number, height: number, random: Random, p: number): Rectangle | null {
  if (random(0) >= p) return null;
  for (let counter = 1; counter < 1 + 4 * TRIES; counter += 4) {
    const area = width * height * uniform32(random(counter), SCALE[0], SCALE[1]);
    const [h, w] = sidesOf(area, logUniform32(random(counter + 1), RATIO));
    if (w >= width || h >= height) continue;
    const top = Math.floor(random(counter + 2) * (height - h + 1));
    const left = Math.floor(random(counter + 3) * (width - w + 1));
    return { left, top, width: w, height: h };
  }
  return null;
}

/** Sets a rectangle of `pixels`, `[height, width, 3]` with rows of `width` pixels, to 0. */
export function erase(
  pixels: Float32Array,
  width: number,
  { left, top, width: w, height: h }: Rectangle,
): void {
  for (let y = top; y < top + h; y++) pixels.fill(0, (y * width + left) * 3, (y * width + left + w) * 3);
}
