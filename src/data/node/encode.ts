/** Pictures to files: the way back of decode.ts. */
import { extname } from 'node:path';
import sharp from 'sharp';
import { writeWhole } from '../../node/files.ts';
import { type RgbImage, whole } from '../image.ts';

/** By the ending of a file's name. */
const FORMATS = { '.png': 'png', '.jpg': 'jpeg', '.jpeg': 'jpeg', '.webp': 'webp' } as const;

/**
 * Writes an 8-bit RGB picture as PNG, JPEG (quality 90) or WebP (quality 90), as the ending of `file` says. The file holds
 * the old content or the new one at any time.
 * @throws RangeError for another ending; WriteError where the system refuses
 */
export async function writeImage(file: string, image: RgbImage): Promise<void> {
  const format = FORMATS[extname(file).toLowerCase() as keyof typeof FORMATS];
  if (!format) throw new RangeError(`writeImage: ${file} ends in none of ${Object.keys(FORMATS).join(', ')}`);
  const { width, height, pixels } = whole(image);
  const picture = sharp(pixels, { raw: { width, height, channels: 3 } });
  await writeWhole(file, await picture.toFormat(format, { quality: 90, palette: false }).toBuffer());
}
