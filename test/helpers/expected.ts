/**
 * The reference tensors in the fixtures that test/reference writes (whole, or as norm, projections and samples), and how
 * far a result departs from one. The files themselves: fixture.ts.
 */
import { sizeOf } from '../../src/tensor/index.ts';
import { type Norms, normsError, normsOf, relativeError, samplePositions } from '../../src/verify/errors.ts';

export { type Norms, normsError, normsOf };

/** A reference tensor as test/reference/summary.py stores it. */
export type Expected = { shape: number[] } & (
  | { values: string }
  | { max: number; norm: number; projections: number[]; samples: string }
);

/** Bytes from base64. */
export const decodeBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Little-endian float32 values from base64. */
export const decodeFloats = (text: string): Float32Array => new Float32Array(decodeBytes(text).buffer);

/**
 * How far `actual` is from a stored reference: max|Δ| / max|reference| of the stored elements and, where only some
 * are stored, the differences of norm and projections over the norm. Infinity where the shape is another.
 */
export function departure(actual: ArrayLike<number>, shape: readonly number[], expected: Expected): number {
  if (`${shape}` !== `${expected.shape}` || actual.length !== sizeOf(shape)) return Number.POSITIVE_INFINITY;
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
