/**
 * Convolution, normalisation, activation: the one place that decides what is fused, so that model files never
 * mention it.
 *
 * Where no gradient is recorded and the norm uses running statistics (evaluation, and every frozen stage before the
 * first one that trains), one kernel does it all: the convolution scales and shifts its result as it writes it, from
 * the statistics as they are at that moment. Nothing is folded into weights, hence nothing can go stale.
 * Otherwise the norm is a pass of its own, which applies the residual and the activation.
 */
import { type Activation, activate } from '../kernels/pointwise/activations.ts';
import { recordsGrad, type Tensor } from '../tensor/index.ts';
import type { BatchNorm2d, Conv2d } from './layers.ts';
import { tapped } from './tap.ts';

/** act(norm(conv(x)) + residual). */
export function convNormAct(
  x: Tensor,
  conv: Conv2d,
  norm: BatchNorm2d,
  activation: Activation,
  residual?: Tensor,
): Tensor {
  const gradient = recordsGrad(x, conv.weight, conv.bias, norm.weight, norm.bias, residual);
  // A convolution before a norm has no bias in any network here; the kernel does not fuse both.
  if (gradient || norm.active || conv.bias) return norm.apply(conv.forward(x), { activation, residual });
  return tapped(norm, conv.apply(x, { norm, activation, residual }));
}

/** act(conv(x)), for convolutions without a norm. */
export function convAct(x: Tensor, conv: Conv2d, activation: Activation): Tensor {
  if (recordsGrad(x, conv.weight, conv.bias)) return tapped(conv, activate(conv.forward(x), activation));
  return conv.apply(x, { activation });
}
