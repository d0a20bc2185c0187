/**
 * The linear layer: y[n, o] = Σ_i x[n, i] · w[i, o] + b[o], with w [in, out] (PyTorch stores its transpose).
 *
 * A matrix product whose bias is added as the result is written; see matmul.ts for the directions and for weights
 * larger than a binding. Cost: 2 · N · in · out FLOPs. A small batch is limited by reading w once (4 · in · out bytes).
 */
import { checkTypes, record, scope, show, type Tensor } from '../../tensor/index.ts';
import { sum } from '../reduce/reduce.ts';
import { product, productAT, productBT } from './matmul.ts';

/**
 * x [N, in] · w [in, out] + b [out] → [N, out]. PyTorch: `F.linear`. Gradients for x, w and b.
 * Throws where shapes do not fit.
 */
export function linear(x: Tensor, w: Tensor, b?: Tensor): Tensor {
  const where = `(input ${show(x.shape)}, weight ${show(w.shape)}${b ? `, bias ${show(b.shape)}` : ''})`;
  checkTypes('linear', { x, w, b });
  if (x.shape.length !== 2 || w.shape.length !== 2)
    throw new RangeError(`linear: the input is [N, in] and the weight [in, out] ${where}`);
  if (x.shape[1] !== w.shape[0])
    throw new RangeError(`linear: input has ${x.shape[1]} features, weight expects ${w.shape[0]} ${where}`);
  if (b && (b.shape.length !== 1 || b.shape[0] !== w.shape[1]))
    throw new RangeError(`linear: the bias needs ${w.shape[1]} values ${where}`);
  return scope(() =>
    record(
      'linear',
      product(x, w, b),
      [x, w, b],
      ([needX, needW]) => ({ x: needW ? x : null, w: needX ? w : null }),
      (saved, dy, [needX, needW, needBias]) => [
        needX ? productBT(dy, saved.w!) : null,
        needW ? productAT(saved.x!, dy) : null,
        needBias ? sum(dy, [0]) : null,
      ],
    ),
  );
}
