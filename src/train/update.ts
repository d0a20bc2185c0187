/**
 * The backward pass and the update of a step: after each batch, or after several, so that a large batch trains in the
 * memory of a small one.
 *
 *   loss of the large batch   L = Σᵢ Dᵢ·Lᵢ / Σᵢ Dᵢ        Lᵢ: mean loss of batch i, Dᵢ: what it was divided by
 *
 * Dᵢ is the number of pictures, or the sum of their class weights. The gradients of Dᵢ·Lᵢ are added up, and divided by
 * ΣDᵢ before the update; so partial batches count by their pictures. The result is the large batch's within rounding
 * where no layer looks at other pictures of its batch: norms that train take the statistics of the small one.
 */
import { add } from '../kernels/index.ts';
import { clipGradNorm, lossIfFinite, scaleGradients } from '../nn/clip.ts';
import type { Optimizer } from '../nn/index.ts';
import { keep, noGrad, type Tensor, tensor } from '../tensor/index.ts';

/** Of a step's context (step.ts), what an update needs. */
interface Place {
  readonly optimizer: Optimizer;
  readonly last: boolean;
  holdUpdate(): void;
}

/** Records what follows a batch's loss, and returns the loss. `divisor`: what its mean was divided by. */
export type Update = (loss: Tensor, divisor: number, place: Place) => Tensor;

/** Batches whose gradients wait. */
interface Waiting {
  batches: number;
  /** ΣDᵢ */
  divisor: number;
  /** ΣLᵢ, which is not finite where one of them is not; then nothing is updated. */
  losses: Tensor;
}

/**
 * An update after every `batches` batches, and at the end of an epoch after those that are left.
 * @param clipNorm the largest length of an update's gradients together (`clipGradNorm`)
 */
export function updateEvery(batches: number, clipNorm?: number): Update {
  let waiting: Waiting | null = null;
  return (loss, divisor, { optimizer, last, holdUpdate }) => {
    if (batches === 1) {
      loss.backward();
      return applyUpdate(optimizer, loss, loss, clipNorm);
    }
    loss.backward(tensor([divisor], [], { device: loss.device }));
    waiting = joinedBy(waiting, loss, divisor);
    if (waiting.batches < batches && !last) {
      holdUpdate();
      return loss;
    }
    const { losses, divisor: total } = waiting;
    waiting = null;
    scaleGradients(parametersOf(optimizer), 1 / total);
    const reported = applyUpdate(optimizer, loss, losses, clipNorm);
    losses.dispose();
    return reported;
  };
}

function joinedBy(before: Waiting | null, loss: Tensor, divisor: number): Waiting {
  if (!before) return { batches: 1, divisor, losses: keep(loss.detach()) };
  const losses = noGrad(() => keep(add(before.losses, loss)));
  before.losses.dispose();
  return { batches: before.batches + 1, divisor: before.divisor + divisor, losses };
}

/**
 * Updates, unless `losses` or the length of the gradients is not finite, and frees the gradients. @returns `loss`, or that
 * length in its place: a run whose gradients mean nothing ends as one whose loss does
 */
export function applyUpdate(
  optimizer: Optimizer,
  loss: Tensor,
  losses: Tensor,
  clipNorm: number | undefined,
): Tensor {
  const norm = clipNorm === undefined ? null : clipGradNorm(parametersOf(optimizer), clipNorm);
  optimizer.step(norm ? lossIfFinite(losses, norm) : losses);
  optimizer.zeroGrad();
  return norm ? lossIfFinite(loss, norm) : loss;
}

const parametersOf = ({ groups }: Optimizer): Tensor[] => groups.flatMap(({ params }) => params);
