/**
 * The tile loop that every matrix product and convolution runs, in three directions:
 *
 *   forward   y[p, co]      = Σ_{ky,kx,ci} x[p·stride − pad + k·dilation, ci] · w[ky, kx, ci, co]
 *   input     dx[q, ci]     = Σ_{ky,kx,co} dy[(q + pad − k·dilation) / stride, co] · w[ky, kx, ci, co]
 *   weight    dw[ky,kx,ci,co] = Σ_p        x[p·stride − pad + k·dilation, ci] · dy[p, co]
 *
 * (NHWC; p and q run over the pixels of all pictures.) A matrix product is the case of one-pixel pictures and a 1×1
 * kernel: `forward` is A·B, `input` is A·Bᵀ, `weight` is Aᵀ·B.
 *
 * Who computes what: a subgroup owns a tile of ROWS rows × (4 · lanes) columns. Each lane owns one vec4 of columns
 * and keeps ROWS accumulators. The other operand is the same for all lanes, so each lane loads one row's vec4 and
 * hands it to the others (lanes.ts):
 *
 *            lane 0     lane 1     …            per step of 4 along the sum, a lane does
 *   row 0  [ vec4 acc | vec4 acc | … ]            ROWS / lanes  loads of the shared operand,
 *   row 1  [ vec4 acc | vec4 acc | … ]            4             loads of its own columns,
 *   …                                             4 · ROWS      vec4 fma
 *
 * Loads are the limit (28 cycles for each of 8 lanes on lavapipe, against half a cycle for an fma), and this shape
 * has the fewest of them: 21–28 GFLOP/s there, where a workgroup-memory tile reaches 3. Where there are no
 * subgroups, every lane loads the shared operand itself: a quarter to half as fast, and needs nothing of the adapter.
 */
import type { BufferBinding } from '../../gpu/index.ts';
import type { Epilogue } from './epilogue.ts';
import type { LaneSpec } from './lanes.ts';
import type { Window } from './window.ts';

/** What a product in any direction is told. All channel counts are multiples of four per group. */
export interface Product {
  direction: 'forward' | 'input' | 'weight';
  /** Height and width of what is read and of what is written; for a weight gradient, of x and of dy. */
  source: readonly [number, number];
  result: readonly [number, number];
  window: Pick<Window, 'kernel' | 'stride' | 'dilation' | 'top' | 'left'>;
  groups: number;
  /** Channels in a pixel of the source and of the result, all groups together. */
  sourceChannels: number;
  resultChannels: number;
  /**
   * The groups are separate matrices that follow each other in memory, rather than channels beside each other: the
   * channel counts are those of one group. For batches of products.
   */
  planes?: boolean;
  /** Input channels of the weight at a tap, where they are not a group's: merged taps, see ../conv/problem.ts. */
  depth?: number | undefined;
  /** What becomes of a sum as it is written; forward only. */
  epilogue?: Epilogue | undefined;
  /** Rows of a tile where there are many, if not those of every product: see `tileRowsOf`. */
  manyRows?: number | undefined;
}

/** A slice of the weight along its input channels: where it starts, and how many there are (one group only). */
export interface Slice {
  start: number;
  count: number;
}

/** What a gathering product reads and writes. */
export interface GatherOperands {
  pictures: number;
  /** What is gathered from: x forward, dy for the input's gradient. */
  x: BufferBinding;
  w: BufferBinding;
  /** y forward, dx for the input's gradient. */
  y: BufferBinding;
  /** The part of the weight that is bound, where it is not the whole. */
  slice?: Slice | undefined;
  /** `w` is in 16 bits a value (tensor/halves.ts), of a row that reads it so. */
  halves?: boolean;
  /** y += … rather than y = …: a slice that is not the first. */
  accumulate?: boolean;
}

/** What a weight gradient reads and writes. */
export interface WeightOperands {
  pictures: number;
  x: BufferBinding;
  dy: BufferBinding;
  dw: BufferBinding;
  /** The part of dw that is bound, where it is not the whole. */
  slice?: Slice | undefined;
}

/** A product of matrices: pictures of one pixel, and a kernel of one tap. */
export const POINT = {
  source: [1, 1],
  result: [1, 1],
  window: { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], top: 0, left: 0 },
  groups: 1,
} as const satisfies Partial<Product>;

/** Rows of a gathering tile. */
const ROWS = 16;
/** Rows of one for products of no more rows than this. */
export const FEW_ROWS = 4;
/** Up to how many rows a product has tiles of 16 although it may have larger ones: of 32, two would be worse filled. */
const MOST_OF_16 = 3 * ROWS;

/**
 * Rows of the tiles of a gathering product with so many rows; `many` where it has many. Of 4 to 24, 16 are the best on
 * lavapipe: 1.03 to 1.15 times as fast as 12 (1.6 times where there are 16), 1.5 times as fast as 4. Without subgroups 12 are
 * 1.1 times as fast as 16.
 *
 * Tiles of 32 load half as much of w. Matrix products are 1.1 times as fast with them (512³, 1024³, 64 × 512 · 512 × 1000),
 * in the input direction 1.3 times. Convolutions whose sums are written as they are gain as much, but 32 times the lines of a
 * norm and a SiLU are so long a program that 1×1 convolutions take 1.1 to 1.25 times as long, networks gain 0 to 2 %, and
 * LLVM compiles for 0.7 s in place of 0.3. So matrix products alone have them. Tiles of 40 are no faster. A row's sum is the
 * same to the bit in tiles of any size.
 */
export const tileRowsOf = (rows: number, many: number = ROWS): number =>
  rows <= FEW_ROWS ? FEW_ROWS : rows <= MOST_OF_16 ? ROWS : many;

/** Rows that a gathering product spends its time on: those of whole tiles, of which one of 4 takes as long as 11 of 16. */
export const rowsSpent = (rows: number): number => (rows > FEW_ROWS ? ROWS * Math.ceil(rows / ROWS) : 11);

export interface TileSpec extends LaneSpec {
  rows: number;
}

/** The lines for 0 … count − 1. */
export const unroll = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/**
 * ⌊a / b⌋ for every u32 a and 1 ≤ b < 2¹⁹, by floats: a division of integers costs a CPU hundreds of cycles.
 *
 * The first quotient may be wrong by more than one: beyond 2²⁴ a float has not all digits of a. But what it leaves is
 * small (|rest| ≤ 2b + 2¹¹, where all operations together are off by 2⁻²¹), and is divided once more; with half a unit
 * added to it, its quotient lies 1 / 2b from every whole number, farther than its own rounding reaches.
 */
export const DIVIDE = `
fn divide(a: u32, b: u32) -> u32 {
  let reciprocal = 1 / f32(b);
  let q = u32(f32(a) * reciprocal);
  let rest = f32(i32(a - q * b)) + 0.5;
  return q + u32(i32(floor(rest * reciprocal)));
}
fn high(packed: u32) -> u32 { return packed >> 16; }
fn low(packed: u32) -> u32 { return packed & 0xffff; }`;

/** Two sizes in one parameter. @throws RangeError where one does not fit into 16 bits */
export function packPair(high: number, low: number): number {
  if (Math.max(high, low) > 0xffff) {
    const [first, second] = [high, low].map((size) => size.toLocaleString('en-US'));
    throw new RangeError(
      `a convolution reads heights and widths, kernels, strides, paddings and dilations up to 65,535, not ${first} and ${second}`,
    );
  }
  return (high << 16) | low;
}
