/**
 * What the bench runs, as a table: kernels first, then whole networks. A case builds its operands, then returns the
 * work to time and what it costs.
 */

import { randomValues } from '../src/bench/measure.ts';
import type { Device, Traits } from '../src/gpu/index.ts';
import { problemOf as convProblem, geometryOf } from '../src/kernels/conv/problem.ts';
import { CONV_ROWS } from '../src/kernels/conv/table.ts';
import { batchNorm, conv2d, crossEntropy, globalAvgPool, matmul, maxPool2d } from '../src/kernels/index.ts';
import { problemOf as matrixProblem } from '../src/kernels/matmul/problem.ts';
import { MATRIX_ROWS } from '../src/kernels/matmul/table.ts';
import { windowOf } from '../src/kernels/parts/window.ts';
import { buildModel } from '../src/models/table.ts';
import { AdamW } from '../src/nn/index.ts';
import { noGrad, type Shape, sizeOf, type Tensor, tensor } from '../src/tensor/index.ts';

export interface Work {
  run: () => unknown;
  flops?: number;
  bytes?: number;
}

export interface Case {
  name: string;
  group: 'matmul' | 'conv' | 'norm' | 'pool' | 'model';
  /** Whether a row of the tables of kernels computes this case; where no single row does, left out. */
  supports?: (row: string, traits: Traits) => boolean;
  prepare: (device: Device) => Work;
}

const values = (device: Device, shape: Shape, requiresGrad = false): Tensor =>
  tensor(randomValues(sizeOf(shape), sizeOf(shape)), shape, { device, requiresGrad });

function matmulCase(size: number): Case {
  return {
    name: `matmul ${size}³`,
    group: 'matmul',
    supports: (row, traits) => {
      const problem = matrixProblem('forward', true, size, size);
      return MATRIX_ROWS.some((known) => known.name === row && known.supports(problem, traits));
    },
    prepare: (device) => {
      const [a, b] = [values(device, [size, size]), values(device, [size, size])];
      return { run: () => matmul(a, b), flops: 2 * size ** 3, bytes: 12 * size ** 2 };
    },
  };
}

/** The convolutions of ResNet-18 at 224², a picture at a time: size, channels, kernel, stride. */
const RESNET18_CONVOLUTIONS = [
  // size  in  out  kernel stride
  [224, 3, 64, 7, 2],
  [56, 64, 64, 3, 1],
  [56, 64, 128, 3, 2],
  [56, 64, 128, 1, 2],
  [28, 128, 128, 3, 1],
  [14, 256, 256, 3, 1],
  [7, 512, 512, 3, 1],
] as const;

/** Two depthwise convolutions of EfficientNet-B0 at 224²: one in its first block, one in its fourth stage. */
const B0_DEPTHWISE = [
  [112, 32, 32, 3, 1],
  [14, 480, 480, 5, 1],
] as const;

type Layer = readonly [size: number, cin: number, cout: number, kernel: number, stride: number];
type Pass = 'forward' | 'input gradient' | 'weight gradient';
const DIRECTIONS = { forward: 'forward', 'input gradient': 'input', 'weight gradient': 'weight' } as const;

function convCase([size, cin, cout, kernel, stride]: Layer, pass: Pass, groups = 1): Case {
  const [shape, weight] = [
    [1, size, size, cin],
    [kernel, kernel, cin / groups, cout],
  ];
  const options = { groups, stride, padding: (kernel - 1) / 2 };
  return {
    name: `${groups > 1 ? 'depthwise ' : ''}conv ${kernel}×${kernel}/${stride} ${size}² ${cin}→${cout} ${pass}`,
    group: 'conv',
    supports: (row, traits) => {
      const geometry = geometryOf(shape, weight, windowOf('conv2d', shape, kernel, options), groups);
      const problem = convProblem(geometry, DIRECTIONS[pass], false);
      return CONV_ROWS.some((known) => known.name === row && known.supports(problem, traits));
    },
    prepare: (device) => {
      const x = values(device, shape, pass === 'input gradient');
      const w = values(device, weight, pass === 'weight gradient');
      const out = Math.ceil(size / stride);
      const flops = 2 * out * out * sizeOf(weight);
      const bytes = 4 * (size * size * cin + sizeOf(weight) + out * out * cout);
      if (pass === 'forward') return { run: () => conv2d(x, w, options), flops, bytes };
      const dy = values(device, [1, out, out, cout]);
      // A gradient needs a forward pass to be recorded; it is kept, and its formula run again and again.
      const y = conv2d(x, w, options);
      return { run: () => noGrad(() => y.node!.run(dy)), flops, bytes };
    },
  };
}

function normCase(size: number, channels: number, pass: 'forward' | 'backward'): Case {
  return {
    name: `batch norm + relu ${size}²×${channels} ×8 ${pass}`,
    group: 'norm',
    prepare: (device) => {
      const shape = [8, size, size, channels];
      const vector = (): Tensor => values(device, [channels]);
      const x = values(device, shape, pass === 'backward');
      const options = {
        weight: vector(),
        bias: vector(),
        runningMean: vector(),
        runningVar: vector(),
        training: true,
        activation: 'relu',
      } as const;
      const bytes = 4 * sizeOf(shape);
      if (pass === 'forward') return { run: () => batchNorm(x, options), bytes: 3 * bytes };
      const dy = values(device, shape);
      const y = batchNorm(x, options);
      return { run: () => noGrad(() => y.node!.run(dy)), bytes: 7 * bytes };
    },
  };
}

const poolCases: Case[] = [
  {
    name: 'max-pool 3×3/2 112²×64',
    group: 'pool',
    prepare: (device) => {
      const x = values(device, [1, 112, 112, 64]);
      return {
        run: () => maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }),
        bytes: 4 * (112 * 112 + 56 * 56) * 64,
      };
    },
  },
  {
    name: 'global average 7²×512 ×32',
    group: 'pool',
    prepare: (device) => {
      const x = values(device, [32, 7, 7, 512]);
      return { run: () => globalAvgPool(x), bytes: 4 * 32 * 50 * 512 };
    },
  },
];

/** FLOPs of a forward pass of one picture at 224² (multiply-adds × 2); a training step costs about three of them. */
const FORWARD_FLOPS = { resnet18: 3.63e9, efficientnet_b0: 0.772e9, alexnet: 1.43e9 };
type Network = keyof typeof FORWARD_FLOPS;

const flopsOf = (network: Network, batch: number, size: number): number =>
  batch * FORWARD_FLOPS[network] * (size / 224) ** 2;

function forwardCase(network: Network, batch: number, size: number): Case {
  return {
    name: `${network} forward ${batch}×${size}²`,
    group: 'model',
    prepare: (device) => {
      const model = buildModel(network, { device });
      model.eval();
      const x = values(device, [batch, size, size, 3]);
      return { run: () => noGrad(() => model.forward(x)), flops: flopsOf(network, batch, size) };
    },
  };
}

function trainingCase(network: Network, batch: number, size: number): Case {
  return {
    name: `${network} training step ${batch}×${size}²`,
    group: 'model',
    prepare: (device) => {
      const model = buildModel(network, { device });
      model.train();
      const x = values(device, [batch, size, size, 3]);
      const labels = Int32Array.from({ length: batch }, (_, index) => index);
      const optimizer = new AdamW(
        [...model.namedParameters()].map(([, parameter]) => parameter),
        { lr: 1e-4 },
      );
      return {
        run: () => {
          crossEntropy(model.forward(x), labels).backward();
          optimizer.step();
          optimizer.zeroGrad();
        },
        flops: 3 * flopsOf(network, batch, size),
      };
    },
  };
}

/** The rows that can be forced, of both tables. */
export const VARIANTS: readonly string[] = [
  ...new Set([...CONV_ROWS, ...MATRIX_ROWS].map(({ name }) => name)),
];

export const CASES: readonly Case[] = [
  matmulCase(512),
  matmulCase(1024),
  ...RESNET18_CONVOLUTIONS.flatMap((layer) => [
    convCase(layer, 'forward'),
    // Nothing asks for the gradient of the pictures.
    ...(layer[1] === 3 ? [] : [convCase(layer, 'input gradient')]),
    convCase(layer, 'weight gradient'),
  ]),
  ...B0_DEPTHWISE.flatMap((layer) =>
    (['forward', 'input gradient', 'weight gradient'] as const).map((pass) =>
      convCase(layer, pass, layer[1]),
    ),
  ),
  normCase(56, 64, 'forward'),
  normCase(56, 64, 'backward'),
  normCase(7, 512, 'forward'),
  normCase(7, 512, 'backward'),
  ...poolCases,
  forwardCase('resnet18', 1, 224),
  trainingCase('resnet18', 4, 112),
  forwardCase('efficientnet_b0', 1, 224),
  trainingCase('efficientnet_b0', 4, 112),
  forwardCase('alexnet', 1, 224),
  trainingCase('alexnet', 4, 224),
];
