/**
 * The ceilings: that the kernels do what is counted and compute what they should, that wrong ones and unsteady ones are
 * doubted. Nothing here depends on how fast the machine is.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CHAIN_KERNELS,
  chainFlops,
  chainSum,
  runChains,
  workOf,
} from '../../src/bench/ceilings/arithmetic.ts';
import {
  cacheDoubt,
  MEMORY_KERNELS,
  memoryContenders,
  partsOf,
  walkedBytes,
} from '../../src/bench/ceilings/bandwidth.ts';
import { ceilingOf, contest, type Tried } from '../../src/bench/ceilings/contest.ts';
import type { Device } from '../../src/gpu/index.ts';
import { HARDWARE } from '../../src/gpu/traits.ts';
import { empty } from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('bench: ceilings');
const [KIB, MIB, GIB] = [2 ** 10, 2 ** 20, 2 ** 30];

/** Multiply-adds of one step, as the shader has them: of numbers, or of four at once. */
function multiplyAdds(wgsl: string): number {
  const loop = wgsl.slice(wgsl.indexOf('for ('), wgsl.indexOf('y['));
  const written = [...loop.matchAll(/fma\(|\* scale \+ offset/g)].length;
  return written * (wgsl.includes('vec4f(p.scale)') ? 4 : 1);
}

test('the FLOPs that count are those of the shader: two for each multiply-add', () => {
  for (const kernel of CHAIN_KERNELS) {
    const { name, wgsl } = kernel.program;
    assert.is(chainFlops(kernel, 1), 2 * multiplyAdds(wgsl), name);
    assert.is(chainFlops(kernel, 7), 14 * multiplyAdds(wgsl), name);
  }
  assert.is(new Set(CHAIN_KERNELS.map(({ program }) => program.name)).size, CHAIN_KERNELS.length);
});

const OPENED: readonly [on: string, open: () => Promise<Device>][] = [
  ['all features', testDevice],
  ['default limits', clampedDevice],
  ["a GPU's traits", () => testDevice({ traits: HARDWARE })],
];

for (const [on, open] of OPENED.slice(0, 2))
  test(`every chain is as long as it should be, ${on}`, async () => {
    const device = await open();
    for (const kernel of CHAIN_KERNELS) {
      const y = empty(device, [128]);
      for (const steps of [1, 3]) {
        runChains(device, kernel, y, { invocations: 128, steps });
        const values = await y.data();
        for (const [invocation, value] of values.entries()) {
          const expected = chainSum(kernel, steps, invocation % 64);
          assert.ok(
            Math.abs(value / expected - 1) < 1e-5,
            `${kernel.program.name}, ${steps} steps, invocation ${invocation}: ${value}, not ${expected}`,
          );
        }
      }
      y.dispose();
    }
    device.close();
  });

for (const [on, open] of OPENED)
  test(`every memory kernel walks through all of its part, ${on}`, async () => {
    const device = await open();
    const { contenders, dispose } = await memoryContenders(device, 192 * KIB);
    for (const { name, right } of contenders) assert.ok(right, name);
    dispose();
    device.close();
  });

test('the sum of chains is that of multiply-adds one after the other', () => {
  for (const kernel of CHAIN_KERNELS)
    for (const lane of [0, 63]) {
      const count = kernel.width * kernel.chains;
      const chains = Array.from({ length: count }, (_, c) => lane + c + 0.5);
      for (let n = 0; n < 5 * kernel.unroll; n++)
        for (let c = 0; c < count; c++) chains[c] = chains[c]! * (1 - 1 / 4096) + 0.5;
      const expected = chains.reduce((a, b) => a + b);
      assert.ok(Math.abs(chainSum(kernel, 5, lane) / expected - 1) < 1e-12, kernel.program.name);
    }
});

test('a memory kernel whose result is another one is wrong', async () => {
  const device = await testDevice();
  const off = MEMORY_KERNELS.map((kernel) => ({
    ...kernel,
    expected: (i: number) => 1.01 * kernel.expected(i) + 1,
  }));
  const { contenders, dispose } = await memoryContenders(device, 64 * KIB, off);
  for (const { name, right } of contenders) assert.not(right, name);
  dispose();
  device.close();
});

test('a slow adapter gets fewer invocations rather than short ones', () => {
  assert.equal(workOf(65536, 1000.4), { invocations: 65536, steps: 1000 });
  assert.equal(workOf(65536, 8), { invocations: 16384, steps: 32 });
  assert.equal(workOf(64, 0.01), { invocations: 64, steps: 32 });
});

test('the buffers fit no cache, and fit into the memory', () => {
  assert.is(walkedBytes(4 * GIB, 16 * GIB), 256 * MIB);
  assert.is(walkedBytes(128 * MIB, 16 * GIB), 128 * MIB, 'the largest buffer');
  assert.is(walkedBytes(4 * GIB, GIB), 128 * MIB, 'both are a quarter of the memory');
  assert.is(walkedBytes(1000, GIB), 64 * KIB, 'a stretch at least');
  assert.is(cacheDoubt(256 * MIB), null);
  assert.match(cacheDoubt(walkedBytes(4 * GIB, 512 * MIB)) ?? '', '64 MiB each');
});

test('parts cover the buffers once', () => {
  assert.equal(partsOf(10, 4), [
    { offset: 0, size: 4 },
    { offset: 4, size: 4 },
    { offset: 8, size: 2 },
  ]);
  assert.equal(partsOf(4, 4), [{ offset: 0, size: 4 }]);
});

/** A kernel that took `rounds`, in milliseconds, for 1 GFLOP. */
const tried = (name: string, rounds: number[][], rest: Partial<Tried> = {}): Tried => ({
  name,
  amount: 1e9,
  right: true,
  counts: true,
  rounds,
  ...rest,
});
const steady = (ms: number): number[][] => [
  [ms, 1.01 * ms, 1.02 * ms],
  [1.03 * ms, ms, 1.02 * ms],
  [ms, 1.01 * ms, 1.02 * ms],
];

const DOUBTS: readonly [name: string, tried: Tried[], known: string | null, doubt: RegExp | null][] = [
  ['steady', [tried('a', steady(10)), tried('b', steady(12))], null, null],
  ['known beforehand', [tried('a', steady(10)), tried('b', steady(12))], 'too small', /^too small$/],
  [
    'wrong values',
    [tried('a', steady(10)), tried('b', steady(2), { right: false })],
    null,
    /wrong values came from b/,
  ],
  [
    'reached once',
    [tried('a', [[8], [10, 11], [10]]), tried('b', steady(12))],
    null,
    /best round of a was 25 % faster/,
  ],
  [
    'half of it slow',
    [
      tried('a', [
        [10, 17, 18],
        [10, 19],
      ]),
      tried('b', steady(12)),
    ],
    null,
    /half of the samples of a took 70 %/,
  ],
  ['far ahead', [tried('a', steady(10)), tried('b', steady(16))], null, /a is 60 % faster than b/],
  [
    'none to compare with',
    [tried('a', steady(10)), tried('b', steady(10), { counts: false })],
    null,
    /one kernel only/,
  ],
];

for (const [name, kernels, known, doubt] of DOUBTS)
  test(`doubt: ${name}`, () => {
    const ceiling = ceilingOf(kernels, known, true);
    assert.is(ceiling.kernel, 'a');
    assert.equal(
      ceiling.tried.map(({ kernel }) => kernel),
      ['a', 'b'],
    );
    if (doubt) assert.match(ceiling.doubt ?? '', doubt);
    else assert.is(ceiling.doubt, null);
  });

test('a rate counts when it was reached twice, and what is for scale does not win', () => {
  const ceiling = ceilingOf(
    [tried('a', [[8], [10], [11]]), tried('b', steady(12)), tried('c', steady(1), { counts: false })],
    null,
    false,
  );
  assert.equal([ceiling.kernel, ceiling.value], ['a', 1e9 / 10 / 1e6]);
  assert.is(ceiling.tried[2]?.value, 1000);
});

test('a contest takes every kernel in rounds, and says how far it is', async () => {
  const device = await testDevice();
  const y = empty(device, [64]);
  const [kernel] = CHAIN_KERNELS;
  const told: number[] = [];
  const results = await contest(
    device,
    ['one', 'other'].map((name) => ({
      name,
      amount: 64 * chainFlops(kernel!, 1),
      right: true,
      counts: true,
      run: () => runChains(device, kernel!, y, { invocations: 64, steps: 1 }),
    })),
    (done) => told.push(done),
  );
  assert.equal(
    results.map(({ name }) => name),
    ['one', 'other'],
  );
  for (const { rounds } of results) {
    assert.ok(rounds.length >= 3);
    for (const round of rounds) assert.ok(round.length >= 3);
  }
  assert.equal(
    told,
    told.toSorted((a, b) => a - b),
  );
  assert.is(told.at(-1), 1);
  device.close();
});

test.run();
