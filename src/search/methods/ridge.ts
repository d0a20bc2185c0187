/**
 * Ridge regression (Hoerl & Kennard 1970): a linear model whose coefficients are kept small,
 *
 *     minimise Σ (y − intercept − x·β)² + λ·|β|²          β = A⁻¹Xᵀy,  A = XᵀX + λI,  with X and y less their means
 *
 * The intercept is not kept small. scikit-learn: `Ridge(alpha=λ)`; with the choice of λ `RidgeCV(alphas)`.
 */

export interface RidgeFit {
  intercept: number;
  coefficients: Float64Array;
  /** Half the width of the 95 % interval of each coefficient. */
  halfWidths: Float64Array;
  lambda: number;
}

/**
 * Fits with the λ whose predictions of rows that are left out one at a time have the least squared error; that error follows
 * from the fit to all, (y − ŷ) / (1 − h), where h is the leverage of the row.
 *
 * The intervals are those of the coefficients' posterior, ± t·σ·√diag(A⁻¹), which takes that they are kept small for a normal
 * prior of variance σ²/λ (σ² from the residuals, with as many degrees of freedom as the leverages leave). With λ = 0 they are
 * the t intervals of least squares. That λ was chosen on the same rows is not in them.
 * @param rows the features, all of the same length
 * @throws RangeError where λ = 0 and the columns depend on each other
 */
export function ridge(
  rows: readonly ArrayLike<number>[],
  y: ArrayLike<number>,
  lambdas: readonly number[],
): RidgeFit {
  const [n, p] = [rows.length, rows[0].length];
  const means = Float64Array.from({ length: p }, (_, j) => average(n, (i) => rows[i][j]));
  const yMean = average(n, (i) => y[i]);
  const x = rows.map((row) => Float64Array.from({ length: p }, (_, j) => row[j] - means[j]));
  const gram = new Float64Array(p * p);
  const xy = new Float64Array(p);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < p; j++) {
      const value = x[i][j];
      xy[j] += value * (y[i] - yMean);
      for (let k = 0; k <= j; k++) gram[j * p + k] += value * x[i][k];
    }

  let best: { error: number; fit: RidgeFit } | null = null;
  for (const lambda of lambdas) {
    const lower = cholesky(gram, p, lambda);
    const coefficients = backward(lower, p, forward(lower, p, xy));
    let [error, squares, leverages] = [0, 0, 0];
    for (const [i, row] of x.entries()) {
      const half = forward(lower, p, row);
      const leverage = 1 / n + dot(half, half);
      const residual = y[i] - yMean - dot(row, coefficients);
      error += (residual / (1 - leverage)) ** 2;
      squares += residual ** 2;
      leverages += leverage;
    }
    if (best && error >= best.error) continue;
    const freedom = n - leverages;
    const sigma = Math.sqrt(squares / freedom);
    const halfWidths = Float64Array.from({ length: p }, (_, j) => {
      const unit = new Float64Array(p);
      unit[j] = 1;
      const half = forward(lower, p, unit);
      return student(freedom) * sigma * Math.sqrt(dot(half, half));
    });
    const intercept = yMean - dot(means, coefficients);
    best = { error, fit: { intercept, coefficients, halfWidths, lambda } };
  }
  return best!.fit;
}

/** The 97.5 % quantile of Student's t (Abramowitz & Stegun 1964, 26.7.5): to 0.2 % from 5 degrees of freedom on. */
export function student(freedom: number): number {
  const z = 1.959963984540054;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** L of L·Lᵀ = gram + λI; both hold their lower triangles, row by row. */
function cholesky(gram: Float64Array, p: number, lambda: number): Float64Array {
  const lower = new Float64Array(p * p);
  for (let j = 0; j < p; j++)
    for (let k = 0; k <= j; k++) {
      let sum = gram[j * p + k] + (j === k ? lambda : 0);
      for (let i = 0; i < k; i++) sum -= lower[j * p + i] * lower[k * p + i];
      if (j > k) lower[j * p + k] = sum / lower[k * p + k];
      else if (sum > 1e-10) lower[j * p + j] = Math.sqrt(sum);
      else throw new RangeError('the columns of a linear model depend on each other; λ above 0 lets them');
    }
  return lower;
}

/** Solves L·z = b. */
function forward(lower: Float64Array, p: number, b: ArrayLike<number>): Float64Array {
  const z = new Float64Array(p);
  for (let j = 0; j < p; j++) {
    let sum = b[j];
    for (let k = 0; k < j; k++) sum -= lower[j * p + k] * z[k];
    z[j] = sum / lower[j * p + j];
  }
  return z;
}

/** Solves Lᵀ·b = z. */
function backward(lower: Float64Array, p: number, z: Float64Array): Float64Array {
  const b = new Float64Array(p);
  for (let j = p - 1; j >= 0; j--) {
    let sum = z[j];
    for (let k = j + 1; k < p; k++) sum -= lower[k * p + j] * b[k];
    b[j] = sum / lower[j * p + j];
  }
  return b;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function average(count: number, value: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += value(i);
  return sum / count;
}
