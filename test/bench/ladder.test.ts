/** Every rung of the ladders against float64, on sizes that no tile divides where the rung allows it; and the bench's door to them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONV2D,
  errorOf,
  LADDERS,
  ladderTasks,
  MATMUL,
  type Posed,
  poseConv,
  poseMatmul,
} from '../../bench/ladder/ladders.ts';
import type { Rung } from '../../bench/ladder/rung.ts';
import { allowedError } from '../../src/bench/check.ts';
import { requestOf } from '../../src/cli/bench/options.ts';
import type { Device } from '../../src/gpu/index.ts';
import { onBothDevices, testDevice } from '../helpers/device.ts';

const test = suite('bench/ladder');

async function climb<Problem>(rungs: readonly Rung<Problem>[], posed: Posed<Problem>): Promise<void> {
  for (const rung of rungs) {
    const error = await errorOf(rung, posed);
    assert.ok(error <= allowedError(posed.terms), `${posed.name} ${rung.name}: off by ${error}`);
    assert.ok(error > 0 || posed.size < 4, `${rung.name}: rounding leaves a trace`);
  }
  posed.dispose();
}

onBothDevices(test, 'matmul, every rung', async (device: Device) => {
  for (const sizes of [
    { m: 32, k: 64, n: 96 },
    { m: 64, k: 32, n: 32 },
  ])
    await climb(MATMUL, poseMatmul(device, sizes));
});

onBothDevices(test, 'conv2d, every rung', async (device: Device) => {
  for (const sizes of [
    { height: 9, width: 7, cin: 8, cout: 12 },
    { height: 4, width: 10, cin: 4, cout: 36 },
  ])
    await climb(CONV2D, poseConv(device, sizes));
});

test('rungs have names of their own and say what limits them; the last one is the library', () => {
  for (const rungs of [MATMUL, CONV2D] as readonly (readonly Rung<never>[])[]) {
    assert.is(new Set(rungs.map(({ name }) => name)).size, rungs.length);
    assert.ok(rungs.every(({ limit }) => limit.length > 10));
    assert.is(rungs.at(-1)!.name, 'shipped');
  }
});

test('a ladder is a list of works for the bench, a rung each', async () => {
  const device = await testDevice();
  for (const ladder of LADDERS) {
    const tasks = ladderTasks(device, ladder);
    const rungs = ladder === 'matmul' ? MATMUL : CONV2D;
    assert.equal(
      tasks.map(({ facts }) => facts.variant),
      rungs.map(({ name }) => name),
    );
    assert.is(device.memory().live, 0, 'nothing is held before it is prepared');
  }
  device.close();
});

test('--ladder stands alone', () => {
  const samples = 3;
  assert.equal(requestOf([], { samples, ladder: ['conv2d'] }).ladder, ['conv2d']);
  for (const more of [
    { filter: 'conv' },
    { shape: ['matmul:8x8x8'] },
    { variant: 'plain' },
    { allVariants: true },
  ])
    assert.throws(
      () => requestOf([], { samples, ladder: ['conv2d'], ...more }),
      /--ladder is a problem of its own/,
    );
  assert.throws(
    () => requestOf(['models'], { samples, ladder: ['matmul'] }),
    /--ladder is a problem of its own/,
  );
});

test.run();
