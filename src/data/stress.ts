/**
 * What pictures go through in life and what gives a shortcut away: each perturbation changes one thing that a right answer
 * does not depend on. A function of the picture and its number alone, so that every pass sees the same.
 */
import { normalAt, randomKey } from '../tensor/random.ts';
import { crop, newImage, type Rectangle, type RgbImage } from './image.ts';
import { resize, resizedCrop } from './resize.ts';

/** Their names, in the order in which they are tried. */
export const PERTURBATIONS = [
  'grey',
  'blur',
  'jpeg',
  'noise',
  'half-size',
  'shifted',
  'tighter',
  'wider',
  'flipped',
] as const;
export type Perturbation = (typeof PERTURBATIONS)[number];

/** What is said of each: its name, where a figure holds, and what an answer rests on that does not bear it. */
export const PERTURBATION_WORDS: Record<Perturbation, { label: string; where: string; reliance: string }> = {
  grey: { label: 'grey', where: 'in grey', reliance: 'colour' },
  blur: { label: 'blurred', where: 'under blur', reliance: 'fine detail' },
  jpeg: { label: 'JPEG 30', where: 'as JPEG of quality 30', reliance: 'detail that compression takes away' },
  noise: { label: 'noise', where: 'under noise', reliance: 'detail that noise drowns' },
  'half-size': { label: 'half size', where: 'at half the size', reliance: 'fine detail' },
  shifted: { label: 'shifted crops', where: 'under shifted crops', reliance: 'framing' },
  tighter: { label: 'tighter crops', where: 'under tighter crops', reliance: 'framing' },
  wider: { label: 'wider frame', where: 'in a wider frame', reliance: 'framing' },
  flipped: { label: 'flipped', where: 'flipped', reliance: 'which side things are on' },
};

/** Quality of the JPEG that a picture goes through. */
export const JPEG_QUALITY = 30;
/** Side of the tighter crop, and of the picture within the wider frame, by that of the picture. */
const TIGHTER = 0.7;
const WIDER = 0.7;
/** Side of the crop that is pushed into a corner. */
const SHIFTED = 0.8;
/** Standard deviation of the blur, by the picture's short side. */
const BLUR = 0.01;
/** Standard deviation of the noise, of 255 levels. */
const NOISE = 25;

/** Encodes a picture as JPEG and decodes it: the business of whoever has a codec. */
export type ThroughJpeg = (image: RgbImage, quality: number) => Promise<RgbImage>;

/**
 * The picture, perturbed.
 * @param index number of the picture in its set, on which noise and corner depend
 * @throws where it is to go through a JPEG and there is no codec
 */
export async function perturbed(
  image: RgbImage,
  perturbation: Perturbation,
  index: number,
  throughJpeg?: ThroughJpeg,
): Promise<RgbImage> {
  if (perturbation !== 'jpeg') return SIMPLE[perturbation](image, index);
  if (!throughJpeg) throw new Error('the perturbation jpeg needs an encoder, which there is in Node only');
  return throughJpeg(image, JPEG_QUALITY);
}

/** Pillow's `convert('L')` (ITU-R 601-2 luma) in all three channels. */
function grey({ width, height, pixels }: RgbImage): RgbImage {
  const out = newImage(width, height);
  for (let i = 0; i < pixels.length; i += 3) {
    const luma = (19595 * pixels[i] + 38470 * pixels[i + 1] + 7471 * pixels[i + 2] + 0x8000) >> 16;
    out.pixels.fill(luma, i, i + 3);
  }
  return out;
}

/** A Gaussian of 1 % of the short side, along x and then along y; beyond the edge its last pixel goes on. */
function blur(image: RgbImage): RgbImage {
  const sigma = BLUR * Math.min(image.width, image.height);
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return blurAlong(
    blurAlong(
      image,
      weights.map((w) => w / total),
      true,
    ),
    weights.map((w) => w / total),
    false,
  );
}

function blurAlong({ width, height, pixels }: RgbImage, weights: Float64Array, alongX: boolean): RgbImage {
  const out = newImage(width, height);
  const reach = (weights.length - 1) / 2;
  const [length, step, lines, pitch] = alongX ? [width, 3, height, 3 * width] : [height, 3 * width, width, 3];
  for (let line = 0; line < lines; line++)
    for (let at = 0; at < length; at++)
      for (let channel = 0; channel < 3; channel++) {
        const base = line * pitch + channel;
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          const from = Math.min(Math.max(at + k, 0), length - 1);
          sum += weights[k + reach] * pixels[base + from * step];
        }
        out.pixels[base + at * step] = Math.round(sum);
      }
  return out;
}

/** Gaussian noise on every value. */
function noise({ width, height, pixels }: RgbImage, index: number): RgbImage {
  const out = newImage(width, height);
  const key = randomKey(0, 'stress:noise', index);
  for (let i = 0; i < pixels.length; i++)
    out.pixels[i] = Math.min(Math.max(Math.round(pixels[i] + NOISE * normalAt(key, i)), 0), 255);
  return out;
}

/** Half as many pixels along each side; the network's own transform scales it up again. */
const halfSize = (image: RgbImage): RgbImage =>
  resize(image, Math.max(1, image.width >> 1), Math.max(1, image.height >> 1), 'bilinear');

/** Four fifths of each side, in one of the corners. */
const shifted = (image: RgbImage, index: number): RgbImage =>
  part(image, SHIFTED, index & 1, (index >> 1) & 1);

/** A share of each side; `x` and `y` from 0 (left, top) to 1. */
function part(image: RgbImage, share: number, x: number, y: number): RgbImage {
  const width = Math.max(1, Math.round(share * image.width));
  const height = Math.max(1, Math.round(share * image.height));
  const area: Rectangle = {
    left: Math.round(x * (image.width - width)),
    top: Math.round(y * (image.height - height)),
    width,
    height,
  };
  return crop(image, area);
}

/** The picture at seven tenths of its size, the frame around it filled with its mirror images. */
function wider(image: RgbImage): RgbImage {
  const { width, height } = image;
  const [w, h] = [Math.max(1, Math.round(WIDER * width)), Math.max(1, Math.round(WIDER * height))];
  const small = resizedCrop(image, { left: 0, top: 0, width, height }, w, h, 'bilinear');
  const out = newImage(width, height);
  const [left, top] = [(width - w) >> 1, (height - h) >> 1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (mirrored(y - top, h) * w + mirrored(x - left, w));
      out.pixels.set(small.pixels.subarray(from, from + 3), 3 * (y * width + x));
    }
  return out;
}

/** Place within 0 … length − 1 of what lies beyond it, the edge repeated: −1 is 0, length is length − 1. */
function mirrored(at: number, length: number): number {
  const turn = ((at % (2 * length)) + 2 * length) % (2 * length);
  return turn < length ? turn : 2 * length - 1 - turn;
}

function flipped({ width, height, pixels }: RgbImage): RgbImage {
  const out = newImage(width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + width - 1 - x);
      out.pixels.set(pixels.subarray(from, from + 3), 3 * (y * width + x));
    }
  return out;
}

const SIMPLE: Record<Exclude<Perturbation, 'jpeg'>, (image: RgbImage, index: number) => RgbImage> = {
  grey,
  blur,
  noise,
  'half-size': halfSize,
  shifted,
  tighter: (image) => part(image, TIGHTER, 0.5, 0.5),
  wider,
  flipped,
};
