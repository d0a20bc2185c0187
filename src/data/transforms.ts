/**
 * From a decoded picture to the network's input: torchvision's `Resize`, `CenterCrop`, `RandomResizedCrop`, random flips,
 * `ColorJitter`, `Normalize` and `RandomErasing` on 8-bit pictures, with its roundings, into NHWC float32.
 * Random numbers are handed in (src/tensor/random.ts), so that a transform is a pure function. What varies has counters of
 * its own, so that one more of it leaves the numbers of the others alone.
 */
import type { ResizeFilter } from '../kernels/image/resize-coefficients.ts';
import type { Random } from '../tensor/random.ts';
import { all, among, demand, list, number, object, optional, type Rule, rule, whole } from '../text/rules.ts';
import { COLOR_JITTER, type ColorJitter, jitterColors } from './color-jitter.ts';
import { crop, type RgbImage } from './image.ts';
import { CROP_DRAWS, randomCropArea } from './random-crop.ts';
import { erase, randomErasure } from './random-erasing.ts';
import { resizedCrop, resizedPart } from './resize.ts';
import { roundHalfEven } from './rounding.ts';

/** How a network wants its pictures; torchvision keeps the same fields with each set of weights. */
export interface Preprocessing {
  /** Side of the square input in pixels: `CenterCrop(inputSize)`, `RandomResizedCrop(inputSize)`. */
  inputSize: number;
  /** Short side before the centre crop, in pixels: `Resize(resizeSize)`. */
  resizeSize: number;
  interpolation: ResizeFilter;
  /** Mean of each channel, for pixels from 0 to 1. */
  mean: readonly [number, number, number];
  /** Standard deviation of each channel, for pixels from 0 to 1. */
  std: readonly [number, number, number];
}

/** Largest side of a network's input, pixels. */
export const MOST_SIZE = 4096;

/** `Preprocessing` out of a file. Deviations down to 1/255 and means up to 255 are those of pixels that are not divided. */
export const PREPROCESSING: Rule = object({
  inputSize: whole(1, MOST_SIZE),
  resizeSize: whole(1, 2 * MOST_SIZE),
  interpolation: among(['bilinear', 'bicubic']),
  mean: list(number(-1000, 1000), 3, 3),
  std: list(number(0.001, 1000), 3, 3),
} satisfies Record<keyof Preprocessing, Rule>);

/** What `trainTransform` varies. */
export interface Augmentation {
  /** Range of the crop's share of the picture's area. Default (0.08, 1), as in torchvision. */
  scale?: readonly [number, number];
  /** Range of the crop's width divided by its height. Default (3/4, 4/3), as in torchvision. */
  ratio?: readonly [number, number];
  /** Probability of a horizontal flip. Default 0.5. */
  flip?: number;
  /** Probability of a vertical flip, for pictures without an up and down. Default 0. */
  verticalFlip?: number;
  /** Default: colours stay. */
  colorJitter?: ColorJitter;
  /** Probability that a rectangle is erased (random-erasing.ts). Default 0. */
  erase?: number;
}

/** What an augmentation does where it does not say. */
export const USUAL_AUGMENTATION: Required<Augmentation> = {
  scale: [0.08, 1],
  ratio: [3 / 4, 4 / 3],
  flip: 0.5,
  verticalFlip: 0,
  colorJitter: {},
  erase: 0,
};

const ordered = rule((pair) => Array.isArray(pair) && pair[0] <= pair[1], 'a smaller and a larger number');

/** `Augmentation` out of a file. */
export const AUGMENTATION: Rule = object({
  scale: optional(all(list(number(1e-6, 1), 2, 2), ordered)),
  ratio: optional(all(list(number(1e-3, 1e3), 2, 2), ordered)),
  flip: optional(number(0, 1)),
  verticalFlip: optional(number(0, 1)),
  colorJitter: optional(COLOR_JITTER),
  erase: optional(number(0, 1)),
} satisfies Record<keyof Augmentation, Rule>);

/**
 * Writes the picture into `out`, `[inputSize, inputSize, 3]` (a new array where it is left out), and returns
 * it. The same picture and the same random stream give the same values.
 */
export type Transform = (image: RgbImage, random: Random, out?: Float32Array) => Float32Array;

/** torchvision's evaluation preset: `Resize(resizeSize)`, `CenterCrop(inputSize)`, `Normalize(mean, std)`. */
export function evalTransform(preprocessing: Preprocessing): Transform {
  const { inputSize, resizeSize, interpolation } = preprocessing;
  const normalize = normalizer(preprocessing);
  return (image, _random, out = newInput(inputSize)) => {
    normalize(resizedCentre(image, resizeSize, inputSize, interpolation), UPRIGHT, out);
    return out;
  };
}

/**
 * What a network sees of a picture under `evalTransform`, for people to look at: the same part of it, on `side` pixels in
 * place of `inputSize`, in its own colours.
 */
export function networkView(
  image: RgbImage,
  { inputSize, resizeSize, interpolation }: Preprocessing,
  side: number = inputSize,
): RgbImage {
  return resizedCentre(image, Math.round((resizeSize * side) / inputSize), side, interpolation);
}

/** The counters of what varies, each behind those of the one before. */
const FLIP = CROP_DRAWS;
const VERTICAL_FLIP = FLIP + 1;
const JITTER = FLIP + 8;
const ERASE = JITTER + 8;

/**
 * torchvision's training preset: `RandomResizedCrop(inputSize)`, `RandomHorizontalFlip`, `RandomVerticalFlip`,
 * `ColorJitter`, `Normalize`, `RandomErasing`.
 * @throws RangeError where the augmentation makes no sense
 */
export function trainTransform(preprocessing: Preprocessing, augmentation: Augmentation = {}): Transform {
  demand(AUGMENTATION, augmentation, 'augmentation');
  const { inputSize, interpolation } = preprocessing;
  const usual = USUAL_AUGMENTATION;
  const { scale = usual.scale, ratio = usual.ratio, flip = usual.flip } = augmentation;
  const { verticalFlip = usual.verticalFlip, colorJitter = usual.colorJitter } = augmentation;
  const { erase: erased = usual.erase } = augmentation;
  const normalize = normalizer(preprocessing);
  return (image, random, out = newInput(inputSize)) => {
    const area = randomCropArea(image.width, image.height, random, scale, ratio);
    const square = resizedCrop(image, area, inputSize, inputSize, interpolation);
    const coloured = jitterColors(square, colorJitter, from(JITTER, random));
    normalize(
      coloured,
      { mirrored: random(FLIP) < flip, overturned: random(VERTICAL_FLIP) < verticalFlip },
      out,
    );
    const hole = randomErasure(inputSize, inputSize, from(ERASE, random), erased);
    if (hole) erase(out, inputSize, hole);
    return out;
  };
}

/** A stream whose counter 0 is counter `first` of another. */
const from =
  (first: number, random: Random): Random =>
  (counter) =>
    random(first + counter);

/**
 * `Resize(shortSide)`, then `CenterCrop(size)`. The short side becomes `shortSide`, the long side keeps the aspect, rounded
 * down. The crop's margin is rounded half to even, as Python rounds: 341 − 224 = 117 gives 58. A picture that is smaller
 * than the crop is set into black, the odd pixel of the border going right and below. Only what the crop shows is resized.
 */
export function resizedCentre(
  image: RgbImage,
  shortSide: number,
  size: number,
  filter: ResizeFilter,
): RgbImage {
  const { width, height } = image;
  const long = Math.trunc((shortSide * Math.max(width, height)) / Math.min(width, height));
  const [w, h] = width <= height ? [shortSide, long] : [long, shortSide];
  const margin = (length: number) =>
    length < size ? -Math.floor((size - length) / 2) : roundHalfEven((length - size) / 2);
  const [left, top] = [margin(w), margin(h)];
  const window = {
    left: Math.max(left, 0),
    top: Math.max(top, 0),
    width: Math.min(w, size),
    height: Math.min(h, size),
  };
  const part = resizedPart(image, w, h, filter, window);
  if (part.width === size && part.height === size) return part;
  return crop(part, { left: Math.min(left, 0), top: Math.min(top, 0), width: size, height: size });
}

/** Whether a picture is flipped left to right, and upside down. */
interface Flips {
  mirrored: boolean;
  overturned: boolean;
}

const UPRIGHT: Flips = { mirrored: false, overturned: false };

function newInput(size: number): Float32Array {
  return new Float32Array(size * size * 3);
}

/**
 * `ToTensor` and `Normalize`: (pixel / 255 − mean) / std, rounded to float32 after each step as PyTorch does,
 * by a table of 256 values a channel. The function writes the picture, flipped or not, into `out`.
 */
function normalizer({ mean, std }: Preprocessing) {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    const [m, s] = [Math.fround(mean[channel]), Math.fround(std[channel])];
    if (!(s > 0) || Number.isNaN(m)) {
      throw new Error(
        `preprocessing: mean must be numbers and std must be positive, not [${mean}], [${std}]`,
      );
    }
    for (let v = 0; v < 256; v++) {
      table[channel * 256 + v] = Math.fround(Math.fround(Math.fround(v / 255) - m) / s);
    }
  }
  return ({ width, height, pixels }: RgbImage, { mirrored, overturned }: Flips, out: Float32Array): void => {
    if (out.length !== width * height * 3) {
      throw new Error(`transform: ${width} × ${height} × 3 values do not fit an array of ${out.length}`);
    }
    const step = mirrored ? -3 : 3;
    let o = 0;
    for (let y = 0; y < height; y++) {
      const row = overturned ? height - 1 - y : y;
      let from = (row * width + (mirrored ? width - 1 : 0)) * 3;
      for (let x = 0; x < width; x++) {
        out[o] = table[pixels[from]];
        out[o + 1] = table[256 + pixels[from + 1]];
        out[o + 2] = table[512 + pixels[from + 2]];
        o += 3;
        from += step;
      }
    }
  };
}
