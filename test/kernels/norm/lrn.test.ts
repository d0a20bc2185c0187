/** Local response normalisation: any size, odd and even, larger than the channels; values and gradients in float64. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LrnOptions, lrn } from '../../../src/kernels/norm/lrn.ts';
import { noGrad, type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/lrn');

const CASES: [Shape, scale: number, LrnOptions][] = [
  [[1, 3, 3, 1], 1, { size: 1, alpha: 1 }],
  [[2, 4, 5, 7], 4, { size: 3, alpha: 0.5 }],
  [[2, 3, 4, 10], 16, { size: 5, alpha: 1e-2, k: 2 }],
  [[1, 3, 3, 96], 64, { size: 5, alpha: 5e-4, beta: 0.75, k: 2 }],
  [[1, 5, 5, 3], 4, { size: 7, alpha: 1, beta: 0.5 }],
  [[1, 2, 3, 8], 2, { size: 4, alpha: 0.7, beta: 1, k: 0.5 }],
  [[1, 2, 3, 9], 2, { size: 2, alpha: 0.7 }],
  [[2, 13], 2, { size: 9, alpha: 3 }],
  [[6], 1, { size: 5 }],
];

function normalised(x: Float64Array, c: number, { size, alpha = 1e-4, beta = 0.75, k = 1 }: LrnOptions) {
  return x.map((value, i) => {
    const channel = i % c;
    let squares = 0;
    for (let j = channel - Math.floor(size / 2); j <= channel + Math.floor((size - 1) / 2); j++)
      if (j >= 0 && j < c) squares += x[i - channel + j]! ** 2;
    return value * (k + (alpha / size) * squares) ** -beta;
  });
}

for (const open of [testDevice, clampedDevice])
  test(`values and gradients (${open.name})`, async () => {
    const device = await open();
    for (const [shape, scale, options] of CASES)
      await checkOp(device, {
        name: `lrn [${shape}] ${JSON.stringify(options)}`,
        inputs: [shape],
        values: [pseudoFill(`lrn/${shape}`, sizeOf(shape), { scale })],
        op: (x) => lrn(x, options),
        formula: (x) => normalised(x, shape.at(-1)!, options),
      });
    device.close();
  });

test('without gradients the same values come out', async () => {
  const device = await testDevice();
  const x = tensor(pseudoFill('lrn', 60, { scale: 8 }), [3, 4, 5], { requiresGrad: true });
  const recorded = await lrn(x, { size: 3, alpha: 1 }).data();
  const plain = noGrad(() => lrn(x, { size: 3, alpha: 1 }));
  assert.is(plain.node, null);
  assert.equal(await plain.data(), recorded);
  assert.throws(() => lrn(x, { size: 0 }), 'lrn: the size is a whole number of at least 1, not 0');
  device.close();
});

test.run();
