/**
 * Values that no trained network has. Each test ends at the first value that is as it should be, so that it costs
 * nothing where all is well.
 */
import type { StoredTensor } from './formats/state.ts';

/** Names of tensors. Weights are those of two dimensions and more; norms and biases may well be zero, or whole numbers. */
export interface SuspectValues {
  /** How many weights were looked at. */
  weights: number;
  /** Weights that are all whole numbers, as of a quantised network without its scales. */
  whole: string[];
  /** Weights that are all zero, but for the head's. */
  zero: string[];
  /** Running variances with a value below zero, of which no root can be taken. */
  negative: string[];
  /** Weights of the head that are the same for every class, zero or not. */
  sameRows: string[];
}

/** Fewer values than these may be whole numbers, or the same in every row, by chance. */
const FEW = 16;

/** Adds the name of a tensor wherever its values, which are finite, are suspect. */
export function addSuspect(
  suspect: SuspectValues,
  name: string,
  { dtype, shape }: StoredTensor,
  data: Float32Array,
  head: boolean,
): void {
  if (name.endsWith('running_var') && data.some((value) => value < 0)) suspect.negative.push(name);
  if (shape.length < 2 || data.length < FEW) return;
  suspect.weights++;
  const largest = data.every(Number.isInteger)
    ? data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    : null;
  // −1, 0 and 1 are what binary and ternary networks are trained to.
  if (largest !== null && (largest > 1 || (largest > 0 && !dtype.includes('float'))))
    suspect.whole.push(name);
  else if (head && shape[0] > 1 && sameRows(data, shape[0])) suspect.sameRows.push(name);
  else if (largest === 0) suspect.zero.push(name);
}

function sameRows(data: Float32Array, rows: number): boolean {
  const length = data.length / rows;
  return data.every((value, index) => value === data[index % length]);
}
