/** A picture as it is after it was saved as JPEG, as most pictures have been somewhere: by sharp, with halved chroma (4:2:0). */
import sharp from 'sharp';
import type { ThroughJpeg } from '../stress.ts';
import { decodeImage } from './decode.ts';

/** Encodes and decodes. */
export const throughJpeg: ThroughJpeg = async ({ width, height, pixels }, quality) => {
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  return decodeImage(bytes, 'a picture in memory');
};
