/**
 * The programs beside an exported file prepare a photo as the transforms do, pixel for pixel: the JavaScript one is run on it
 * here, from its resize to its `pixel`, without the libraries that it imports.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { heightWidth, sizeText } from '../../src/data/input-size.ts';
import { placed } from '../../src/data/placing.ts';
import { inInput, type Preprocessing } from '../../src/data/transforms.ts';
import { nodeForOnnx } from '../../src/export/runners.ts';
import { IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { formula } from '../data/reference.ts';

const test = suite('export/runners');

/** What the program's `pixel` gives of a picture, [height, width, 3]. */
function prepared(
  preprocessing: Preprocessing,
  { width, height, pixels }: ReturnType<typeof formula>,
): Uint8Array {
  const lines = nodeForOnnx({ preprocessing, normalises: true }).split('\n');
  const resizing = lines.slice(
    lines.findIndex((line) => line.startsWith('const weight')),
    lines.findIndex((line) => line.startsWith('const file')),
  );
  const placing = lines.slice(
    lines.findIndex((line) => line.startsWith('const { data, info')) + 1,
    lines.findIndex((line) => line.startsWith('const tensor')),
  );
  const body = [...resizing, ...placing, 'return x;'].join('\n');
  return new Function('data', 'width', 'height', body)(pixels, width, height);
}

const CASES: [what: string, Partial<Preprocessing>][] = [
  ['a square, cropped', { inputSize: 28, resizeSize: 32 }],
  ['a square, bicubic', { inputSize: 28, resizeSize: 32, interpolation: 'bicubic' }],
  ['wide, cropped', { inputSize: [20, 44], resizeSize: [23, 50] }],
  ['high, cropped by its shorter side', { inputSize: [40, 20], resizeSize: 44 }],
  ['a square with a border', { inputSize: 32, resizeSize: 32, fit: 'pad' }],
  ['wide with a border', { inputSize: [20, 45], resizeSize: [20, 45], fit: 'pad' }],
  ['high with a border, and cropped', { inputSize: [45, 20], resizeSize: [51, 23], fit: 'pad' }],
];
for (const [what, own] of CASES)
  for (const [width, height] of [
    [70, 50],
    [50, 71],
    [100, 9],
    [33, 33],
  ] as const) {
    const preprocessing = { ...IMAGENET_PREPROCESSING, ...own };
    test(`${what}, ${sizeText(preprocessing.inputSize)}: a picture of ${width}×${height}`, () => {
      const picture = formula(width, height, 'smooth');
      const got = prepared(preprocessing, picture);
      const { pixels } = inInput(picture, placed(picture, preprocessing), preprocessing);
      const [H, W] = heightWidth(preprocessing.inputSize);
      assert.is(got.length, H * W * 3);
      // Its weights are not rounded to Pillow's integers.
      assert.ok(got.every((value, i) => Math.abs(value - pixels[i]!) <= 1));
      assert.ok(got.filter((value, i) => value !== pixels[i]).length < got.length / 20);
    });
  }

test.run();
