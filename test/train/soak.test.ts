/** The real training loop for 32 steps of ResNet-18: nothing is created after the first epoch, and nothing grows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type SoakRow, soak } from '../../bench/soak.ts';
import { closeLoader } from '../../src/data/node/loader.ts';
import type { Device } from '../../src/gpu/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('train/soak');

const DEVICES: [name: string, open: () => Promise<Device>, steps: number, stepsPerEpoch: number][] = [
  ['what the adapter has', () => testDevice({ poison: false }), 32, 8],
  ['default limits, parameters in uniform buffers', clampedDevice, 9, 3],
];
for (const [name, open, steps, stepsPerEpoch] of DEVICES)
  test(`partial batches, validation, checkpoints: no buffer and no bind group after the first epoch (${name})`, async () => {
    const device = await open();
    const rows = await soak(device, { steps, stepsPerEpoch, batch: 4 });
    device.close();
    const [first, last] = [rows[0], rows.at(-1)!];
    assert.is(rows.length, steps / stepsPerEpoch);
    assert.ok(first.buffers > 100 && first.bindGroups > 100, 'nothing was counted');
    for (const field of ['buffers', 'bindGroups', 'live', 'pooled'] satisfies (keyof SoakRow)[])
      assert.is(last[field], first[field], `${field} after the first and the last epoch`);
  });

test.after(() => closeLoader());
test.run();
