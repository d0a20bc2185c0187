/**
 * From a decoded picture to the network's input: torchvision's `Resize`, `CenterCrop`, `RandomResizedCrop`,
 * `RandomHorizontalFlip` and `Normalize` on 8-bit pictures, with its roundings, into NHWC float32.
 * Random numbers are handed in (src/tensor/random.ts), so that a transform is a pure function.
 */
import type { ResizeFilter } from '../kernels/image/resize-coefficients.ts';
import type { Random } from '../tensor/random.ts';
import { all, among, list, number, object, optional, type Rule, rule, whole } from '../text/rules.ts';
import { crop, type Rectangle, type RgbImage } from './image.ts';
import { resizedCrop, resizedPart } from './resize.ts';

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
}

const ordered = rule((pair) => Array.isArray(pair) && pair[0] <= pair[1], 'a smaller and a larger number');

/** `Augmentation` out of a file. */
export const AUGMENTATION: Rule = object({
  scale: optional(all(list(number(1e-6, 1), 2, 2), ordered)),
  ratio: optional(all(list(number(1e-3, 1e3), 2, 2), ordered)),
  flip: optional(number(0, 1)),
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
    normalize(resizedCentre(image, resizeSize, inputSize, interpolation), false, out);
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

/** torchvision's training preset: `RandomResizedCrop(inputSize)`, `RandomHorizontalFlip`, `Normalize`. */
export function trainTransform(preprocessing: Preprocessing, augmentation: Augmentation = {}): Transform {
  const { inputSize, interpolation } = preprocessing;
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], flip = 0.5 } = augmentation;
  if (!(scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1 && ratio[0] > 0 && ratio[0] <= ratio[1])) {
    throw new Error(
      `augmentation: scale must lie within 0 to 1 and ratio above 0, each smaller value first, not ` +
        `scale [${scale}], ratio [${ratio}]`,
    );
  }
  const normalize = normalizer(preprocessing);
  return (image, random, out = newInput(inputSize)) => {
    const area = randomCropArea(image.width, image.height, random, scale, ratio);
    const square = resizedCrop(image, area, inputSize, inputSize, interpolation);
    normalize(square, random(FLIP_COUNTER) < flip, out);
    return out;
  };
}

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

const CROP_TRIES = 10;
const FLIP_COUNTER = 4 * CROP_TRIES;

/**
 * The rectangle that `RandomResizedCrop` cuts out: a share of the area from `scale`, an aspect ratio drawn
 * evenly on a logarithmic axis from `ratio`, anywhere in the picture; after ten tries that do not fit, the
 * largest centred rectangle whose aspect is allowed. Draws counters 0 … 39, four a try. Rounds to float32
 * where torchvision does.
 */
export function randomCropArea(
  width: number,
  height: number,
  random: Random,
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Rectangle {
  const [lowLog, highLog] = ratio.map((r) => Math.fround(Math.log(Math.fround(r))));
  for (let t = 0; t < CROP_TRIES; t++) {
    const area = width * height * uniform32(random(4 * t), scale[0], scale[1]);
    const aspect = Math.fround(Math.exp(uniform32(random(4 * t + 1), lowLog, highLog)));
    const w = roundHalfEven(Math.sqrt(area * aspect));
    const h = roundHalfEven(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = Math.floor(random(4 * t + 2) * (height - h + 1));
      const left = Math.floor(random(4 * t + 3) * (width - w + 1));
      return { left, top, width: w, height: h };
    }
  }
  let [w, h] = [width, height];
  if (width / height < ratio[0]) h = Math.min(height, roundHalfEven(width / ratio[0]));
  else if (width / height > ratio[1]) w = Math.min(width, roundHalfEven(height * ratio[1]));
  // a strip of one pixel can round to nothing
  [w, h] = [Math.max(w, 1), Math.max(h, 1)];
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** PyTorch's `uniform_(low, high)` in float32, from a uniform number in [0, 1). */
function uniform32(u: number, low: number, high: number): number {
  return Math.fround(Math.fround(u * Math.fround(high - low)) + Math.fround(low));
}

/** Rounds to the nearest integer, halves to the even one, as Python's `round`. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

function newInput(size: number): Float32Array {
  return new Float32Array(size * size * 3);
}

/**
 * `ToTensor` and `Normalize`: (pixel / 255 − mean) / std, rounded to float32 after each step as PyTorch does,
 * by a table of 256 values a channel. The function writes the picture, mirrored or not, into `out`.
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
  return ({ width, height, pixels }: RgbImage, mirrored: boolean, out: Float32Array): void => {
    if (out.length !== width * height * 3) {
      throw new Error(`transform: ${width} × ${height} × 3 values do not fit an array of ${out.length}`);
    }
    const step = mirrored ? -3 : 3;
    let o = 0;
    for (let y = 0; y < height; y++) {
      let from = (y * width + (mirrored ? width - 1 : 0)) * 3;
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
