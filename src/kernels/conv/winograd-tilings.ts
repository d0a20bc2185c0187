/**
 * The matrices of Winograd's minimal filtering F(m×m, 3×3), from the points that a filter is evaluated at.
 *
 * m outputs of a filter of three taps, y_k = Σ_j d_{k+j} g_j, are read off polynomials: at m + 1 numbers p and "at infinity"
 * (where only the highest power counts) the filter's polynomial has the values G g; the transposed products then need
 *
 *   Aᵀ[k, p] = pᵏ          G[p, j] = pʲ / N(p),  N(p) = Π_{q≠p} (p − q)          Bᵀ[p, ·] = the coefficients of Π_{q≠p} (x − q)
 *   Aᵀ[k, ∞] = [k = m−1]   G[∞, j] = [j = 2]                                     Bᵀ[∞, ·] = the coefficients of Π_q (x − q)
 *
 *   y = Aᵀ [(G g) ∘ (Bᵀ d)],  and in two dimensions  Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A
 *
 * F(2×2), points 0, ±1, ∞:
 *
 *       ┌ −1  0  1  0 ┐        ┌ −1    0    0  ┐
 *  Bᵀ = │  0  1  1  0 │    G = │ 1/2  1/2  1/2 │    Aᵀ = ┌ 1  1  1  0 ┐
 *       │  0 −1  1  0 │        │ 1/2 −1/2  1/2 │         └ 0  1 −1  1 ┘
 *       └  0 −1  0  1 ┘        └  0    0    1  ┘
 *
 * F(4×4), points 0, ±a, ±b, ∞ with a = 21/32, b = 3/2:
 *
 *       ┌ a²b²   0   −a²−b²   0     1  0 ┐        ┌ 1/a²b²  0   0  ┐
 *       │  0   −ab²  −b²      a     1  0 │        │   c    ca  ca² │         ┌ 1  1   1   1   1  0 ┐
 *  Bᵀ = │  0    ab²  −b²     −a     1  0 │    G = │   c   −ca  ca² │    Aᵀ = │ 0  a  −a   b  −b  0 │    c = 1 / 2a²(a² − b²)
 *       │  0   −a²b  −a²      b     1  0 │        │   d    db  db² │         │ 0  a²  a²  b²  b² 0 │    d = 1 / 2b²(b² − a²)
 *       │  0    a²b  −a²     −b     1  0 │        │   d   −db  db² │         └ 0  a³ −a³  b³ −b³ 1 ┘
 *       └  0    a²b²  0    −a²−b²   0  1 ┘        └   0     0   1  ┘
 *
 * Which points makes the difference between an error that nobody sees and one that is ten times the direct sum's. Ours are
 * those to a 32nd where the errors of M's sums are amplified least on their way to Y (by √Σ of squares, 1.32 times a direct
 * sum's; 1.42 with ±3/4, ±3/2, and 2.97 with ±1, ±2). Largest error over largest value of y in float32, one layer of 64
 * and of 512 channels, ReLU'd normal inputs, on lavapipe:
 *
 *                                  64 channels   512 channels
 *   direct, one term after another   5.3e-7        1.3e-6
 *   direct, as tile-gather.ts adds   3.8e-7        1.1e-6
 *   F(2×2), 0, ±1                    1.6e-7        3.6e-7
 *   F(4×4), 0, ±1, ±2                2.7e-6        5.9e-6        the textbook's
 *   F(4×4), 0, ±1, ±1/2              2.7e-6        5.4e-6
 *   F(4×4), 0, ±3/4, ±3/2            8.1e-7        1.3e-6
 *   F(4×4), 0, ±21/32, ±3/2          6.2e-7        1.6e-6        ours
 */

/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/** How outputs are cut into tiles, and what is done to a tile's patch of inputs. */
export interface Tiling {
  /** Outputs along a side of a tile. */
  readonly outputs: number;
  /** Inputs along a side of its patch: two more. */
  readonly patch: number;
  /** Bᵀ, [patch, patch]. */
  readonly input: Matrix;
  /** G, [patch, 3]. */
  readonly kernel: Matrix;
  /** Aᵀ, [outputs, patch]. */
  readonly output: Matrix;
}

const TAPS = 3;

/** The coefficients of Π (x − root), from the constant on. */
function polynomial(roots: readonly number[]): number[] {
  let product = [1];
  for (const root of roots)
    product = [0, ...product].map((value, power) => value - root * (product[power] ?? 0));
  return product;
}

/** The tiling of `points`, to which ∞ is added. */
export function tilingOf(points: readonly number[]): Tiling {
  const outputs = points.length - 1;
  const powers = (point: number, count: number) =>
    Array.from({ length: count }, (_, power) => point ** power);
  const others = (point: number) => points.filter((other) => other !== point);
  const last = (count: number) => Array.from({ length: count }, (_, index) => Number(index === count - 1));
  return {
    outputs,
    patch: outputs + TAPS - 1,
    input: [...points.map((point) => [...polynomial(others(point)), 0]), polynomial(points)],
    kernel: [
      ...points.map((point) => {
        const scale = others(point).reduce((product, other) => product * (point - other), 1);
        return powers(point, TAPS).map((power) => power / scale);
      }),
      last(TAPS),
    ],
    output: transposed([...points.map((point) => powers(point, outputs)), last(outputs)]),
  };
}

export const F2 = tilingOf([0, 1, -1]);
export const F4 = tilingOf([0, 21 / 32, -21 / 32, 3 / 2, -3 / 2]);

/** What a program is made for: the number of outputs names its tiling. */
export interface TilingSpec {
  outputs: number;
}

export const tilingFor = ({ outputs }: TilingSpec): Tiling => (outputs === F4.outputs ? F4 : F2);

export function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

/** WGSL of `matrix` times a vector whose elements are `element`s: fn name(a: array<…>) -> array<…>. */
export function lineFunction(name: string, matrix: Matrix, element: string): string {
  const rows = matrix.map((row) =>
    row.reduce((sum, factor, index) => {
      const term = `a[${index}]`;
      if (factor === 0) return sum;
      if (sum === '') return factor === 1 ? term : factor === -1 ? `-${term}` : `${factor} * ${term}`;
      if (Math.abs(factor) === 1) return `${sum} ${factor < 0 ? '-' : '+'} ${term}`;
      return `fma(${element}(${factor}), ${term}, ${sum})`;
    }, ''),
  );
  return `fn ${name}(a: array<${element}, ${matrix[0]!.length}>) -> array<${element}, ${matrix.length}> {
  return array(
    ${rows.join(',\n    ')},
  );
}`;
}
