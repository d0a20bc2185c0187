/** Resizing against Pillow, bit for bit, over sizes, filters and boxes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crop } from '../../src/data/image.ts';
import { resize, resizedCrop } from '../../src/data/resize.ts';
import { resizeCoefficients } from '../../src/kernels/image/resize-coefficients.ts';
import { assertSame, formula, reference } from './reference.ts';

const test = suite('data/resize');

for (const filter of ['bilinear', 'bicubic'] as const) {
  const cases = reference.resizes.filter((c) => c.filter === filter);
  test(`${filter}: ${cases.length} sizes and boxes, the bits of Pillow`, () => {
    for (const c of cases) {
      const image = formula(c.in[0], c.in[1], c.kind);
      const got = resize(image, c.out[0], c.out[1], filter, c.box ?? undefined);
      assert.equal([got.width, got.height], c.out);
      assertSame(got.pixels, c, `${c.kind} ${c.in} to ${c.out}, box ${c.box}`);
    }
  });
}

test('resizedCrop: equal to a crop that is then resized, whichever pass comes first', () => {
  const image = formula(61, 83, 'extreme');
  for (const area of [
    { left: 0, top: 0, width: 61, height: 83 },
    { left: 7, top: 11, width: 40, height: 70 },
    { left: 50, top: 3, width: 11, height: 2 },
  ]) {
    for (const [w, h] of [
      [32, 32],
      [9, 64],
    ]) {
      for (const filter of ['bilinear', 'bicubic'] as const) {
        const expected = resize(crop(image, area), w, h, filter);
        assert.equal(resizedCrop(image, area, w, h, filter).pixels, expected.pixels);
      }
    }
  }
});

test('coefficients: each row sums to one, and the same size is the identity', () => {
  for (const [inSize, outSize] of [
    [300, 224],
    [7, 224],
    [1, 3],
    [224, 1],
  ]) {
    for (const filter of ['bilinear', 'bicubic'] as const) {
      const { taps, start, count, weights } = resizeCoefficients(inSize, outSize, filter);
      for (let o = 0; o < outSize; o++) {
        const sum = weights.subarray(o * taps, (o + 1) * taps).reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - 2 ** 22) <= taps, `row ${o} sums to ${sum / 2 ** 22}`);
        assert.ok(start[o] >= 0 && start[o] + count[o] <= inSize && count[o] <= taps);
      }
    }
  }
  const image = formula(13, 9, 'noise');
  assert.equal(resize(image, 13, 9, 'bicubic').pixels, image.pixels);
});

test('sizes and boxes that make no sense are sentences', () => {
  assert.throws(() => resizeCoefficients(10, 0, 'bilinear'), /positive integers, not 10 to 0/);
  assert.throws(() => resizeCoefficients(10, 2.5, 'bilinear'), /positive integers/);
  assert.throws(
    () => resizeCoefficients(10, 5, 'bilinear', [2, 11]),
    /box 2 to 11 does not lie within 0 to 10/,
  );
  assert.throws(() => resizeCoefficients(10, 5, 'bilinear', [3, 3]), /box 3 to 3/);
});

test.run();
