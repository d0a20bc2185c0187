/**
 * An op that is refused half way leaves nothing behind: at each of its dispatches in turn, forward and backward, the
 * device throws, outside of any scope, and all memory is free at once. Dispatches are refused on a dry device.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dryDevice, PLAIN_DEVICE } from '../../src/gpu/dry.ts';
import type { Device } from '../../src/gpu/index.ts';
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
  resize,
  silu,
  slice,
  softmax,
  squeezeExcite,
  sub,
  sum,
} from '../../src/kernels/index.ts';
import { empty, type Shape, type Tensor } from '../../src/tensor/index.ts';

const test = suite('refusals');

const PICTURES = [2, 9, 10, 8];

function norm(x: Tensor, residual: Tensor | null): Tensor {
  const vector = (requiresGrad = false) => empty(x.device, [8], { requiresGrad, owned: true });
  const own = { weight: vector(true), bias: vector(true), runningMean: vector(), runningVar: vector() };
  const y = () => batchNorm(x, { ...own, training: true, activation: 'relu', residual });
  try {
    return y();
  } finally {
    // The node holds what it needs of them.
    for (const tensor of Object.values(own)) tensor.dispose();
  }
}

function excited(x: Tensor, weight: Tensor): Tensor {
  const bias = empty(x.device, [8], { owned: true });
  try {
    const { y, hidden, scale } = squeezeExcite(x, { weight, bias }, { weight, bias });
    for (const tensor of [hidden, scale]) tensor.dispose();
    return y;
  } finally {
    bias.dispose();
  }
}

function biased(x: Tensor, bias: Tensor): Tensor {
  const weight = empty(x.device, [30, 10], { requiresGrad: true, owned: true });
  try {
    return linear(x, weight, bias);
  } finally {
    weight.dispose();
  }
}

const OPS: [name: string, shapes: Shape[], op: (x: Tensor, z: Tensor) => Tensor][] = [
  ['add', [PICTURES, [8]], add],
  ['sub', [PICTURES, [2, 1, 1, 8]], sub],
  ['mul', [PICTURES, [2, 1, 1, 8]], mul],
  ['div', [PICTURES, [8]], div],
  ['relu', [PICTURES], relu],
  ['silu', [PICTURES], silu],
  ['dropout', [PICTURES], (x) => dropout(x, 0.5, { training: true })],
  ['batchNorm', [PICTURES, PICTURES], norm],
  ['lrn', [PICTURES], (x) => lrn(x, { size: 5 })],
  ['squeezeExcite', [PICTURES, [1, 1, 8, 8]], excited],
  ['sum of a long axis', [[3, 100_000]], (x) => sum(x, 1)],
  ['mean of axes apart', [[30, 4, 50, 8]], (x) => mean(x, [0, 2])],
  ['softmax', [[4, 5000]], softmax],
  ['logSoftmax', [[4, 10]], logSoftmax],
  [
    'crossEntropy',
    [[4, 5000]],
    (x) => crossEntropy(x, Int32Array.of(0, 1, 2, 3), { weight: new Float32Array(5000) }),
  ],
  [
    'binaryCrossEntropy',
    [[4, 5000]],
    (x) => binaryCrossEntropy(x, new Float32Array(20_000), { posWeight: new Float32Array(5000) }),
  ],
  ['maxPool2d', [PICTURES], (x) => maxPool2d(x, { kernelSize: 3, stride: 2 })],
  ['avgPool2d', [PICTURES], (x) => avgPool2d(x, { kernelSize: 2 })],
  ['adaptiveAvgPool2d', [PICTURES], (x) => adaptiveAvgPool2d(x, 3)],
  ['globalAvgPool', [PICTURES], globalAvgPool],
  ['concat', [PICTURES, PICTURES], (x, z) => concat([x, z], 3)],
  ['conv2d', [PICTURES, [3, 3, 8, 16]], (x, w) => conv2d(x, w, { padding: 1 })],
  [
    'conv2d by Winograd',
    [
      [2, 28, 28, 64],
      [3, 3, 64, 64],
    ],
    (x, w) => conv2d(x, w, { padding: 1 }),
  ],
  [
    'conv2d of a stem',
    [
      [2, 33, 35, 3],
      [7, 7, 3, 10],
    ],
    (x, w) => conv2d(x, w, { stride: 2, padding: 3 }),
  ],
  [
    'conv2d, odd groups',
    [
      [2, 9, 9, 6],
      [3, 3, 3, 10],
    ],
    (x, w) => conv2d(x, w, { groups: 2, stride: 2 }),
  ],
  ['conv2d 1×1', [PICTURES, [1, 1, 8, 7]], (x, w) => conv2d(x, w)],
  ['depthwiseConv2d', [PICTURES, [3, 3, 1, 8]], (x, w) => depthwiseConv2d(x, w, { padding: 1 })],
  [
    'depthwiseConv2d, odd',
    [
      [2, 9, 9, 6],
      [5, 5, 1, 6],
    ],
    (x, w) => depthwiseConv2d(x, w, { stride: 2, padding: 2 }),
  ],
  [
    'linear',
    [
      [3, 30],
      [30, 10],
    ],
    (x, w) => linear(x, w),
  ],
  ['linear, with a bias', [[3, 30], [10]], (x, b) => biased(x, b)],
  [
    'matmul',
    [
      [130, 512],
      [512, 70],
    ],
    (a, b) => matmul(a, b),
  ],
  [
    'matmul, both transposed',
    [
      [512, 130],
      [70, 512],
    ],
    (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
  ],
  ['slice', [PICTURES], (x) => slice(x, [[], [1, 4], [], [4]])],
  ['permute', [PICTURES], (x) => permute(x, [0, 3, 1, 2])],
  ['pad', [PICTURES], (x) => pad(x, [1, 0, 2, 0])],
  ['resize', [PICTURES], (x) => resize(x, [5, 7], { interpolation: 'bilinear' })],
];

/** Runs `body` with its dispatch number `at` refused; whether there was one. */
function refused(device: Device, at: number, body: () => void): boolean {
  let count = 0;
  const stop = device.observe({
    dispatch: ({ program }) => {
      if (++count === at) throw new RangeError(`refused: ${program.name}`);
    },
  });
  try {
    body();
    return false;
  } catch (error) {
    assert.match((error as Error).message, /^refused: /);
    return true;
  } finally {
    stop();
  }
}

for (const [name, shapes, op] of OPS)
  test(name, async () => {
    const { device } = await dryDevice(PLAIN_DEVICE);
    const [x, z] = shapes.map((shape) => empty(device, shape, { requiresGrad: true, owned: true })) as [
      Tensor,
      Tensor,
    ];
    const live = () => device.memory().live;
    op(x, z).dispose(); // what the device keeps is made: the random step
    const atRest = live();
    let dispatches = 0;
    while (refused(device, dispatches + 1, () => op(x, z).dispose())) {
      assert.is(live(), atRest, `forward, dispatch ${dispatches + 1}`);
      dispatches++;
    }
    assert.ok(dispatches > 0);
    for (let at = 1; ; at++) {
      const y = op(x, z);
      const seed = empty(device, y.shape);
      const ended = !refused(device, at, () => y.backward(seed));
      y.dispose();
      seed.dispose();
      for (const leaf of [x, z]) {
        leaf?.grad?.dispose();
        if (leaf) leaf.grad = null;
      }
      if (!ended) assert.is(live(), atRest, `backward, dispatch ${at}`);
      if (ended) break;
    }
    device.close();
  });

test.run();
