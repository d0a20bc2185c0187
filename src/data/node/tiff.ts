/**
 * TIFF by libvips, with the tags read here first: libvips takes Y, Cb, Cr for R, G, B, floats of 0 to 1 for numbers up
 * to 255, and twelve bits in sixteen for sixteen, each of them silently.
 *
 * What comes out: samples of 8 and fewer bits as they are; 16 bits keep the high byte, or the highest eight of twelve
 * where no sample is above 4095; floats from 0 to 1 are multiplied by 255; YCbCr becomes RGB by the file's coefficients
 * (ITU-R 601 where it has none), to one of 255 as in Pillow. Other samples, and compressions that this libtiff does not
 * have, get a sentence.
 */
import type { Sharp } from 'sharp';
import { newImage, type RgbImage } from '../image.ts';

const TAG = {
  bits: 258,
  compression: 259,
  photometric: 262,
  maxSample: 281,
  sampleFormat: 339,
  coefficients: 529,
  subsampling: 530,
} as const;
const TYPE_BYTES: Record<number, number> = { 1: 1, 3: 2, 4: 4, 5: 8 }; // byte, short, long, rational
const YCBCR = 6;
const JPEG_IN_TIFF = [6, 7]; // its decoder gives RGB
/** Compressions that are not read, and what they are called. */
const NOT_READ: Readonly<Record<number, string>> = {
  33003: 'JPEG 2000',
  33005: 'JPEG 2000',
  34661: 'JBIG',
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
  50002: 'JPEG XL',
};
/** CIE L*a*b* in three encodings. */
const LAB = [8, 9, 10];
const UNSIGNED = 1;
const FLOAT = 3;
/** Values that are read of a tag. */
const MOST_VALUES = 8;

/** The first values of the tags above, of the file's first picture. A tag that is damaged or absent is left out. */
export function tiffTags(bytes: Uint8Array): Map<number, number[]> {
  const tags = new Map<number, number[]>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inside = (at: number, size: number): boolean => at + size <= bytes.length;
  if (!inside(0, 8)) return tags;
  const little = bytes[0] === 0x49;
  const read = (at: number, type: number): number => {
    if (type === 5) return view.getUint32(at, little) / view.getUint32(at + 4, little);
    return type === 1 ? bytes[at]! : type === 3 ? view.getUint16(at, little) : view.getUint32(at, little);
  };
  const directory = view.getUint32(4, little);
  if (!inside(directory, 2)) return tags;
  const entries = view.getUint16(directory, little);
  const wanted: number[] = Object.values(TAG);
  for (let i = 0; i < entries && inside(directory + 2 + 12 * i, 12); i++) {
    const entry = directory + 2 + 12 * i;
    const [tag, type] = [view.getUint16(entry, little), view.getUint16(entry + 2, little)];
    const size = TYPE_BYTES[type];
    if (!wanted.includes(tag) || size === undefined) continue;
    const count = Math.min(view.getUint32(entry + 4, little), MOST_VALUES);
    const at = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
    if (inside(at, count * size))
      tags.set(
        tag,
        Array.from({ length: count }, (_, k) => read(at + k * size, type)),
      );
  }
  return tags;
}

/** A TIFF that is whole and whose samples mean nothing here; the message goes on from "is a TIFF". */
export class OddSamplesError extends Error {
  override name = 'OddSamplesError';
}

/** Decodes a TIFF, given how sharp opens it. */
export type TiffDecoder = (open: () => Sharp) => Promise<RgbImage>;

/**
 * How the first picture of a TIFF has to be decoded; null where sharp's own way is right.
 * @throws OddSamplesError for samples that mean nothing here
 */
export function tiffDecoder(bytes: Uint8Array): TiffDecoder | null {
  const tags = tiffTags(bytes);
  const first = (tag: number, absent: number): number => tags.get(tag)?.[0] ?? absent;
  const [bits, format] = [first(TAG.bits, 1), first(TAG.sampleFormat, UNSIGNED)];
  const compression = NOT_READ[first(TAG.compression, 1)];
  if (compression) throw new OddSamplesError(`compressed by ${compression}; save it with LZW or Deflate`);
  if (LAB.includes(first(TAG.photometric, 0)))
    throw new OddSamplesError('with L*a*b* colours; save it as RGB');
  if (format === FLOAT && bits <= 32) return async (open) => fromFloats(await samples(open(), 'float'));
  if (format !== UNSIGNED || bits > 16) {
    const kind = { [UNSIGNED]: 'integer', 2: 'signed integer', [FLOAT]: 'float' }[format] ?? 'unusual';
    throw new OddSamplesError(`with ${kind} samples of ${bits} bits; save it with 8 or 16 bits, unsigned`);
  }
  if (first(TAG.photometric, 0) === YCBCR && !JPEG_IN_TIFF.includes(first(TAG.compression, 1))) {
    if (bits !== 8 || (tags.get(TAG.subsampling) ?? [1]).some((step) => step !== 1))
      throw new OddSamplesError('with YCbCr whose colour is coarser than its light; save it as RGB');
    return async (open) => fromYCbCr(await samples(open(), 'uchar'), tags.get(TAG.coefficients));
  }
  if (bits <= 8) return null;
  return async (open) => from16Bits(await samples(open(), 'ushort'), tags.get(TAG.maxSample)?.[0]);
}

interface Samples {
  width: number;
  height: number;
  channels: number;
  data: Uint8Array | Uint16Array | Float32Array;
}

/** Samples as the file has them: one channel or three, alpha dropped. */
async function samples(picture: Sharp, depth: 'uchar' | 'ushort' | 'float'): Promise<Samples> {
  const { space } = await picture.metadata();
  const grey = space === 'b-w' || space === 'grey16';
  const native = { uchar: 'srgb', ushort: grey ? 'grey16' : 'rgb16', float: grey ? 'b-w' : 'scrgb' }[depth];
  const { data, info } = await picture
    .removeAlpha()
    .pipelineColourspace(native)
    .toColourspace(native)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 1 && channels !== 3) throw new Error(`it decodes to ${channels} channels`);
  const Type = { uchar: Uint8Array, ushort: Uint16Array, float: Float32Array }[depth];
  const whole = data.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return {
    width,
    height,
    channels,
    data: new Type(whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength / Type.BYTES_PER_ELEMENT),
  };
}

/** An 8-bit RGB picture of `value(sample)`; grey is repeated. */
function toRgb({ width, height, channels, data }: Samples, value: (sample: number) => number): RgbImage {
  const image = newImage(width, height);
  for (let i = 0; i < image.pixels.length; i++)
    image.pixels[i] = value(data[channels === 1 ? Math.trunc(i / 3) : i]!);
  return image;
}

function rangeOf(data: Samples['data']): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (!(value >= low)) low = value; // NaN comes through, and is refused below
    if (value > high) high = value;
  }
  return [low, high];
}

function fromFloats(given: Samples): RgbImage {
  const [low, high] = rangeOf(given.data);
  if (!(low >= 0 && high <= 255))
    throw new OddSamplesError(`with float samples from ${low} to ${high}; scale them to 0 … 1 or 0 … 255`);
  const scale = high <= 1 ? 255 : 1;
  return toRgb(given, (sample) => Math.round(sample * scale));
}

function from16Bits(given: Samples, stated: number | undefined): RgbImage {
  const high = stated ?? rangeOf(given.data)[1];
  const shift = high > 255 && high <= 4095 ? 4 : 8;
  return toRgb(given, (sample) => Math.min(sample >> shift, 255));
}

function fromYCbCr({ width, height, data }: Samples, coefficients = [0.299, 0.587, 0.114]): RgbImage {
  const [red, green, blue] = coefficients as [number, number, number];
  const image = newImage(width, height);
  const clip = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));
  for (let i = 0; i < data.length; i += 3) {
    const [y, cb, cr] = [data[i]!, data[i + 1]! - 128, data[i + 2]! - 128];
    const r = y + (2 - 2 * red) * cr;
    const b = y + (2 - 2 * blue) * cb;
    image.pixels[i] = clip(r);
    image.pixels[i + 1] = clip((y - red * r - blue * b) / green);
    image.pixels[i + 2] = clip(b);
  }
  return image;
}
