/** Random shapes and parameters for every op, from seeded streams: the same seed draws the same cases everywhere. */
import { sizeOf } from '../tensor/index.ts';
import type { OpInputs, OpParameters } from './parameters.ts';
import { type Fill, pseudo, pseudoFill } from './pseudo.ts';

/** Whole numbers from a stream of their own. */
class Dice {
  private readonly values: Float32Array;
  private used = 0;

  constructor(name: string) {
    this.values = pseudo(name, 64);
  }

  /** A number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    const u = (this.values[this.used++] + 1) / 2;
    return low + Math.floor(u * (high - low + 1));
  }

  of<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.between(0, choices.length - 1)];
  }
}

type Spec = number[] | { shape: number[]; fill?: Fill; grad?: false };
interface Drawn {
  inputs: Record<string, Spec>;
  parameters?: OpParameters;
}

/** A map of a random size, of `channels` or of a random number of them. */
const map = (dice: Dice, channels = dice.between(1, 19), least = 1): number[] => [
  dice.between(1, 3),
  dice.between(least, 13),
  dice.between(least, 13),
  channels,
];

/** Wide enough for what large 3×3 convolutions are computed by (src/kernels/conv/winograd.ts). */
function wideConvolution(dice: Dice): Drawn {
  const [cin, cout] = [dice.between(32, 40), dice.between(32, 40)];
  return {
    inputs: { x0: [2, dice.between(8, 11), dice.between(8, 11), cin], x1: [3, 3, cin, cout], bias: [cout] },
    parameters: { padding: dice.of([0, 1]) },
  };
}

function convolution(dice: Dice, round: number): Drawn {
  if (round % 4 === 3) return wideConvolution(dice);
  const groups = dice.of([1, 1, 1, 2, 3]);
  const [cin, cout] = [groups * dice.between(1, 11), groups * dice.between(1, 11)];
  const kernel = [dice.between(1, 5), dice.between(1, 5)];
  const dilation = dice.of([1, 1, 2]);
  const x = map(dice, cin, dilation * 4 + 1);
  return {
    inputs: { x0: x, x1: [...kernel, cin / groups, cout], ...(dice.between(0, 1) ? { bias: [cout] } : {}) },
    parameters: {
      groups,
      dilation,
      stride: [dice.between(1, 3), dice.between(1, 3)],
      padding: [dice.between(0, 2), dice.between(0, 2), dice.between(0, 2), dice.between(0, 2)],
    },
  };
}

function depthwise(dice: Dice): Drawn {
  const channels = dice.between(1, 40);
  const kernel = dice.of([1, 2, 3, 5]);
  const padding = Math.floor(kernel / 2);
  return {
    inputs: { x0: map(dice, channels, kernel), x1: [kernel, kernel, 1, channels] },
    parameters: { stride: dice.between(1, 3), padding: dice.of([padding, 0]), dilation: 1 },
  };
}

function matmul(dice: Dice): Drawn {
  const [m, k, n] = [dice.between(1, 40), dice.between(1, 40), dice.between(1, 40)];
  const [transposeA, transposeB] = [dice.of([true, false]), dice.of([true, false])];
  return {
    inputs: { x0: transposeA ? [k, m] : [m, k], x1: transposeB ? [n, k] : [k, n] },
    parameters: { transposeA, transposeB },
  };
}

function batchNorm(dice: Dice): Drawn {
  const x = [dice.between(2, 4), dice.between(2, 9), dice.between(2, 9), dice.between(1, 35)];
  const channels = x.slice(3);
  return {
    inputs: {
      x0: { shape: x, fill: { scale: 4, offset: dice.of([0, 10]) } },
      weight: { shape: channels, fill: { offset: 1, scale: 0.5 } },
      bias: channels,
      runningMean: { shape: channels, grad: false },
      runningVar: { shape: channels, fill: { offset: 1, scale: 0.5 }, grad: false },
      ...(dice.between(0, 1) ? { residual: x } : {}),
    },
    parameters: {
      training: dice.of([true, false]),
      activation: dice.of(['relu', 'silu', 'relu6', undefined]),
    },
  };
}

function pool(dice: Dice): Drawn {
  const kernelSize: [number, number] = [dice.between(1, 4), dice.between(1, 4)];
  const padding: [number, number] = [
    dice.between(0, Math.floor(kernelSize[0] / 2)),
    dice.between(0, Math.floor(kernelSize[1] / 2)),
  ];
  return {
    inputs: { x0: map(dice, dice.between(1, 19), 4) },
    parameters: {
      kernelSize,
      padding,
      stride: [dice.between(1, 3), dice.between(1, 3)],
      ceilMode: dice.of([true, false]),
    },
  };
}

/** Two shapes that broadcast: some axes of each are one, and some leading ones of the second are left out. */
function broadcast(dice: Dice, fill?: Fill): Drawn {
  const shape = Array.from({ length: dice.between(1, 5) }, () => dice.between(1, 6));
  const thin = (keep: number): number[] => shape.map((size) => (dice.between(0, keep) === 0 ? 1 : size));
  return { inputs: { x0: thin(3), x1: { shape: thin(1).slice(dice.between(0, shape.length - 1)), fill } } };
}

function reduction(dice: Dice): Drawn {
  const shape = Array.from({ length: dice.between(1, 5) }, () => dice.between(1, 7));
  const axes = shape.map((_, axis) => axis).filter(() => dice.between(0, 1));
  return {
    inputs: { x0: { shape, fill: { offset: 0.5 } } },
    parameters: { axes: axes.length > 0 ? axes : undefined, keepDims: dice.of([true, false]) },
  };
}

const rows = (dice: Dice): Drawn => ({
  inputs: { x0: { shape: [dice.between(1, 9), dice.between(1, 300)], fill: { scale: 8 } } },
});

function crossEntropy(dice: Dice): Drawn {
  const [n, classes] = [dice.between(1, 40), dice.between(2, 60)];
  return {
    inputs: {
      x0: { shape: [n, classes], fill: { scale: 4 } },
      labels: { shape: [n], fill: { levels: classes }, grad: false },
      ...(dice.between(0, 1)
        ? { weight: { shape: [classes], fill: { offset: 1, scale: 0.5 }, grad: false } }
        : {}),
    },
    parameters: { labelSmoothing: dice.of([0, 0.1]) },
  };
}

function binaryCrossEntropy(dice: Dice): Drawn {
  const [n, labels] = [dice.between(1, 40), dice.between(1, 60)];
  return {
    inputs: {
      x0: { shape: [n, labels], fill: { scale: 8 } },
      targets: { shape: [n, labels], fill: { levels: 2 }, grad: false },
      ...(dice.between(0, 1)
        ? { weight: { shape: [labels], fill: { offset: 2, scale: 1.5 }, grad: false } }
        : {}),
    },
  };
}

const DRAWS: Record<string, (dice: Dice, round: number) => Drawn> = {
  conv2d: convolution,
  depthwiseConv2d: depthwise,
  matmul,
  linear: (dice) => {
    const [input, output] = [dice.between(1, 70), dice.between(1, 70)];
    return { inputs: { x0: [dice.between(1, 9), input], x1: [input, output], bias: [output] } };
  },
  batchNorm,
  maxPool2d: pool,
  avgPool2d: (dice) => {
    const drawn = pool(dice);
    return { ...drawn, parameters: { ...drawn.parameters, countIncludePad: dice.of([true, false]) } };
  },
  adaptiveAvgPool2d: (dice) => ({
    inputs: { x0: map(dice) },
    parameters: { outputSize: [dice.between(1, 8), dice.between(1, 8)] },
  }),
  globalAvgPool: (dice) => ({ inputs: { x0: map(dice) } }),
  lrn: (dice) => ({
    inputs: { x0: { shape: map(dice), fill: { scale: 4 } } },
    parameters: {
      size: dice.between(1, 6),
      alpha: dice.of([1e-2, 1]),
      beta: dice.of([0.5, 0.75]),
      k: dice.of([1, 2]),
    },
  }),
  squeezeExcite: (dice) => {
    const [channels, squeezed] = [dice.between(1, 70), dice.between(1, 24)];
    return {
      inputs: {
        x0: { shape: map(dice, channels), fill: { offset: 0.5 } },
        reduceWeight: [1, 1, channels, squeezed],
        reduceBias: [squeezed],
        expandWeight: [1, 1, squeezed, channels],
        expandBias: [channels],
      },
    };
  },
  relu: (dice) => ({ inputs: { x0: map(dice) } }),
  relu6: (dice) => ({ inputs: { x0: { shape: map(dice), fill: { scale: 8 } } } }),
  silu: (dice) => ({ inputs: { x0: { shape: map(dice), fill: { scale: 8 } } } }),
  sigmoid: (dice) => ({ inputs: { x0: { shape: map(dice), fill: { scale: 8 } } } }),
  add: (dice) => broadcast(dice),
  sub: (dice) => broadcast(dice),
  mul: (dice) => broadcast(dice),
  div: (dice) => broadcast(dice, { offset: 2 }),
  sum: reduction,
  mean: reduction,
  softmax: rows,
  logSoftmax: rows,
  crossEntropy,
  binaryCrossEntropy,
  pad: (dice) => ({
    inputs: { x0: map(dice) },
    parameters: { padding: [dice.between(0, 3), dice.between(0, 3), dice.between(0, 3), dice.between(0, 3)] },
  }),
  concat: (dice) => {
    const [n, h, w] = map(dice);
    const parts = Array.from({ length: dice.between(1, 4) }, () => [n, h, w, dice.between(1, 9)]);
    return { inputs: Object.fromEntries(parts.map((shape, i) => [`x${i}`, shape])), parameters: { axis: 3 } };
  },
  slice: (dice) => {
    const shape = map(dice);
    const ranges = shape.map((size): [number?, number?] => {
      const start = dice.between(0, size - 1);
      const end = dice.between(start + 1, size);
      return dice.of([[], [start, end], [start - size], [0, end]]);
    });
    return { inputs: { x0: shape }, parameters: { ranges } };
  },
  resize: (dice) => ({
    inputs: { x0: map(dice, 3) },
    parameters: {
      size: [dice.between(1, 15), dice.between(1, 15)],
      interpolation: dice.of(['bilinear', 'bicubic']),
    },
  }),
};

/** The ops that cases can be drawn for. */
export const RANDOM_OPS: readonly string[] = Object.keys(DRAWS);

/** A case of an op: its inputs have values, the gradient of its output is the stream `<name>/dy`. */
export interface RandomCase {
  name: string;
  op: string;
  inputs: OpInputs;
  parameters: OpParameters;
}

/** Case number `round` of `op` for a seed. */
export function randomCase(op: string, seed: string, round: number): RandomCase {
  const name = `random ${seed}/${op}/${round}`;
  const { inputs, parameters = {} } = DRAWS[op](new Dice(name), round);
  return { name, op, inputs: fill(name, inputs), parameters };
}

function fill(name: string, specs: Drawn['inputs']): OpInputs {
  return Object.fromEntries(
    Object.entries(specs).map(([key, given]) => {
      const spec: { shape: number[]; fill?: Fill; grad?: false } = Array.isArray(given)
        ? { shape: given }
        : given;
      const data = pseudoFill(`${name}/${key}`, sizeOf(spec.shape), spec.fill);
      return [key, { data, shape: spec.shape, grad: spec.grad ?? true }];
    }),
  );
}

/** What `describe` needs of a case. */
interface Described {
  name: string;
  inputs: Record<string, { shape: readonly number[] }>;
  parameters: OpParameters;
}

/** A case in words, for messages: `conv2d/3 [2,7,7,3] [3,3,3,8] {"stride":2}`. */
export function describe({ name, inputs, parameters }: Described): string {
  const shapes = Object.values(inputs).map(({ shape }) => `[${shape}]`);
  return [name, ...shapes, JSON.stringify(parameters)].join(' ');
}
