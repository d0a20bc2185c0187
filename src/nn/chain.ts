/** Running layers one after the other. */
import { scope, type Tensor } from '../tensor/index.ts';

/**
 * steps[n](… steps[1](steps[0](x))). What a step leaves behind and no gradient formula needs is freed when the step
 * is over, and so is its result when the next one has used it: a network that records no gradients (evaluation, or a
 * frozen prefix) then takes the memory of its largest step, not of all of them.
 */
export function chain(x: Tensor, steps: readonly ((x: Tensor) => Tensor)[]): Tensor {
  return steps.reduce((before, step) => {
    const result = scope(() => step(before));
    if (before !== x && before !== result) before.dispose();
    return result;
  }, x);
}
