/**
 * Where a picture comes to lie in a network's input, whose shape is seldom its own. Its aspect is kept either way:
 *
 *   crop   it covers the input, and what reaches out is cut away: torchvision's `Resize(side)` and `CenterCrop`; of an input
 *          that is no square timm's `ResizeKeepRatio` and `CenterCrop`
 *   pad    it lies in the input whole, in the middle, in a border of the mean colour: YOLO's letterbox, timm's
 *          `crop_mode='border'`, Pillow's `ImageOps.pad`
 *
 *     ┌───────┐              ┌───────┐
 *   ┌─┼───────┼─┐            │▒▒▒▒▒▒▒│      w, h: the picture, resized; left, top: where the input's first pixel
 *   │ │ crop  │ │            ├───────┤      lies in it, negative in a border
 *   └─┼───────┼─┘            │  pad  │
 *     └───────┘              ├───────┤
 *                            │▒▒▒▒▒▒▒│
 *                            └───────┘
 */
import type { Random } from '../tensor/random.ts';
import type { Rectangle } from './image.ts';
import { heightWidth, type InputSize } from './input-size.ts';
import { logUniform32, roundHalfEven } from './rounding.ts';

/** How a picture fits into the network's input. */
export const FITS = ['crop', 'pad'] as const;
export type Fit = (typeof FITS)[number];

/** Of `Preprocessing` (transforms.ts), what decides where a picture lies. */
export interface Fitting {
  inputSize: InputSize;
  resizeSize: InputSize;
  /** Default: 'crop'. */
  fit?: Fit | undefined;
  mean: readonly [number, number, number];
}

/** A resized picture and the input: `left`, `top` are the input's first pixel in the picture, negative in a border. */
export interface Placed {
  width: number;
  height: number;
  left: number;
  top: number;
}

interface Sides {
  width: number;
  height: number;
}

/**
 * The resized picture's sides. To one number a cropped picture's shorter side is resized, the other rounded down, as
 * torchvision does. Else both sides are divided by one ratio and rounded half to even, as timm and Pillow do: by
 * max(h / H, w / W) for 'pad', by the smaller of the two for 'crop'; no side becomes less than a pixel.
 * @param zoom times as large
 */
export function resizedSides(
  { width, height }: Sides,
  { resizeSize, fit = 'crop' }: Pick<Fitting, 'resizeSize' | 'fit'>,
  zoom = 1,
): Sides {
  if (fit === 'crop' && typeof resizeSize === 'number') {
    const long = Math.trunc((resizeSize * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? { width: resizeSize, height: long } : { width: long, height: resizeSize };
  }
  const [H, W] = heightWidth(resizeSize);
  const ratio = (fit === 'pad' ? Math.max : Math.min)(height / H, width / W);
  const side = (length: number): number => Math.max(1, roundHalfEven((length * zoom) / ratio));
  return { width: side(width), height: side(height) };
}

/**
 * In the middle of the input. What is cut away is halved half to even, as Python rounds: 341 − 224 = 117 gives 58 on the left.
 * Of a border the odd pixel goes right and below.
 */
export function placed(image: Sides, fitting: Fitting): Placed {
  const sides = resizedSides(image, fitting);
  const [H, W] = heightWidth(fitting.inputSize);
  const margin = (length: number, size: number): number =>
    length < size ? -Math.floor((size - length) / 2) : roundHalfEven((length - size) / 2);
  return { ...sides, left: margin(sides.width, W), top: margin(sides.height, H) };
}

/**
 * A training view of a picture that is padded: a share u of its area is drawn as for a crop, evenly on a logarithmic axis, and
 * it is either enlarged to 1/u of its area or shrunk to u of it; it lies anywhere in the input, or, where a side is longer than
 * the input's, covers it (timm's `RandomCropOrPad`). Shares of 1 leave it as `placed` has it. Draws counters 0 to 3.
 */
export function placedAtRandom(
  image: Sides,
  fitting: Fitting,
  random: Random,
  scale: readonly [number, number],
): Placed {
  if (scale[0] === 1) return placed(image, fitting);
  const zoom = Math.sqrt(logUniform32(random(0), scale));
  const { width, height } = resizedSides(image, fitting, random(1) < 0.5 ? zoom : 1 / zoom);
  const [H, W] = heightWidth(fitting.inputSize);
  const place = (spare: number, u: number): number =>
    Math.sign(spare) * Math.floor(u * (Math.abs(spare) + 1));
  return { width, height, left: place(width - W, random(3)), top: place(height - H, random(2)) };
}

/** The part of a resized picture that the input shows. */
export function shownPart({ width, height, left, top }: Placed, inputSize: InputSize): Rectangle {
  const [H, W] = heightWidth(inputSize);
  const [x, y] = [Math.max(left, 0), Math.max(top, 0)];
  return { left: x, top: y, width: Math.min(width, left + W) - x, height: Math.min(height, top + H) - y };
}

/** The input's pixels that show the picture under the evaluation transform, and no border. */
export function ownPart(image: Sides, fitting: Fitting): Rectangle {
  const at = placed(image, fitting);
  const { width, height } = shownPart(at, fitting.inputSize);
  return { left: Math.max(-at.left, 0), top: Math.max(-at.top, 0), width, height };
}

/** What the border holds: the mean colour for 'pad', which normalises to about 0; black around a crop, as in torchvision. */
export function borderColour({ fit, mean }: Pick<Fitting, 'fit' | 'mean'>): [number, number, number] {
  if (fit !== 'pad') return [0, 0, 0];
  const level = (m: number): number => Math.max(0, Math.min(255, roundHalfEven(255 * m)));
  return [level(mean[0]), level(mean[1]), level(mean[2])];
}
