/**
 * An example of every op, in a shape that networks have: what the op dispatches for it is what `--wgsl` prints. Nothing is
 * computed, so the shapes may be as large as they are.
 */
import * as kernels from '../../kernels/index.ts';
import { AdamW, type Optimizer, SGD } from '../../nn/index.ts';
import type { Shape, Tensor } from '../../tensor/index.ts';

export interface Example {
  inputs: readonly Shape[];
  /** Inputs behind those that take no gradient. */
  fixed?: readonly Shape[];
  run(...inputs: Tensor[]): Tensor;
}

const MAP: Shape = [8, 28, 28, 128];
const LOGITS: Shape = [32, 1000];
const onMap = (run: Example['run']): Example => ({ inputs: [MAP], run });
const onTwo = (run: Example['run']): Example => ({ inputs: [MAP, MAP], run });

export const EXAMPLES: Readonly<Record<string, Example>> = {
  conv2d: {
    inputs: [
      [8, 28, 28, 128],
      [3, 3, 128, 128],
    ],
    run: (x, w) => kernels.conv2d(x, w, { padding: 1 }),
  },
  depthwiseConv2d: {
    inputs: [
      [8, 56, 56, 96],
      [3, 3, 1, 96],
    ],
    run: (x, w) => kernels.depthwiseConv2d(x, w, { padding: 1 }),
  },
  linear: {
    inputs: [[32, 512], [512, 1000], [1000]],
    run: (x, w, b) => kernels.linear(x, w, b),
  },
  matmul: {
    inputs: [
      [512, 512],
      [512, 512],
    ],
    run: (a, b) => kernels.matmul(a, b),
  },
  batchNorm: {
    inputs: [MAP, [128], [128]],
    fixed: [[128], [128]],
    run: (x, weight, bias, runningMean, runningVar) =>
      kernels.batchNorm(x, { weight, bias, runningMean, runningVar, training: true }),
  },
  lrn: { inputs: [[8, 27, 27, 96]], run: (x) => kernels.lrn(x, { size: 5 }) },
  squeezeExcite: {
    inputs: [[8, 14, 14, 672], [1, 1, 672, 28], [28], [1, 1, 28, 672], [672]],
    run: (x, w1, b1, w2, b2) =>
      kernels.squeezeExcite(x, { weight: w1, bias: b1 }, { weight: w2, bias: b2 }).y,
  },
  maxPool2d: {
    inputs: [[8, 112, 112, 64]],
    run: (x) => kernels.maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }),
  },
  avgPool2d: onMap((x) => kernels.avgPool2d(x, { kernelSize: 2, stride: 2 })),
  adaptiveAvgPool2d: onMap((x) => kernels.adaptiveAvgPool2d(x, 6)),
  globalAvgPool: onMap((x) => kernels.globalAvgPool(x)),
  relu: onMap((x) => kernels.relu(x)),
  relu6: onMap((x) => kernels.relu6(x)),
  silu: onMap((x) => kernels.silu(x)),
  sigmoid: onMap((x) => kernels.sigmoid(x)),
  add: onTwo((a, b) => kernels.add(a, b)),
  sub: onTwo((a, b) => kernels.sub(a, b)),
  mul: onTwo((a, b) => kernels.mul(a, b)),
  div: onTwo((a, b) => kernels.div(a, b)),
  sum: onMap((x) => kernels.sum(x, [1, 2])),
  mean: onMap((x) => kernels.mean(x, [1, 2])),
  softmax: { inputs: [LOGITS], run: (x) => kernels.softmax(x) },
  logSoftmax: { inputs: [LOGITS], run: (x) => kernels.logSoftmax(x) },
  crossEntropy: { inputs: [LOGITS], run: (x) => kernels.crossEntropy(x, new Int32Array(32)) },
  binaryCrossEntropy: {
    inputs: [LOGITS],
    run: (x) =>
      kernels.binaryCrossEntropy(x, new Float32Array(32 * 1000), { posWeight: new Float32Array(1000) }),
  },
  dropout: onMap((x) => kernels.dropout(x, 0.5, { training: true })),
  dropPath: onMap((x) => kernels.dropPath(x, 0.2, { training: true })),
  pad: onMap((x) => kernels.pad(x, [1, 1, 1, 1])),
  resize: {
    inputs: [[8, 256, 256, 3]],
    run: (x) => kernels.resize(x, [224, 224], { interpolation: 'bilinear' }),
  },
  concat: onTwo((a, b) => kernels.concat([a, b], 3)),
  slice: onMap((x) => kernels.slice(x, [[], [1, 27], [1, 27], []])),
  permute: onMap((x) => kernels.permute(x, [0, 3, 1, 2])),
  reshape: onMap((x) => kernels.reshape(x, [8, 28 * 28, 128])),
  flatten: onMap((x) => kernels.flatten(x)),
};

/** Optimisers, by the name of their op: each updates a weight and a bias. */
export const UPDATES: Readonly<Record<string, (parameters: Tensor[]) => Optimizer>> = {
  sgd: (parameters) => new SGD(parameters, { lr: 0.1, momentum: 0.9 }),
  adamW: (parameters) => new AdamW(parameters, { lr: 1e-3 }),
};
export const UPDATED: readonly Shape[] = [[512, 1000], [1000]];
