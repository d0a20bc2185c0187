/**
 * Colour jitter: brightness, contrast, saturation and hue of a picture changed by drawn factors in a drawn order, as
 * torchvision's `ColorJitter` does with Pillow's 8-bit pictures, roundings included. Each change is a pure function.
 *
 *   brightness, contrast, saturation     v ← d + f · (v − d)     d: black; the mean grey; the pixel's own grey
 *   hue                                  turned by f of the colour circle, in steps of 1/255
 *
 * d + f · (v − d) is computed in float32 and cut off to 0 … 255, not rounded, as Pillow's `Image.blend` does it.
 */
import type { Random } from '../tensor/random.ts';
import { number, object, optional, type Rule } from '../text/rules.ts';
import { newImage, type RgbImage } from './image.ts';
import { uniform32 } from './rounding.ts';

/** How far each property may change: torchvision's arguments of the same names, each 0 where it is left out. */
export interface ColorJitter {
  /** The factor comes from [max(0, 1 − brightness), 1 + brightness]; so for contrast and saturation. */
  brightness?: number;
  contrast?: number;
  saturation?: number;
  /** The turn comes from [−hue, hue]; 0.5 is half of the circle, any colour. */
  hue?: number;
}

const strength = optional(number(0, 100));

/** `ColorJitter` out of a file. */
export const COLOR_JITTER: Rule = object({
  brightness: strength,
  contrast: strength,
  saturation: strength,
  hue: optional(number(0, 0.5)),
} satisfies Record<keyof ColorJitter, Rule>);

type Change = (image: RgbImage, factor: number) => RgbImage;

/** [what changes, by which function, the factor that changes nothing], in torchvision's order. */
const CHANGES: readonly [property: keyof ColorJitter, change: Change, neutral: 0 | 1][] = [
  ['brightness', adjustBrightness, 1],
  ['contrast', adjustContrast, 1],
  ['saturation', adjustSaturation, 1],
  ['hue', adjustHue, 0],
];

/**
 * The picture with all four changes in random order. Draws counters 0 … 3 for the factors, 4 … 6 for the order, whatever
 * the strengths.
 */
export function jitterColors(image: RgbImage, jitter: ColorJitter, random: Random): RgbImage {
  const order = [...CHANGES.keys()];
  for (let i = 3; i > 0; i--) {
    const j = Math.floor(random(3 + i) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.reduce((picture, index) => {
    const [property, change, neutral] = CHANGES[index];
    const strength = jitter[property] ?? 0;
    if (strength === 0) return picture;
    const low = neutral === 0 ? -strength : Math.max(0, 1 - strength);
    return change(picture, uniform32(random(index), low, neutral + strength));
  }, image);
}

/** 0: black, 1: the picture itself, 2: twice as bright. torchvision: `adjust_brightness`. */
export function adjustBrightness(image: RgbImage, factor: number): RgbImage {
  return byTable(image, (v) => blend(0, v, factor));
}

/** 0: its mean grey, 1: the picture itself. torchvision: `adjust_contrast`. */
export function adjustContrast(image: RgbImage, factor: number): RgbImage {
  const { pixels } = image;
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) sum += greyOf(pixels[i], pixels[i + 1], pixels[i + 2]);
  const mean = Math.floor(sum / (pixels.length / 3) + 0.5);
  return byTable(image, (v) => blend(mean, v, factor));
}

/** 0: a grey picture, 1: the picture itself. torchvision: `adjust_saturation`. */
export function adjustSaturation(image: RgbImage, factor: number): RgbImage {
  return byPixel(image, (r, g, b, out, i) => {
    const grey = greyOf(r, g, b);
    put(out, i, blend(grey, r, factor), blend(grey, g, factor), blend(grey, b, factor));
  });
}

/**
 * Turns the colours by `factor` of the circle, −0.5 … 0.5; greys stay. torchvision: `adjust_hue`, by way of Pillow's
 * 8-bit HSV, which costs a little of the colour even where the turn is 0.
 */
export function adjustHue(image: RgbImage, factor: number): RgbImage {
  const turn = Math.trunc(factor * 255) & 255;
  return byPixel(image, (r, g, b, out, i) => {
    const v = Math.max(r, g, b);
    const range = v - Math.min(r, g, b);
    const s = range === 0 ? 0 : Math.trunc(Math.fround(range / v) * 255);
    if (s === 0) put(out, i, v, v, v);
    else fromHsv((hueOf(r, g, b, v, range) + turn) & 255, s, v, out, i);
  });
}

/** Pillow's `Image.blend` of two values: in float32, cut off to a byte. */
function blend(from: number, to: number, factor: number): number {
  const value = Math.fround(from + Math.fround(Math.fround(factor) * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** Pillow's `convert('L')`: ITU-R 601-2 luma in 16-bit fixed point. */
function greyOf(r: number, g: number, b: number): number {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

/** Hue as Pillow's 8-bit HSV has it, 0 … 255 once around the circle; `range` is above 0. */
function hueOf(r: number, g: number, b: number, largest: number, range: number): number {
  const rc = Math.fround((largest - r) / range);
  const gc = Math.fround((largest - g) / range);
  const bc = Math.fround((largest - b) / range);
  const sixths = r === largest ? bc - gc : g === largest ? 2 + rc - bc : 4 + gc - rc;
  const turns = Math.fround(sixths) / 6 + 1;
  return Math.trunc(Math.fround(turns < 1 ? turns : turns - 1) * 255);
}

/** The colour of Pillow's 8-bit HSV, written to `out` at `i`. */
function fromHsv(h: number, s: number, v: number, out: Uint8Array, i: number): void {
  const sector = Math.floor((h * 6) / 255);
  const f = Math.fround((h * 6) / 255 - sector);
  const fs = Math.fround(s / 255);
  const p = Math.round(v * (1 - fs));
  const q = Math.round(v * (1 - Math.fround(fs * f)));
  const t = Math.round(v * (1 - fs * (1 - f)));
  if (sector === 1) put(out, i, q, v, p);
  else if (sector === 2) put(out, i, p, v, t);
  else if (sector === 3) put(out, i, p, q, v);
  else if (sector === 4) put(out, i, t, p, v);
  else if (sector === 5) put(out, i, v, p, q);
  else put(out, i, v, t, p); // 0, or 6: once around
}

function put(out: Uint8Array, i: number, r: number, g: number, b: number): void {
  out[i] = r;
  out[i + 1] = g;
  out[i + 2] = b;
}

function byTable(image: RgbImage, value: (v: number) => number): RgbImage {
  const table = Uint8Array.from({ length: 256 }, (_, v) => value(v));
  const out = newImage(image.width, image.height);
  for (const [i, v] of image.pixels.entries()) out.pixels[i] = table[v];
  return out;
}

function byPixel(
  { width, height, pixels }: RgbImage,
  change: (r: number, g: number, b: number, out: Uint8Array, i: number) => void,
): RgbImage {
  const out = newImage(width, height);
  for (let i = 0; i < pixels.length; i += 3) change(pixels[i], pixels[i + 1], pixels[i + 2], out.pixels, i);
  return out;
}
