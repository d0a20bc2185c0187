/** softmax and logSoftmax: values and gradients in float64, logits from tiny to huge, rows from 1 to 5,003 long. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { logSoftmax, softmax } from '../../../src/kernels/reduce/softmax.ts';
import { type Shape, sizeOf, tensor } from '../../../src/tensor/index.ts';
import { type Fill, pseudoFill } from '../../../src/verify/pseudo.ts';
import { checkOp } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/softmax');

const CASES: [Shape, Fill][] = [
  [[], {}],
  [[7], { scale: 4 }],
  [[3, 1], {}],
  [[1, 2], { scale: 4 }],
  [[5, 10], { scale: 4 }],
  [[2, 3, 2, 6], { scale: 16 }],
  [[4, 8], { scale: 0.001 }],
  [[3, 1000], { scale: 8 }],
  [[2, 5003], { scale: 8 }],
  [[2, 4096], { scale: 8 }],
  [[300, 12], { scale: 8 }],
  [[4, 37], { scale: 100 }],
  [[4, 5], { offset: 1000, scale: 4 }],
  [[4, 8], { offset: -1000, scale: 4 }],
  [[4, 8], { offset: 16384, scale: 4 }], // m + log s in one float32 would be off by 1e-3
  [[3, 6], { levels: 2, scale: 50 }],
];

/** log softmax of rows of `columns`, in float64. */
function logProbabilities(x: Float64Array, columns: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += columns) {
    const row = x.subarray(start, start + columns);
    const most = row.reduce((a, b) => Math.max(a, b));
    const log = Math.log(row.reduce((total, value) => total + Math.exp(value - most), 0));
    row.forEach((value, c) => {
      y[start + c] = value - most - log;
    });
  }
  return y;
}

for (const open of [testDevice, clampedDevice])
  test(`values and gradients (${open.name})`, async () => {
    const device = await open();
    for (const [shape, fill] of CASES) {
      const columns = shape.at(-1) ?? 1;
      const values = [pseudoFill(`softmax/${shape}`, sizeOf(shape), fill)];
      const log = { name: `logSoftmax of [${shape}] × ${fill.scale}`, inputs: [shape], values };
      await checkOp(device, { ...log, op: logSoftmax, formula: (x) => logProbabilities(x, columns) });
      await checkOp(device, {
        name: `softmax of [${shape}] × ${fill.scale}`,
        inputs: [shape],
        values,
        op: softmax,
        formula: (x) => logProbabilities(x, columns).map(Math.exp),
      });
    }
    device.close();
  });

test('logits as large as float32 holds', async () => {
  const device = await testDevice();
  const x = tensor([3e38, -3e38, 0, 0, 88, 89, -3e38, -3e38, -3e38], [3, 3]);
  const third = 1 / 3;
  const expected = [1, 0, 0, 0, 1 / (1 + Math.E), Math.E / (1 + Math.E), third, third, third];
  const y = await softmax(x).data();
  expected.forEach((value, i) => {
    assert.ok(Math.abs(y[i]! - value) < 1e-6, `element ${i}: ${y[i]}`);
  });
  device.close();
});

test.run();
