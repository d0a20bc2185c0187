/**
 * Reads the fixtures that test/reference writes: reference tensors (whole, or as norm, projections and samples),
 * and how far a result departs from one.
 */
import { readFileSync } from 'node:fs';
import { relativeError } from './check.ts';
import { elementCount, pseudo, pseudoFill } from './pseudo.ts';

/** A reference tensor as test/reference/summary.py stores it. */
export type Expected = { shape: number[] } & (
  | { values: string }
  | { max: number; norm: number; projections: number[]; samples: string }
);

/** L2 norm and two projections of a tensor of a model. */
export type Norms = readonly [norm: number, projection0: number, projection1: number];

/** A file of test/reference, parsed. */
export function fixture<Contents>(name: string): Contents {
  return JSON.parse(readFileSync(new URL(`../reference/${name}`, import.meta.url), 'utf8')) as Contents;
}

/** Bytes from base64. */
export const decodeBytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

/** Little-endian float32 values from base64. */
export const decodeFloats = (text: string): Float32Array => new Float32Array(decodeBytes(text).buffer);

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
  return Math.max(...actual.map((value, i) => Math.abs(value - expected[i]))) / (scale || 1);
}

/**
 * How far `actual` is from a stored reference: max|Δ| / max|reference| of the stored elements and, where only some
 * are stored, the differences of norm and projections over the norm. Infinity where the shape is another.
 */
export function departure(actual: ArrayLike<number>, shape: readonly number[], expected: Expected): number {
  if (`${shape}` !== `${expected.shape}` || actual.length !== elementCount(shape))
    return Number.POSITIVE_INFINITY;
  if ('values' in expected) return relativeError(actual, decodeFloats(expected.values));
  const { max, norm, projections } = expected;
  const samples = decodeFloats(expected.samples);
  const positions = samplePositions(actual.length, samples.length);
  const difference = Math.max(...samples.map((value, i) => Math.abs(actual[positions[i]] - value)));
  return Math.max(
    difference / (max || 1),
    normsError(normsOf(actual), [norm, projections[0], projections[1]]),
  );
}

/** First, last and pseudo-random positions in a tensor of `size` elements. */
function samplePositions(size: number, count: number): number[] {
  const inner = pseudoFill('samples', count - 2, { levels: size });
  return [0, size - 1, ...Array.from(inner, (position) => Math.min(position, size - 1))];
}
