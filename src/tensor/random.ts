/**
 * Counter-based random numbers: a value is a pure function of (seed, purpose, epoch, index, counter).
 *
 * There is no hidden state, so nothing depends on the order of calls: a loader with four workers draws what
 * one worker draws, a resumed run draws what the uninterrupted run would have drawn, and two uses with
 * different purposes ('shuffle', 'augment', 'init:fc.weight') never share a stream.
 *
 * The hash absorbs one 32-bit word after the other:
 *
 *     absorb(h, w) = mix(h ^ mix(w + 0x9e3779b9))        h ← 0, then seed (two words), purpose, epoch, …
 *
 * where `mix` is Wellons' "lowbias32" finaliser, a bijection of 32 bits with an avalanche bias of 0.17
 * (https://nullprogram.com/blog/2018/07/31/). Words are mixed before they meet the state: with a bare
 * `h ^ w`, two keys that differ in their low bits would give the same values in another order. All of it is
 * 32-bit integer arithmetic, so WGSL can compute the same bits. Not for cryptography.
 */

/** Names what random numbers are for, so that two uses never share a stream. */
export type RandomPurpose = string | number;

/** Draws the uniform number in [0, 1) with this counter; all else about the stream is fixed. */
export type Random = (counter: number) => number;

const GOLDEN = 0x9e3779b9;

function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x | 0;
}

function absorb(hash: number, word: number): number {
  return mix(hash ^ mix((word + GOLDEN) | 0));
}

const purposeCodes = new Map<string, number>();

/** The 32-bit code of a purpose: FNV-1a of its characters, or the number itself. */
function purposeCode(purpose: RandomPurpose): number {
  if (typeof purpose === 'number') return purpose | 0;
  let code = purposeCodes.get(purpose);
  if (code === undefined) {
    code = 0x811c9dc5;
    for (let i = 0; i < purpose.length; i++) code = Math.imul(code ^ purpose.charCodeAt(i), 0x01000193);
    purposeCodes.set(purpose, code);
  }
  return code;
}

/**
 * The key of a stream, for code that draws many numbers from one: `bitsAt(key, index, counter)` gives what
 * `randomUniform` would, without absorbing seed, purpose and epoch again.
 * @param seed any integer up to 2⁵³ in size, negative ones included
 */
export function randomKey(seed: number, purpose: RandomPurpose, epoch: number): number {
  return absorb(randomRoot(seed, purpose), epoch);
}

/** What `randomKey` has absorbed before the epoch: a kernel goes on from here with a step that the GPU knows. */
export function randomRoot(seed: number, purpose: RandomPurpose): number {
  if (!Number.isSafeInteger(seed)) throw new Error(`random numbers need an integer seed, not ${seed}`);
  const low = seed | 0;
  const high = Math.floor(seed / 2 ** 32) | 0;
  return absorb(absorb(absorb(0, low), high), purposeCode(purpose));
}

/** 32 random bits as an unsigned integer; see {@link randomKey}. */
export function bitsAt(key: number, index: number, counter = 0): number {
  return absorb(absorb(key, index), counter) >>> 0;
}

/** A uniform number in [0, 1) on a grid of 2⁻²⁴, so that float32 holds it exactly; see {@link randomKey}. */
export function uniformAt(key: number, index: number, counter = 0): number {
  return (bitsAt(key, index, counter) >>> 8) / 2 ** 24;
}

/** A normal number, mean 0 and variance 1 (Box and Muller, from counters 2c and 2c + 1); see {@link randomKey}. */
export function normalAt(key: number, index: number, counter = 0): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformAt(key, index, 2 * counter)));
  return radius * Math.cos(2 * Math.PI * uniformAt(key, index, 2 * counter + 1));
}

/** A uniform number in [0, 1): a pure function of its arguments. Throws where the seed is not an integer. */
export function randomUniform(
  seed: number,
  purpose: RandomPurpose,
  epoch: number,
  index: number,
  counter = 0,
): number {
  return uniformAt(randomKey(seed, purpose, epoch), index, counter);
}

/** The stream of one sample: `randomStream(…)(counter)` equals `randomUniform(…, counter)`. */
export function randomStream(seed: number, purpose: RandomPurpose, epoch: number, index: number): Random {
  const key = randomKey(seed, purpose, epoch);
  return (counter) => uniformAt(key, index, counter);
}

/** 0 … n − 1 in the random order that belongs to this seed and epoch, and to what it is for (Fisher and Yates). */
export function shuffled(
  n: number,
  seed: number,
  epoch: number,
  purpose: RandomPurpose = 'shuffle',
): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const key = randomKey(seed, purpose, epoch);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((bitsAt(key, i) / 2 ** 32) * (i + 1));
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}
