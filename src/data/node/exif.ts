/** EXIF orientation: reading the tag, and turning a picture upright. */
import { newImage, type RgbImage } from '../image.ts';

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;

/**
 * The orientation, 1 … 8, in an EXIF block (a small TIFF file); 1 where there is none or the block is damaged,
 * because a picture whose notes are damaged is still a picture.
 */
export function exifOrientation(exif: Uint8Array): number {
  if (exif.length < 8) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return 1;
  const little = mark === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > exif.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > exif.length) return 1;
    if (view.getUint16(entry, little) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(entry + 8, little);
    return view.getUint16(entry + 2, little) === SHORT && value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** Turns and mirrors a stored picture as its orientation says (Pillow's `ImageOps.exif_transpose`). */
export function applyOrientation(image: RgbImage, orientation: number): RgbImage {
  if (orientation === 1) return image;
  // Where the pixel at (x, y) of the upright picture is stored: first mirrored, then its axes swapped.
  const swapped = orientation >= 5;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const { width, height, pixels } = image;
  const out = swapped ? newImage(height, width) : newImage(width, height);
  let to = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      const [u, v] = swapped ? [y, x] : [x, y];
      const from = ((fromBottom ? height - 1 - v : v) * width + (fromRight ? width - 1 - u : u)) * 3;
      out.pixels[to++] = pixels[from];
      out.pixels[to++] = pixels[from + 1];
      out.pixels[to++] = pixels[from + 2];
    }
  }
  return out;
}
