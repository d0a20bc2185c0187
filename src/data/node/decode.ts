/**
 * Picture files to 8-bit RGB: PNG by pngjs, JPEG, WebP, GIF, TIFF and AVIF by sharp (libvips), BMP by bmp.ts.
 *
 * The pixels are those of Pillow's `ImageOps.exif_transpose(Image.open(file)).convert('RGB')`:
 * - Colour profiles are ignored, as by Pillow and so by every network trained with torchvision.
 * - Alpha is dropped; the colour under transparent pixels stays (sharp paints those of a GIF black).
 * - CMYK becomes RGB by Pillow's formula, not by a profile; Adobe's inverted values are turned round.
 * - 16 bits a sample keep the high byte. (Pillow does so for colour; its `convert` clips 16-bit grey to 255,
 *   which turns most of such a picture white, so there we differ.)
 * - Of an animation the first picture counts.
 * Whatever a file says, at most 100 million pixels are decoded, and meanwhile at most seven times 4 bytes are taken for each
 * (test/data/node/bombs.ts measures it: 0.8 times for a JPEG, 2 for a WebP, 4.3 for an AVIF; a PNG of 16-bit noise took 6.2).
 *
 * JPEG decodes to the same bits as in Pillow: both use libjpeg-turbo's accurate inverse DCT with smooth
 * ("fancy") chroma upsampling (measured on 44 photos, 4:4:4 to 4:2:0: no pixel differs). AVIF differs by up to
 * 5 of 255, since the decoders upsample chroma differently.
 */
import sharp, { type Sharp } from 'sharp';
import { systemReason } from '../../node/files.ts';
import type { Decoded, PictureSource } from '../batch.ts';
import { newImage, type RgbImage } from '../image.ts';
import { type DecodeStage, UnreadableImageError } from '../unreadable.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';
import { applyOrientation } from './exif.ts';
import { checkJpegScans } from './jpeg.ts';
import { markOf, readPicture } from './picture-file.ts';
import { checkPngData, decodePng, isForPngjs, readPngHeader } from './png.ts';
import { type ImageFormat, sniffFormat, strangerSentence } from './sniff.ts';
import { OddSamplesError, tiffDecoder } from './tiff.ts';

// Pictures are decoded in parallel by the loader's workers; libvips's own threads and cache would only compete.
sharp.cache(false);
sharp.concurrency(1);

/** Bounds on what is decoded. */
export interface DecodeOptions {
  /** Largest number of pixels, width × height. Default 100 million, 300 MB of RGB. */
  maxPixels?: number;
}

/** Reads and decodes a picture file; see {@link decodeImage}. */
export async function readImage(file: string, options?: DecodeOptions): Promise<RgbImage> {
  return decodeImage(await readImageFile(file), file, options);
}

/** A picture for the transforms, from wherever a sample has it. @throws UnreadableImageError */
export async function decodePicture({ file, blob, image }: PictureSource): Promise<Decoded> {
  if (image) return { image, mark: markOf(image.pixels) };
  const bytes = blob ? new Uint8Array(await blob.arrayBuffer()) : await readImageFile(file);
  return { image: await decodeImage(bytes, file), mark: markOf(bytes) };
}

/** The bytes of a picture file. @throws UnreadableImageError where it is no file, too long, or the system refuses */
export async function readImageFile(file: string): Promise<Uint8Array> {
  try {
    return await readPicture(file);
  } catch (error) {
    throw new UnreadableImageError(file, `cannot be read: ${systemReason(error)}`, {
      cause: error,
      stage: 'open',
    });
  }
}

/**
 * Decodes a picture, upright and as 8-bit RGB (see the head of this file for what that means in odd cases).
 * @param file named in errors
 * @throws UnreadableImageError where the bytes are no picture of a known format, are damaged or cut short, or
 *   hold more than `maxPixels`
 */
export async function decodeImage(
  bytes: Uint8Array,
  file: string,
  { maxPixels = 100_000_000 }: DecodeOptions = {},
): Promise<RgbImage> {
  if (bytes.length === 0) throw new UnreadableImageError(file, 'is empty (0 bytes)', { stage: 'sniff' });
  const stranger = strangerSentence(bytes);
  if (stranger !== null) throw new UnreadableImageError(file, stranger, { stage: 'sniff' });
  const format = sniffFormat(bytes)!;
  let stage: DecodeStage = 'header';
  const checkSize = (width: number, height: number) => {
    if (width > 0 && height > 0 && width * height <= maxPixels) {
      stage = 'pixels';
      return;
    }
    throw new UnreadableImageError(
      file,
      `says it is ${width} × ${height} pixels; at most ${maxPixels.toLocaleString('en')} are decoded`,
      { stage },
    );
  };
  try {
    if (format === 'BMP') {
      const header = readBmpHeader(bytes);
      checkSize(header.width, header.height);
      return decodeBmp(header);
    }
    if (format === 'JPEG') checkJpegScans(bytes);
    if (format !== 'PNG') return await decodeBySharp(bytes, format, checkSize);
    const header = readPngHeader(bytes);
    checkSize(header.width, header.height);
    await checkPngData(header);
    const image = isForPngjs(header)
      ? decodePng(header)
      : await rgbOf(sharp(header.critical, optionsFor('PNG')));
    return applyOrientation(image, header.orientation);
  } catch (error) {
    if (error instanceof UnreadableImageError) throw error;
    if (error instanceof OddSamplesError)
      throw new UnreadableImageError(file, `is a TIFF ${error.message}`, { cause: error, stage });
    throw new UnreadableImageError(file, `is a damaged or truncated ${format} (${reasonOf(error)})`, {
      cause: error,
      stage,
    });
  }
}

/** The size that the head of a picture states, of the picture upright. @throws where the bytes are no picture that is read */
export async function imageSize(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const format = sniffFormat(bytes);
  if (!format) throw new Error('it is no picture');
  if (format === 'BMP') return readBmpHeader(bytes);
  const {
    width,
    height,
    orientation = 1,
  } = format === 'PNG' ? readPngHeader(bytes) : await sharp(bytes, { limitInputPixels: false }).metadata();
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/**
 * What sharp opens pictures with. A damaged strip of a TIFF and a wrong checksum of a PNG are errors; in other formats
 * Pillow forgives as much.
 */
const optionsFor = (format: ImageFormat) =>
  ({
    ignoreIcc: true,
    autoOrient: true,
    failOn: format === 'TIFF' || format === 'PNG' ? 'error' : 'truncated',
    limitInputPixels: false,
  }) as const;

async function decodeBySharp(
  bytes: Uint8Array,
  format: ImageFormat,
  checkSize: (width: number, height: number) => void,
): Promise<RgbImage> {
  const open = (): Sharp => sharp(bytes, optionsFor(format));
  const decodeTiff = format === 'TIFF' ? tiffDecoder(bytes) : null;
  const { width, height, space } = await open().metadata();
  checkSize(width, height);
  if (decodeTiff) return decodeTiff(open);
  if (space !== 'cmyk') return rgbOf(open());
  const picture = open().pipelineColourspace('cmyk').toColourspace('cmyk').raw();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  return rgbFromCmyk(data, info.width, info.height, info.channels);
}

/** The pixels of a picture as 8-bit RGB. */
async function rgbOf(picture: Sharp): Promise<RgbImage> {
  const { data, info } = await picture
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it decodes to ${info.channels} channels`);
  return { width: info.width, height: info.height, pixels: data };
}

/** Pillow's CMYK to RGB: (1 − k)(1 − c) in 8-bit integers, the product rounded. */
function rgbFromCmyk(data: Uint8Array, width: number, height: number, channels: number): RgbImage {
  const image = newImage(width, height);
  for (let i = 0; i < width * height; i++) {
    const from = i * channels;
    const light = 255 - data[from + 3];
    for (let c = 0; c < 3; c++) {
      const product = data[from + c] * light + 128;
      image.pixels[i * 3 + c] = light - ((product + (product >> 8)) >> 8);
    }
  }
  return image;
}

/** The first line of an error's message, without a full stop. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0].replace(/\.$/, '');
}
