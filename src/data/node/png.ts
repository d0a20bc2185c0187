/**
 * PNG by pngjs, with the container read here first: size before anything is allocated, EXIF orientation, and
 * the chunks that pngjs must not see. Pixels are what Pillow's `convert('RGB')` gives: alpha and transparent
 * colours are dropped and the colour under them stays, 16-bit samples keep their high byte.
 */
import { PNG } from 'pngjs';
import { newImage, type RgbImage } from '../image.ts';
import { exifOrientation } from './exif.ts';

/** What the chunks of a PNG say before a pixel is decoded. */
export interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  depth: number;
  interlaced: boolean;
  /** EXIF orientation, 1 (upright) where there is none. */
  orientation: number;
  /** The critical chunks alone, as a PNG of its own. */
  critical: Buffer;
}

const SIGNATURE_BYTES = 8;

/**
 * Walks the chunks. Ancillary ones are left out of `critical`: pngjs paints the transparent colour of `tRNS`
 * black, rejects what follows `IEND`, and needs none of the others.
 * @throws where a chunk is cut short or the first one is not a header
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept = [bytes.subarray(0, SIGNATURE_BYTES)];
  let orientation = 1;
  for (let at = SIGNATURE_BYTES, type = ''; type !== 'IEND'; ) {
    if (at + 12 > bytes.length) throw new Error('the file ends before the picture does');
    const length = view.getUint32(at);
    const end = at + 12 + length; // length, type and checksum: 4 bytes each
    if (end > bytes.length) throw new Error('the file ends before the picture does');
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at === SIGNATURE_BYTES && (type !== 'IHDR' || length !== 13)) throw new Error('it has no PNG header');
    const critical = (bytes[at + 4] & 0x20) === 0;
    if (critical) kept.push(bytes.subarray(at, end));
    if (type === 'eXIf') orientation = exifOrientation(bytes.subarray(at + 8, end - 4));
    at = end;
  }
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24],
    interlaced: bytes[28] !== 0,
    orientation,
    critical: Buffer.concat(kept),
  };
}

/**
 * Decodes a PNG that is not interlaced (pngjs inflates interlaced ones without a bound, so that a small file
 * could ask for gigabytes). @throws where the data are damaged
 */
export function decodePng({ width, height, depth, critical }: PngHeader): RgbImage {
  const decoded = PNG.sync.read(critical, { skipRescale: depth === 16 });
  const rgba: ArrayLike<number> = decoded.data; // 16 bits a sample where they were not rescaled
  if (rgba.length !== width * height * 4) throw new Error('the file ends before the picture does');
  const shift = depth === 16 ? 8 : 0;
  const image = newImage(width, height);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    image.pixels[to] = rgba[from] >> shift;
    image.pixels[to + 1] = rgba[from + 1] >> shift;
    image.pixels[to + 2] = rgba[from + 2] >> shift;
  }
  return image;
}
