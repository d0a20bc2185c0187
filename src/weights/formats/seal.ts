/**
 * The hash that a file carries over itself, so that a bit that has changed anywhere in it is noticed. It is the first entry
 * of a safetensors file's metadata, and so always at the same place:
 *
 *   8 bytes of header length, then {"__metadata__":{"tessera.sha256":"DIGITS",…
 *
 * DIGITS is the SHA-256 of the whole file with 64 zeros in their place.
 */
import { WeightsError } from './error.ts';

const KEY = 'tessera.sha256';
const DIGITS = 64;
const ZERO = '0'.charCodeAt(0);
const START = new TextEncoder().encode(`{"__metadata__":{"${KEY}":"`);
/** Of the digits in the file. */
const PLACE = 8 + START.length;

/** Metadata that leave room for the hash, as `writeSafetensors` takes them. */
export function sealable(metadata: Record<string, string>): Record<string, string> {
  return { [KEY]: '0'.repeat(DIGITS), ...metadata };
}

/** Writes the hash into a file of `sealable` metadata, and returns it. */
export async function seal(bytes: Uint8Array): Promise<Uint8Array> {
  bytes.set(new TextEncoder().encode(await digest(bytes)), PLACE);
  return bytes;
}

/** Whether a file says its hash. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.length >= PLACE + DIGITS && START.every((byte, i) => bytes[8 + i] === byte);
}

/** @throws WeightsError where a file says its hash, and it is another one */
export async function checkSeal(bytes: Uint8Array): Promise<void> {
  if (!isSealed(bytes)) return;
  const stated = String.fromCharCode(...bytes.subarray(PLACE, PLACE + DIGITS));
  if (stated !== (await digest(bytes)))
    throw new WeightsError(
      'sniff',
      'is damaged: it is not what was written, by the SHA-256 that it carries. Take another copy of it.',
    );
}

/** In hexadecimal digits. Web Crypto hashes no pieces, so this takes a copy. */
async function digest(bytes: Uint8Array): Promise<string> {
  const copy = new Uint8Array(bytes);
  copy.fill(ZERO, PLACE, PLACE + DIGITS);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', copy));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
