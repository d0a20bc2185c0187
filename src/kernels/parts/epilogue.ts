/**
 * What a convolution does to a sum as it writes it:
 *
 *   y = act((sum − mean) · scale + shift + residual)      bias: mean = 0, scale = 1,             shift = bias
 *                                                         norm: mean = μ, scale = γ / √(σ² + ε), shift = β
 *
 * The norm is computed as in ../norm/batch-norm.ts, to the bit: sum · scale + (β − μ · scale) would lose digits where
 * the mean is far from zero. In inference that saves a pass over y for the norm, one for the residual and one for the
 * activation. The tile loop, Winograd's output transform and the depthwise programs all end in the lines written here.
 */
import type { BindingType, BufferBinding, ParamType, Run } from '../../gpu/index.ts';
import { checkTypes, recordsGrad, type Shape, sameShape, show, type Tensor } from '../../tensor/index.ts';
import { type Activation, activateFunction } from '../pointwise/activations.ts';

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

/** As a program is specialised for it. */
export interface EpilogueSpec {
  shift: 'none' | 'bias' | 'norm';
  residual: boolean;
  activation: Activation;
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

export const epilogueSpecOf = ({ bias, norm, residual, activation = 'none' }: Epilogue): EpilogueSpec => ({
  shift: norm ? 'norm' : bias ? 'bias' : 'none',
  residual: residual !== undefined,
  activation,
});

/** The bindings that a program declares; `element` is the vector of channels that a lane works on. */
export function epilogueBindings(
  { shift, residual }: EpilogueSpec,
  element: string,
): Record<string, BindingType> {
  const read: BindingType = `read ${element}`;
  return {
    ...(shift === 'bias' ? { bias: read } : {}),
    ...(shift === 'norm' ? { gamma: read, beta: read, mean: read, variance: read } : {}),
    ...(residual ? { residual: read } : {}),
  };
}

/** The parameters that a program declares. */
export const epilogueParams = ({ shift }: EpilogueSpec): Record<string, ParamType> =>
  shift === 'norm' ? { eps: 'f32' } : {};

/** What a dispatch binds and gives for them. */
export function epilogueRun({ bias, norm, residual }: Epilogue): Pick<Run, 'bindings' | 'params'> {
  const { eps, ...statistics } = norm ?? {};
  return {
    bindings: { ...(bias && { bias }), ...statistics, ...(residual && { residual }) },
    params: eps === undefined ? {} : { eps },
  };
}

/**
 * WGSL of sums of `element`: `finishOf(channel)` reads what the channels there need, and `finished(sum, finish, at)` is
 * what is written for a sum at the place `at` of y.
 */
export function epilogueFunctions({ shift, residual, activation }: EpilogueSpec, element: string): string {
  const finish = {
    none: `${element}(0), ${element}(1), ${element}(0)`,
    bias: `${element}(0), ${element}(1), bias[channel]`,
    norm: 'mean[channel], gamma[channel] * (1 / sqrt(variance[channel] + p.eps)), beta[channel]',
  }[shift];
  const shifted = {
    none: 'sum',
    bias: 'sum + finish.shift',
    norm: 'fma(sum - finish.mean, finish.scale, finish.shift)',
  }[shift];
  return `${activateFunction(activation, element)}
struct Finish { mean: ${element}, scale: ${element}, shift: ${element} }
fn finishOf(channel: u32) -> Finish { return Finish(${finish}); }
fn finished(sum: ${element}, finish: Finish, at: u32) -> ${element} {
  return activate(${shifted}${residual ? ' + residual[at]' : ''});
}`;
}
