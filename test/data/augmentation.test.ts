/** Colour jitter and random erasing against torchvision: the bits for given factors and random numbers; our own draws. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  type ColorJitter,
  jitterColors,
} from '../../src/data/color-jitter.ts';
import { newImage, type RgbImage } from '../../src/data/image.ts';
import { erase, randomErasure } from '../../src/data/random-erasing.ts';
import { type Augmentation, type Preprocessing, trainTransform } from '../../src/data/transforms.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { assertSame, formula, type PictureKind, type Summary } from './reference.ts';

const test = suite('data/augmentation');

const ADJUST = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

/** test/reference/augmentation.json, written by generate_augmentation.py there. */
const reference: {
  adjusted: (Summary & {
    size: [number, number] | null;
    kind: PictureKind;
    changes: [keyof ColorJitter, number][];
  })[];
  erasures: { size: [number, number]; uniform: number[]; area: number[] | null }[];
} = JSON.parse(readFileSync(new URL('../reference/augmentation.json', import.meta.url), 'utf8'));

/** All colours whose channels are multiples of 15, in a row. */
function everyColour(): RgbImage {
  const image = newImage(18 ** 3, 1);
  for (let i = 0; i < 18 ** 3; i++)
    for (let c = 0; c < 3; c++) image.pixels[3 * i + c] = 15 * (Math.floor(i / 18 ** (2 - c)) % 18);
  return image;
}

test(`${reference.adjusted.length} changes of colour have the bits of torchvision and Pillow`, () => {
  for (const { size, kind, changes, ...expected } of reference.adjusted) {
    const image = size ? formula(size[0], size[1], kind) : everyColour();
    const given = image.pixels.slice();
    const out = changes.reduce((picture, [name, factor]) => ADJUST[name](picture, factor), image);
    assertSame(out.pixels, expected, JSON.stringify(changes));
    assert.equal(image.pixels, given, 'the picture itself stays');
  }
});

test(`${reference.erasures.length} rectangles of torchvision's RandomErasing, those that do not fit included`, () => {
  for (const { size, uniform, area } of reference.erasures) {
    const drawn = (counter: number): number => (counter === 0 ? 0 : uniform[counter - 1]);
    const got = randomErasure(size[0], size[1], drawn, 0.5);
    assert.equal(got && [got.left, got.top, got.width, got.height], area, `${size}`);
  }
});

test('greys stay under any hue, and strengths of 0 change nothing', () => {
  const grey = newImage(256, 1);
  for (let i = 0; i < 256; i++) grey.pixels.fill(i, 3 * i, 3 * i + 3);
  for (const factor of [-0.5, -0.2, 0, 0.3, 0.5]) assert.equal(adjustHue(grey, factor).pixels, grey.pixels);
  const image = formula(8, 8, 'noise');
  for (const jitter of [{}, { brightness: 0, hue: 0 }])
    assert.is(jitterColors(image, jitter, randomStream(0, 'a', 0, 0)), image);
});

test('factors are drawn from their whole range', () => {
  const image: RgbImage = { width: 1, height: 1, pixels: Uint8Array.of(100, 100, 100) };
  const values = Array.from(
    { length: 500 },
    (_, i) => jitterColors(image, { brightness: 0.4 }, randomStream(0, 'a', 0, i)).pixels[0],
  );
  assert.equal([Math.min(...values), Math.max(...values)], [60, 139]);
});

test('the order is any of 24: all of them, each for a 24th of the draws', () => {
  const image = formula(3, 3, 'noise');
  const orders = (names: (keyof ColorJitter)[]): (keyof ColorJitter)[][] =>
    names.length === 0
      ? [[]]
      : names.flatMap((name) => orders(names.filter((n) => n !== name)).map((rest) => [name, ...rest]));
  const expected = orders(['brightness', 'contrast', 'saturation', 'hue']).map((names) => {
    const changed = names.reduce((one, name) => ADJUST[name](one, name === 'hue' ? -0.25 : 0.5), image);
    return `${changed.pixels}`;
  });
  const strengths: ColorJitter = { brightness: 1, contrast: 1, saturation: 1, hue: 0.5 };
  const got: string[] = [];
  for (const a of [0, 0.5])
    for (const b of [0, 0.4, 0.7])
      for (const c of [0, 0.3, 0.6, 0.9])
        got.push(`${jitterColors(image, strengths, (k) => (k < 4 ? 0.25 : [a, b, c][k - 4])).pixels}`);
  assert.equal(got.sort(), expected.sort());
  assert.ok(new Set(expected).size > 12, 'orders can be told apart');
});

test('erasing: as often as asked, within the picture, pixels of other rows untouched', () => {
  let holes = 0;
  for (let i = 0; i < 1000; i++) {
    const hole = randomErasure(16, 16, randomStream(0, 'a', 0, i), 0.25);
    if (!hole) continue;
    holes++;
    const pixels = new Float32Array(16 * 16 * 3).fill(1);
    erase(pixels, 16, hole);
    const { left, top, width, height } = hole;
    assert.ok(left >= 0 && top >= 0 && left + width <= 16 && top + height <= 16);
    const kept = pixels.reduce((sum, value) => sum + value, 0);
    assert.is(kept, 3 * (256 - width * height));
  }
  assert.ok(holes > 200 && holes < 300, `${holes} of 1000`);
});

const pre: Preprocessing = {
  inputSize: 8,
  resizeSize: 8,
  interpolation: 'bilinear',
  // No byte becomes 0, which is what is erased.
  mean: [0.501, 0.401, 0.301],
  std: [0.25, 0.25, 0.25],
};

test('each part of an augmentation leaves the numbers of the others alone', () => {
  const image = formula(20, 15, 'noise');
  const made = (augmentation: Augmentation) =>
    trainTransform(pre, augmentation)(image, randomStream(3, 'augment', 1, 2));
  const plain = made({ flip: 0 });
  const upside = made({ flip: 0, verticalFlip: 1 });
  const row = 8 * 3;
  for (let y = 0; y < 8; y++)
    assert.equal(upside.subarray(y * row, (y + 1) * row), plain.subarray((7 - y) * row, (8 - y) * row));
  const erased = made({ flip: 0, erase: 1 });
  assert.ok(erased.every((value, i) => value === 0 || value === plain[i]));
  assert.ok(erased.some((value) => value === 0));
  const nothing = { verticalFlip: 0, erase: 0, colorJitter: {} };
  assert.equal(made({ flip: 0, ...nothing }), plain);
  const unset = { scale: undefined, flip: undefined, erase: undefined } as object;
  assert.equal(made(unset), made({}), 'a field that is undefined is one that is left out');
  const coloured = made({ flip: 0, colorJitter: { brightness: 0.5 } });
  assert.not.equal(coloured, plain);
  const both = made({ flip: 0, colorJitter: { brightness: 0.5 }, erase: 1 });
  assert.ok(both.every((value, i) => value === (erased[i] === 0 ? 0 : coloured[i])));
});

const NONSENSE: [augmentation: object, sentence: RegExp][] = [
  [{ scale: [0.5, 0.1] }, /^augmentation\.scale is a smaller and a larger number, not a list of 2$/],
  [{ scale: [0, 1] }, /^augmentation\.scale\[0\] is a number from 0\.000001 to 1, not 0$/],
  [{ flip: 2 }, /^augmentation\.flip is a number from 0 to 1, not 2$/],
  [{ verticalFlip: Number.NaN }, /^augmentation\.verticalFlip is a number from 0 to 1, not NaN$/],
  [{ erase: -1 }, /^augmentation\.erase is a number from 0 to 1, not -1$/],
  [{ colorJitter: { hue: 0.6 } }, /^augmentation\.colorJitter\.hue is a number from 0 to 0\.5, not 0\.6$/],
  [{ colorJitter: 0.4 }, /^augmentation\.colorJitter is an object, not 0\.4$/],
];
test('what makes no sense is a sentence with the name of the field', () => {
  for (const [augmentation, sentence] of NONSENSE)
    assert.throws(
      () => trainTransform(pre, augmentation),
      (error: Error) => sentence.test(error.message) || assert.is(error.message, String(sentence)),
    );
});

test.run();
