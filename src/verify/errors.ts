/** How far a result departs from a reference, whole tensors or what is stored of them. */
import { pseudo, pseudoFill } from './pseudo.ts';

/**
 * max|Δ| / max|reference|: how errors are stated in this project. NaN where one side has a NaN, infinity where the
 * number of values differs.
 */
export function relativeError(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (actual.length !== reference.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const delta = Math.abs(actual[i]! - reference[i]!);
    difference = Number.isNaN(delta) ? Number.NaN : Math.max(difference, delta);
    largest = Math.max(largest, Math.abs(reference[i]!));
  }
  return largest > 0 ? difference / largest : difference;
}

/** The largest error that was found, and where. */
export interface Worst {
  /** max|Δ| / max|reference| of a tensor. */
  error: number;
  /** The tensor and its case in words. */
  at: string;
}

/**
 * The larger of two errors, the first of equals. NaN is larger than everything, whichever side it is on: a comparison
 * with it is false, so it is asked for by name.
 */
export function worse(before: Worst, found: Worst): Worst {
  return Number.isNaN(before.error) || found.error <= before.error ? before : found;
}

/** L2 norm and two projections of a tensor of a model. */
export type Norms = readonly [norm: number, projection0: number, projection1: number];

/** The streams that tensors are projected on. A shorter one is the beginning of a longer one. */
const streams: Float32Array[] = [new Float32Array(0), new Float32Array(0)];

/** The first `count` numbers of `projection<i>`. */
function projection(i: number, count: number): Float32Array {
  if (streams[i].length < count) streams[i] = pseudo(`projection${i}`, count);
  return streams[i];
}

/** L2 norm and projections on the streams `projection0`, `projection1`. */
export function normsOf(values: ArrayLike<number>): Norms {
  const [left, right] = [projection(0, values.length), projection(1, values.length)];
  let [squares, first, second] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    squares += values[i] * values[i];
    first += values[i] * left[i];
    second += values[i] * right[i];
  }
  return [Math.sqrt(squares), first, second];
}

/** Largest difference of norm or projection, over `scale` (the reference's norm unless given). */
export function normsError(actual: Norms, expected: Norms, scale = expected[0]): number {
  const most = actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i])), 0);
  return most / (scale || 1);
}

/** First, last and pseudo-random positions in a tensor of `size` elements. */
export function samplePositions(size: number, count: number): number[] {
  const inner = pseudoFill('samples', count - 2, { levels: size });
  return [0, size - 1, ...Array.from(inner, (position) => Math.min(position, size - 1))];
}
