/** Which class of each picture is explained, and what the network answers. */
import type { Model } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { argmax, softmaxRow } from '../train/metrics.ts';

/** The classes that a caller asks for, one a picture. @throws RangeError where they are not as many, or not the network's */
export function checkedClasses(
  what: string,
  { numClasses }: Model,
  images: Tensor,
  classes: ArrayLike<number>,
): Int32Array {
  const count = images.shape[0];
  if (classes.length !== count)
    throw new RangeError(`${what}: ${classes.length} classes for ${count} pictures; give one for each`);
  for (let i = 0; i < classes.length; i++) {
    const index = classes[i]!;
    if (!Number.isInteger(index) || index < 0 || index >= numClasses)
      throw new RangeError(
        `${what}: class ${index} for picture ${i}; the network has ${numClasses}, numbered from 0`,
      );
  }
  return Int32Array.from(classes);
}

/** The likeliest class of each row of logits. */
export function likeliest(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) =>
    argmax(logits.subarray(row * classes, (row + 1) * classes)),
  );
}

/** Softmax of each row of logits; NaN where one of a row is no number. */
export function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let at = 0; at < logits.length; at += classes)
    probabilities.set(softmaxRow(logits.subarray(at, at + classes)), at);
  return probabilities;
}
