/** Starts: warm networks make nothing, every program that a call runs has its compile time, and processes of their own answer. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ModelCase, modelName, readyModel } from '../../src/bench/models.ts';
import { askProcess, measureStarts, type StartRequest, startCases } from '../../src/bench/node/cold.ts';
import {
  compileTimes,
  firstCall,
  firstDispatches,
  type Startable,
  steadyState,
} from '../../src/bench/starts.ts';
import { watched } from '../../src/bench/wgsl/watched.ts';
import { elementwise, program } from '../../src/gpu/index.ts';
import { empty, type Tensor } from '../../src/tensor/index.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';

const test = suite('bench: starts');

const small = (network: string, mode: ModelCase['form']['mode'], size = 32): ModelCase => ({
  network,
  form: { mode, batch: mode === 'evaluation' ? 1 : 2, size },
});
const startable = (of: ModelCase): Startable => ({
  name: modelName(of),
  prepare: (device) => readyModel(device, of),
});

const SMALL = [
  small('resnet18', 'evaluation'),
  small('resnet18', 'training'),
  small('resnet18', 'head'),
  small('efficientnet_b0', 'evaluation'),
  small('mobilenet_v2', 'evaluation'),
  small('alexnet', 'evaluation', 224),
];

for (const [features, open] of [
  ['all features', testDevice],
  ['default limits', clampedDevice],
] as const)
  for (const of of features === 'all features' ? SMALL : SMALL.slice(0, 1))
    test(`after two calls of ${modelName(of)} nothing is made, ${features}`, async () => {
      const device = await open();
      const { made, dispatches, javascriptUs } = await steadyState(device, startable(of), 2);
      assert.equal(made, { buffers: 0, bindGroups: 0, pipelines: 0 });
      assert.ok(dispatches > 10 && javascriptUs > 0);
      device.close();
    });

test('what a call still makes is counted', async () => {
  const device = await testDevice();
  const kept: Tensor[] = [];
  const { made } = await steadyState(device, {
    name: 'growing',
    prepare: (on) => ({
      run: () => void kept.push(empty(on, [1000], { owned: true })),
      dispose: () => {
        for (const tensor of kept) tensor.dispose();
      },
    }),
  });
  assert.is(made.buffers, 4, 'one in each of the calls that are watched');
  device.close();
});

for (const of of SMALL.slice(0, 2))
  test(`the programs of ${modelName(of)} are found without computing`, async () => {
    const device = await testDevice();
    const found = await firstDispatches(device, startable(of));
    const work = readyModel(device, of);
    const run = watched(device, () => work.run(0));
    work.dispose();
    const names = [...new Set(run.map(({ program: one }) => one.name))].filter((name) => name !== 'fill-nan');
    assert.equal(found.map(({ program: one }) => one.name).sort(), names.sort());
    device.close();
  });

const double = program(
  elementwise({
    name: 'test-double',
    bindings: { x: 'read f32', y: 'write f32' },
    params: {},
    wgsl: 'fn element(i: u32) { y[i] = 2 * x[i]; }',
  }),
);

test('programs are dispatched as a network does, on buffers that are given back', async () => {
  const device = await testDevice();
  const [x, y] = [device.take(1024, 'activation'), device.take(512, 'activation')];
  const events = watched(device, () =>
    device.run(double, { bindings: { x: { buffer: x, offset: 256, size: 512 }, y }, params: { count: 128 } }),
  );
  const { live } = device.memory();
  const seen: (typeof events)[number][] = [];
  device.observe({ dispatch: (event) => event.program === double && seen.push(event) });
  const costs = await compileTimes(device, events);
  assert.equal(
    costs.map(({ name }) => name),
    ['test-double'],
  );
  assert.ok(costs.every(({ compileMs }) => compileMs >= 0 && Number.isFinite(compileMs)));
  assert.ok(seen.length >= 2);
  for (const { groups, params, bindings } of seen) {
    assert.equal([groups, params], [events[0]?.groups, { count: 128 }]);
    assert.equal([bindings.x?.size, bindings.y?.size], [512, 512]);
  }
  assert.is(device.memory().live, live);
  device.close();
});

test('the first call is timed and leaves nothing behind', async () => {
  const device = await testDevice();
  assert.ok((await firstCall(device, startable(SMALL[0]!))) > 0);
  assert.is(device.memory().live, 0);
  device.close();
});

test('a prediction of each network is started, and a step', () => {
  const names = startCases().map(modelName);
  assert.is(new Set(names).size, names.length);
  assert.is(names.filter((name) => name.includes('forward 1×224²')).length, 4);
  assert.equal(
    names.filter((name) => !name.includes('forward')),
    ['resnet18 step 4×112²'],
  );
});

test('a start is three processes: with an empty cache, with a filled one, without one', async () => {
  const told: string[] = [];
  const asked: {
    request: StartRequest;
    cache: string | undefined;
    filled: boolean;
    off: string | undefined;
  }[] = [];
  const figures = {
    programs: [],
    made: { buffers: 0, bindGroups: 0, pipelines: 0 },
    dispatches: 1,
    javascriptUs: 2,
  };
  const cases = SMALL.slice(0, 2);
  const entries = await measureStarts(
    cases,
    { adapter: 'software', onProgress: (done, total) => told.push(`${done}/${total}`) },
    async (request, { MESA_SHADER_CACHE_DIR: cache, MESA_SHADER_CACHE_DISABLE: off }) => {
      const filled = cache !== undefined && existsSync(join(cache, 'shader'));
      asked.push({ request, cache, filled, off });
      if (cache !== undefined) writeFileSync(join(cache, 'shader'), '');
      return request.what === 'figures' ? figures : { firstMs: asked.length };
    },
  );
  assert.equal(
    asked.map(({ request, filled, off }) => [request.what, modelName(request.of), filled, off]),
    cases.map(modelName).flatMap((name) => [
      ['first call', name, false, 'false'],
      ['first call', name, true, 'false'],
      ['figures', name, false, 'true'],
    ]),
  );
  for (const { request, cache } of asked) {
    assert.is(request.adapter, 'software');
    assert.not(cache !== undefined && existsSync(cache), 'the cache is removed');
  }
  const cold = (count: number): number | null => (process.platform === 'linux' ? count : null);
  assert.equal(entries, [
    { name: modelName(cases[0]!), coldMs: cold(1), warmMs: 2, ...figures },
    { name: modelName(cases[1]!), coldMs: cold(4), warmMs: 5, ...figures },
  ]);
  assert.equal(told, ['0/6', '1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);
});

test('a process of its own answers', async () => {
  const answer = await askProcess({ what: 'first call', of: SMALL[0]!, adapter: null, tuned: false }, {});
  assert.ok('firstMs' in answer && answer.firstMs > 0);
});

test('a process that fails says why, and one that is stopped is no error', async () => {
  try {
    await measureStarts([small('resnet19', 'evaluation')]);
    assert.unreachable('it ran');
  } catch (error) {
    assert.match(
      (error as Error).message,
      /^the process that starts resnet19 forward 1×32² failed: .*did you mean resnet18\?$/,
    );
  }
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  assert.equal(await measureStarts(SMALL, { signal: controller.signal }), []);
  assert.equal(await measureStarts(SMALL, { signal: controller.signal }), []);
});

test.run();
