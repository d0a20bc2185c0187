/** The bytes of a pickle, read forwards. Every length is compared with what is left before anything is taken. */

import { WeightsError } from './error.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = new TextDecoder('latin1');

/** Text arguments (protocol 0) and integers longer than this are no part of any file; states of random generators have some. */
const MAX_LINE = 1 << 14;
const MAX_INTEGER_BYTES = 255;

export class PickleInput {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  position: number;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** Moves past `length` bytes and returns where they begin. */
  private advance(length: number): number {
    if (length > this.remaining) {
      throw new WeightsError(
        'objects',
        `is truncated: its list of tensors needs ${length} bytes at byte ${this.position}, and ${this.remaining} are left.`,
      );
    }
    const start = this.position;
    this.position += length;
    return start;
  }

  uint8(): number {
    return this.bytes[this.advance(1)];
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  /** An 8-byte length; more than 2⁵³ becomes a float, which no file can satisfy. */
  uint64(): number {
    return Number(this.view.getBigUint64(this.advance(8), true));
  }

  float64BigEndian(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  utf8(length: number): string {
    const encoded = this.take(length);
    try {
      return UTF8.decode(encoded);
    } catch {
      throw new WeightsError(
        'objects',
        `is damaged: the text at byte ${this.position - length} is not UTF-8.`,
      );
    }
  }

  /** A string of Python 2, which is bytes: text where it is UTF-8, else (numpy's numbers) whatever. */
  python2(length: number): string {
    const encoded = this.take(length);
    try {
      return UTF8.decode(encoded);
    } catch {
      return LATIN1.decode(encoded);
    }
  }

  /** What protocol 0 writes up to a line feed, each byte the character of its number. */
  line(): string {
    const end = this.bytes.subarray(this.position, this.position + MAX_LINE).indexOf(0x0a);
    if (end < 0) {
      throw new WeightsError(
        'objects',
        `is damaged: no line ends within ${MAX_LINE} bytes of byte ${this.position}.`,
      );
    }
    const text = String.fromCharCode(...this.take(end));
    this.position++;
    return text;
  }

  /** A little-endian two's complement integer of `length` bytes; a number where it is exact, else a bigint. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) {
      throw new WeightsError('objects', `is damaged: it holds an integer of ${length} bytes.`);
    }
    let value = 0n;
    const encoded = this.take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(encoded[i]);
    return exact(BigInt.asIntN(8 * length, value));
  }
}

/** A decimal integer as protocol 0 writes it, with Python 2's trailing L. */
export function parseDecimal(text: string): number | bigint {
  if (!/^-?[0-9]{1,700}L?$/.test(text))
    throw new WeightsError('objects', 'is damaged: a number is no number.');
  return exact(BigInt(text.replace('L', '')));
}

function exact(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}
