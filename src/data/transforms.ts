/**
 * From a decoded picture to the network's input: torchvision's `Resize`, `CenterCrop`, `RandomResizedCrop`, random flips,
 * `ColorJitter`, `Normalize` and `RandomErasing` on 8-bit pictures, with its roundings, into NHWC float32; or the whole
 * picture with a border (`Preprocessing.fit`). Where a picture comes to lie: placing.ts.
 * Random numbers are handed in (src/tensor/random.ts), so that a transform is a pure function. What varies has counters of
 * its own, so that one more of it leaves the numbers of the others alone.
 */
import type { ResizeFilter } from '../kernels/image/resize-coefficients.ts';
import type { Random } from '../tensor/random.ts';
import { all, among, demand, list, number, object, optional, type Rule, rule } from '../text/rules.ts';
import { COLOR_JITTER, type ColorJitter, jitterColors } from './color-jitter.ts';
import { crop, type RgbImage } from './image.ts';
import {
  heightWidth,
  type InputSize,
  inputSizeUpTo,
  longerSide,
  MOST_SIZE,
  mapSides,
  pixelsOf,
} from './input-size.ts';
import {
  borderColour,
  FITS,
  type Fit,
  type Fitting,
  ownPart,
  type Placed,
  placed,
  placedAtRandom,
  shownPart,
} from './placing.ts';
import { CROP_DRAWS, randomCropArea } from './random-crop.ts';
import { erase, randomErasure } from './random-erasing.ts';
import { resizedCrop, resizedPart } from './resize.ts';

/** How a network wants its pictures; torchvision keeps the same fields with each set of weights. */
export interface Preprocessing {
  /** The input in pixels, a side or [height, width]: `CenterCrop(inputSize)`, `RandomResizedCrop(inputSize)`. */
  inputSize: InputSize;
  /**
   * What a picture is resized to before the centre crop, in pixels: its shorter side, `Resize(resizeSize)`; or a height and
   * width that it covers, or with 'pad' lies in.
   */
  resizeSize: InputSize;
  /** Whether the picture covers the input or lies in it whole, with a border (placing.ts). Default: 'crop'. */
  fit?: Fit | undefined;
  interpolation: ResizeFilter;
  /** Mean of each channel, for pixels from 0 to 1. */
  mean: readonly [number, number, number];
  /** Standard deviation of each channel, for pixels from 0 to 1. */
  std: readonly [number, number, number];
}

/** `Preprocessing` out of a file. Deviations down to 1/255 and means up to 255 are those of pixels that are not divided. */
export const PREPROCESSING: Rule = object({
  inputSize: inputSizeUpTo(MOST_SIZE),
  resizeSize: inputSizeUpTo(2 * MOST_SIZE),
  fit: optional(among(FITS)),
  interpolation: among(['bilinear', 'bicubic']),
  mean: list(number(-1000, 1000), 3, 3),
  std: list(number(0.001, 1000), 3, 3),
} satisfies Record<keyof Preprocessing, Rule>);

/** What `trainTransform` varies. */
export interface Augmentation {
  /** Range of the crop's share of the picture's area. Default (0.08, 1), as in torchvision. */
  scale?: readonly [number, number];
  /**
   * Range of the crop's width divided by its height, as parts of the input's own. Default (3/4, 4/3), as in torchvision, which
   * takes them as they are for inputs that are no squares, and so squeezes what validation does not.
   */
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
 * Writes the picture into `out`, `[height, width, 3]` of the input (a new array where it is left out), and returns
 * it. The same picture and the same random stream give the same values.
 */
export type Transform = (image: RgbImage, random: Random, out?: Float32Array) => Float32Array;

/** torchvision's evaluation preset: `Resize(resizeSize)`, `CenterCrop(inputSize)`, `Normalize(mean, std)`; or with a border. */
export function evalTransform(preprocessing: Preprocessing): Transform {
  const normalize = normalizer(preprocessing);
  return (image, _random, out = newInput(preprocessing.inputSize)) => {
    normalize(inInput(image, placed(image, preprocessing), preprocessing), UPRIGHT, out);
    return out;
  };
}

/** The same preprocessing on an input whose longer side has `side` pixels. */
export function viewedAt<Some extends Pick<Preprocessing, 'inputSize' | 'resizeSize'>>(
  preprocessing: Some,
  side: number,
): Some {
  const longer = longerSide(preprocessing.inputSize);
  const scaled = (size: InputSize): InputSize =>
    mapSides(size, (length) => Math.max(1, Math.round((length * side) / longer)));
  const { inputSize, resizeSize } = preprocessing;
  return { ...preprocessing, inputSize: scaled(inputSize), resizeSize: scaled(resizeSize) };
}

/**
 * What a network sees of a picture under `evalTransform`, for people to look at: the same part of it, in its own colours, on
 * `side` pixels in place of the input's longer side.
 */
export function networkView(
  image: RgbImage,
  preprocessing: Fitting & Pick<Preprocessing, 'interpolation'>,
  side: number = longerSide(preprocessing.inputSize),
): RgbImage {
  const viewed = viewedAt(preprocessing, side);
  return inInput(image, placed(image, viewed), viewed);
}

/** As `networkView`, without a border: of a picture that is padded the whole, on about `side` pixels of its longer side. */
export function ownView(
  image: RgbImage,
  preprocessing: Fitting & Pick<Preprocessing, 'interpolation'>,
  side: number,
): RgbImage {
  const longer = longerSide(preprocessing.inputSize);
  const { width, height } = ownPart(image, preprocessing);
  const viewed = viewedAt(preprocessing, Math.round((side * longer) / Math.max(width, height)));
  return crop(inInput(image, placed(image, viewed), viewed), ownPart(image, viewed));
}

/** The counters of what varies, each behind those of the one before. */
const FLIP = CROP_DRAWS;
const VERTICAL_FLIP = FLIP + 1;
const JITTER = FLIP + 8;
const ERASE = JITTER + 8;

/**
 * torchvision's training preset: `RandomResizedCrop(inputSize)`, `RandomHorizontalFlip`, `RandomVerticalFlip`,
 * `ColorJitter`, `Normalize`, `RandomErasing`. A picture that is padded is not cut out and squeezed: it is drawn larger or
 * smaller and somewhere else (`placedAtRandom`), its `ratio` stays, and no colour of the border is changed.
 * @throws RangeError where the augmentation makes no sense
 */
export function trainTransform(preprocessing: Preprocessing, augmentation: Augmentation = {}): Transform {
  demand(AUGMENTATION, augmentation, 'augmentation');
  const { inputSize, interpolation, fit } = preprocessing;
  const [height, width] = heightWidth(inputSize);
  const usual = USUAL_AUGMENTATION;
  const { scale = usual.scale, flip = usual.flip } = augmentation;
  const [narrow, wide] = augmentation.ratio ?? usual.ratio;
  const ratio = [(narrow * width) / height, (wide * width) / height] as const;
  const { verticalFlip = usual.verticalFlip, colorJitter = usual.colorJitter } = augmentation;
  const { erase: erased = usual.erase } = augmentation;
  const normalize = normalizer(preprocessing);
  return (image, random, out = newInput(inputSize)) => {
    const coloured = (part: RgbImage): RgbImage => jitterColors(part, colorJitter, from(JITTER, random));
    const seen = (): RgbImage => {
      if (fit === 'pad')
        return inInput(image, placedAtRandom(image, preprocessing, random, scale), preprocessing, coloured);
      const area = randomCropArea(image.width, image.height, random, scale, ratio);
      return coloured(resizedCrop(image, area, width, height, interpolation));
    };
    normalize(
      seen(),
      { mirrored: random(FLIP) < flip, overturned: random(VERTICAL_FLIP) < verticalFlip },
      out,
    );
    const hole = randomErasure(width, height, from(ERASE, random), erased);
    if (hole) erase(out, width, hole);
    return out;
  };
}

/** A stream whose counter 0 is counter `first` of another. */
const from =
  (first: number, random: Random): Random =>
  (counter) =>
    random(first + counter);

/**
 * The input with a picture in its place. Only what the input shows is resized.
 * @param change of the resized pixels, before there is a border
 */
export function inInput(
  image: RgbImage,
  at: Placed,
  preprocessing: Fitting & Pick<Preprocessing, 'interpolation'>,
  change: (part: RgbImage) => RgbImage = (part) => part,
): RgbImage {
  const { inputSize, interpolation } = preprocessing;
  const [height, width] = heightWidth(inputSize);
  const part = change(resizedPart(image, at.width, at.height, interpolation, shownPart(at, inputSize)));
  if (part.width === width && part.height === height) return part;
  const corner = { left: Math.min(at.left, 0), top: Math.min(at.top, 0) };
  return crop(part, { ...corner, width, height }, borderColour(preprocessing));
}

/** Whether a picture is flipped left to right, and upside down. */
interface Flips {
  mirrored: boolean;
  overturned: boolean;
}

const UPRIGHT: Flips = { mirrored: false, overturned: false };

function newInput(size: InputSize): Float32Array {
  return new Float32Array(pixelsOf(size) * 3);
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
