/** Opening a device: the choice of an adapter, the default device, and the memory to plan with. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryBudget } from '../../src/node/memory.ts';
import {
  type AdapterName,
  chooseAdapter,
  describeAdapters,
  listAdapters,
  openDevice,
} from '../../src/node/open-device.ts';
import { getDefaultDevice } from '../../src/tensor/index.ts';

const open = suite('open');

const two: AdapterName[] = [
  { backend: 'vulkan', name: 'NVIDIA GeForce RTX 4090' },
  { backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
  { backend: 'opengl', name: 'Mesa Intel Graphics' },
];
const choices: [wanted: string, index: number | null][] = [
  ['software', 1],
  ['nvidia', 0],
  ['LLVM', 1],
  ['vulkan', 0],
  ['OpenGL', 2],
  ['2', 2],
  ['3', null],
  ['radeon', null],
];
for (const [wanted, index] of choices) {
  open(`'${wanted}' among three adapters`, () => {
    assert.is(chooseAdapter(two, wanted), index === null ? null : two[index]!);
  });
}

open("an adapter's own name opens it, another name lists what there is", async () => {
  const available = await listAdapters();
  assert.ok(available.length > 0);
  const device = await openDevice({ adapter: available[0]!.name.toUpperCase() });
  assert.is(getDefaultDevice(), device);
  device.close();
  try {
    await openDevice({ adapter: 'no such card' });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).name, 'Error');
    assert.ok((error as Error).message.endsWith(describeAdapters(available)));
  }
});

open('all devices of a choice come from one instance of Dawn', async () => {
  const threads = () => readdirSync('/proc/self/task').length;
  const first = await openDevice();
  const before = threads();
  for (let index = 0; index < 5; index++) (await openDevice()).close();
  assert.ok(threads() <= before + 5, `${threads()} threads after five devices more, ${before} before`);
  first.close();
});

open('the memory to plan with', async () => {
  assert.equal(await memoryBudget({ software: true }, 5), { bytes: 5, from: 'asked' });
  assert.equal(await memoryBudget({ software: false }), { bytes: 4 * 2 ** 30, from: 'default' });
  const { bytes, from } = await memoryBudget({ software: true });
  assert.ok(from === 'machine' || from === 'control group');
  assert.ok(bytes > 2 ** 27 && bytes < 2 ** 50, `${bytes}`);
});

open.run();
