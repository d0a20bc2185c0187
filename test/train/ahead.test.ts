/** Compiling ahead: nothing is left to compile when a network answers, and it answers with the same bits. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TINY } from '../../bench/kills.ts';
import type { Device } from '../../src/gpu/index.ts';
import type { Network } from '../../src/models/table.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { compileAhead } from '../../src/train/ahead.ts';
import { pseudo } from '../../src/verify/pseudo.ts';
import { createModel } from '../../src/weights/node/create-model.ts';
import { clampedDevice, onBothDevices, testDevice } from '../helpers/device.ts';

const test = suite('train/ahead');

/** The network's answer to some pictures, and the programs that ran for the first time as it gave it. */
async function answer(device: Device, network: Network, pictures: number, size: number) {
  const model = (await createModel(network, { device, numClasses: 5, seed: 1 })).eval();
  const x = tensor(pseudo('x', pictures * size * size * 3), [pictures, size, size, 3], { device });
  const compiled: string[] = [];
  const stop = device.observe({
    dispatch({ program, first }) {
      if (first) compiled.push(program.name);
    },
  });
  const y = noGrad(() => scope(() => model.forward(x)));
  stop();
  return { bits: Buffer.from((await y.data()).buffer), compiled };
}

for (const [network, pictures, size] of [
  [TINY, 1, 32],
  [TINY, 3, 32],
  ['resnet18', 2, 64],
] as const)
  onBothDevices(
    test,
    `${pictures} of ${size}² for ${typeof network === 'string' ? network : network.name}`,
    async (device) => {
      const alone = await (device.traits.immediates ? testDevice() : clampedDevice());
      const expected = await answer(alone, network, pictures, size);
      assert.ok(expected.compiled.length > 5);
      alone.close();
      const before = device.memory();
      await compileAhead(device, network, { numClasses: 5 }, { pictures, size });
      await device.idle();
      assert.is(device.memory().live, before.live);
      const { bits, compiled } = await answer(device, network, pictures, size);
      assert.equal(compiled, []);
      assert.ok(bits.equals(expected.bits), 'the same bits');
      assert.is(device.fault, null);
    },
  );

test('what cannot be built compiles nothing, and the device works on', async () => {
  const device = await testDevice();
  let dispatches = 0;
  device.observe({ dispatch: () => dispatches++ });
  for (const [network, size] of [
    ['alexnet', 8],
    ['nobody', 32],
  ] as const)
    await compileAhead(device, network, {}, { pictures: 1, size });
  assert.is(dispatches, 0);
  assert.equal([...(await tensor([1, 2], [2], { device }).data())], [1, 2]);
  device.close();
});

test.run();
