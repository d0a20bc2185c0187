/** The certificate: it passes on sound kernels, and names the layer where one is broken on purpose. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../src/cli/verify.ts';
import type { Device } from '../../src/gpu/index.ts';
import type { Model } from '../../src/nn/index.ts';
import { worse } from '../../src/verify/errors.ts';
import { checkOp } from '../../src/verify/kernels.ts';
import { type Comparison, checkNetwork } from '../../src/verify/networks.ts';
import { readFixture, verifiable } from '../../src/verify/node/fixtures.ts';
import { RANDOM_OPS } from '../../src/verify/random-cases.ts';
import { clampedDevice, testDevice } from '../helpers/device.ts';
import { sabotage } from '../helpers/sabotage.ts';

const test = suite('verify');

/** Runs `body` on a device of its own: what is broken stays broken. */
async function on<Result>(
  open: () => Promise<Device>,
  body: (device: Device) => Promise<Result>,
): Promise<Result> {
  const device = await open();
  try {
    return await body(device);
  } finally {
    device.close();
  }
}

test('networks agree with PyTorch', () =>
  on(testDevice, async (device) => {
    for (const model of verifiable()) {
      const { first, comparisons } = await checkNetwork(device, readFixture(model));
      assert.is(first, null, `${model}: ${JSON.stringify(first)}`);
      assert.ok(comparisons.length > 30);
      device.trim();
    }
  }));

test('resnet18 agrees with PyTorch on a device without optional features', () =>
  on(clampedDevice, async (device) => {
    const { first } = await checkNetwork(device, readFixture('resnet18'));
    assert.is(first, null, JSON.stringify(first));
  }));

/** A kernel, where it writes, a network that uses it, and where the network must depart first. */
const BROKEN: [kernel: RegExp, output: string, model: string, first: Partial<Comparison>][] = [
  [/^winograd-output/, 'y', 'resnet18', { mode: 'evaluation', kind: 'layer', at: 'layer1.0.bn1' }],
  [/^max-pool-(?!backward)/, 'y', 'resnet18', { mode: 'evaluation', kind: 'layer', at: 'stage conv1' }],
  [/^batch-norm-moments/, 'partial', 'resnet18', { mode: 'training', kind: 'layer', at: 'bn1' }],
  [
    /^depthwise-(?!.*(weight|input))/,
    'y',
    'efficientnet_lite0',
    { mode: 'evaluation', at: 'blocks.0.0.bn1' },
  ],
  [/^max-pool-backward/, 'dx', 'resnet18', { mode: 'training', kind: 'gradient', at: 'bn1.bias' }],
];

for (const [kernel, output, model, expected] of BROKEN)
  test(`${model} with a broken ${kernel} departs first at ${expected.at}`, () =>
    on(testDevice, async (device) => {
      const { broken } = sabotage(device, kernel, output);
      const modes = expected.mode === 'training' ? undefined : (['evaluation'] as const);
      const { first, passed } = await checkNetwork(device, readFixture(model), { modes });
      assert.ok(broken.length > 0, 'no kernel of that name ran');
      assert.not(passed);
      for (const [key, value] of Object.entries(expected))
        assert.is(first?.[key as keyof Comparison], value, JSON.stringify(first));
      assert.ok(first!.error > 1e-4 && first!.error < 1);
    }));

test('a weight that is one percent off is found in its layer', () =>
  on(testDevice, async (device) => {
    const prepare = (model: Model): void => {
      const weight = new Map(model.namedParameters()).get('layer3.0.conv2.weight')!;
      weight.write(new Float32Array(weight.size).fill(0.01));
    };
    const { first } = await checkNetwork(device, readFixture('resnet18'), { modes: ['evaluation'], prepare });
    assert.is(first?.at, 'layer3.0.bn2');
  }));

test('a broken gradient kernel shows in its op, and the values stay right', () =>
  on(testDevice, async (device) => {
    sabotage(device, /^max-pool-backward/, 'dx');
    const { forward, gradients, passed } = await checkOp(device, 'maxPool2d', { seed: '0', rounds: 2 });
    assert.not(passed);
    assert.is(forward.error, 0);
    assert.ok(gradients.error > 5e-3 && gradients.error < 2e-2, `${gradients.error}`);
    assert.match(gradients.at, /^the gradient of x0 of random 0\/maxPool2d\/\d \[/);
  }));

/** An op, a kernel of it that writes NaN, where, and the tensor that this spoils: never the last one compared. */
const NOT_A_NUMBER: [op: string, kernel: RegExp, output: string, of: 'forward' | 'gradients', at: RegExp][] =
  [
    ['batchNorm', /^batch-norm-input-gradient/, 'dx', 'gradients', /^the gradient of x0 of /],
    ['batchNorm', /^batch-norm-(none|relu|silu)/, 'y', 'forward', /^y of /],
    ['depthwiseConv2d', /^depthwise-input-gradient/, 'y', 'gradients', /^the gradient of x0 of /],
  ];

for (const [op, kernel, output, of, at] of NOT_A_NUMBER)
  test(`${op} that writes NaN to ${output} departs in ${of}, whatever is right after it`, () =>
    on(testDevice, async (device) => {
      const { broken } = sabotage(device, kernel, output, 'NaN');
      const check = await checkOp(device, op, { seed: '1', rounds: 2 });
      assert.ok(broken.length > 0, 'no kernel of that name ran');
      assert.not(check.passed);
      assert.equal(check[of].error, Number.NaN);
      assert.match(check[of].at, at);
    }));

test('resnet18 whose max-pool has NaN for a gradient departs first behind it', () =>
  on(testDevice, async (device) => {
    sabotage(device, /^max-pool-backward/, 'dx', 'NaN');
    const { first, passed } = await checkNetwork(device, readFixture('resnet18'), { modes: ['training'] });
    assert.not(passed);
    assert.equal([first!.kind, first!.at, first!.error], ['gradient', 'bn1.bias', Number.NaN]);
  }));

test('NaN is worse than every error and stays so', () => {
  const [small, large, nan] = [1e-7, Number.POSITIVE_INFINITY, Number.NaN].map((error) => ({
    error,
    at: '',
  }));
  assert.is(worse(small, large), large);
  assert.is(worse(large, small), large);
  for (const other of [small, large]) {
    assert.is(worse(nan, other), nan);
    assert.is(worse(other, nan), nan);
  }
});

const root = fileURLToPath(new URL('../../', import.meta.url));

function verify(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/tessera.mjs', 'verify', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, npm_lifecycle_event: '' },
  });
  return { code: status, stdout, stderr };
}

test('the command: text and JSON', () => {
  const text = verify('kernels', '--rounds', '1');
  assert.is(text.code, 0, text.stderr);
  assert.match(text.stdout, /^ok +conv2d +1 shape: \S+ forward, \S+ gradients$/m);
  assert.match(text.stdout, /\d+ ops agree with the reference on /);
  const { code, stdout } = verify('resnet18', '--json');
  const { passed, complete, notRun, kernels, networks } = JSON.parse(stdout);
  assert.equal([code, passed, complete, notRun], [0, true, true, []]);
  assert.equal([kernels.length, networks.length], [0, 1]);
  assert.match(verify('resnet18').stdout, /^1 network agrees with the reference on /m);
});

/** Runs the command in this process and presses Ctrl-C as soon as it listens: after the first check, at the latest. */
async function interrupted(options: { json?: boolean }): Promise<{ code: number; stdout: string }> {
  const written: string[] = [];
  const { write } = process.stdout;
  const listening = process.listenerCount('SIGINT');
  const press = (): void => {
    if (process.listenerCount('SIGINT') > listening) process.emit('SIGINT', 'SIGINT');
    else setImmediate(press);
  };
  process.stdout.write = (text: string | Uint8Array): boolean => written.push(`${text}`) > 0;
  try {
    press();
    const code = await run(['kernels'], { rounds: 1, seed: '0', ...options });
    return { code, stdout: written.join('') };
  } finally {
    process.stdout.write = write;
  }
}

test('the command, stopped: the certificate is not passed and says what was not run', async () => {
  const { code, stdout } = await interrupted({ json: true });
  const { passed, complete, kernels, notRun } = JSON.parse(stdout);
  assert.is(code, 130);
  assert.equal([passed, complete], [false, false]);
  assert.ok(notRun.length > 0);
  assert.equal([...kernels.map(({ op }: { op: string }) => op), ...notRun], RANDOM_OPS);
  const text = await interrupted({});
  assert.is(text.code, 130);
  assert.match(text.stdout, /^(So far \d+ ops? agrees? with the reference|Nothing was compared) on /m);
  assert.match(text.stdout, /^Stopped before its end; not run: .*, resize\.$/m);
});

test('the command: a network that nothing is stored of is a sentence with those that there are', () => {
  const { code, stdout, stderr } = verify('resnet34');
  assert.is(code, 64);
  assert.is(stdout, '');
  const stored = `PyTorch's values are stored of ${verifiable().join(', ')}, not of 'resnet34'; `;
  assert.ok(stderr.includes(stored), stderr);
  assert.match(stderr, /npm run verify -- kernels checks every op/);
});

test('the pages name the networks that values are stored of', () => {
  const page = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
  const docs = readdirSync(new URL('../../docs/', import.meta.url)).filter((file) => file.endsWith('.md'));
  const pages = docs.map((file) => page(`docs/${file}`)).join();
  const named = (text: string): string[] =>
    verifiable().filter((model) => new RegExp(`\`verify\`.*\`${model}\``).test(text));
  assert.equal(named(page('README.md').replace('npm run verify', 'verify')), verifiable());
  assert.equal(named(pages), verifiable());
});

test.run();
