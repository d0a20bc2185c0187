/**
 * What a convolution does to a sum as it writes it:
 *
 *   y = act((sum − mean) · scale + shift + residual)      bias: mean = 0, scale = 1,             shift = bias
 *                                                         norm: mean = μ, scale = γ / √(σ² + ε), shift = β
 *
 * The norm is computed as in ../norm/batch-norm.ts, to the bit: sum · scale + (β − μ · scale) would lose digits where
 * the mean is far from zero. In inference that saves a pass over y for the norm, one for the residual and one for the
 * activation. The tile loop, Winograd's output transform and the depthwise programs all end in the lines written here.
 *
 * Which of it is done is told by a parameter, so that a program is compiled once for all layers of a network: with a program
 * for each epilogue, tile loops took half of ResNet-18's compilation on lavapipe (1.4 s of 2.8), for 0 to 2 % of speed. What
 * a layer does not have binds another buffer that the program reads, and is not looked at. lavapipe computes both sides of a
 * branch, hence selects, and programs without the exponential of SiLU and the sigmoid beside those with it.
 */
import type { BindingType, BufferBinding, ParamType } from '../../gpu/index.ts';
import { checkTypes, recordsGrad, type Shape, sameShape, show, type Tensor } from '../../tensor/index.ts';
import type { Activation } from '../pointwise/activations.ts';

/** Batch norm with running statistics. */
export interface NormEpilogue {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
  eps: number;
}

/** As the caller of a convolution gives it. */
export interface EpilogueOptions {
  /** One value for each output channel, added to every pixel. */
  bias?: Tensor | undefined;
  /** Inference only (no gradient may be recorded), and instead of a bias: (y − mean) / √(var + eps) · weight + bias. */
  norm?: NormEpilogue | undefined;
  /** Inference only: added after the norm; the output's shape. */
  residual?: Tensor | undefined;
  /** Inference only: applied last. */
  activation?: Activation | undefined;
}

/** As a program binds it. */
export interface Epilogue {
  bias?: BufferBinding | undefined;
  norm?:
    | { gamma: BufferBinding; beta: BufferBinding; mean: BufferBinding; variance: BufferBinding; eps: number }
    | undefined;
  residual?: BufferBinding | undefined;
  activation?: Activation | undefined;
}

/**
 * Checks the options of an `op` of `inputs` whose result is `output`; `where` tells their shapes.
 * @throws RangeError where a shape does not fit; TypeError where one is no float32; Error where a norm meets a bias, or an
 * option that is for inference a gradient that is recorded
 */
export function checkEpilogue(
  op: string,
  options: EpilogueOptions,
  inputs: readonly Tensor[],
  output: Shape,
  where: string,
): void {
  const { bias, norm, residual, activation = 'none' } = options;
  const channels = output.slice(-1);
  const given = [
    ['bias', bias, channels],
    ['norm.weight', norm?.weight, channels],
    ['norm.bias', norm?.bias, channels],
    ['norm.runningMean', norm?.runningMean, channels],
    ['norm.runningVar', norm?.runningVar, channels],
    ['residual', residual, output],
  ] as const;
  checkTypes(op, Object.fromEntries(given));
  for (const [name, tensor, shape] of given)
    if (tensor && !sameShape(tensor.shape, shape))
      throw new RangeError(`${op}: ${name} is ${show(tensor.shape)}, but ${show(shape)} is needed ${where}`);
  const inferenceOnly = norm || residual || activation !== 'none';
  if (inferenceOnly && recordsGrad(...inputs, bias, norm?.weight, norm?.bias, residual))
    throw new Error(`${op}: norm, residual and activation are for inference; here a gradient is recorded`);
  if (norm && bias) throw new Error(`${op}: give a bias or a norm, not both`);
}

/** The buffers of `options`, each tensor after `align` (into the channels that the program works with). */
export function epilogueOf(
  { bias, norm, residual, activation }: EpilogueOptions,
  align: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Epilogue {
  return {
    bias: bias && align(bias).buffer,
    norm: norm && {
      gamma: align(norm.weight).buffer,
      beta: align(norm.bias).buffer,
      mean: align(norm.runningMean).buffer,
      variance: align(norm.runningVar).buffer,
      eps: norm.eps,
    },
    residual: residual && align(residual).buffer,
    activation,
  };
}

const SHIFTS = { none: 0, bias: 1, norm: 2 };
const RESIDUAL = 4;
const ACTIVATIONS = { none: 0, relu: 8, relu6: 16, silu: 24, sigmoid: 32 } satisfies Record<
  Activation,
  number
>;
const ACTIVATION = 56;
/** The first bit of `flags` that a program may use for itself. */
export const OWN_FLAGS = 64;

const shiftOf = ({ norm, bias }: Epilogue): keyof typeof SHIFTS => (norm ? 'norm' : bias ? 'bias' : 'none');

/** Whether the activation has an exponential: computed and thrown away it is 4 % of a 3×3 convolution of 56² × 64. */
export const isCurved = ({ activation }: Epilogue): boolean =>
  activation === 'silu' || activation === 'sigmoid';

/** In words, for the keys of problems. */
export const epilogueName = (epilogue: Epilogue): string =>
  [shiftOf(epilogue), epilogue.residual !== undefined, epilogue.activation ?? 'none'].join('-');

/** The bindings that a program declares; `element` is the vector of channels that a lane works on. */
export function epilogueBindings(element: string): Record<keyof EpilogueBindings, BindingType> {
  const read: BindingType = `read ${element}`;
  return { gamma: read, beta: read, mean: read, variance: read, residual: read };
}

/** The parameters that a program declares. */
export const EPILOGUE_PARAMS = { flags: 'u32', eps: 'f32' } as const satisfies Record<string, ParamType>;

type EpilogueBindings = Record<'gamma' | 'beta' | 'mean' | 'variance' | 'residual', BufferBinding>;

/** What a dispatch binds and gives for them. @param other a buffer that the program reads, for what there is not */
export function epilogueRun(
  epilogue: Epilogue,
  other: BufferBinding,
): { bindings: EpilogueBindings; params: Record<keyof typeof EPILOGUE_PARAMS, number> } {
  const { bias, norm, residual, activation = 'none' } = epilogue;
  const { gamma = other, beta = bias ?? other, mean = other, variance = other, eps = 0 } = norm ?? {};
  return {
    bindings: { gamma, beta, mean, variance, residual: residual ?? other },
    params: {
      flags: SHIFTS[shiftOf(epilogue)] + (residual ? RESIDUAL : 0) + ACTIVATIONS[activation],
      eps,
    },
  };
}

/**
 * WGSL of sums of `element`: `finishOf(channel)` reads what the channels there need, and `finished(sum, finish, at)` is
 * what is written for a sum at the place `at` of y. Without a norm the sum passes through x · 1 + shift as it is, and
 * without a bias through x + (−0), which leaves 0 and −0 what they are.
 * @param made what the program is compiled for: any flags, with or without curved activations, or these flags alone
 */
export function epilogueFunctions(element: string, made: { curved: boolean } | { flags: number }): string {
  const flags = 'flags' in made ? `${made.flags}u` : 'p.flags';
  const curved = 'flags' in made ? (made.flags & ACTIVATION) >= ACTIVATIONS.silu : made.curved;
  return `
struct Finish { mean: ${element}, scale: ${element}, shift: ${element} }
fn finishOf(channel: u32) -> Finish {
  let norm = (${flags} & ${SHIFTS.norm}) != 0;
  let shifted = (${flags} & ${SHIFTS.norm + SHIFTS.bias}) != 0;
  return Finish(
    select(${element}(0), mean[channel], norm),
    select(${element}(1), gamma[channel] * (1 / sqrt(variance[channel] + p.eps)), norm),
    select(${element}(-0.0), beta[channel], shifted),
  );
}
fn finished(sum: ${element}, finish: Finish, at: u32) -> ${element} {
  let kind = ${flags} & ${ACTIVATION};
  var x = fma(sum - finish.mean, finish.scale, finish.shift);
  if ((${flags} & ${RESIDUAL}) != 0) { x += residual[at]; }
  let above = select(x, max(x, ${element}(0)), kind == ${ACTIVATIONS.relu} || kind == ${ACTIVATIONS.relu6});
  let between = select(above, min(above, ${element}(6)), kind == ${ACTIVATIONS.relu6});
  ${
    curved
      ? `let curve = select(${element}(1), x, kind == ${ACTIVATIONS.silu}) / (1 + exp(-x));
  return select(between, curve, kind >= ${ACTIVATIONS.silu});`
      : 'return between;'
  }
}`;
}
