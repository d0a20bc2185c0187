/** The problems of the bench: found in the networks without an adapter, with names, costs and rows, and each of them runs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { costOf, nameOf, type Posed } from '../../src/bench/problem.ts';
import { costOfNetwork, FORMS, NETWORKS, problemsOf } from '../../src/bench/problems.ts';
import { replay } from '../../src/bench/replay.ts';
import { ROWS, rowsOf } from '../../src/bench/rows.ts';
import { problemsOfShape } from '../../src/bench/shapes.ts';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import { scope } from '../../src/tensor/index.ts';

const test = suite('bench/problems');
const all = await problemsOf(PLAIN_DEVICE, [[NETWORKS, FORMS]]);
const named = (name: string): Posed => {
  const found = all.find((posed) => nameOf(posed) === name);
  if (!found) throw new Error(`no problem is called ${name}`);
  return found;
};

test('names are unique, and say pass and batch', () => {
  const names = all.map(nameOf);
  assert.is(new Set(names).size, names.length);
  for (const name of names)
    assert.match(name, /^[\w-]+.* \d+[×\d²→]+.* (forward|gradients|(input|weight) gradient)$/);
});

/** Problems that people know, with how often ResNet-18 or another network has them. */
const KNOWN: readonly [name: string, network: string, times: number, flops: number, bytes: number][] = [
  ['conv 3×3/1 1×56² 64→64 norm residual relu forward', 'resnet18', 2, 232214528, 2556928],
  ['conv 3×3/1 8×56² 64→64 weight gradient', 'resnet18', 4, 1849688064, 12992512],
  ['conv 7×7/2 8×224² 3→64 weight gradient', 'resnet18', 1, 1888223232, 30544640],
  ['batch norm 8×7²×512 residual relu gradients', 'resnet18', 2, 1806336, 3215360],
  ['depthwise 5×5/1 1×14² 480 norm silu forward', 'efficientnet_b0', 1, 5362560, 808320],
  ['conv 5×5/1 1×27² 96→256 2 groups bias relu forward', 'alexnet_2012', 1, 448270848, 2256256],
  ['linear 8×9216→4096 weight gradient', 'alexnet', 1, 603979776, 151420928],
  ['linear 8×512→1000 input gradient', 'resnet18', 1, 8192000, 2096384],
  ['max-pool 3×3/2 8×112²×64 recorded gradients', 'resnet18', 1, 14450688, 33718272],
  ['softmax 1×1000 forward', 'mobilenet_v2', 1, 4000, 8000],
];

for (const [name, network, times, flops, bytes] of KNOWN)
  test(name, () => {
    const posed = named(name);
    assert.equal(
      posed.networks.find((one) => one.name === network),
      { name: network, times },
    );
    const cost = costOf(posed);
    assert.equal({ flops: cost.flops, bytes: cost.bytes }, { flops, bytes });
  });

test('nobody asks for the gradient of pictures', () => {
  const first = all.filter(
    ({ problem, pass }) => problem.inputs.x0!.at(-1) === 3 && pass === 'input gradient',
  );
  assert.equal(first.map(nameOf), []);
});

test('the FLOPs of a network are those of its problems', async () => {
  const [predicting] = FORMS;
  const { flops } = await costOfNetwork(PLAIN_DEVICE, 'resnet18', predicting!);
  // torchvision counts 1.814 G multiply-adds; norms, activations and pools are 0.3 % more.
  assert.ok(Math.abs(flops / 3.64e9 - 1) < 0.01, `${flops}`);
  const whole = await costOfNetwork(PLAIN_DEVICE, 'resnet18', { mode: 'training', batch: 4, size: 112 });
  const head = await costOfNetwork(PLAIN_DEVICE, 'resnet18', { mode: 'head', batch: 4, size: 112 });
  assert.ok(whole.flops > 2.8 * head.flops, 'a frozen network has no backward pass');
});

test('every row computes some problem, and the chosen one is able to', async () => {
  const able = new Set<string>();
  // No network has a product of a single term.
  for (const posed of [...all, ...(await problemsOfShape(PLAIN_DEVICE, 'linear:8x1x16'))]) {
    const rows = rowsOf(posed, { choices: null, traits: PLAIN_DEVICE.traits });
    if (!rows) continue;
    for (const row of rows.able) able.add(row);
    assert.ok(rows.able.includes(rows.chosen), nameOf(posed));
    assert.ok(rows.able.includes('plain'), nameOf(posed));
  }
  assert.equal([...able].sort(), [...ROWS].sort());
});

test('every problem runs, does something, and frees what it took', async () => {
  const { device, tally } = await dryDevice(boundless(PLAIN_DEVICE));
  for (const posed of all) {
    const ready = replay(device, posed, null, 0);
    const before = tally.dispatches;
    scope(() => void ready.run(0));
    assert.ok(tally.dispatches > before, nameOf(posed));
    ready.dispose();
  }
  const { live, byKind } = device.memory();
  assert.is(live - (byKind.constant ?? 0), 0);
});

test('inputs rotate where the memory allows it', async () => {
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  const small = replay(device, named('linear 8×512→1000 forward'), null, 2 ** 30);
  assert.is(small.sets, 8);
  const large = named('batch norm 8×112²×64 relu forward');
  assert.is(replay(device, large, null, 2 ** 30).sets, 3, '25.7 MB each, 64 MiB together');
  assert.is(replay(device, large, null, 0).sets, 1);
});

test.run();
