/** Pseudo-random networks that answer as trained ones do, for comparisons where no weights are at hand. */
import type { Model } from '../src/nn/index.ts';
import { pseudo } from '../src/verify/pseudo.ts';

/** Gives norms statistics, scales and shifts that are nobody's default, and biases values. */
export function spread(model: Model): void {
  for (const { name, tensor: values, attribute } of model.tensors()) {
    const noise = pseudo(name, values.size);
    if (attribute === 'runningVar') values.write(noise.map((v) => 0.5 + Math.abs(v)));
    else if (attribute === 'runningMean' || attribute === 'bias') values.write(noise.map((v) => v / 5));
    else if (values.shape.length === 1) values.write(noise.map((v) => 1 + v / 5));
  }
}
