/** `bench --wgsl`: what is printed is what runs, of every op and of layers, and it compiles. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLES } from '../../src/bench/wgsl/examples.ts';
import { type Shader, shaderNames, shadersOf, wgslOf } from '../../src/bench/wgsl.ts';
import { PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
import * as kernels from '../../src/kernels/index.ts';
import { testDevice } from '../helpers/device.ts';

const test = suite('bench: wgsl');
let device: Device;
test.before(async () => {
  device = await testDevice();
});
test.after(() => device.close());

async function compiles({ program, wgsl }: Shader): Promise<void> {
  const module = device.gpu.createShaderModule({ code: wgsl });
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === 'error').map(({ message }) => message);
  assert.equal(errors, [], program.name);
  if (device.fault) throw device.fault;
}

test('every op of the kernels has an example', () => {
  const ops = Object.entries(kernels).flatMap(([name, op]) => (typeof op === 'function' ? [name] : []));
  assert.equal(
    ops.filter((name) => !(name in EXAMPLES)),
    [],
  );
});

for (const [on, like] of [
  ['this adapter', () => device],
  ['no adapter', () => PLAIN_DEVICE],
] as const)
  test(`the shaders of every op compile, as generated for ${on}`, async () => {
    for (const name of shaderNames()) {
      const shaders = await shadersOf(like(), name);
      assert.is(shaders.length === 0, ['reshape', 'flatten'].includes(name), name);
      for (const shader of shaders) await compiles(shader);
    }
  });

/** What follows a sum, as the flags of a dispatch tell it (src/kernels/parts/epilogue.ts). */
const FINISHES: Readonly<Record<string, number>> = { bias: 1, norm: 2, residual: 4 };

/** What a layer dispatches in each pass, by a part of a program's name, or by what follows its sums. */
const LAYERS: readonly [what: string, runs: Readonly<Record<string, readonly string[]>>][] = [
  ['matmul', { forward: ['tile'], gradients: ['input', 'weight'] }],
  ['adamw', { update: ['adamw'] }],
  [
    'resnet18/layer1.0.conv1',
    { forward: ['norm'], 'forward in training': ['winograd'], gradients: ['gradient'] },
  ],
  ['resnet18/layer1.0.bn1', { forward: ['norm'], 'forward in training': ['moments'], gradients: ['sums'] }],
  [
    'resnet18/layer1.0',
    { forward: ['norm', 'residual'], 'forward in training': ['residual'], gradients: ['weight'] },
  ],
  ['resnet18/conv1', { forward: ['norm'], 'forward in training': ['tile'], gradients: ['weight'] }],
  ['resnet18/fc', { forward: ['bias'], 'forward in training': ['bias'], gradients: ['sum'] }],
  [
    'mobilenet_v2/features.1.conv.0',
    { forward: ['depthwise'], 'forward in training': ['depthwise'], gradients: ['depthwise-weight'] },
  ],
  ['alexnet', { forward: ['max-pool'], 'forward in training': ['drop'], gradients: ['max-pool-backward'] }],
];

for (const [what, runs] of LAYERS)
  test(`${what} runs what it should`, async () => {
    const shaders = await shadersOf(device, what);
    for (const [pass, parts] of Object.entries(runs))
      for (const part of parts) {
        const does = ({ program, uses }: Shader): boolean =>
          uses.some(
            (use) =>
              use.pass === pass &&
              (program.name.includes(part) || (Number(use.event.params.flags) & FINISHES[part]!) !== 0),
          );
        assert.ok(shaders.some(does), `${pass}: ${part}`);
      }
    const passes = new Set(shaders.flatMap(({ uses }) => uses.map(({ pass }) => pass)));
    assert.equal([...passes].sort(), Object.keys(runs).sort());
  });

test('a layer alone has no batch norm in training, its block has two', async () => {
  const norms = async (what: string): Promise<number> => {
    const shaders = await shadersOf(device, what);
    const merging = shaders.find(({ program }) => program.name.startsWith('batch-norm-merge-vec4f'));
    return merging?.uses.length ?? 0;
  };
  assert.equal([await norms('resnet18/layer1.0.conv1'), await norms('resnet18/layer1.0')], [0, 2]);
});

test('a variant that is asked for computes it', async () => {
  const names = async (variant?: string): Promise<string> =>
    (await shadersOf(device, 'conv2d', variant === undefined ? {} : { variant }))
      .map(({ program }) => program.name)
      .join();
  assert.match(await names(), 'winograd');
  assert.not.match(await names('plain'), 'winograd');
});

test('the text holds each shader whole, and how it is dispatched', async () => {
  const text = await wgslOf(device, 'relu');
  for (const { wgsl } of await shadersOf(device, 'relu')) assert.ok(text.includes(wgsl.trimEnd()));
  assert.match(text, /^\/\/ relu, as generated for /);
  assert.match(text, /\/\/ ── relu\S*\n\/\/ {3}forward: \d+ × 1 × 1 workgroups; count 200704\n/);
  assert.match(text, /\/\/ {3}gradients: /);
  assert.match(await wgslOf(device, 'flatten'), 'It dispatches nothing');
});

const UNKNOWN: readonly [what: string, sentence: RegExp][] = [
  ['conv3d', /^there is no op 'conv3d'; did you mean conv2d\?$/],
  ['resnet19', /^there is no op 'resnet19'; did you mean resnet18\?$/],
  [
    'what',
    /; the ops are conv2d, .*; a network or a layer of it is written like resnet18\/layer1\.0\.conv1$/,
  ],
  ['resnet19/conv1', /^there is no model 'resnet19'; did you mean resnet18\?$/],
  ['resnet18/layer1.0.conv7', /has no layer 'layer1\.0\.conv7' .* did you mean layer1\.0\.conv1 or/],
  ['resnet18/stem', /; its parts are conv1, bn1, layer1, layer2, layer3, layer4, fc$/],
  ['efficientnet_b0/features.99', /; the parts of features are features\.0, /],
];

for (const [what, sentence] of UNKNOWN)
  test(`${what} gets a sentence`, async () => {
    try {
      await wgslOf(PLAIN_DEVICE, what);
    } catch (error) {
      assert.instance(error, RangeError);
      assert.match((error as Error).message, sentence);
      return;
    }
    assert.unreachable('it was found');
  });

test.run();
