/** Padding and cutting the last axis: every combination of aligned and unaligned sizes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { padLastAxis } from '../../../src/kernels/parts/pad-channels.ts';
import { tensor } from '../../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';

const test = suite('kernels/pad-channels');

const SIZES = [
  [3, 4],
  [4, 3],
  [4, 8],
  [8, 4],
  [5, 7],
  [1, 4],
  [7, 8],
  [8, 7],
  [6, 2],
  [4, 4],
  [3, 32],
];

for (const open of [testDevice, clampedDevice])
  test(`the last axis is padded with zeros and cut off (${open.name})`, async () => {
    const device = await open();
    for (const [from, to] of SIZES) {
      const rows = 2 * 3 * 5;
      const x = Float32Array.from({ length: rows * from }, (_, i) => i + 1);
      const y = padLastAxis(tensor(x, [2, 3, 5, from]), to);
      assert.equal(y.shape, [2, 3, 5, to]);
      const expected = Float32Array.from({ length: rows * to }, (_, i) =>
        i % to < from ? x[Math.floor(i / to) * from + (i % to)] : 0,
      );
      assert.equal(await y.data(), expected, `${from} to ${to}`);
    }
    device.close();
  });

test.run();
