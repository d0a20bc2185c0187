/**
 * The inputs of the cross-entropy, checked on the CPU: shapes, labels, weights, smoothing.
 */
import type { Device } from '../../gpu/index.ts';
import { checkTypes, type Shape, sameShape, show, Tensor, tensor } from '../../tensor/index.ts';

export interface CrossEntropyOptions {
  /** One weight a class, [C]. */
  weight?: Tensor | readonly number[] | Float32Array;
  /** ε in [0, 1]: how much of the target is spread over all classes (Szegedy et al. 2015, section 7). */
  labelSmoothing?: number;
  /** Rows with this label do not count; −100 by default. For class indices only. */
  ignoreIndex?: number;
}

/** Class indices [N], or a tensor of them or of probabilities [N, C]. */
export type Labels = ArrayLike<number> | Tensor;

/** Rows and classes of the logits. Throws where they are no [N, C]. */
export function checkLogits(logits: Tensor): [rows: number, classes: number] {
  const [rows, classes] = logits.shape;
  if (logits.shape.length !== 2 || rows === undefined || classes === undefined)
    throw new RangeError(`crossEntropy: the logits are [N, classes], not ${show(logits.shape)}`);
  return [rows, classes];
}

/**
 * The labels as a tensor: int32 [N] for class indices, float32 [N, C] for probabilities. Throws where they do not fit.
 * The values of a tensor are not looked at, which would wait for the GPU: there an index that is no class makes the loss
 * NaN.
 */
export function labelTensor(logits: Tensor, labels: Labels, ignored: number): Tensor {
  const [rows, classes] = checkLogits(logits);
  if (!Number.isInteger(ignored))
    throw new RangeError(`crossEntropy: ignoreIndex is a whole number, not ${ignored}`);
  if (labels instanceof Tensor) {
    if (labels.requiresGrad || labels.node)
      throw new Error(
        'crossEntropy: the labels require a gradient, which goes to the logits only; detach() them',
      );
    const wanted: Shape = labels.dtype === 'int32' ? [rows] : [rows, classes];
    if (labels.dtype === 'uint32' || !sameShape(labels.shape, wanted))
      throw new RangeError(
        `crossEntropy: labels of ${labels.dtype} ${show(labels.shape)} for logits ${show(logits.shape)}; give int32 [${rows}] or float32 [${rows},${classes}]`,
      );
    return labels;
  }
  if (labels.length !== rows)
    throw new RangeError(`crossEntropy: ${labels.length} labels for logits ${show(logits.shape)}`);
  // A plain loop: an array of JavaScript may hold anything, or have holes.
  for (let position = 0; position < rows; position++) {
    const label = labels[position]!;
    if (label !== ignored && !(Number.isInteger(label) && label >= 0 && label < classes))
      throw new RangeError(
        `crossEntropy: label ${label} at position ${position} is no class; the logits have ${classes} classes (0 to ${classes - 1}), and ${ignored} is ignored`,
      );
  }
  return tensor(labels, [rows], { device: logits.device, dtype: 'int32' });
}

/** The class weights as a tensor [C], or null. Throws where their number is another. */
export function weightTensor(
  device: Device,
  weight: CrossEntropyOptions['weight'],
  classes: number,
): Tensor | null {
  if (!weight) return null;
  const shape = weight instanceof Tensor ? weight.shape : [weight.length];
  if (!sameShape(shape, [classes]))
    throw new RangeError(`crossEntropy: the weights are ${show(shape)}, and there are ${classes} classes`);
  if (weight instanceof Tensor) checkTypes('crossEntropy', { weight });
  return weight instanceof Tensor ? weight : tensor(weight, [classes], { device, dtype: 'float32' });
}
