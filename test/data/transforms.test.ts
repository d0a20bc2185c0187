/** Transforms against torchvision: evaluation bit for bit, RandomResizedCrop for given random numbers. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crop, newImage } from '../../src/data/image.ts';
import { pixelsOf } from '../../src/data/input-size.ts';
import { readImage } from '../../src/data/node/decode.ts';
import { randomCropArea } from '../../src/data/random-crop.ts';
import { resize } from '../../src/data/resize.ts';
import { evalTransform, networkView, type Preprocessing, trainTransform } from '../../src/data/transforms.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { assertSame, formula, reference } from './reference.ts';

const test = suite('data/transforms');

const pre: Preprocessing = {
  inputSize: 24,
  resizeSize: 32,
  interpolation: 'bilinear',
  mean: reference.transforms.mean,
  std: reference.transforms.std,
};
const random = randomStream(1, 'augment', 0, 0);

for (const c of reference.transforms.cases) {
  test(`${c.in} → Resize(${c.resizeSize}, ${c.interpolation}), CenterCrop(${c.inputSize}): the bits of torchvision`, () => {
    const out = evalTransform({ ...pre, ...c })(formula(c.in[0], c.in[1], 'smooth'), random);
    assert.is(out.length, pixelsOf(c.inputSize) * 3);
    assertSame(out, c, 'normalised pixels');
  });
}

for (const [name, expected] of Object.entries(reference.photos)) {
  test(`${name}, from file to network input: the bits of Pillow and torchvision`, async () => {
    const image = await readImage(fileURLToPath(new URL(`../../data/photos/${name}`, import.meta.url)));
    assertSame(evalTransform({ ...pre, inputSize: 224, resizeSize: 256 })(image, random), expected, name);
  });
}

test(`RandomResizedCrop: ${reference.crops.length} rectangles of torchvision, fallback included`, () => {
  for (const { size, scale, ratio, uniform, area } of reference.crops) {
    const got = randomCropArea(size[0], size[1], (counter) => uniform[counter], scale, ratio);
    assert.equal([got.left, got.top, got.width, got.height], area, `${size}`);
  }
});

test('RandomResizedCrop: inside the picture, area and aspect in range, for many draws', () => {
  let smallest = 1;
  for (let i = 0; i < 2000; i++) {
    const area = randomCropArea(300, 200, randomStream(0, 'a', 0, i), [0.08, 1], [3 / 4, 4 / 3]);
    assert.ok(
      area.left >= 0 && area.top >= 0 && area.left + area.width <= 300 && area.top + area.height <= 200,
    );
    smallest = Math.min(smallest, (area.width * area.height) / 60000);
    assert.ok(area.width / area.height > 0.7 && area.width / area.height < 1.43);
  }
  assert.ok(smallest > 0.075 && smallest < 0.1, `smallest share ${smallest}`);
  for (const [w, h] of [
    [1, 1],
    [1, 500],
    [500, 1],
  ]) {
    const area = randomCropArea(w, h, random, [0.9, 1], [0.2, 0.3]);
    assert.ok(area.width >= 1 && area.height >= 1 && area.width <= w && area.height <= h);
  }
});

test('networkView is the centre of the whole resized picture: long side rounded down, margins half to even', () => {
  const cases: [width: number, height: number, shortSide: number, size: number, left: number, top: number][] =
    [
      [100, 67, 50, 50, 12, 0], // 74 × 50
      [9, 5, 5, 4, 2, 0], // margins of 2.5 → 2 and 0.5 → 0
      [9, 5, 5, 6, 2, 0], // 1.5 → 2, and a row of border below
      [5, 9, 5, 4, 0, 2],
      [1, 1, 1, 4, -1, -1], // three of border: one before, two after
      [30, 20, 12, 20, -1, -4],
      [7, 300, 40, 24, 8, 845],
      [300, 7, 3, 24, 52, -10],
    ];
  for (const [width, height, shortSide, size, left, top] of cases)
    for (const filter of ['bilinear', 'bicubic'] as const) {
      const image = formula(width, height, 'noise');
      const long = Math.floor((shortSide * Math.max(width, height)) / Math.min(width, height));
      const whole =
        width <= height ? resize(image, shortSide, long, filter) : resize(image, long, shortSide, filter);
      const expected = crop(whole, { left, top, width: size, height: size });
      const what = `${width} × ${height} to ${shortSide}, ${size}`;
      const view = networkView(image, {
        ...pre,
        inputSize: size,
        resizeSize: shortSide,
        interpolation: filter,
      });
      assert.equal(view.pixels, expected.pixels, what);
    }
});

test('a strip of one pixel costs what its crop does', () => {
  const strip = newImage(1, 60_000);
  strip.pixels.fill(200);
  const started = performance.now();
  const wanted = { inputSize: 224, resizeSize: 256, interpolation: 'bicubic' } as const;
  const centre = networkView(strip, { ...pre, ...wanted }); // whole, it would be 256 × 15,360,000
  assert.ok(centre.pixels.every((value) => value === 200));
  assert.ok(performance.now() - started < 1000);
});

test('trainTransform: pure, flips half of the pictures, writes into the given slice only', () => {
  const image = formula(40, 30, 'noise');
  const transform = trainTransform(pre, { scale: [1, 1], ratio: [4 / 3, 4 / 3] });
  const mirrored = evalTransform({ ...pre, inputSize: 24, resizeSize: 24 });
  assert.equal(transform(image, random), transform(image, random));
  const plain = transform(image, (counter) => (counter === 40 ? 0.9 : 0.5));
  const flipped = transform(image, (counter) => (counter === 40 ? 0.1 : 0.5));
  for (let x = 0; x < 24; x++) assert.is(plain[x * 3], flipped[(23 - x) * 3]);
  let flips = 0;
  for (let i = 0; i < 400; i++) {
    const out = transform(image, randomStream(0, 'augment', 0, i));
    if (out.every((v, k) => v === flipped[k])) flips++;
    else assert.ok(out.every((v, k) => v === plain[k]));
  }
  assert.ok(flips > 150 && flips < 250, `${flips} of 400`);

  const slots = new Float32Array(3 * 24 * 24 * 3).fill(7);
  const slot = slots.subarray(24 * 24 * 3, 2 * 24 * 24 * 3);
  assert.is(mirrored(image, random, slot), slot);
  assert.ok(slots.subarray(0, 24 * 24 * 3).every((v) => v === 7));
  assert.ok(slots.subarray(2 * 24 * 24 * 3).every((v) => v === 7));
  assert.not(slot.includes(7));
});

test('options that make no sense are sentences', () => {
  assert.throws(() => evalTransform({ ...pre, std: [0.2, 0, 0.2] }), /std must be positive/);
  const small = new Float32Array(5);
  assert.throws(
    () => evalTransform(pre)(formula(40, 30, 'noise'), random, small),
    /24 × 24 × 3 values .* array of 5/,
  );
});

test.run();
