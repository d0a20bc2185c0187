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

/** Values by their place, so that those that nobody looks at need not be converted. */
export interface ValuesAt {
  length: number;
  at: (index: number) => number;
}

/** Adds the name of a tensor wherever its values, which are finite, are suspect. */
export function addSuspect(
  suspect: SuspectValues,
  name: string,
  { dtype, shape }: StoredTensor,
  data: ValuesAt,
  head: boolean,
): void {
  if (name.endsWith('running_var') && !every(data, (value) => value >= 0)) suspect.negative.push(name);
  if (shape.length < 2 || data.length < FEW) return;
  suspect.weights++;
  const largest = largestOfWhole(data);
  // −1, 0 and 1 are what binary and ternary networks are trained to.
  if (largest !== null && (largest > 1 || (largest > 0 && !dtype.includes('float'))))
    suspect.whole.push(name);
  else if (head && shape[0] > 1 && sameRows(data, shape[0])) suspect.sameRows.push(name);
  else if (largest === 0) suspect.zero.push(name);
}

function every({ length, at }: ValuesAt, holds: (value: number, index: number) => boolean): boolean {
  for (let index = 0; index < length; index++) if (!holds(at(index), index)) return false;
  return true;
}

/** The largest magnitude where all are whole numbers, else null. */
function largestOfWhole(data: ValuesAt): number | null {
  let most = 0;
  const whole = every(data, (value) => {
    most = Math.max(most, Math.abs(value));
    return Number.isInteger(value);
  });
  return whole ? most : null;
}

function sameRows(data: ValuesAt, rows: number): boolean {
  const length = data.length / rows;
  return every(data, (value, index) => value === data.at(index % length));
}
