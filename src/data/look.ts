/**
 * Pictures that look the same though their bytes differ: saved anew, at another size, lighter or darker, blurred, cut by a hair;
 * the frames of a film. Each is squeezed to 32×32 in grey and becomes 192 bits:
 *
 *   64  whether each of the 8×8 lowest frequencies (DCT-II) lies above their median        pHash (Zauner 2010)
 *   64  whether each of 9×8 cells is darker than its right neighbour                       dHash (Krawetz 2013)
 *   64  whether each of 8×9 cells is darker than the one below
 *
 * Two pictures are similar that differ in at most 20 bits. Measured on 400 faces, 1200 pictures of CIFAR-10 and 24 of ImageNet:
 *
 *                                   half of them differ by at most   nine in ten
 *   JPEG of quality 50              1 to 5                           2 to 10
 *   half the size                   8 (CIFAR-10, 32²: 18)            12 (24)
 *   15 % brighter                   2 to 8                           10 to 15
 *   gamma 1.4, grey, blurred        0 to 10                          0 to 14
 *   3 % cut off each edge           18 to 25                         23 to 32
 *
 * Two different faces, all cut to the same frame, differ by 25 at least (of 80,000 pairs), two other pictures by 44 (of 720,000).
 * Of 700 faces no two are taken for similar, of 12,000 pictures of CIFAR-10 (72 million pairs) 21 pairs are, and people say of
 * each that it is one picture twice. One hash of 64 bits at the usual bound of 10 takes 25 (pHash) and 43 (dHash) pairs of these faces for one another.
 */
import type { RgbImage } from './image.ts';
import { resize } from './resize.ts';

/** Bits in which similar pictures may differ. */
export const MOST_BITS = 20;

/** Side of the squeezed picture. */
export const LOOK_SIDE = 32;
const SIDE = LOOK_SIDE;
const WORDS = 6;
/** Parts of 16 bits that pictures are looked up by: of 20 bits that differ, some part has 20/12 at most, which is one. */
const PARTS = 12;
const MOST_IN_PART = Math.floor(MOST_BITS / PARTS);
/** Greys of less than this standard deviation (of 255) have no shape: their bits would be noise. */
const LEAST_CONTRAST = 2;

/** 192 bits; null for a picture that has no shape. */
export type Look = Uint32Array | null;

/** The 192 bits of 32×32 greys. */
export function lookOf(grey: ArrayLike<number>): Look {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < SIDE * SIDE; i++) {
    sum += grey[i]!;
    squares += grey[i]! ** 2;
  }
  const mean = sum / SIDE ** 2;
  if (squares / SIDE ** 2 - mean ** 2 < LEAST_CONTRAST ** 2) return null;
  const look = new Uint32Array(WORDS);
  let bit = 0;
  const put = (one: boolean): void => {
    if (one) look[bit >> 5]! |= 1 << (bit & 31);
    bit++;
  };
  const low = lowFrequencies(grey);
  // Without the first, which is the mean.
  const median = low.slice(1).sort()[31]!;
  for (const value of low) put(value > median);
  const wide = cells(grey, 9, 8);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) put(wide[y * 9 + x + 1]! > wide[y * 9 + x]!);
  const high = cells(grey, 8, 9);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) put(high[(y + 1) * 8 + x]! > high[y * 8 + x]!);
  return look;
}

/**
 * The look of a decoded picture, squeezed by a triangle filter; grey as in ITU-R BT.601. Of 144 faces and pictures of ImageNet,
 * saved as JPEG of quality 50, at half the size, 15 % brighter or blurred, half differ by 0 or 1 bits from the original, nine in ten
 * by at most 4; two others by 36 at least. It is not the look of the file's thumbnail (node/similar.ts) to the bit.
 */
export function lookOfImage(image: RgbImage): Look {
  const { pixels } = resize(image, SIDE, SIDE, 'bilinear');
  const grey = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < grey.length; i++)
    grey[i] = 0.299 * pixels[3 * i]! + 0.587 * pixels[3 * i + 1]! + 0.114 * pixels[3 * i + 2]!;
  return lookOf(grey);
}

/** cos(π k (2n + 1) / 64), k < 8 */
const COSINES = Array.from({ length: 8 }, (_, k) =>
  Float64Array.from({ length: SIDE }, (_, n) => Math.cos((Math.PI * k * (2 * n + 1)) / (2 * SIDE))),
);

/** The 8×8 lowest frequencies, rows of one vertical frequency. */
function lowFrequencies(grey: ArrayLike<number>): Float64Array {
  const found = new Float64Array(64);
  for (let k = 0; k < 8; k++) {
    const column = new Float64Array(SIDE);
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) column[x]! += grey[y * SIDE + x]! * COSINES[k]![y]!;
    for (let l = 0; l < 8; l++)
      for (let x = 0; x < SIDE; x++) found[k * 8 + l]! += column[x]! * COSINES[l]![x]!;
  }
  return found;
}

/** Mean greys of width × height equal cells, whose edges may cut pixels. */
function cells(grey: ArrayLike<number>, width: number, height: number): Float64Array {
  const found = new Float64Array(width * height);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++)
      for (let row = Math.floor((y * height) / SIDE); row * SIDE < (y + 1) * height; row++)
        for (let column = Math.floor((x * width) / SIDE); column * SIDE < (x + 1) * width; column++)
          found[row * width + column]! +=
            grey[y * SIDE + x]! * overlap(y, row, height) * overlap(x, column, width);
  return found;
}

/** How much of pixel `at` lies in cell `place` of `count`, of a pixel's length. */
const overlap = (at: number, place: number, count: number): number =>
  Math.min(at + 1, ((place + 1) * SIDE) / count) - Math.max(at, (place * SIDE) / count);

/** Pairs of similar looks, enough of them to unite all that belong together: the earlier one first. */
export function* similarPairs(looks: readonly Look[]): Generator<[number, number]> {
  // Looks by each of their parts: the last one that has it, and before it.
  const last = Array.from({ length: PARTS }, () => new Int32Array(2 ** 16).fill(-1));
  const before = Array.from({ length: PARTS }, () => new Int32Array(looks.length));
  const above = Int32Array.from(looks.keys());
  const top = (at: number): number => {
    let found = at;
    while (above[found] !== found) found = above[found] = above[above[found]!]!;
    return found;
  };
  const same = new Map<string, number>();
  for (const [index, look] of looks.entries()) {
    if (!look) continue;
    const twin = same.get(look.join());
    if (twin !== undefined) {
      above[index] = top(twin);
      yield [twin, index];
      continue;
    }
    same.set(look.join(), index);
    for (let part = 0; part < PARTS; part++) {
      const own = partOf(look, part);
      for (const flip of FLIPS)
        for (let other = last[part]![own ^ flip]!; other >= 0; other = before[part]![other]!) {
          if (top(other) === top(index) || differing(looks[other]!, look) > MOST_BITS) continue;
          above[top(index)] = top(other);
          yield [other, index];
        }
    }
    for (let part = 0; part < PARTS; part++) {
      const own = partOf(look, part);
      before[part]![index] = last[part]![own]!;
      last[part]![own] = index;
    }
  }
}

/** What a part may differ by. */
const FLIPS = [0, ...(MOST_IN_PART > 0 ? Array.from({ length: 16 }, (_, bit) => 1 << bit) : [])];

const partOf = (look: Uint32Array, part: number): number => (look[part >> 1]! >>> ((part & 1) * 16)) & 0xffff;

/** In how many bits two looks differ. */
export function differing(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < WORDS; word++) {
    let bits = a[word]! ^ b[word]!;
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
