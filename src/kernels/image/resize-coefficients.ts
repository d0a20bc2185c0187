/**
 * The filter coefficients of an antialiased resize along one axis, exactly as Pillow computes them
 * (src/libImaging/Resample.c: `precompute_coeffs`, `normalize_coeffs_8bpc`).
 *
 * Pillow resizes 8-bit pictures in integers. Output pixel o looks at the input pixels
 * `start[o] … start[o] + count[o] − 1`, and with integer weights w of 22 fractional bits
 *
 *     out[o] = clip8((2²¹ + Σᵢ w[o·taps + i] · in[start[o] + i]) >> 22)
 *
 * along one axis, then along the other, rounded to 8 bits after each pass, so that the order counts. When the
 * picture shrinks, the filter is stretched by the scale, which is what "antialias" means. Pure arithmetic
 * without imports, so that the CPU (src/data/resize.ts) and a GPU kernel use the same integers.
 */

/** Interpolation filters that Pillow and torchvision call by these names. */
export type ResizeFilter = 'bilinear' | 'bicubic';

/** Fractional bits of the integer weights: 32, less 8 of a pixel, less 2 of headroom for negative lobes. */
export const RESIZE_PRECISION_BITS = 22;

/** Coefficients of one axis, for all output pixels or for those that were asked for. */
export interface ResizeCoefficients {
  /** Row length of `weights`: the largest number of input pixels that an output pixel can look at. */
  taps: number;
  /** First input pixel of each output pixel, `[outSize]`. */
  start: Int32Array;
  /** Number of input pixels of each output pixel, `[outSize]`, at most `taps`. */
  count: Int32Array;
  /** Integer weights with 22 fractional bits, `[outSize, taps]`, zero beyond `count`. */
  weights: Int32Array;
}

interface Filter {
  /** Half width at scale 1, in input pixels. */
  support: number;
  weight: (x: number) => number;
}

const filters: Record<ResizeFilter, Filter> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic convolution with a = −0.5 (Pillow's; PyTorch's interpolate on floats takes −0.75 without antialias).
  bicubic: {
    support: 2,
    weight: (x) => {
      const a = -0.5;
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
};

/**
 * Coefficients that resize `inSize` pixels, or the part `box = [from, to]` of them (in pixels, fractions
 * allowed), to `outSize` pixels. As in Pillow, the filter may look beyond the box but not beyond the picture,
 * and the box is held in float32. `outputs` asks for a part of the output pixels, from the first to before the second:
 * a strip that is resized to millions of pixels, of which a crop keeps 224, then costs what 224 do.
 * @throws where a size is not a positive integer or the box is empty or reaches outside the picture
 */
export function resizeCoefficients(
  inSize: number,
  outSize: number,
  filter: ResizeFilter,
  box: readonly [number, number] = [0, inSize],
  outputs: readonly [number, number] = [0, outSize],
): ResizeCoefficients {
  for (const size of [inSize, outSize]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new Error(`resize: sizes must be positive integers, not ${inSize} to ${outSize}`);
    }
  }
  const [from, to] = [Math.fround(box[0]), Math.fround(box[1])];
  if (!(from >= 0 && to <= inSize && from < to)) {
    throw new Error(`resize: the box ${box[0]} to ${box[1]} does not lie within 0 to ${inSize}`);
  }
  const { support, weight } = filters[filter];
  const scale = Math.fround(to - from) / outSize;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const taps = Math.ceil(reach) * 2 + 1;

  const [begin, end] = outputs;
  const start = new Int32Array(end - begin);
  const count = new Int32Array(end - begin);
  const weights = new Int32Array((end - begin) * taps);
  const row = new Float64Array(taps);
  const inverse = 1 / stretch; // Pillow multiplies by the inverse; a division would round otherwise
  for (let o = 0; o < end - begin; o++) {
    const center = from + (begin + o + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const n = Math.min(inSize, Math.trunc(center + reach + 0.5)) - first;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      row[i] = weight((i + first - center + 0.5) * inverse);
      sum += row[i];
    }
    for (let i = 0; i < n; i++) weights[o * taps + i] = toFixed22(sum !== 0 ? row[i] / sum : row[i]);
    start[o] = first;
    count[o] = n;
  }
  return { taps, start, count, weights };
}

/**
 * Whether Pillow makes the pass along y before the one along x. Until version 12 it never did; version 13
 * does where the height loses more than twice what the width loses (its pull request 9549), also when it
 * resizes only a box. Found by trying: 300 random sizes and boxes agree.
 */
export function resizesVerticallyFirst(
  inWidth: number,
  inHeight: number,
  outWidth: number,
  outHeight: number,
): boolean {
  return outHeight < inHeight && inHeight - outHeight > 2 * (inWidth - outWidth);
}

/** Nearest integer to w · 2²², halves away from zero. */
function toFixed22(w: number): number {
  return Math.trunc((w < 0 ? -0.5 : 0.5) + w * (1 << RESIZE_PRECISION_BITS));
}
