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
 * hands it to the others by `subgroupBroadcast`:
 *
 *            lane 0     lane 1     …            per step of 4 along the sum, a lane does
 *   row 0  [ vec4 acc | vec4 acc | … ]            ROWS / lanes  loads of the shared operand,
 *   row 1  [ vec4 acc | vec4 acc | … ]            4             loads of its own columns,
 *   …                                             4 · ROWS      vec4 fma
 *
 * Loads are the limit (28 cycles for each of 8 lanes on lavapipe, against half a cycle for an fma), and this shape
 * has the fewest of them: 21–28 GFLOP/s there, where a workgroup-memory tile reaches 3. Where subgroups have no fixed
 * size, every lane loads the shared operand itself: about half as fast, and needs nothing of the adapter.
 */

/** Lanes of a workgroup where there are no subgroups to share loads in. */
export const LANES_WITHOUT_SUBGROUPS = 16;

export interface TileSpec {
  /** Lanes of a subgroup, 0 for the form without subgroups. */
  subgroup: number;
  rows: number;
}

/** The lines for 0 … count − 1. */
export const unroll = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

export const lanesOf = ({ subgroup }: TileSpec): number => subgroup || LANES_WITHOUT_SUBGROUPS;

/** Exact u32 division by a divisor whose reciprocal is at hand: integer division costs hundreds of cycles on a CPU. */
export const DIVIDE = `
fn divide(a: u32, b: u32) -> u32 {
  var q = u32(f32(a) * (1 / f32(b)));
  if (q * b > a) { q--; }
  if (a - q * b >= b) { q++; }
  return q;
}
fn high(packed: u32) -> u32 { return packed >> 16; }
fn low(packed: u32) -> u32 { return packed & 0xffff; }`;

/** Two numbers below 65,536 in one parameter. */
export const packPair = (high: number, low: number): number => (high << 16) | low;
