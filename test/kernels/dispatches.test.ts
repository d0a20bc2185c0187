/**
 * No op starts more workgroups in a dimension than every adapter takes, 65,535, whichever of its sizes grows: an adapter
 * that is asked for more is lost. Shapes here are those of no GPU; a dry device needs no memory for them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundless, dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device, Traits } from '../../src/gpu/index.ts';
import * as kernels from '../../src/kernels/index.ts';
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm,
  binaryCrossEntropy,
  concat,
  conv2d,
  crossEntropy,
  depthwiseConv2d,
  div,
  dropout,
  dropPath,
  flatten,
  globalAvgPool,
  linear,
  logSoftmax,
  lrn,
  matmul,
  maxPool2d,
  mean,
  mul,
  pad,
  permute,
  relu,
  relu6,
  reshape,
  resize,
  sigmoid,
  silu,
  slice,
  softmax,
  squeezeExcite,
  sub,
  sum,
} from '../../src/kernels/index.ts';
import type { NormEpilogue } from '../../src/kernels/parts/epilogue.ts';
import type { Window } from '../../src/kernels/parts/window.ts';
import { AdamW, fill, SGD } from '../../src/nn/index.ts';
import {
  type ComputedOp,
  copyOf,
  empty,
  noGrad,
  type Shape,
  scope,
  type Tensor,
  watchingOps,
} from '../../src/tensor/index.ts';

const test = suite('kernels/dispatches');

/** More than a dimension holds. */
const MANY = 70_001;
/** Elements that are more workgroups of 64 than a dimension holds, four at a time too. */
const LONG = 20_000_001;

type Op = (x: Tensor, z: Tensor) => Tensor;
type Row = [op: keyof typeof kernels, what: string, shapes: Shape[], run: Op, traits?: Partial<Traits>];

function excited(x: Tensor, weight: Tensor): Tensor {
  const [, , channels, squeezed] = weight.shape as [number, number, number, number];
  const vector = (...shape: number[]) => empty(x.device, shape, { requiresGrad: true });
  const expand = { weight: vector(1, 1, squeezed, channels), bias: vector(channels) };
  return squeezeExcite(x, { weight, bias: vector(squeezed) }, expand).y;
}

function norm(x: Tensor, training: boolean): Tensor {
  const vector = (requiresGrad = false) => empty(x.device, [x.shape.at(-1)!], { requiresGrad });
  const own = { weight: vector(true), bias: vector(true), runningMean: vector(), runningVar: vector() };
  return batchNorm(x, { ...own, training, activation: 'relu' });
}

/** A convolution with everything that may follow it. */
function finished(x: Tensor, w: Tensor, options: Parameters<typeof conv2d>[2]): Tensor {
  const vector = () => empty(x.device, [w.shape[3]!]);
  const own = { weight: vector(), bias: vector(), runningMean: vector(), runningVar: vector(), eps: 1e-5 };
  return conv2d(x.detach(), w.detach(), { ...options, norm: own, activation: 'relu' });
}

// biome-ignore format: a table
const ROWS: Row[] = [
  ['maxPool2d', 'pictures', [[MANY, 2, 2, 1]], (x) => maxPool2d(x, { kernelSize: 2 })],
  ['maxPool2d', 'rows', [[2, MANY, 3, 8]], (x) => maxPool2d(x, { kernelSize: 3, stride: 1 })],
  ['maxPool2d', 'columns', [[1, 2, LONG, 4]], (x) => maxPool2d(x, { kernelSize: 2, stride: 1 })],
  ['maxPool2d', 'pictures and rows', [[MANY, MANY, 2, 1]], (x) => maxPool2d(x, { kernelSize: 2, stride: 1 })],
  ['avgPool2d', 'pictures', [[MANY, 2, 2, 1]], (x) => avgPool2d(x, { kernelSize: 2 })],
  ['avgPool2d', 'rows', [[1, 2 * MANY, 2, 4]], (x) => avgPool2d(x, { kernelSize: 2 })],
  ['avgPool2d', 'columns', [[1, 2, LONG, 1]], (x) => avgPool2d(x, { kernelSize: 2, stride: 1 })],
  ['adaptiveAvgPool2d', 'pictures', [[MANY, 4, 4, 1]], (x) => adaptiveAvgPool2d(x, 3)],
  ['adaptiveAvgPool2d', 'rows', [[1, MANY, 4, 1]], (x) => adaptiveAvgPool2d(x, [3, 2])],
  ['adaptiveAvgPool2d', 'columns', [[1, 2, LONG, 1]], (x) => adaptiveAvgPool2d(x, [2, 3])],
  ['globalAvgPool', 'pictures', [[MANY, 70, 70, 4]], globalAvgPool],
  ['globalAvgPool', 'channels', [[1, 3, 3, LONG]], globalAvgPool],

  ['conv2d', 'pictures', [[MANY, 9, 9, 4], [3, 3, 4, 8]], (x, w) => conv2d(x, w, { stride: 2 })],
  ['conv2d', 'groups', [[1, 2, 2, 4 * MANY], [1, 1, 4, 4 * MANY]], (x, w) => conv2d(x, w, { groups: MANY })],
  ['conv2d', 'groups that are no fours', [[1, 2, 2, 2 * MANY], [1, 1, 2, 3 * MANY]], (x, w) => conv2d(x, w, { groups: MANY })],
  ['conv2d', 'residues of a stride', [[1, 600, 600, 4], [2, 2, 4, 4]], (x, w) => conv2d(x, w, { stride: 300 })],
  ['conv2d', 'groups and splits', [[5000, 64, 64, 80], [1, 1, 4, 80]], (x, w) => conv2d(x, w, { groups: 20 })],
  ['conv2d', 'by Winograd, pictures', [[MANY, 16, 16, 64], [3, 3, 64, 64]], (x, w) => conv2d(x, w, { padding: 1 })],
  ['conv2d', 'channels', [[1, 1, 1, 4], [1, 1, 4, 2 * LONG]], (x, w) => conv2d(x, w)],
  ['conv2d', 'by plain', [[1, 4000, 4000, 6], [3, 3, 1, 24]], (x, w) => conv2d(x, w, { groups: 6, stride: 256 })],
  ['conv2d', 'a stem', [[MANY, 32, 32, 3], [7, 7, 3, 64]], (x, w) => conv2d(x, w, { stride: 2, padding: 3 })],
  ['conv2d', 'finished by a norm', [[MANY, 9, 9, 8], [3, 3, 8, 8]], (x, w) => finished(x, w, { padding: 1 })],
  ['depthwiseConv2d', 'pictures', [[MANY, 4, 4, 2], [3, 3, 1, 2]], (x, w) => depthwiseConv2d(x, w)],
  ['depthwiseConv2d', 'columns and channels', [[1, 3, 9000, 9001], [3, 3, 1, 9001]], (x, w) => depthwiseConv2d(x, w, { padding: 1 })],
  ['depthwiseConv2d', 'strips', [[1, 700_000, 3, 1], [3, 3, 1, 1]], (x, w) => depthwiseConv2d(x, w), { wantedInvocations: 1e7 }],
  ['linear', 'rows', [[LONG, 4], [4, 2]], (x, w) => linear(x, w)],
  ['linear', 'outputs', [[1, 4], [4, LONG]], (x, w) => linear(x, w)],
  ['linear', 'inputs', [[2, LONG], [LONG, 3]], (x, w) => linear(x, w)],
  ['matmul', 'both transposed', [[5, LONG], [4, 5]], (a, b) => matmul(a, b, { transposeA: true, transposeB: true })],

  ['batchNorm', 'rows', [[LONG, 8]], (x) => norm(x, true)],
  ['batchNorm', 'channels', [[3, 4 * LONG]], (x) => norm(x, true)],
  ['batchNorm', 'channels that are no fours', [[3, LONG]], (x) => norm(x, true)],
  ['batchNorm', 'channels, running statistics', [[3, LONG]], (x) => norm(x, false)],
  ['lrn', 'pixels', [[LONG, 3]], (x) => lrn(x, { size: 5 })],
  ['squeezeExcite', 'pictures', [[MANY, 3, 3, 8], [1, 1, 8, 4]], excited],
  ['squeezeExcite', 'channels', [[2, 2, 2, 4 * LONG], [1, 1, 4 * LONG, 4]], excited],

  ['add', 'equal shapes', [[4 * LONG], [4 * LONG]], add],
  ['sub', 'a column', [[LONG, 3], [LONG, 1]], sub],
  ['mul', 'a row', [[3, LONG], [LONG]], mul],
  ['div', 'a scale for each picture', [[MANY, 70, 3], [MANY, 1, 3]], div],
  ['relu', 'elements', [[4 * LONG]], relu],
  ['relu6', 'elements', [[4 * LONG]], relu6],
  ['sigmoid', 'elements', [[4 * LONG]], sigmoid],
  ['silu', 'elements', [[4 * LONG]], silu],
  ['dropout', 'elements', [[4 * LONG]], (x) => dropout(x, 0.5, { training: true })],
  ['dropPath', 'samples', [[LONG, 3]], (x) => dropPath(x, 0.5, { training: true })],
  ['sum', 'a long row', [[4 * LONG]], (x) => sum(x)],
  ['sum', 'many columns', [[3, LONG]], (x) => sum(x, 0)],
  ['mean', 'many rows', [[LONG, 3]], (x) => mean(x, 1)],
  ['softmax', 'many rows', [[LONG, 3]], softmax],
  ['softmax', 'a long row', [[2, 4 * LONG]], softmax],
  ['logSoftmax', 'many rows', [[LONG, 3]], logSoftmax],
  ['crossEntropy', 'many rows', [[LONG, 3]], (x) => crossEntropy(x, empty(x.device, [LONG], { dtype: 'int32' }))],
  ['crossEntropy', 'many classes', [[2, LONG]], (x) => crossEntropy(x, Int32Array.of(0, LONG - 1))],
  ['binaryCrossEntropy', 'many rows', [[LONG, 3]], (x) => binaryCrossEntropy(x, empty(x.device, [LONG, 3]))],
  ['binaryCrossEntropy', 'many labels', [[2, 2 * LONG]], (x) => binaryCrossEntropy(x, empty(x.device, [2, 2 * LONG]))],

  ['concat', 'a long axis', [[LONG, 3], [5, 3]], (x, z) => concat([x, z], 0)],
  ['slice', 'a long axis', [[3, LONG]], (x) => slice(x, [[], [1]])],
  ['permute', 'elements', [[MANY, 70, 2]], (x) => permute(x, [2, 0, 1])],
  ['flatten', 'elements', [[MANY, 70, 2]], (x) => relu(flatten(x))],
  ['reshape', 'elements', [[MANY, 280]], (x) => relu(reshape(x, [-1]))],
  ['pad', 'pictures', [[MANY, 70, 3, 3]], (x) => pad(x, [1, 0, 2, 0])],
  ['resize', 'pictures', [[MANY, 60, 60, 3]], (x) => resize(x, [61, 59], { interpolation: 'bilinear' })],
];

/** Watches `device` until `end` is called, which throws where a dispatch is too large, or pieces leave a gap. */
function watch(device: Device): { end(): number } {
  let dispatches = 0;
  /** Of the run in progress: its program, its pieces' workgroups, and how far they reach. */
  let name = '';
  let volume = 0;
  let reach = [0, 0, 0];
  const closeRun = () => {
    assert.is(volume, reach[0]! * reach[1]! * reach[2]!, `the pieces of ${name} leave a gap`);
  };
  const stop = device.observe({
    dispatch({ program, params, groups }) {
      dispatches++;
      assert.ok(Math.max(...groups) <= 65535, `${program.name} starts ${groups.join('×')} workgroups`);
      const first = [params.firstX ?? 0, params.firstY ?? 0, params.firstZ ?? 0];
      if (Math.max(...first) === 0) {
        closeRun();
        [name, volume, reach] = [program.name, 0, [0, 0, 0]];
      }
      volume += groups[0] * groups[1] * groups[2];
      reach = reach.map((far, axis) => Math.max(far, first[axis]! + groups[axis]!));
    },
  });
  return {
    end() {
      closeRun();
      stop();
      return dispatches;
    },
  };
}

/** The device of everywhere, and one with subgroups whose numbers are a software adapter's. */
const DEVICES = {
  plain: PLAIN_DEVICE.traits,
  'eight lanes': {
    ...PLAIN_DEVICE.traits,
    lanes: 8,
    wantedInvocations: 2048,
    elementsEach: 16,
    chunkBytes: 16e6,
  },
};

for (const [device, traits] of Object.entries(DEVICES))
  for (const [op, what, shapes, run, own = {}] of ROWS)
    test(`${op}, ${what}: ${device}`, async () => {
      const { device } = await dryDevice(boundless({ ...PLAIN_DEVICE, traits: { ...traits, ...own } }));
      const watched = watch(device);
      scope(() => {
        const [x, z] = shapes.map((shape) => empty(device, shape, { requiresGrad: true })) as [
          Tensor,
          Tensor,
        ];
        const y = run(x, z);
        if (y.node) y.backward(empty(device, y.shape));
      });
      assert.ok(watched.end() > 0);
      device.close();
    });

test('every op has a row', () => {
  const named = new Set(ROWS.map(([op]) => op));
  assert.equal(
    Object.keys(kernels).filter((op) => !named.has(op as Row[0])),
    [],
  );
});

/** What ops that are another one's are told as. */
const TOLD_AS: Partial<Record<Row[0], string>> = { flatten: 'reshape' };

test('every op tells who watches what it computed, with a gradient and without', async () => {
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  for (const [op, what, shapes, run] of ROWS)
    for (const graded of [true, false]) {
      const told: ComputedOp[] = [];
      scope(() => {
        const [x, z] = shapes.map((shape) => empty(device, shape, { requiresGrad: graded })) as [
          Tensor,
          Tensor,
        ];
        const body = () => run(x, z);
        const y = watchingOps((computed) => told.push(computed), graded ? body : () => noGrad(body));
        const own = told.find(({ name }) => name === (TOLD_AS[op] ?? op));
        assert.ok(own, `${op}, ${what}: told ${told.map(({ name }) => name)}`);
        assert.is(told.at(-1)!.output, y);
      });
    }
  device.close();
});

test('who watches learns what a convolution does as it writes its result', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const told: ComputedOp[] = [];
  const [x, w] = [empty(device, [1, 5, 5, 4]), empty(device, [3, 3, 4, 8])];
  watchingOps(
    (computed) => told.push(computed),
    () => finished(x, w, { stride: 2, padding: [0, 1, 1, 2] }),
  );
  const [{ name, attributes }, ...more] = told;
  assert.equal(more, []);
  assert.is(name, 'conv2d');
  const { window, norm, ...own } = attributes as { window: Window; norm: NormEpilogue };
  assert.equal([window.top, window.bottom, window.left, window.right, window.stride], [0, 1, 1, 2, [2, 2]]);
  assert.equal(
    [own, norm.eps, norm.weight.shape],
    [{ ...own, op: 'conv2d', groups: 1, activation: 'relu' }, 1e-5, [8]],
  );
  device.close();
});

test('optimisers, initial values, sums of gradients and copies of long tensors', async () => {
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  const watched = watch(device);
  for (const Optimizer of [SGD, AdamW]) {
    const x = empty(device, [40 * LONG], { requiresGrad: true, owned: true });
    fill(x, { normal: 1 });
    scope(() => relu(x).backward(empty(device, x.shape)));
    scope(() => add(relu(x), silu(x)).backward(empty(device, x.shape)));
    const optimizer = new Optimizer([x], { lr: 0.1 });
    optimizer.step();
    optimizer.dispose();
    copyOf(x).dispose();
    x.grad!.dispose();
    x.dispose();
  }
  assert.ok(watched.end() > 0);
  device.close();
});

test.run();
