/** Least squares with few unknowns of which none may be negative (Lawson & Hanson 1974): min |A·x − y|², x ≥ 0. */

/**
 * The x of least |A·x − y|², x ≥ 0, for A of a few columns: of every set of columns the others are 0, and the best of the
 * solutions without a negative entry is the one sought (where an optimum has zeros, it solves the problem without these columns).
 */
export function nonNegative(rows: readonly (readonly number[])[], y: readonly number[]): number[] {
  const columns = rows[0]!.length;
  // Columns of one length, so that a pivot's size says how far a column depends on the others.
  const lengths = Array.from({ length: columns }, (_, j) => Math.hypot(...rows.map((row) => row[j]!)) || 1);
  const scaled = rows.map((row) => row.map((entry, j) => entry / lengths[j]!));
  let best = { x: new Array<number>(columns).fill(0), error: y.reduce((sum, entry) => sum + entry ** 2, 0) };
  for (let set = 1; set < 2 ** columns; set++) {
    const used = Array.from({ length: columns }, (_, j) => j).filter((j) => (set >> j) & 1);
    const solution = solve(
      scaled.map((row) => used.map((j) => row[j]!)),
      y,
    );
    if (!solution || solution.some((entry) => entry < 0)) continue;
    const x = Array.from({ length: columns }, (_, j) => (used.includes(j) ? solution[used.indexOf(j)]! : 0));
    const error = scaled.reduce(
      (sum, row, i) => sum + (row.reduce((total, entry, j) => total + entry * x[j]!, 0) - y[i]!) ** 2,
      0,
    );
    if (error < best.error) best = { x, error };
  }
  return best.x.map((entry, j) => entry / lengths[j]!);
}

/** The solution of the normal equations by elimination; null where the columns depend on each other. */
function solve(rows: readonly (readonly number[])[], y: readonly number[]): number[] | null {
  const size = rows[0]!.length;
  const sum = (of: (row: readonly number[], index: number) => number): number =>
    rows.reduce((total, row, index) => total + of(row, index), 0);
  const system = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => sum((row) => row[i]! * row[j]!)),
    sum((row, index) => row[i]! * y[index]!),
  ]);
  for (let i = 0; i < size; i++) {
    const pivot = system[i]!;
    if (pivot[i]! < 1e-9) return null;
    for (const [j, row] of system.entries()) {
      if (j === i) continue;
      const factor = row[i]! / pivot[i]!;
      for (let k = i; k <= size; k++) row[k]! -= factor * pivot[k]!;
    }
  }
  return system.map((row, i) => row[size]! / row[i]!);
}
