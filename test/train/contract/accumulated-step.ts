/**
 * A step over the contract of src/train/step.ts: the gradients of several batches make one update, so that a large
 * batch trains in the memory of a small one. Where norms are frozen and nothing is dropped it is the large batch's.
 */
import { add, crossEntropy, mul } from '../../../src/kernels/index.ts';
import { keep, noGrad, scope, type Tensor } from '../../../src/tensor/index.ts';
import { imagesOf } from '../../../src/train/infer.ts';
import type { Step } from '../../../src/train/step.ts';

/** An update after every `batches` batches, and at the end of an epoch after those that are left. */
export function accumulatedStep(batches: number): Step {
  let waiting = 0;
  let pictures = 0;
  // Not finite if one of the summed losses is not: then the whole update is skipped.
  let sum: Tensor | null = null;
  return (batch, { model, device, optimizer, last, holdUpdate }) => {
    const labels = batch.labels as Int32Array<ArrayBuffer>;
    const loss = crossEntropy(model.forward(imagesOf(batch, device)), labels);
    // Of the summed loss, as batches may differ in size; the mean over all is taken before the update.
    mul(loss, batch.size).backward();
    const before: Tensor | null = sum;
    sum = noGrad(() => keep(before ? add(before, loss) : mul(loss, 1)));
    before?.dispose();
    pictures += batch.size;
    if (++waiting < batches && !last) {
      holdUpdate();
      return loss;
    }
    noGrad(() => {
      for (const { params } of optimizer.groups)
        for (const parameter of params) if (parameter.grad) mean(parameter, pictures);
    });
    optimizer.step(sum);
    optimizer.zeroGrad();
    sum.dispose();
    [waiting, pictures, sum] = [0, 0, null];
    return loss;
  };
}

/** Divides the gradient of a parameter by `count`, in its place. */
function mean({ grad, device }: Tensor, count: number): void {
  scope(() => {
    const scaled = mul(grad!, 1 / count);
    device.commands.copy(scaled.buffer, 0, grad!.buffer, 0, 4 * scaled.size);
  });
}
