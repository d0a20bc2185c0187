/** The profiler on a tiny network: whose dispatches are, sums, bits, methods, bounds, and what it costs who asks for none. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../src/gpu/index.ts';
import { Conv2d, type Module, onDevice } from '../../src/nn/index.ts';
import type { Profile, ProfileRow } from '../../src/profile/profile.ts';
import { type Profiled, type ProfileOptions, profile } from '../../src/profile/run.ts';
import { noGrad, scope, tensor } from '../../src/tensor/index.ts';
import { countCreated } from '../helpers/created.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';
import { tinyNetwork, tinySteps } from './tiny.ts';

const test = suite('profile');

let device: Device;
let net: Module;
let found: Profiled;
test.before(async () => {
  device = await testDevice({ profile: true, poison: false });
  net = tinyNetwork(device);
  found = await profile(device, tinySteps(device, net), { steps: 3 });
});
test.after(() => device.close());

/** `op, pass` of each op, and the layers, in alphabetical order. */
const opsOf = ({ ops }: Profile): string[] => ops.map(({ name, pass }) => `${name}, ${pass}`).sort();
const layersOf = ({ layers }: Profile): string[] => layers.map(({ name }) => name).sort();

test('every dispatch has an op and a layer, forward and back', () => {
  const { profile } = found;
  assert.equal(layersOf(profile), [
    '(SGD)',
    '(crossEntropy)',
    '(globalAvgPool)',
    '(relu)',
    '0',
    '2 (add)',
    '2.bn',
    '2.conv',
    '4',
  ]);
  const ops = opsOf(profile);
  for (const expected of [
    'SGD, update',
    'accumulate, gradients',
    'batchNorm, forward',
    'conv2d, forward',
    'conv2d, input gradient',
    'conv2d, weight gradient',
    'crossEntropy, forward',
    'linear, weight gradient',
    'relu, input gradient',
  ])
    assert.ok(ops.includes(expected), `${expected} is not among ${ops.join('; ')}`);
  // The first convolution's input is no parameter and needs no gradient.
  const first = profile.layers.find(({ name }) => name === '0')!;
  assert.not.ok('input gradient' in first.passes);
});

test('rows of programs, ops and layers sum to the same dispatches and the same time, and the wall to its own', () => {
  const { profile } = found;
  const sum = (rows: readonly ProfileRow[], of: 'calls' | 'ms' | 'share'): number =>
    rows.reduce((total, row) => total + row[of], 0);
  for (const rows of [profile.programs, profile.ops, profile.layers]) {
    assert.is(sum(rows, 'calls'), profile.dispatches);
    assert.ok(Math.abs(sum(rows, 'ms') - profile.gpuMs) < 1e-6 * profile.gpuMs);
    assert.ok(Math.abs(sum(rows, 'share') - 1) < 1e-6);
  }
  assert.is(profile.dispatches % 3, 0, 'each of three steps has as many');
  const wall = profile.wall.reduce((total, { ms }) => total + ms, 0);
  assert.ok(Math.abs(wall - profile.wallMs) < 1e-6 * profile.wallMs);
  for (const { ms, totalMs } of profile.wall) assert.ok(ms >= 0 && totalMs >= ms - 1e-9);
  assert.is(profile.untimed, 0);
});

test('its text has the tables, and says how it was measured', () => {
  const text = found.text.join('\n');
  assert.match(text, /^Profile of steps 1–3 on .* ms a step$/m);
  assert.match(text, /timestamps \(quantum |Timed by waiting/);
  assert.match(text, /^together .* 100\.0 %$/m);
  assert.match(text, /^Layer +calls +ms +share +GFLOP\/s +GB\/s +forward +gradients$/m);
});

/** The parameters after some steps. */
async function trained(device: Device, options: ProfileOptions | null): Promise<number[][]> {
  const net = tinyNetwork(device);
  const step = tinySteps(device, net);
  if (options) await profile(device, step, { warmUp: 1, steps: 3, ...options });
  else for (let index = 0; index < 4; index++) await step(index);
  const values: number[][] = [];
  for (const parameter of net.parameters()) values.push([...(await parameter.data())]);
  net.dispose();
  return values;
}

test('profiled steps give the bits of others, by either method', async () => {
  const plain = await trained(device, null);
  assert.equal(await trained(device, {}), plain);
  assert.equal(await trained(device, { method: 'waiting' }), plain);
});

test('by waiting: the same dispatches, and the reason and the cost are said', async () => {
  const { profile: waited, text } = await profile(device, tinySteps(device, net), { method: 'waiting' });
  assert.is(waited.measuring.method, 'waiting');
  assert.match(text[1]!, /^Timed by waiting for each dispatch, as it was asked for: slow, by some /);
  assert.is(3 * waited.dispatches, found.profile.dispatches);
  assert.equal(layersOf(waited), layersOf(found.profile));
  assert.is(waited.untimed, 0);
});

test('a device without timestamps is profiled by waiting', async () => {
  const clamped = await clampedDevice();
  const net = tinyNetwork(clamped);
  const { profile: waited } = await profile(clamped, tinySteps(clamped, net));
  assert.is(waited.measuring.method, 'waiting');
  assert.match(waited.measuring.why!, /opened without timestamps/);
  assert.ok(layersOf(waited).includes('2.conv'));
  clamped.close();
  const unasked = await testDevice();
  assert.not.ok(unasked.features.has('timestamp-query'));
  unasked.close();
});

test('what waits to be submitted keeps its order: writes, readbacks and destructions', async () => {
  const conv = tensor([1, 2, 3, 4], [4], { device });
  const read: number[][] = [];
  await profile(
    device,
    async () => {
      for (const value of [5, 6]) {
        const doubled = scope(() => noGrad(() => conv.alias()));
        conv.write([value, value, value, value]);
        read.push([...(await doubled.data())]);
        doubled.dispose();
        device.trim();
      }
    },
    { method: 'waiting', warmUp: 0 },
  );
  assert.equal(read, [
    [5, 5, 5, 5],
    [6, 6, 6, 6],
  ]);
});

test('a layer alone is called by its kind, or as a network names it', async () => {
  const conv = onDevice(device, () => new Conv2d(4, 8, 3));
  const x = tensor(new Float32Array(64).fill(0.5), [1, 4, 4, 4], { device });
  const body = () => scope(() => noGrad(() => void conv.forward(x)));
  assert.equal(layersOf((await profile(device, body)).profile), ['Conv2d']);
  const first = net as unknown as { layers: Module[] };
  const named = () => scope(() => noGrad(() => void first.layers[0]!.forward(x)));
  assert.equal(layersOf((await profile(device, named, { model: net })).profile), ['0']);
});

test('what is kept is bounded, and what is left out is counted', async () => {
  const { profile: full, text } = await profile(device, tinySteps(device, net), { steps: 3, most: 10 });
  assert.is(full.dispatches, 10);
  assert.ok(full.missed >= found.profile.dispatches - 10);
  assert.match(text.join('\n'), /came after the profile was full/);
});

test('who does not profile makes nothing for it, and after a profile nothing is left', async () => {
  const made = countCreated(device);
  const queries = countCreated(device, 'query set');
  const step = tinySteps(device, net);
  for (let index = 0; index < 3; index++) await step(index);
  const before = made();
  for (let index = 0; index < 3; index++) await step(index);
  assert.is(made(), before);
  assert.is(queries(), 0);
  await profile(device, step, { steps: 20 });
  // A set for each recording that waits for the GPU; they are used again.
  const sets = queries();
  assert.ok(sets > 0 && sets < 20, `${sets} query sets`);
});

test('a body that throws ends the profile, and the device works on', async () => {
  const error = await profile(
    device,
    () => {
      throw new Error('no more');
    },
    { warmUp: 0 },
  ).catch((reason) => reason);
  assert.is(error.message, 'no more');
  await tinySteps(device, net)(0);
  for (const [options, message] of [
    [{ steps: 0 }, /steps is a whole number above 0, not 0/],
    [{ warmUp: 0.5 }, /warmUp is a whole number of at least 0/],
  ] as const)
    assert.match(
      (await profile(device, () => undefined, options).catch((reason) => reason)).message,
      message,
    );
});

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args: Record<string, unknown>;
}

test('the trace is one that Perfetto opens: tracks are named, events in order, apart or within one another', () => {
  const trace = JSON.parse(found.trace) as { traceEvents: TraceEvent[]; displayTimeUnit: string };
  assert.is(trace.displayTimeUnit, 'ms');
  const names = new Map<number, string>();
  for (const { ph, name, tid, args } of trace.traceEvents)
    if (ph === 'M' && name === 'thread_name') names.set(tid, String(args.name));
  const events = trace.traceEvents.filter(({ ph }) => ph === 'X');
  assert.is(trace.traceEvents.filter(({ ph }) => !'MX'.includes(ph)).length, 0);
  const open = new Map<number, number[]>();
  let before = 0;
  for (const { pid, tid, ts, dur, name } of events) {
    assert.is(pid, 1);
    assert.ok(names.has(tid), `${name} is on a track without a name`);
    assert.ok(ts >= before && dur >= 0, `${name} at ${ts} for ${dur}`);
    before = ts;
    const ends = open.get(tid) ?? [];
    while (ends.length > 0 && ends.at(-1)! <= ts + 1e-3) ends.pop();
    assert.ok(ends.length === 0 || ts + dur <= ends.at(-1)! + 1e-3, `${name} ends after what it is in`);
    ends.push(ts + dur);
    open.set(tid, ends);
  }
  const gpu = events.filter(({ tid }) => names.get(tid) === 'GPU');
  assert.is(gpu.length, found.profile.dispatches);
  for (const { args } of gpu)
    for (const key of ['layer', 'op', 'pass', 'step', 'flops', 'bytes']) assert.ok(key in args, key);
  assert.ok(events.some(({ tid, name }) => names.get(tid) === 'JavaScript' && name === 'conv2d of 2.conv'));
});

test.run();
