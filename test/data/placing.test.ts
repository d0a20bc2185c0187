/** Inputs that are no squares, and pictures in a border: the pixels of timm and torchvision, and where a picture lies. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crop, newImage, type RgbImage } from '../../src/data/image.ts';
import { heightWidth, type InputSize, mapSides, pixelsOf, sizeOfSides } from '../../src/data/input-size.ts';
import { type Fit, ownPart, placed, placedAtRandom, shownPart } from '../../src/data/placing.ts';
import {
  evalTransform,
  networkView,
  ownView,
  PREPROCESSING,
  type Preprocessing,
  trainTransform,
} from '../../src/data/transforms.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { demand } from '../../src/text/rules.ts';
import { preparedFor } from '../../src/weights/start.ts';
import { fixture } from '../helpers/fixture.ts';
import { assertSame, formula, type Summary } from './reference.ts';

interface Case extends Summary {
  in: [width: number, height: number];
  inputSize: [height: number, width: number];
  interpolation: Preprocessing['interpolation'];
  fit: Fit;
  /** timm's crop_pct, else the shorter side. */
  cropShare?: number;
  resizeSize?: number;
}

const { transforms } = fixture<{
  transforms: { mean: [number, number, number]; std: [number, number, number]; cases: Case[] };
}>('oblong.json');
const { mean, std } = transforms;
const test = suite('data/placing');
const random = randomStream(1, 'augment', 0, 0);

function preprocessingOf({
  inputSize: [height, width],
  cropShare,
  resizeSize,
  ...rest
}: Case): Preprocessing {
  const inputSize = sizeOfSides(height, width);
  const resized = resizeSize ?? mapSides(inputSize, (side) => Math.floor(side / cropShare!));
  const { interpolation, fit } = rest;
  return { inputSize, resizeSize: resized, interpolation, mean, std, ...(fit === 'pad' && { fit }) };
}

for (const c of transforms.cases)
  test(`${c.in.join('×')}, ${c.fit} to ${c.inputSize} (${c.cropShare ?? `side ${c.resizeSize}`}, ${c.interpolation}): the bits of timm`, () => {
    const preprocessing = preprocessingOf(c);
    demand(PREPROCESSING, JSON.parse(JSON.stringify(preprocessing)), 'preprocessing');
    const out = evalTransform(preprocessing)(formula(c.in[0], c.in[1], 'smooth'), random);
    assert.is(out.length, pixelsOf(c.inputSize) * 3);
    assertSame(out, c, 'normalised pixels');
  });

/** A black picture with a white corner, an eighth of either side. */
function marked(width: number, height: number): RgbImage {
  const image = newImage(width, height);
  for (let y = 0; y < height >> 3; y++) image.pixels.fill(255, 3 * y * width, 3 * (y * width + (width >> 3)));
  return image;
}

const base = { interpolation: 'bilinear', mean, std } as const;
const SIZES: InputSize[] = [48, [24, 64], [64, 24]];
for (const inputSize of SIZES)
  for (const [width, height] of [
    [96, 40],
    [40, 96],
    [64, 64],
  ] as const)
    test(`${width}×${height} in ${inputSize}: padded it is whole, its corner in its corner, its border the mean colour`, () => {
      const pad: Preprocessing = { ...base, inputSize, resizeSize: inputSize, fit: 'pad' };
      const seen = networkView(marked(width, height), pad);
      const part = ownPart({ width, height }, pad);
      const [H, W] = heightWidth(inputSize);
      assert.equal([seen.height, seen.width], [H, W]);
      // It touches two opposite sides, and its aspect is the picture's to within a pixel.
      assert.ok(part.width === W || part.height === H);
      assert.ok(Math.abs(part.width - (part.height * width) / height) <= Math.max(1, width / height));
      const own = crop(seen, part);
      assert.ok(own.pixels[0]! > 200);
      for (const corner of [part.width - 1, (part.height - 1) * part.width, part.height * part.width - 1])
        assert.is(own.pixels[3 * corner], 0, 'another corner is white');
      const colours = new Set<string>();
      for (let y = 0; y < H; y++)
        for (let x = 0; x < W; x++) {
          const inside =
            x >= part.left && x < part.left + part.width && y >= part.top && y < part.top + part.height;
          if (!inside) colours.add(String(seen.pixels.slice(3 * (y * W + x), 3 * (y * W + x) + 3)));
        }
      const border = part.width === W && part.height === H ? [] : ['124,116,104'];
      assert.equal([...colours], border);
      const shown = ownView(marked(width, height), pad, 96);
      assert.ok(Math.abs(Math.max(shown.width, shown.height) - 96) <= 2);
      assert.ok(shown.pixels[0]! > 200);
    });

test('training with a border: the picture is larger or smaller by at most its share, and lies in the input or covers it', () => {
  const pad: Preprocessing = { ...base, inputSize: [32, 64], resizeSize: [32, 64], fit: 'pad' };
  const still = placed({ width: 90, height: 60 }, pad);
  let [smallest, largest] = [Infinity, 0];
  const places = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const at = placedAtRandom({ width: 90, height: 60 }, pad, randomStream(0, 'augment', 0, i), [0.6, 1]);
    for (const [side, start, room] of [
      [at.width, at.left, 64],
      [at.height, at.top, 32],
    ] as const)
      assert.ok(side <= room ? start <= 0 && start >= side - room : start >= 0 && start <= side - room);
    const { width, height } = shownPart(at, pad.inputSize);
    assert.ok(width > 0 && height > 0 && width <= 64 && height <= 32);
    const share = (at.width * at.height) / (still.width * still.height);
    [smallest, largest] = [Math.min(smallest, share), Math.max(largest, share)];
    places.add(at.left);
  }
  assert.ok(smallest > 0.55 && smallest < 0.66, `smallest ${smallest}`);
  assert.ok(largest > 1.55 && largest < 1.75, `largest ${largest}`);
  assert.ok(places.size > 10);
});

test('training with a border and crops of 1 is the evaluation, flipped or not, and no colour of the border changes', () => {
  const pad: Preprocessing = { ...base, inputSize: [32, 64], resizeSize: [32, 64], fit: 'pad' };
  const image = formula(40, 40, 'noise');
  const plain = evalTransform(pad)(image, random);
  const train = trainTransform(pad, { scale: [1, 1], flip: 0 });
  assert.equal(train(image, random), plain);
  const jittered = trainTransform(pad, { scale: [1, 1], flip: 0, colorJitter: { brightness: 0.8 } })(
    image,
    random,
  );
  assert.not.equal(jittered, plain);
  assert.equal(jittered.subarray(0, 16 * 3), plain.subarray(0, 16 * 3));
});

test('a training crop has the aspect of the input, and squeezes nothing that validation does not', () => {
  for (const [height, width] of [
    [32, 64],
    [64, 24],
  ] as const) {
    const whole: Preprocessing = { ...base, inputSize: [height, width], resizeSize: [height, width] };
    const image = formula(width * 2, height * 2, 'smooth');
    const train = trainTransform(whole, { scale: [1, 1], ratio: [1, 1], flip: 0 });
    assert.equal(train(image, random), evalTransform(whole)(image, random));
  }
});

const KEPT: [
  what: string,
  natural: Partial<Preprocessing>,
  asked: Parameters<typeof preparedFor>[1],
  Partial<Preprocessing>,
][] = [
  ['nothing', {}, {}, { inputSize: 224, resizeSize: 256 }],
  ['a square', {}, { size: 112 }, { inputSize: 112, resizeSize: 128 }],
  ['height and width', {}, { size: [112, 224] }, { inputSize: [112, 224], resizeSize: [128, 256] }],
  ['a border', {}, { fit: 'pad' }, { inputSize: 224, resizeSize: 224, fit: 'pad' }],
  ['both', {}, { size: [64, 96], fit: 'pad' }, { inputSize: [64, 96], resizeSize: [64, 96], fit: 'pad' }],
  ["the weights' own border", { fit: 'pad' }, { size: 112 }, { inputSize: 112, resizeSize: 128, fit: 'pad' }],
  ['no border', { fit: 'pad' }, { fit: 'crop' }, { inputSize: 224, resizeSize: 256 }],
];
for (const [what, natural, asked, wanted] of KEPT)
  test(`preprocessing for ${what}`, () => {
    const found = preparedFor({ ...base, inputSize: 224, resizeSize: 256, ...natural }, asked);
    assert.equal(found, { ...base, ...wanted });
  });

for (const [field, value] of Object.entries({
  inputSize: [[0, 5], [5], [5, 6, 7], [4097, 5], '5', 0],
  resizeSize: [[8193, 5], null],
  fit: ['squash', null],
}))
  for (const wrong of value)
    test(`a file with ${field} ${JSON.stringify(wrong)} is refused`, () => {
      const file = { ...base, inputSize: 224, resizeSize: 256, [field]: wrong };
      assert.throws(
        () => demand(PREPROCESSING, file, 'preprocessing'),
        new RegExp(`preprocessing\\.${field}`),
      );
    });

test.run();
