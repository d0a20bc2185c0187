/**
 * Encoded pictures to 8-bit RGB by the browser's own decoders: `createImageBitmap`, then a canvas to read the pixels.
 *
 * Colour profiles are ignored and Exif's orientation is applied, as node/decode.ts does with files; of 67 pictures of
 * many kinds 62 came out byte for byte as there. The rest differ in what a canvas cannot hold: it stores colours times
 * alpha, so what lies under transparent pixels turns black, and where a browser decodes chroma in another way.
 */
import type { Decoded, PictureSource } from './batch.ts';
import { newImage, type RgbImage } from './image.ts';
import { UnreadableImageError } from './unreadable.ts';

/** Bounds on what is decoded. */
export interface BlobOptions {
  /** Largest number of pixels, width × height. Default 100 million, 300 MB of RGB. */
  maxPixels?: number;
}

/**
 * Decodes a picture, upright and as 8-bit RGB. For a `File` from an input, a dropped one, or what `fetch` brought.
 * @param file names the picture in errors
 * @throws UnreadableImageError where the browser knows no such format, the picture is damaged, or holds more than
 *   `maxPixels`
 */
export async function decodeBlob(
  blob: Blob,
  file: string,
  { maxPixels = 100_000_000 }: BlobOptions = {},
): Promise<RgbImage> {
  if (blob.size === 0) throw new UnreadableImageError(file, 'is empty (0 bytes)', { stage: 'sniff' });
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      colorSpaceConversion: 'none',
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
    });
  } catch (cause) {
    throw new UnreadableImageError(file, 'is no picture that this browser can decode', {
      cause,
      stage: 'sniff',
    });
  }
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) {
      const most = maxPixels.toLocaleString('en');
      throw new UnreadableImageError(file, `has ${width} × ${height} pixels; at most ${most} are decoded`, {
        stage: 'header',
      });
    }
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** The picture of a sample, of its blob, or of what its address brings. @throws UnreadableImageError */
export async function decodePicture({ file, blob, image }: PictureSource): Promise<Decoded> {
  return { image: image ?? (await decodeBlob(blob ?? (await fetchPicture(file)), file)) };
}

async function fetchPicture(address: string): Promise<Blob> {
  let why: string;
  let cause: unknown;
  try {
    const response = await fetch(address);
    if (response.ok) return await response.blob();
    why = `the server answers ${response.status} ${response.statusText}`.trimEnd();
  } catch (error) {
    cause = error;
    why = error instanceof Error ? error.message : String(error);
  }
  throw new UnreadableImageError(address, `cannot be fetched: ${why}`, { cause, stage: 'open' });
}

/** The bitmap's colours. The canvas is read often, so it stays in memory: a GPU's canvas may round. */
function pixelsOf(bitmap: ImageBitmap): RgbImage {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const image = newImage(width, height);
  const { pixels } = image;
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    pixels[to] = data[from];
    pixels[to + 1] = data[from + 1];
    pixels[to + 2] = data[from + 2];
  }
  return image;
}
