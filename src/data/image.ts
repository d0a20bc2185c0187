/** The decoded picture that decoding, resizing and transforms pass on: 8-bit RGB, row by row. */

/** An 8-bit RGB picture; `pixels` holds `[height, width, 3]`. */
export interface RgbImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** The picture itself. @throws where it has no pixels, or another number of values than its size says */
export function whole(image: RgbImage): RgbImage {
  const { width, height, pixels } = image;
  if (width * height > 0 && pixels.length === width * height * 3) return image;
  throw new Error(`${width} × ${height} pixels are not ${pixels.length} values`);
}

/** A rectangle in whole pixels: `left`, `top` of its first pixel, and its size. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A black picture. */
export function newImage(width: number, height: number): RgbImage {
  return { width, height, pixels: new Uint8Array(width * height * 3) };
}

/**
 * Copies a rectangle out of a picture. The rectangle may reach outside: what is not there is black, as in
 * Pillow's `crop` and torchvision's padding, or `colour`.
 */
export function crop(
  image: RgbImage,
  { left, top, width, height }: Rectangle,
  colour: readonly [number, number, number] = [0, 0, 0],
): RgbImage {
  const out = newImage(width, height);
  if (colour.some((level) => level > 0))
    for (let i = 0; i < out.pixels.length; i++) out.pixels[i] = colour[i % 3];
  const firstX = Math.max(0, -left);
  const lastX = Math.min(width, image.width - left);
  if (lastX <= firstX) return out;
  for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
    const from = ((y + top) * image.width + left + firstX) * 3;
    out.pixels.set(image.pixels.subarray(from, from + (lastX - firstX) * 3), (y * width + firstX) * 3);
  }
  return out;
}
