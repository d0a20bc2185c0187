/**
 * Gradient masks: a part of a parameter trains, the rest stays as it is, bit by bit.
 *
 *   element with mask 0      value and optimiser state (momentum, moments) keep their bits
 *   element with mask m      trains with m · gradient
 *
 * Two places know of a mask: `backward`, which multiplies the gradient by it, so that what is summed over batches and what is
 * clipped (the norm) are masked gradients; and the optimiser's update (multi-tensor.ts), which writes nothing where it is 0,
 * neither weight decay nor what a momentum still holds. Nothing is kept of the values, so weights may be loaded, and masks
 * set, changed and taken off, between any two steps.
 */
import { mul } from '../kernels/index.ts';
import { checkTypes, sameShape, show, sizeOf, Tensor, tensor } from '../tensor/index.ts';

/** The mask of each masked parameter, which maskGradient owns. */
const masks = new WeakMap<Tensor, Tensor>();

/**
 * Lets a part of `parameter` train: `mask` is 1 where it does and 0 where value and optimiser state are to keep their bits;
 * other values multiply the gradient. Its shape is `[cout]` (one value for each output) or the parameter's own (weights are
 * [kh, kw, cin, cout] and [in, out]). `null` takes the mask off, as `unfreeze` does of every parameter of a model.
 *
 * An element goes on after its mask as a frozen parameter does after `unfreeze`: with the optimiser's state of before, zero
 * where it never trained.
 *
 *   maskGradient(fc.weight, [0, 0, 1]);       // of three classes only the last one learns
 *
 * PyTorch has no equivalent: `register_hook` masks the gradient alone, and weight decay and momentum go on.
 * @throws RangeError where the mask has another shape
 */
export function maskGradient(parameter: Tensor, mask: ArrayLike<number> | Tensor | null): void {
  const held = mask === null ? null : ownMask(parameter, mask);
  masks.get(parameter)?.dispose();
  masks.delete(parameter);
  parameter.gradHook = held && ((gradient) => mul(gradient, held));
  if (held) masks.set(parameter, held);
}

/** The mask of a parameter, of its shape or `[cout]`; undefined where all of it trains. */
export const maskOf = (parameter: Tensor): Tensor | undefined =>
  // Every step asks every parameter, and few have a hook.
  parameter.gradHook === null ? undefined : masks.get(parameter);

function ownMask(parameter: Tensor, mask: ArrayLike<number> | Tensor): Tensor {
  const outputs = [parameter.shape[parameter.shape.length - 1]];
  if (mask instanceof Tensor) {
    checkTypes('maskGradient', { mask });
    if (!sameShape(mask.shape, outputs) && !sameShape(mask.shape, parameter.shape))
      throw wrongMask(parameter, show(mask.shape));
    return mask.alias(mask.shape, true);
  }
  const shape = mask.length === outputs[0] ? outputs : parameter.shape;
  if (mask.length !== sizeOf(shape)) throw wrongMask(parameter, `of ${mask.length} values`);
  return tensor(mask, shape, { device: parameter.device, owned: true, kind: 'optimizer', dtype: 'float32' });
}

function wrongMask(parameter: Tensor, found: string): RangeError {
  const outputs = parameter.shape[parameter.shape.length - 1];
  return new RangeError(
    `maskGradient: a mask ${found} for a parameter ${show(parameter.shape)}; give [${outputs}] (one value for each output) or the parameter's shape`,
  );
}
