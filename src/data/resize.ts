/**
 * Antialiased resize of 8-bit RGB pictures, bit for bit what Pillow's `Image.resize` gives (and so what
 * torchvision's `Resize` gives on Pillow images): integer coefficients, one pass along each axis, rounded and
 * clipped to 8 bits after each. The coefficients and the order of the passes: src/kernels/image/resize-coefficients.ts.
 */
import {
  RESIZE_PRECISION_BITS,
  type ResizeCoefficients,
  type ResizeFilter,
  resizeCoefficients,
  resizesVerticallyFirst,
} from '../kernels/image/resize-coefficients.ts';
import { newImage, type Rectangle, type RgbImage } from './image.ts';

/** A part of a picture in pixels, fractions allowed: Pillow's `box`. */
export type ResizeBox = readonly [left: number, top: number, right: number, bottom: number];

const HALF = 1 << (RESIZE_PRECISION_BITS - 1);

/**
 * Resizes a picture, or the part `box` of it, to `width` × `height`, as Pillow's `resize(size, filter, box)`:
 * near the edge of the box the filter sees the pixels around it.
 * @throws where the box is empty or reaches outside the picture, or a size is not a positive integer
 */
export function resize(
  image: RgbImage,
  width: number,
  height: number,
  filter: ResizeFilter,
  box: ResizeBox = [0, 0, image.width, image.height],
): RgbImage {
  return resizeWindow(
    image,
    { left: 0, top: 0, width: image.width, height: image.height },
    width,
    height,
    filter,
    box,
  );
}

/**
 * Crops, then resizes, as torchvision's `resized_crop`: unlike a box, the crop ends the picture, and the
 * filter sees nothing around it. No pixels are copied for the crop, which must lie inside the picture.
 */
export function resizedCrop(
  image: RgbImage,
  area: Rectangle,
  width: number,
  height: number,
  filter: ResizeFilter,
): RgbImage {
  return resizeWindow(image, area, width, height, filter, [0, 0, area.width, area.height]);
}

/**
 * The part `window` of what a picture would be at `width` × `height`: the same pixels as those of the whole, and only what
 * they need is computed.
 */
export function resizedPart(
  image: RgbImage,
  width: number,
  height: number,
  filter: ResizeFilter,
  window: Rectangle,
): RgbImage {
  const whole = { left: 0, top: 0, width: image.width, height: image.height };
  return resizeWindow(image, whole, width, height, filter, [0, 0, image.width, image.height], window);
}

/** Resizes the part `box` of the picture that `area` cuts out, and of the result makes the part `window`. */
function resizeWindow(
  image: RgbImage,
  area: Rectangle,
  fullWidth: number,
  fullHeight: number,
  filter: ResizeFilter,
  [left, top, right, bottom]: ResizeBox,
  window: Rectangle = { left: 0, top: 0, width: fullWidth, height: fullHeight },
): RgbImage {
  const { width, height } = window;
  const columns = cachedCoefficients(area.width, fullWidth, filter, [left, right], [window.left, width]);
  const rows = cachedCoefficients(area.height, fullHeight, filter, [top, bottom], [window.top, height]);
  // Only those columns (or rows) go through the first pass that the second one looks at.
  if (resizesVerticallyFirst(area.width, area.height, fullWidth, fullHeight)) {
    const [from, n] = usedRange(columns);
    const strip = { left: area.left + from, top: area.top, width: n, height: area.height };
    const between = resizeAlongY(image, strip, height, rows, 0);
    return resizeAlongX(between, { left: 0, top: 0, width: n, height }, width, columns, from);
  }
  const [from, n] = usedRange(rows);
  const strip = { left: area.left, top: area.top + from, width: area.width, height: n };
  const between = resizeAlongX(image, strip, width, columns, 0);
  return resizeAlongY(between, { left: 0, top: 0, width, height: n }, height, rows, from);
}

/** First input pixel that any output pixel looks at, and how many from there. */
function usedRange({ start, count }: ResizeCoefficients): [from: number, n: number] {
  const last = start.length - 1;
  return [start[0], start[last] + count[last] - start[0]];
}

/** One pass along x over the rows of `strip`, whose first column is column `offset` of the coefficients. */
function resizeAlongX(
  image: RgbImage,
  strip: Rectangle,
  width: number,
  { taps, start, count, weights }: ResizeCoefficients,
  offset: number,
): RgbImage {
  const out = newImage(width, strip.height);
  const [source, pixels] = [image.pixels, out.pixels];
  let o = 0;
  for (let y = 0; y < strip.height; y++) {
    const row = ((strip.top + y) * image.width + strip.left - offset) * 3;
    for (let x = 0; x < width; x++) {
      let from = row + start[x] * 3;
      const end = x * taps + count[x];
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (let k = x * taps; k < end; k++) {
        const weight = weights[k];
        r = (r + Math.imul(weight, source[from])) | 0;
        g = (g + Math.imul(weight, source[from + 1])) | 0;
        b = (b + Math.imul(weight, source[from + 2])) | 0;
        from += 3;
      }
      pixels[o] = clip8(r);
      pixels[o + 1] = clip8(g);
      pixels[o + 2] = clip8(b);
      o += 3;
    }
  }
  return out;
}

/** One pass along y over the columns of `strip`, whose first row is row `offset` of the coefficients. */
function resizeAlongY(
  image: RgbImage,
  strip: Rectangle,
  height: number,
  { taps, start, count, weights }: ResizeCoefficients,
  offset: number,
): RgbImage {
  const out = newImage(strip.width, height);
  const [source, pixels] = [image.pixels, out.pixels];
  const pitch = strip.width * 3;
  const sums = new Int32Array(pitch); // a row at a time, so that memory is read in order
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * taps + k];
      const from = ((strip.top + start[y] - offset + k) * image.width + strip.left) * 3;
      for (let i = 0; i < pitch; i++) sums[i] = (sums[i] + Math.imul(weight, source[from + i])) | 0;
    }
    const to = y * pitch;
    for (let i = 0; i < pitch; i++) pixels[to + i] = clip8(sums[i]);
  }
  return out;
}

/** Drops the fractional bits and clips to 0 … 255. */
function clip8(sum: number): number {
  return Math.max(0, Math.min(255, sum >> RESIZE_PRECISION_BITS));
}

const cache = new Map<string, ResizeCoefficients>();

/** Pictures of one data set often share their size, and random crops rarely do: the cache stays small. */
function cachedCoefficients(
  inSize: number,
  outSize: number,
  filter: ResizeFilter,
  box: readonly [from: number, to: number],
  [first, length]: readonly [first: number, length: number],
): ResizeCoefficients {
  const key = `${inSize} ${outSize} ${filter} ${box} ${first} ${length}`;
  let coefficients = cache.get(key);
  if (!coefficients) {
    coefficients = resizeCoefficients(inSize, outSize, filter, box, [first, first + length]);
    if (cache.size >= 256) cache.clear();
    cache.set(key, coefficients);
  }
  return coefficients;
}
