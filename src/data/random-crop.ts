/** Which rectangle of a picture a training crop shows: torchvision's `RandomResizedCrop` (Szegedy et al. 2015, section 6). */
import type { Random } from '../tensor/random.ts';
import type { Rectangle } from './image.ts';
import { logUniform32, roundHalfEven, sidesOf, uniform32 } from './rounding.ts';

const TRIES = 10;

/** So many counters `randomCropArea` draws: 0 … 39. */
export const CROP_DRAWS = 4 * TRIES;

/**
 * The rectangle that `RandomResizedCrop` cuts out: a share of the area from `scale`, an aspect ratio drawn
 * evenly on a logarithmic axis from `ratio`, anywhere in the picture; after ten tries that do not fit, the
 * largest centred rectangle whose aspect is allowed. Draws four counters a try. Rounds to float32 where
 * torchvision does.
 */
export function randomCropArea(
  width: number,
  height: number,
  random: Random,
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Rectangle {
  for (let t = 0; t < TRIES; t++) {
    const area = width * height * uniform32(random(4 * t), scale[0], scale[1]);
    const [w, h] = sidesOf(area, logUniform32(random(4 * t + 1), ratio));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = Math.floor(random(4 * t + 2) * (height - h + 1));
      const left = Math.floor(random(4 * t + 3) * (width - w + 1));
      return { left, top, width: w, height: h };
    }
  }
  let [w, h] = [width, height];
  if (width / height < ratio[0]) h = Math.min(height, roundHalfEven(width / ratio[0]));
  else if (width / height > ratio[1]) w = Math.min(width, roundHalfEven(height * ratio[1]));
  // a strip of one pixel can round to nothing
  [w, h] = [Math.max(w, 1), Math.max(h, 1)];
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}
