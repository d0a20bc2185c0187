/** Resize: the float form against its formula, the 8-bit form bit for bit against the CPU's (which is Pillow's). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resize as resizeImage } from '../../../src/data/resize.ts';
import { resize } from '../../../src/kernels/image/resize.ts';
import type { ResizeFilter } from '../../../src/kernels/image/resize-coefficients.ts';
import { type Shape, tensor } from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, onBothDevices, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/resize');

const FILTERS: Record<ResizeFilter, { support: number; weight: (x: number) => number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const d = Math.abs(x);
      if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
      return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
    },
  },
};

/** Weights of every input for output o: the stretched filter at each pixel's centre, normalised. */
function weights(inputs: number, outputs: number, o: number, filter: ResizeFilter): number[] {
  const scale = inputs / outputs;
  const stretch = Math.max(scale, 1);
  const center = (o + 0.5) * scale;
  const { support, weight } = FILTERS[filter];
  const row = Array.from({ length: inputs }, (_, i) =>
    Math.abs(i + 0.5 - center) <= support * stretch + 0.5 ? weight((i + 0.5 - center) / stretch) : 0,
  );
  const sum = row.reduce((total, value) => total + value, 0);
  return row.map((value) => value / sum);
}

function formula(
  x: Float64Array,
  [pictures, height, width, channels]: Shape,
  [rows, columns]: readonly [number, number],
  filter: ResizeFilter,
): number[] {
  const down = Array.from({ length: rows }, (_, o) => weights(height!, rows, o, filter));
  const across = Array.from({ length: columns }, (_, o) => weights(width!, columns, o, filter));
  const y: number[] = [];
  for (let n = 0; n < pictures!; n++)
    for (const vertical of down)
      for (const horizontal of across)
        for (let c = 0; c < channels!; c++) {
          let sum = 0;
          vertical.forEach((v, i) => {
            if (v === 0) return;
            horizontal.forEach((h, j) => {
              if (h !== 0) sum += v * h * x[((n * height! + i) * width! + j) * channels! + c]!;
            });
          });
          y.push(sum);
        }
  return y;
}

const CASES: [Shape, readonly [number, number]][] = [
  [
    [1, 5, 5, 1],
    [5, 5],
  ],
  [
    [2, 7, 5, 3],
    [4, 3],
  ],
  [
    [1, 9, 8, 4],
    [3, 8],
  ],
  [
    [1, 9, 8, 4],
    [9, 3],
  ],
  [
    [1, 6, 5, 3],
    [11, 9],
  ],
  [
    [1, 12, 4, 2],
    [5, 7],
  ],
  [
    [1, 1, 1, 4],
    [3, 2],
  ],
  [
    [1, 16, 15, 3],
    [1, 1],
  ],
];

onBothDevices(test, 'values and gradients', async (device) => {
  for (const interpolation of ['bilinear', 'bicubic'] as const)
    for (const [shape, size] of CASES)
      await checkOp(device, {
        name: `resize ${interpolation} ${shape} to ${size}`,
        inputs: [shape],
        op: (x) => resize(x!, size, { interpolation }),
        formula: (x) => formula(x!, shape, size, interpolation),
      });
});

const PICTURES: [height: number, width: number, rows: number, columns: number][] = [
  [12, 16, 6, 8],
  [13, 11, 5, 7],
  [9, 9, 20, 23],
  [40, 60, 9, 14],
  [8, 8, 8, 5],
  [8, 8, 5, 8],
  [64, 31, 3, 30], // the pass along y comes first
  [97, 130, 24, 32],
];

test('8-bit pictures: the same bytes as on the CPU', async () => {
  for (const open of [testDevice, clampedDevice]) {
    const device = await open();
    for (const interpolation of ['bilinear', 'bicubic'] as const)
      for (const [height, width, rows, columns] of PICTURES) {
        const size = height * width * 3;
        // Black and white besides noise, so that bicubic overshoots both ends.
        const noise = pseudoFill(`${height} ${width}`, size, { levels: 256 });
        const values = noise.map((value, i) => ((i / 7) % 3 < 1 ? (value < 128 ? 0 : 255) : value));
        const expected = resizeImage(
          { width, height, pixels: Uint8Array.from(values) },
          columns,
          rows,
          interpolation,
        );
        const y = resize(tensor(values, [1, height, width, 3]), [rows, columns], {
          interpolation,
          round8: true,
        });
        assert.equal(Uint8Array.from(await y.data()), expected.pixels);
      }
    device.close();
  }
});

test('refuses what makes no sense', async () => {
  const device = await testDevice();
  const x = tensor([1, 2, 3, 4], [1, 2, 2, 1], { requiresGrad: true });
  assert.throws(() => resize(x, [1, 1], { interpolation: 'bilinear', round8: true }), 'no gradient passes');
  assert.throws(() => resize(x, [0, 1], { interpolation: 'bilinear' }), 'must be positive integers');
  assert.throws(
    () => resize(tensor([1], [1]), [1, 1], { interpolation: 'bilinear' }),
    'the input is [N, H, W, C]',
  );
  device.close();
});

test.run();
