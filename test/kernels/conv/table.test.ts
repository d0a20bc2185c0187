/**
 * The table of convolutions: which rows compute what, every row against float64 on everything that it computes, which
 * of them is chosen, and that a picture's bits do not depend on the batch.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../../src/gpu/index.ts';
import { CONV_ROWS, chooseConv } from '../../../src/kernels/conv/table.ts';
import { conv2d } from '../../../src/kernels/index.ts';
import { buildModel } from '../../../src/models/table.ts';
import { noGrad, type Shape, scope, sizeOf, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { runReference } from '../../../src/verify/float64.ts';
import type { OpInputs } from '../../../src/verify/parameters.ts';
import { pseudo, pseudoFill } from '../../../src/verify/pseudo.ts';
import { relativeError } from '../../helpers/check.ts';
import { clampedDevice, testDevice } from '../../helpers/device.ts';
import { KERNEL_LIMITS, runOnDevice } from '../../helpers/engine-ops.ts';
import { CONV_CASES, type ConvCase, convProblem, DIRECTIONS } from './problems.ts';

const test = suite('kernels/conv/table');

const devices: Record<string, Device> = {
  'as it is': await testDevice(),
  clamped: await clampedDevice(),
  // What a larger adapter is told, and a picture a chunk.
  'other traits': await testDevice({ traits: { wantedInvocations: 16384, chunkBytes: 1, elementsEach: 1 } }),
};

/** Runs `body` with the row `name` preferred. */
async function forcing<Result>(device: Device, name: string, body: () => Promise<Result>): Promise<Result> {
  device.choices = { get: () => name };
  try {
    return await body();
  } finally {
    device.choices = null;
  }
}

const rowsOf = ({ rows }: ConvCase, direction: (typeof DIRECTIONS)[number]): string[] =>
  (typeof rows === 'string' ? rows : rows[direction]).split(' ');

test('every row supports what the list of problems says, and nothing else', () => {
  const { traits } = devices['as it is'];
  for (const row of CONV_CASES)
    for (const direction of DIRECTIONS) {
      const able = CONV_ROWS.filter((way) => way.supports(convProblem(row, direction), traits));
      assert.equal(
        able.map(({ name }) => name),
        rowsOf(row, direction),
        `${row.name}, ${direction}`,
      );
    }
});

/** Inputs of a case, with a bias. */
function inputsOf({ name, x, w }: ConvCase): OpInputs {
  const input = (key: string, shape: readonly number[]) => ({
    data: pseudo(`${name}/${key}`, sizeOf(shape)),
    shape: [...shape],
    grad: true,
  });
  return { x0: input('x', x), x1: input('w', w), bias: input('bias', [w[3]]) };
}

const outputGradient = (count: number): Float32Array => pseudo('dy', count);
const references = CONV_CASES.map((row) =>
  runReference('conv2d', inputsOf(row), row.options ?? {}, outputGradient),
);

/** What a direction computes, in the results of an op. */
const RESULT = {
  forward: ['outputs', 'y'],
  input: ['gradients', 'x0'],
  weight: ['gradients', 'x1'],
} as const;

/** Cases whose result is finished by a norm, a residual and an activation: each row has some. */
const FINISHED = [
  'channels that are no fours',
  '3×3, three pictures, channels that are no fours',
  '7×7 stem',
].concat(['depthwise 3×3', 'depthwise 3×3, an odd number of channels', 'groups that are no fours']);

/** Rows whose programs LLVM takes a second for each: all cases run on the adapter as it is, on the other devices few. */
const SLOW_TO_COMPILE = ['workgroup'];
const FEW = [...FINISHED, 'wide rows of channels'];

for (const [name, device] of Object.entries(devices))
  for (const way of CONV_ROWS)
    test(`${way.name} equals float64 wherever it computes: device ${name}`, async () => {
      let checked = 0;
      const few = SLOW_TO_COMPILE.includes(way.name) && name !== 'as it is';
      for (const [index, row] of CONV_CASES.entries()) {
        const directions = DIRECTIONS.filter((direction) => rowsOf(row, direction).includes(way.name));
        if (directions.length === 0 || (few && !FEW.includes(row.name))) continue;
        await forcing(device, way.name, async () => {
          const found = await runOnDevice(device, 'conv2d', inputsOf(row), row.options ?? {}, outputGradient);
          for (const direction of directions) {
            assert.is(chooseConv(convProblem(row, direction), device), way);
            const [kind, key] = RESULT[direction];
            const error = relativeError(found[kind][key]!.data, references[index]![kind][key]!.data);
            const limit = direction === 'forward' ? KERNEL_LIMITS.forward : KERNEL_LIMITS.gradients;
            assert.ok(error <= limit, `${row.name}, ${direction}: off by ${error}`);
            checked++;
          }
        });
      }
      assert.ok(checked > 0);
    });

for (const [name, device] of Object.entries(devices))
  test(`norm, residual and activation in the last line equal float64 in every row: device ${name}`, async () => {
    for (const [index, row] of CONV_CASES.entries()) {
      if (!FINISHED.includes(row.name)) continue;
      const { x0, x1, bias } = inputsOf(row);
      const { shape, data } = references[index]!.outputs.y!;
      const channels = row.w[3];
      const [gamma, beta, mean] = ['gamma', 'beta', 'mean'].map((key) => pseudo(key, channels));
      const variance = pseudoFill('variance', channels, { offset: 1, scale: 0.5 });
      const residual = pseudo('residual', data.length);
      const expected = Float64Array.from(data, (value, i) => {
        const c = i % channels;
        const sum = value - bias.data[c]!;
        const z = ((sum - mean[c]!) / Math.sqrt(variance[c]! + 1e-3)) * gamma[c]! + beta[c]! + residual[i]!;
        return z / (1 + Math.exp(-z));
      });
      for (const way of rowsOf(row, 'forward'))
        await forcing(device, way, async () => {
          const vector = (values: Float32Array) => tensor(values, [channels], { device });
          const y = conv2d(tensor(x0.data, row.x, { device }), tensor(x1.data, row.w, { device }), {
            ...row.options,
            norm: {
              weight: vector(gamma!),
              bias: vector(beta!),
              runningMean: vector(mean!),
              runningVar: vector(variance),
              eps: 1e-3,
            },
            residual: tensor(residual, shape, { device }),
            activation: 'silu',
          });
          const error = relativeError(await y.data(), expected);
          assert.ok(error <= KERNEL_LIMITS.forward, `${row.name} by ${way}: off by ${error}`);
        });
    }
  });

// biome-ignore format: a table
const CHOICES: readonly [problem: Omit<ConvCase, 'name' | 'rows'>, forward: string, input: string, weight: string][] = [
  [{ x: [1, 28, 28, 32], w: [3, 3, 32, 32], options: { padding: 1 } }, 'tile', 'tile', 'winograd4'],
  [{ x: [1, 8, 14, 32], w: [3, 3, 32, 32], options: { padding: 1 } }, 'tile', 'tile', 'tile'],
  [{ x: [2, 28, 28, 32], w: [3, 3, 32, 32], options: { padding: 1 } }, 'winograd4', 'winograd4', 'winograd4'],
  [{ x: [99, 28, 28, 16], w: [3, 3, 16, 32], options: { padding: 1 } }, 'tile', 'tile', 'winograd4'],
  // Layers of ResNet-18 at 224², then at 112².
  [{ x: [1, 56, 56, 64], w: [3, 3, 64, 64], options: { padding: 1 } }, 'winograd4', 'winograd4', 'winograd4'],
  [{ x: [1, 14, 14, 256], w: [3, 3, 256, 256], options: { padding: 1 } }, 'winograd4', 'winograd4', 'winograd4'],
  [{ x: [1, 7, 7, 512], w: [3, 3, 512, 512], options: { padding: 1 } }, 'tile', 'tile', 'tile'],
  [{ x: [2, 7, 7, 512], w: [3, 3, 512, 512], options: { padding: 1 } }, 'winograd4', 'winograd4', 'winograd4'],
  [{ x: [4, 4, 4, 512], w: [3, 3, 512, 512], options: { padding: 1 } }, 'tile', 'tile', 'tile'],
  [{ x: [1, 224, 224, 3], w: [7, 7, 3, 64], options: { stride: 2, padding: 3 } }, 'tile', 'grouped', 'tile'],
  [{ x: [1, 56, 56, 64], w: [1, 1, 64, 128], options: { stride: 2 } }, 'tile', 'tile', 'tile'],
  // Few channels a group, or in all.
  [{ x: [1, 28, 28, 128], w: [3, 3, 4, 128], options: { groups: 32, padding: 1 } }, 'grouped', 'grouped', 'grouped'],
  [{ x: [4, 28, 28, 128], w: [1, 1, 2, 128], options: { groups: 64 } }, 'grouped', 'grouped', 'grouped'],
  [{ x: [1, 14, 14, 480], w: [5, 5, 1, 480], options: { groups: 480, padding: 2 } }, 'depthwise', 'depthwise', 'depthwise'],
  [{ x: [1, 14, 14, 480], w: [9, 9, 1, 480], options: { groups: 480, padding: 4 } }, 'grouped', 'grouped', 'grouped'],
  // One channel, and channels that would be zeros for the most part as fours.
  [{ x: [4, 28, 28, 1], w: [3, 3, 1, 64], options: { padding: 1 } }, 'grouped', 'grouped', 'grouped'],
  [{ x: [1, 28, 28, 64], w: [1, 1, 64, 5] }, 'grouped', 'grouped', 'grouped'],
];

test('the choice: the lowest estimate, and what a tuning record says where the row is able to', () => {
  const device = devices['as it is']!;
  for (const [problem, ...expected] of CHOICES)
    assert.equal(
      DIRECTIONS.map((direction) => chooseConv(convProblem(problem, direction), device).name),
      expected,
      JSON.stringify(problem),
    );
  const [small, stem] = [CHOICES[1]![0], CHOICES[9]![0]];
  const keys: string[] = [];
  device.choices = {
    get: (key) => {
      keys.push(key);
      return 'winograd';
    },
  };
  assert.is(chooseConv(convProblem(small, 'forward'), device).name, 'winograd');
  assert.is(chooseConv(convProblem(stem, 'forward'), device).name, 'tile');
  const several = (pictures: number) =>
    chooseConv(convProblem({ ...small, x: [pictures, 8, 14, 32] }, 'forward'), device);
  several(2);
  several(99);
  chooseConv(convProblem(small, 'forward', true), device);
  device.choices = null;
  assert.equal(new Set(keys).size, 4);
  assert.is(keys[2], keys[3]);
});

test('the choice where the weight keeps its transform: Winograd on smaller maps as well', () => {
  const device = devices['as it is']!;
  const chosen = (side: number, channels: number, direction: (typeof DIRECTIONS)[number]) =>
    [false, true].map((kept) => {
      const x = [1, side, side, channels] as const;
      const layer = { x, w: [3, 3, channels, channels] as const, options: { padding: 1 } };
      return chooseConv(convProblem(layer, direction, kept), device).name;
    });
  assert.equal(chosen(14, 256, 'forward'), ['winograd4', 'winograd4']);
  assert.equal(chosen(7, 512, 'forward'), ['tile', 'winograd']);
  assert.equal(chosen(7, 512, 'input'), ['tile', 'winograd']);
  assert.equal(chosen(4, 512, 'forward'), ['tile', 'tile']);
});

test('Winograd makes nothing that an adapter cannot bind', () => {
  const { traits } = devices['as it is']!;
  const able = (side: number, channels: number) => {
    const problem = convProblem({ x: [1, side, side, channels], w: [3, 3, channels, channels] }, 'forward');
    return CONV_ROWS.filter((row) => row.supports(problem, traits)).map(({ name }) => name);
  };
  assert.equal(able(10, 960), ['tile', 'workgroup', 'winograd', 'winograd4', 'grouped', 'plain']);
  assert.equal(able(10, 968), ['tile', 'workgroup', 'winograd', 'grouped', 'plain'], 'U');
  assert.equal(able(10, 1456), ['tile', 'workgroup', 'grouped', 'plain'], 'U');
  assert.equal(able(1000, 64), ['tile', 'workgroup', 'grouped', 'plain'], 'V');
});

/** Pictures `first` … of x [N, …]. */
const pictures = (values: Float32Array, shape: Shape, first: number, count: number): Tensor => {
  const size = sizeOf(shape.slice(1));
  return tensor(values.slice(first * size, (first + count) * size), [count, ...shape.slice(1)], {
    requiresGrad: true,
  });
};

test('a picture has the same bits in a batch of eight and in one of three: every row, values and dx', async () => {
  const device = await testDevice();
  for (const row of CONV_CASES) {
    const shape: Shape = [8, ...row.x.slice(1)];
    const values = pseudo(row.name, sizeOf(shape));
    const w = tensor(pseudo('w', sizeOf(row.w)), row.w);
    for (const way of rowsOf(row, 'input'))
      await forcing(device, way, async () => {
        const both = async (first: number, count: number): Promise<Float32Array[]> => {
          const x = pictures(values, shape, first, count);
          const y = conv2d(x, w, row.options);
          const dy = pseudo('dy', 8 * (y.size / count)).slice(first * (y.size / count));
          y.backward(tensor(dy.slice(0, y.size), y.shape));
          return [(await y.data()) as Float32Array, (await x.grad!.data()) as Float32Array];
        };
        const [all, some] = [await both(0, 8), await both(5, 3)];
        for (const [index, part] of some.entries())
          assert.equal(part, all[index]!.slice(-part.length), `${row.name} by ${way}: ${['y', 'dx'][index]}`);
      });
  }
  device.close();
});

for (const network of ['resnet18', 'efficientnet_b0'])
  test(`${network}: a picture's features and logits have the same bits in batches of 12, 5 and 2`, async () => {
    const device = await testDevice({ poison: false });
    const model = buildModel(network, { device });
    model.eval();
    const shape: Shape = [12, 72, 72, 3];
    const values = pseudo(network, sizeOf(shape));
    const features = async (first: number, count: number): Promise<Float32Array[]> => {
      const x = pictures(values, shape, first, count);
      const found = noGrad(() => scope(() => [model.forwardFeatures(x), model.forward(x)]));
      return (await Promise.all(found.map((each) => each.data()))) as Float32Array[];
    };
    const all = await features(0, 12);
    for (const [first, count] of [
      [7, 5],
      [10, 2],
    ] as const)
      for (const [index, part] of (await features(first, count)).entries())
        assert.equal(part, all[index]!.slice(-part.length), `${count} pictures`);
    device.close();
  });

test.after(() => {
  for (const device of Object.values(devices)) device.close();
});
test.run();
