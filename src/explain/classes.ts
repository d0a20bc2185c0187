/** Which class of each picture is explained, and what the network answers. */
import type { Task } from '../data/sample.ts';
import type { Model } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { argmax } from '../train/metrics.ts';
import { PROBABILITIES } from '../train/task.ts';

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

/**
 * The probabilities of each row of logits: a softmax, or each label's own sigmoid where several may hold of a picture; NaN where
 * one of a row is no number.
 */
export function probabilityRows(logits: Float32Array, classes: number, task: Task): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let at = 0; at < logits.length; at += classes)
    probabilities.set(PROBABILITIES[task](logits.subarray(at, at + classes)), at);
  return probabilities;
}
