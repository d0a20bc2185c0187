/**
 * Matrices in 16 bits a value, where all their values are halves (float16), as those of a file that held halves are. A GPU
 * then keeps, and a product of one row then reads, half the bytes: `Tensor.writeHalves`, src/kernels/matmul/vector.ts.
 *
 * Nothing is rounded, and no adapter may change a bit. An adapter may take the smallest halves (subnormals, below 2⁻¹⁴) for
 * zero as it unpacks them, so that they are not stored as they are: 2¹⁰ · value is, of which none is subnormal, as the
 * smallest half is 2⁻²⁴. Powers of two change exponents alone: a sum of products with stored values is 2¹⁰ times the
 * sum, to the bit, and is divided once at its end. Values from 64 on do not fit; they are those of no trained matrix.
 */
import { type Device, elementwise, type PooledBuffer, program } from '../gpu/index.ts';

/** WGSL: the four values stored in `packed`, and what they, and sums of products with them, are multiplied by in the end. */
export const HALVES = `
const UNIT = 1.0 / 1024;
fn unpack(packed: vec2u) -> vec4f { return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y)); }`;

/** The stored form of every half; INFINITE, which is none, where there is none. */
let stored: Uint16Array | undefined;
const INFINITE = 0x7c00;

function storedForms(): Uint16Array {
  if (stored) return stored;
  stored = new Uint16Array(2 ** 16);
  for (let half = 0; half < stored.length; half++) {
    const [sign, magnitude] = [half & 0x8000, half & 0x7fff];
    let [exponent, mantissa] = [(magnitude >>> 10) + 10, magnitude & 0x3ff];
    if (magnitude < 0x400) {
      // A subnormal counts 2⁻²⁴ for each unit: its highest bit goes, as that of every other does, without saying.
      const highest = 31 - Math.clz32(magnitude);
      [exponent, mantissa] = [highest + 1, (magnitude << (10 - highest)) & 0x3ff];
    }
    stored[half] = magnitude === 0 ? sign : exponent < 31 ? sign | (exponent << 10) | mantissa : INFINITE;
  }
  return stored;
}

/** The stored form of halves, which are given by their bits; null where one is not finite or has none. */
export function packHalves(halves: Uint16Array): Uint16Array<ArrayBuffer> | null {
  const table = storedForms();
  const packed = new Uint16Array(halves.length);
  for (let index = 0; index < halves.length; index++) {
    const form = table[halves[index]!]!;
    if (form === INFINITE) return null;
    packed[index] = form;
  }
  return packed;
}

const unpackProgram = program(
  elementwise({
    name: 'unpack-halves',
    bindings: { packed: 'read vec2u', y: 'write vec4f' },
    params: {},
    wgsl: `${HALVES}
fn element(i: u32) { y[i] = unpack(packed[i]) * UNIT; }`,
  }),
);

/** Floats of a dispatch of it at most: a binding of 64 MiB is one on every adapter. */
const MOST = 2 ** 24;

/** Writes the `size` values of `packed`, a multiple of four, as floats into `y`. */
export function unpackHalves(device: Device, packed: PooledBuffer, y: PooledBuffer, size: number): void {
  for (let start = 0; start < size; start += MOST) {
    const count = Math.min(MOST, size - start);
    device.run(unpackProgram, {
      bindings: {
        packed: { buffer: packed, offset: 2 * start, size: 2 * count },
        y: { buffer: y, offset: 4 * start, size: 4 * count },
      },
      params: { count: count / 4 },
      bytes: 6 * count,
    });
  }
}
