/**
 * Batch normalisation over the last axis (channels), with an optional residual and activation in the same pass.
 * Ioffe and Szegedy 2015; PyTorch: `F.batch_norm`.
 *
 *   x̂ = (x − mean) / √(variance + eps)      y = act(weight·x̂ + bias + residual)
 *
 * Training uses mean and variance (divided by the number of rows R) of the batch, evaluation the running ones.
 * With g = dy · act′:
 *
 *   dbias = Σ g     dweight = Σ g·x̂     dresidual = g
 *   training:    dx = weight/√(variance + eps) · (g − dbias/R − x̂·dweight/R)
 *   evaluation:  dx = weight/√(variance + eps) · g
 *
 * Three passes forward in training, two in evaluation; the small ones cost next to nothing:
 *
 *   moments     x → mean and Σ(x − mean)² of each lane's elements, computed less the first of them
 *   merge       … of each channel by Chan's formula; running statistics; `coefficients` [4, C]: mean, scale, bias, rstd
 *   normalise   x → act((x − mean)·scale + bias + residual)
 *
 * and backward: `sums` (Σ g and Σ g·(x − mean) of each lane), `merge-sums`, `input-gradient`. Lanes: channel-lanes.ts.
 * x − mean comes first everywhere: x·scale + shift would lose digits where the mean is far from zero.
 *
 * act′ of ReLU and ReLU6 is recomputed from x unless there is a residual, so y is not read at all. With a residual, `sums`
 * writes g, which is the residual's gradient, and the last pass reads it instead of dy and y: 28 bytes an element
 * for both passes, 20 without a residual. Limited by memory throughout: on lavapipe every pass moves 0.9 to 2.4 times the
 * bytes per second of an element-wise copy (large tensors; at 7×7×512 the merges, 0.1 ms each, cost as much as a pass).
 * Moments and merge in one program for few rows, sums and theirs in another: 1.1 to 1.27 times as fast by itself, 0.99 to
 * 1.03 times in EfficientNet-B0's and MobileNetV2's steps, within what repeats differ by.
 */
import type { PooledBuffer } from '../../gpu/index.ts';
import { checkTypes, empty, record, recordsGrad, scope, show, type Tensor } from '../../tensor/index.ts';
import { channelLanes } from '../parts/channel-lanes.ts';
import { channelsFirstHint } from '../parts/channels-last.ts';
import { elementOf, widthOf } from '../parts/element.ts';
import { type Activation, activationBackward, SLOPE_READS } from '../pointwise/activations.ts';
import {
  inputGradientProgram,
  mergeGroups,
  mergeProgram,
  mergeSumsProgram,
  momentsProgram,
  normaliseProgram,
  runningProgram,
  type Slope,
  sumsProgram,
} from './batch-norm-wgsl.ts';

export interface BatchNormOptions {
  /** Scale and shift of each channel, `[C]`. */
  weight: Tensor;
  bias: Tensor;
  /** Statistics of each channel, `[C]`: read in evaluation, updated in place in training. */
  runningMean: Tensor;
  runningVar: Tensor;
  /** Normalise by the statistics of the batch and update the running ones. */
  training: boolean;
  /** Part of a running statistic that the batch replaces; 0.1 by default. */
  momentum?: number;
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** Applied last; none by default. */
  activation?: Activation;
  /** Added before the activation, of x's shape. */
  residual?: Tensor | null;
}

function checkInputs(x: Tensor, options: BatchNormOptions): void {
  const { weight, bias, runningMean, runningVar, residual } = options;
  checkTypes('batchNorm', { x, weight, bias, runningMean, runningVar, residual });
  const channels = x.shape.at(-1);
  if (x.shape.length < 2) throw new RangeError(`batchNorm: the input is [..., C], not ${show(x.shape)}`);
  for (const name of ['weight', 'bias', 'runningMean', 'runningVar'] as const) {
    const { shape } = options[name];
    if (shape.length !== 1 || shape[0] !== channels)
      throw new RangeError(
        `batchNorm: the input ${show(x.shape)} has ${channels} channels, ${name} has the shape ${show(shape)}${channelsFirstHint(x.shape, shape[0]!)}`,
      );
  }
  if (residual && show(residual.shape) !== show(x.shape))
    throw new RangeError(
      `batchNorm: the residual has the shape ${show(residual.shape)}, the input ${show(x.shape)}`,
    );
  if (options.training && x.size === channels)
    throw new RangeError(
      `batchNorm: expected more than 1 value per channel when training, got input size ${show(x.shape)}; use a larger batch, or evaluation mode`,
    );
}

/**
 * act(weight · (x − mean) / √(variance + eps) + bias + residual), x `[..., C]` with any number of leading axes.
 * In training the running statistics become (1 − momentum)·running + momentum·batch, the variance of the batch divided
 * by R − 1, as in PyTorch. Gradients for x, weight, bias and residual.
 */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  checkInputs(x, options);
  return scope(() => {
    const { weight, bias, training, activation = 'none', residual = null } = options;
    const coefficients = training ? batchCoefficients(x, options) : runningCoefficients(x, options);
    const y = normalise(x, coefficients, activation, residual);
    // A frozen norm without weights to train gets by with y, which the next op often keeps anyway.
    const fromInput = SLOPE_READS[activation] === 'input';
    const sums = training || recordsGrad(weight, bias) || (fromInput && recordsGrad(residual));
    const from: Slope['from'] =
      !fromInput && (residual || !sums || activation === 'sigmoid') ? 'output' : 'input';
    const shaped = activation !== 'none';
    const saved = {
      x: sums || (shaped && from === 'input') ? x : null,
      y: shaped && from === 'output' ? y : null,
      residual: shaped && from === 'input' ? residual : null,
      coefficients,
    };
    const form: Form = { activation, from, training, sums };
    return record(
      { op: 'batchNorm', ...options },
      y,
      [x, weight, bias, residual],
      saved,
      (saved, dy, needs) => gradients(saved, dy, needs, form),
    );
  });
}

/** Mean, scale, bias and rstd of each channel from the batch; updates the running statistics. */
function batchCoefficients(x: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, momentum = 0.1, eps = 1e-5 } = options;
  const { device } = x;
  const channels = x.shape.at(-1)!;
  const { element, params, groups, partials } = channelLanes('reduce', x);
  const partial = empty(device, [2, partials, channels]);
  device.run(momentsProgram({ element }), {
    bindings: { x: x.buffer, partial: partial.buffer },
    params,
    groups,
    flops: 3 * x.size,
    bytes: 4 * x.size + 4 * partial.size,
  });
  const coefficients = empty(device, [4, channels]);
  device.run(mergeProgram({ element }), {
    bindings: {
      x: x.buffer,
      partial: partial.buffer,
      weight: weight.buffer,
      bias: bias.buffer,
      runningMean: runningMean.buffer,
      runningVar: runningVar.buffer,
      coefficients: coefficients.buffer,
    },
    params: { ...params, rows: x.size / channels, momentum, eps },
    groups: mergeGroups(params.channels),
    bytes: 4 * partial.size,
  });
  partial.dispose();
  return coefficients;
}

/** Mean, scale, bias and rstd of each channel from the running statistics. */
function runningCoefficients(x: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, eps = 1e-5 } = options;
  const width = x.shape.at(-1)!;
  const element = elementOf(width);
  const channels = width / widthOf(element);
  const coefficients = empty(x.device, [4, width]);
  x.device.run(runningProgram({ element }), {
    bindings: {
      weight: weight.buffer,
      bias: bias.buffer,
      runningMean: runningMean.buffer,
      runningVar: runningVar.buffer,
      coefficients: coefficients.buffer,
    },
    params: { count: channels, eps },
    bytes: 32 * width,
  });
  return coefficients;
}

function normalise(x: Tensor, coefficients: Tensor, activation: Activation, residual: Tensor | null): Tensor {
  const y = empty(x.device, x.shape);
  const { element, params, groups } = channelLanes('map', x);
  x.device.run(normaliseProgram({ element, activation, residual: residual !== null }), {
    bindings: {
      x: x.buffer,
      coefficients: coefficients.buffer,
      ...(residual ? { residual: residual.buffer } : {}),
      y: y.buffer,
    },
    params,
    groups,
    flops: 3 * x.size,
    bytes: (residual ? 12 : 8) * x.size,
  });
  return y;
}

type Saved = Record<'x' | 'y' | 'residual', Tensor | null> & { coefficients: Tensor };

interface Form {
  activation: Activation;
  from: Slope['from'];
  training: boolean;
  /** Whether the two sums are needed at all. */
  sums: boolean;
}

interface Sums {
  dweight: Tensor;
  dbias: Tensor;
}

/** Gradients of x, weight, bias and residual. */
function gradients(
  saved: Saved,
  dy: Tensor,
  [needsX, needsWeight, needsBias, needsResidual]: readonly boolean[],
  form: Form,
): (Tensor | null)[] {
  const { activation } = form;
  let g = needsResidual && activation !== 'none' ? empty(dy.device, dy.shape) : null;
  const sums = form.sums ? channelSums(saved, dy, form, g) : null;
  if (g && !sums) {
    g.dispose();
    g = activationBackward(saved.y!, dy, activation);
  }
  const rest: Form = g ? { ...form, activation: 'none' } : form;
  return [
    needsX ? inputGradient(saved, g ?? dy, rest, sums) : null,
    needsWeight ? sums!.dweight : null,
    needsBias ? sums!.dbias : null,
    needsResidual ? (g ?? dy) : null,
  ];
}

/** What a backward program of this form binds beside its results. */
function boundBy(saved: Saved, dy: Tensor, { activation, from }: Form) {
  const tensors = { x: saved.x, coefficients: saved.coefficients, dy, y: saved.y, residual: saved.residual };
  const bindings: Record<string, PooledBuffer> = {};
  for (const [name, value] of Object.entries(tensors)) if (value) bindings[name] = value.buffer;
  const spec = { activation, from, residual: saved.residual !== null };
  return { bindings, spec };
}

/** Σ g·x̂ and Σ g of each channel; writes g where a tensor for it is given. */
function channelSums(saved: Saved, dy: Tensor, form: Form, g: Tensor | null): Sums {
  const { device } = dy;
  const channels = dy.shape.at(-1)!;
  const { element, params, groups, partials } = channelLanes('reduce', dy);
  const { bindings, spec } = boundBy(saved, dy, form);
  const partial = empty(device, [2, partials, channels]);
  device.run(sumsProgram({ element, ...spec, writesG: g !== null }), {
    bindings: { ...bindings, partial: partial.buffer, ...(g ? { dresidual: g.buffer } : {}) },
    params,
    groups,
    flops: 4 * dy.size,
    bytes: (8 + (g ? 8 : 0)) * dy.size,
  });
  const [dweight, dbias] = [empty(device, [channels]), empty(device, [channels])];
  device.run(mergeSumsProgram({ element }), {
    bindings: { partial: partial.buffer, dweight: dweight.buffer, dbias: dbias.buffer },
    params: { channels: params.channels, lanes: params.lanes },
    groups: mergeGroups(params.channels),
    bytes: 4 * partial.size,
  });
  partial.dispose();
  return { dweight, dbias };
}

/** dx from dy, or from g with the activation 'none'. */
function inputGradient(saved: Saved, dy: Tensor, form: Form, sums: Sums | null): Tensor {
  const dx = empty(dy.device, dy.shape);
  const { element, params, groups } = channelLanes('map', dy);
  const { bindings, spec } = boundBy(saved, dy, form);
  dy.device.run(inputGradientProgram({ element, ...spec, training: form.training }), {
    bindings: {
      ...bindings,
      ...(sums ? { dweight: sums.dweight.buffer, dbias: sums.dbias.buffer } : {}),
      dx: dx.buffer,
    },
    params: { ...params, rows: dy.size / dy.shape.at(-1)! },
    groups,
    flops: 6 * dy.size,
    bytes: (form.training ? 12 : 8) * dy.size,
  });
  return dx;
}
