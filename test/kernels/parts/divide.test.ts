/** Division of whole numbers by floats: exact for every u32, at the multiples of the divisor and beside them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementwise, program } from '../../../src/gpu/index.ts';
import { DIVIDE } from '../../../src/kernels/parts/tile.ts';
import { empty, tensor } from '../../../src/tensor/index.ts';
import { onBothDevices } from '../../helpers/device.ts';

const test = suite('kernels/parts/divide');

const divideAll = program(
  elementwise({
    name: 'divide-all',
    bindings: { a: 'read u32', b: 'read u32', q: 'write u32' },
    params: {},
    wgsl: `${DIVIDE}
fn element(i: u32) { q[i] = divide(a[i], b[i]); }`,
  }),
);

const DIVISORS = [
  1,
  2,
  3,
  5,
  7,
  10,
  12,
  13,
  56,
  112,
  224,
  255,
  1000,
  4095,
  4096,
  4097,
  65535,
  65536,
  2 ** 19 - 1,
];

/** Numbers about the multiples of each divisor up to 2³², close ones at the ends and others spread between. */
function pairs(): [a: number, b: number][] {
  const found: [number, number][] = [];
  for (const b of DIVISORS) {
    const most = Math.floor((2 ** 32 - 1) / b);
    const multiples = new Set<number>();
    for (let k = 0; k < 20; k++) multiples.add(k).add(most - k);
    for (let k = 1; k < 300; k++) multiples.add(Math.floor((most * k) / 300));
    // Where a float begins to miss whole numbers.
    for (const power of [24, 25, 26, 31]) multiples.add(Math.floor(2 ** power / b));
    for (const multiple of multiples)
      for (const beside of [-2, -1, 0, 1, 2, b - 1]) {
        const a = multiple * b + beside;
        if (a >= 0 && a < 2 ** 32) found.push([a, b]);
      }
  }
  return found;
}

onBothDevices(test, 'quotients are exact up to 2³²', async (device) => {
  const all = pairs();
  const vector = (values: number[]) => tensor(Uint32Array.from(values), [values.length], { device });
  const q = empty(device, [all.length], { dtype: 'uint32' });
  device.run(divideAll, {
    bindings: { a: vector(all.map(([a]) => a)).buffer, b: vector(all.map(([, b]) => b)).buffer, q: q.buffer },
    params: { count: all.length },
  });
  const found = await q.data();
  const wrong = all.findIndex(([a, b], i) => found[i] !== Math.floor(a / b));
  assert.is(wrong, -1, `${all[wrong]?.join(' / ')} gives ${found[wrong]}`);
});

test.run();
