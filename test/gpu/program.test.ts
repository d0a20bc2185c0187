/** Programs: generated declarations, parameters by immediates and by uniform buffers, folded dispatches, preparation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementwise, family, foldGroups, program } from '../../src/gpu/index.ts';
import { assemble, packParams } from '../../src/gpu/program.ts';
import { countCreated } from '../helpers/created.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('gpu/program');

const fill = program(
  elementwise({
    name: 'fill',
    bindings: { y: 'write f32' },
    params: { whole: 'u32', signed: 'i32', real: 'f32' },
    wgsl: 'fn element(i: u32) { y[i] = f32(p.whole) + f32(p.signed) + p.real; }',
  }),
);

const indices = program(
  elementwise({
    name: 'indices',
    bindings: { y: 'write u32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = i; }',
  }),
);

const increment = program(
  elementwise({
    name: 'increment',
    bindings: { y: 'write u32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i]++; }',
  }),
);

for (const open of [testDevice, clampedDevice]) {
  test(`parameters of all types reach the kernel, dispatch by dispatch (${open.name})`, async () => {
    const device = await open();
    if (open === clampedDevice) assert.not(device.traits.immediates, 'this one takes the uniform buffers');
    const rows = [
      [1, -2, 0.5],
      [4_000_000_000, -2_000_000_000, 0.25],
      [1, -2, 0.5],
      [0, 3, -1e30],
    ] as const;
    const buffers = rows.map(([whole, signed, real]) => {
      const y = device.take(256, 'activation');
      device.run(fill, {
        bindings: { y },
        params: { count: 4, whole, signed, real },
      });
      return y;
    });
    for (const [index, [whole, signed, real]] of rows.entries()) {
      const values = new Float32Array(await device.read(buffers[index]!, 16));
      assert.equal(values, new Float32Array(4).fill(whole + signed + real));
    }
    device.close();
  });

  test(`more than 65,535 workgroups fold into a second dimension (${open.name})`, async () => {
    const device = await open();
    const count = 65535 * 64 + 64 * 3 + 5;
    const y = device.take(4 * count, 'activation');
    device.run(indices, { bindings: { y }, params: { count }, groups: foldGroups(Math.ceil(count / 64)) });
    const values = new Uint32Array(await device.read(y, 4 * count));
    const wrong = values.findIndex((value, i) => value !== i);
    assert.is(wrong, -1, `element ${wrong} is ${values[wrong]}`);
    device.close();
  });

  test(`an element-wise program meets every element once and nothing else (${open.name})`, async () => {
    const device = await open();
    for (const count of [1, 63, 65, 8191, 8192, 8193, 65_536, 1_000_003, 2 ** 24 + 1]) {
      const y = device.take(4 * count + 4, 'activation');
      device.commands.write(y, new Uint32Array(count + 1));
      device.run(increment, { bindings: { y }, params: { count } });
      const values = new Uint32Array(await device.read(y, 4 * count + 4));
      const wrong = values.findIndex((value, i) => value !== Number(i < count));
      assert.is(wrong, -1, `of ${count} elements, ${wrong} was met ${values[wrong]} times`);
      device.pool.release(y);
    }
    device.close();
  });

  test(`prepared programs make nothing at their first use (${open.name})`, async () => {
    const device = await open();
    const y = device.take(256, 'activation');
    const fresh = program({ ...fill, name: 'prepared' });
    await device.prepare([fresh, fresh]);
    const created = countCreated(device);
    const run = (): void =>
      device.run(fresh, {
        bindings: { y },
        params: { count: 1, whole: 2, signed: 0, real: 0 },
      });
    run();
    const first = created();
    // A bind group, and where there are no immediates the buffer of these parameters.
    assert.is(first, device.traits.immediates ? 1 : 2);
    run();
    assert.is(created(), first);
    assert.equal(new Float32Array(await device.read(y, 4)), Float32Array.of(2));
    device.close();
  });
}

test('groups are spread evenly enough and cover the count', () => {
  for (const count of [0, 1, 65535, 65536, 131071, 1_000_000, 2 ** 31]) {
    const [x, y, z] = foldGroups(count, 3);
    assert.ok(x <= 65535 && y <= 65535 && z === 3, `${count}: ${x}, ${y}`);
    assert.ok(x * y >= count && x * y < count + Math.max(y, 1), `${count}: ${x} · ${y}`);
  }
});

test('a dispatch of nothing is no dispatch', async () => {
  const device = await testDevice();
  const y = device.take(256, 'activation');
  const before = device.commands.dispatches;
  device.run(indices, { bindings: { y }, params: { count: 0 } });
  assert.is(device.commands.dispatches, before);
  device.close();
});

test('a family builds one program per specialisation', () => {
  let built = 0;
  const tiles = family(({ tile, wide }: { tile: number; wide: boolean }) => {
    built++;
    return { ...fill, name: `tile-${tile}-${wide}` };
  });
  assert.is(tiles({ tile: 4, wide: true }), tiles({ tile: 4, wide: true }));
  assert.is.not(tiles({ tile: 4, wide: true }), tiles({ tile: 8, wide: true }));
  assert.is.not(tiles({ tile: 4, wide: true }), tiles({ tile: 4, wide: false }));
  assert.is(built, 3);
});

test('declarations for both ways of passing parameters', () => {
  const source = program({ ...fill, subgroups: true });
  const [immediates, uniform] = [assemble(source, true), assemble(source, false)];
  for (const wgsl of [immediates, uniform]) {
    assert.match(wgsl, '@group(0) @binding(0) var<storage, read_write> y: array<f32>;');
    assert.match(wgsl, 'struct Params { count: u32, whole: u32, signed: i32, real: f32 }');
    assert.ok(wgsl.startsWith('enable subgroups;'));
    assert.not.match(wgsl, 'subgroup_size_control');
  }
  assert.match(immediates, 'var<immediate> p: Params;');
  assert.match(uniform, '@group(0) @binding(1) var<uniform> p: Params;');
  const sized = assemble(program({ ...fill, subgroups: 'sized' }), false);
  assert.ok(sized.startsWith('enable subgroups;\nenable subgroup_size_control;\n@group'));
});

test('what is missing or too much is a sentence', async () => {
  const device = await testDevice();
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, 'u32' as const]));
  assert.throws(() => program({ ...fill, params: many }), 'program fill: 17 parameters, at most 16 fit');
  const into = new DataView(new ArrayBuffer(64));
  assert.throws(
    () => packParams(fill, { count: 1, whole: 1, real: 1 }, into),
    'program fill: parameter signed was not given',
  );
  assert.throws(
    () => device.run(indices, { bindings: {}, params: { count: 1 }, groups: [1, 1, 1] }),
    'program indices: binding y was not given',
  );
  device.close();
});

test.run();
