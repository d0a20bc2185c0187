/** Number formats: float16 and bfloat16 both ways, every type to float32. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bfloat16ToFloat32,
  float32ToBfloat16,
  float32ToHalf,
  halfToFloat32,
} from '../../../src/weights/formats/half.ts';
import { type DType, elementCount, fromFloat32, toFloat32 } from '../../../src/weights/formats/state.ts';
import { reference } from '../fixtures.ts';

const state = suite('weights: number formats');

/** Every float16 from −∞ to ∞, in order of value, without −0. */
function orderedHalves(): number[] {
  const positive = Array.from({ length: 0x7c01 }, (_, bits) => bits);
  return [
    ...positive
      .slice(1)
      .reverse()
      .map((bits) => bits | 0x8000),
    ...positive,
  ];
}

state('every float16 survives the way to float32 and back', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const values = halfToFloat32(bits);
  const back = float32ToHalf(values);
  for (let i = 0; i < 65536; i++) {
    const isNaN16 = (i & 0x7fff) > 0x7c00;
    assert.is(Number.isNaN(values[i]), isNaN16);
    if (!isNaN16) assert.is(back[i], i);
    else assert.ok((back[i] & 0x7fff) > 0x7c00);
  }
  assert.is(values[0x0001], 2 ** -24);
  assert.is(values[0x7bff], 65504);
  assert.ok(Object.is(values[0x8000], -0));
});

state('float16 rounds to nearest even between every two neighbours', () => {
  const halves = orderedHalves();
  const values = halfToFloat32(Uint16Array.from(halves));
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  for (let i = 1; i + 2 < halves.length; i++) {
    const [low, high] = [values[i], values[i + 1]];
    value[0] = (low + high) / 2; // exact: float32 has 13 more bits
    const even = (halves[i] & 1) === 0 ? i : i + 1;
    assert.is(halfToFloat32(float32ToHalf(value))[0], values[even]);
    // One float32 further from zero, and one nearer to it, are no longer ties.
    bits[0]++;
    assert.is(halfToFloat32(float32ToHalf(value))[0], value[0] < 0 ? low : high);
    bits[0] -= 2;
    if (low !== 0 && high !== 0) assert.is(halfToFloat32(float32ToHalf(value))[0], value[0] < 0 ? high : low);
  }
});

state('float16 and bfloat16 round as PyTorch does', () => {
  const { float32, float16, bfloat16 } = reference.rounding;
  const values = new Float32Array(Uint32Array.from(float32).buffer);
  assert.equal([...float32ToHalf(values)], float16);
  assert.equal([...float32ToBfloat16(values)], bfloat16);
});

state('NaN stays NaN in both 16-bit types', () => {
  const values = new Float32Array(Uint32Array.of(0x7fc00000, 0x7f800001, 0xffffffff).buffer);
  for (const back of [halfToFloat32(float32ToHalf(values)), bfloat16ToFloat32(float32ToBfloat16(values))]) {
    assert.ok(back.every(Number.isNaN));
  }
});

state('tensors at odd addresses are read all the same', () => {
  const types: [DType, number][] = [
    ['float64', 8],
    ['int64', 8],
    ['float32', 4],
    ['int32', 4],
    ['float16', 2],
    ['int16', 2],
  ];
  for (const [dtype, size] of types) {
    const bytes = Uint8Array.from({ length: 3 * size }, (_, i) => (i * 37) & 0x3f);
    const odd = new Uint8Array(3 * size + 1).subarray(1);
    odd.set(bytes);
    assert.equal(
      toFloat32({ dtype, shape: [3], bytes: odd }),
      toFloat32({ dtype, shape: [3], bytes }),
      dtype,
    );
  }
});

state('float32 is a view, and a wrong shape is refused', () => {
  const data = Float32Array.of(1, 2, 3);
  assert.is(toFloat32(fromFloat32(data, [3])).buffer, data.buffer);
  assert.throws(() => fromFloat32(data, [2, 2]), /\[2, 2\] does not hold 3 numbers/);
});

state('impossible shapes have no element count', () => {
  assert.is(elementCount([]), 1);
  assert.is(elementCount([2 ** 40, 0]), 0);
  assert.ok(Number.isNaN(elementCount([2 ** 30, 2 ** 30])));
});

state.run();
