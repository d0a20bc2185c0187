/**
 * Taps: a look at what each layer computes, for the summary and for `verify`. Layers hand their results to `tapped`,
 * which does nothing but return them unless someone listens.
 *
 * What counts as a module's result is the same whether or not it was fused with its neighbours:
 *
 *   BatchNorm2d           after the residual and the activation that its pass applies
 *   Conv2d, Linear        the last value that was handed over: behind the activation where `convAct` applies one, and
 *                         behind norm and activation where a convolution was fused with them
 *   SqueezeExcitation     the scaled map
 */
import type { Tensor } from '../tensor/index.ts';
import type { Module } from './module.ts';

/** Told what `module` computed. The tensor may be freed after the call: take an alias of it to keep it. */
export type Tap = (module: Module, result: Tensor) => void;

let listener: Tap | null = null;

/** Runs `body` and tells `tap` what every layer computes meanwhile, in order. */
export function tapping<Result>(tap: Tap, body: () => Result): Result {
  const before = listener;
  listener = tap;
  try {
    return body();
  } finally {
    listener = before;
  }
}

/** Returns `result`, a module's own, after whoever taps has seen it. */
export function tapped(module: Module, result: Tensor): Tensor {
  listener?.(module, result);
  return result;
}
