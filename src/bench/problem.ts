/**
 * A problem of the bench: an op with the shapes of its inputs and its parameters, as a network has it or as `--shape` asks
 * for it. What it costs is here, too: FLOPs of the direct algorithm, twice its multiply-adds whatever runs, and the bytes
 * that must move, each operand read once and each result written once.
 *
 *   pass               of                      computes
 *   forward            every op                y
 *   input gradient     matrix products         dx from dy and w
 *   weight gradient    (convolutions too)      dw from x and dy
 *   gradients          every other op          those of all its inputs from dy
 */
import type { Activation } from '../kernels/index.ts';
import { pair } from '../kernels/parts/window.ts';
import { type Shape, sizeOf } from '../tensor/index.ts';
import type { OpParameters } from '../verify/parameters.ts';
import type { BenchEntry, Pass } from './result.ts';

/** What a convolution of inference does to a sum as it writes it. */
export interface Fused {
  /** Of a batch norm with running statistics; null where there is none. */
  readonly eps: number | null;
  readonly residual: boolean;
  readonly activation: Activation;
}

export interface Problem {
  /** Unique among problems but for the pass: `conv 3×3/1 8×56² 64→64`. */
  readonly title: string;
  /** As src/verify/engine-ops.ts names it. */
  readonly op: string;
  /** Shapes, by the names that the table of ops has for them: x0, x1, bias, weight, … */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly parameters: OpParameters;
  readonly fused: Fused | null;
  readonly output: Shape;
  /** A gradient is recorded, as in training: what it needs is saved. */
  readonly recorded: boolean;
}

/** A problem, in one pass, and who has it. */
export interface Posed {
  readonly problem: Problem;
  readonly pass: Pass;
  readonly networks: BenchEntry['networks'];
}

/** What an entry is called. */
export const nameOf = ({ problem, pass }: Pick<Posed, 'problem' | 'pass'>): string =>
  `${problem.title} ${pass}`;

/** Ops that are matrix products over the channels: the tables of kernels have rows for them. */
export const MATRIX_OPS: readonly string[] = ['conv2d', 'depthwiseConv2d', 'linear', 'matmul'];

/** Inputs that never take a gradient. */
const NO_GRADIENT = ['labels', 'runningMean', 'runningVar'];

/** The inputs of which a pass computes the gradients. */
export function differentiated({ problem, pass }: Pick<Posed, 'problem' | 'pass'>): readonly string[] {
  if (pass === 'input gradient') return ['x0'];
  if (pass === 'weight gradient') return ['x1'];
  return Object.keys(problem.inputs).filter((name) => !NO_GRADIENT.includes(name));
}

/** Whether the weight stays as it is from pass to pass, so that kernels may keep what they compute of it: in inference. */
export const keepsWeight = ({ problem, pass }: Pick<Posed, 'problem' | 'pass'>): boolean =>
  pass === 'forward' && !problem.recorded && MATRIX_OPS.includes(problem.op);

export interface Cost {
  flops: number;
  bytes: number;
  /** Terms of the longest sum: what rounding errors grow with. */
  terms: number;
}

/** FLOPs of the definition for a value of the first input (pools: of the output); an exponential or a root is one. */
const FLOPS: Readonly<Record<string, readonly [forward: number, gradients: number]>> = {
  batchNorm: [5, 9],
  relu: [1, 1],
  relu6: [2, 2],
  silu: [4, 7],
  sigmoid: [3, 3],
  add: [1, 0],
  sub: [1, 1],
  mul: [1, 3],
  div: [1, 4],
  sum: [1, 0],
  mean: [1, 1],
  softmax: [4, 4],
  logSoftmax: [4, 4],
  crossEntropy: [4, 4],
  squeezeExcite: [2, 4],
  globalAvgPool: [1, 1],
  adaptiveAvgPool2d: [1, 1],
};

/** Tensors of x's size that the gradients read beside dy: x itself, or what the forward pass kept in its place. */
const KEPT: Readonly<Record<string, number>> = {
  relu: 1,
  relu6: 1,
  silu: 1,
  sigmoid: 1,
  softmax: 1,
  logSoftmax: 1,
  crossEntropy: 1,
  squeezeExcite: 1,
  batchNorm: 1,
  lrn: 2,
};

/** What a pass of a problem costs. */
export function costOf({ problem, pass }: Pick<Posed, 'problem' | 'pass'>): Cost {
  const { op, inputs, output } = problem;
  const sizes = Object.values(inputs).reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (MATRIX_OPS.includes(op)) return matrixCost(problem, pass, sizes);
  const [x, y] = [sizeOf(inputs.x0!), sizeOf(output)];
  const forward = pass === 'forward';
  const given = differentiated({ problem, pass }).reduce((sum, name) => sum + sizeOf(inputs[name]!), 0);
  const kept = op === 'mul' || op === 'div' ? sizes : (KEPT[op] ?? 0) * x;
  // A max-pool in training writes and reads where each maximum was: a byte or a word of each output.
  const places = op === 'maxPool2d' && problem.recorded ? y / 4 : 0;
  const bytes = forward ? 4 * (sizes + y + places) : 4 * (y + kept + places + given);
  return { flops: pointwiseFlops(problem, forward), bytes, terms: Math.max(1, Math.round(x / y)) };
}

function pointwiseFlops({ op, inputs, parameters, output }: Problem, forward: boolean): number {
  const [x, y] = [sizeOf(inputs.x0!), sizeOf(output)];
  const { kernelSize, size } = parameters;
  if (kernelSize !== undefined) {
    const [rows, columns] = pair(kernelSize);
    return y * rows * columns;
  }
  if (op === 'lrn') return x * (2 * Number(size ?? 5) + 3) * (forward ? 1 : 2);
  const [ahead, back] = FLOPS[op] ?? [1, 1];
  return Math.max(x, y) * (forward ? ahead : back);
}

function matrixCost(problem: Problem, pass: Pass, sizes: number): Cost {
  const { inputs, output, fused } = problem;
  const [x, w, y] = [inputs.x0!, inputs.x1!, output];
  const [read, written] = [w.at(-2)!, w.at(-1)!];
  const groups = x.at(-1)! / read;
  const taps = sizeOf(w) / (read * written);
  const results = sizeOf(y);
  const flops = 2 * results * taps * read;
  const { bias } = inputs;
  if (pass === 'forward')
    return {
      flops: flops + results * ((bias ? 1 : 0) + fusedFlops(fused)),
      bytes: 4 * (sizes + results),
      terms: taps * read,
    };
  const terms = pass === 'input gradient' ? (taps * written) / groups : results / written;
  return { flops, bytes: 4 * (sizeOf(x) + sizeOf(w) + results), terms };
}

/** FLOPs of what a convolution does to each sum. */
function fusedFlops(fused: Fused | null): number {
  if (!fused) return 0;
  const { eps, residual, activation } = fused;
  return (eps === null ? 0 : 3) + (residual ? 1 : 0) + (activation === 'none' ? 0 : FLOPS[activation]![0]);
}
