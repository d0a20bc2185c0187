/** Pictures of the core (8-bit RGB) as a canvas takes them. */
import { type RgbImage, whole } from '../../../src/data/image.ts';
import type { Pixels } from '../contract.ts';

export function pixelsOf(image: RgbImage): Pixels {
  const { width, height, pixels } = whole(image);
  const data = new Uint8ClampedArray(4 * width * height);
  for (let from = 0, to = 0; to < data.length; from += 3, to += 4) {
    data[to] = pixels[from]!;
    data[to + 1] = pixels[from + 1]!;
    data[to + 2] = pixels[from + 2]!;
    data[to + 3] = 255;
  }
  return { width, height, data };
}
