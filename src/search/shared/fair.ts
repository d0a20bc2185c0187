/**
 * Fair training of a supernet (Chu et al. 2019, "FairNAS", arXiv 1907.01845): an update sums the gradients of several
 * children, which together take every value of every list equally often, so that none of them has learned more than another.
 *
 *   stage 1, widths    16  24 │ 24          a draw of k = 3 children: each list is taken in a random order, again and again
 *   stage 2, widths    40  24   32          until every child has a value. k is the length of the longest list, so a list as
 *                                           long is used up once: strict fairness; a shorter one is fair to within one.
 *
 * A choice is made without regard to the others, as single-path sampling does (Guo et al. 2019, arXiv 1904.00420).
 */
import { add, mul } from '../../kernels/index.ts';
import { noGrad, scope, setStep } from '../../tensor/index.ts';
import { type Random, randomStream } from '../../tensor/random.ts';
import { type Criterion, labelCriterion } from '../../train/criterion.ts';
import type { Step } from '../../train/step.ts';
import { applyUpdate } from '../../train/update.ts';
import { type Choice, COLUMNS, type SearchSpace, type StageChoice, VALUES } from '../space.ts';
import type { Supernet } from './supernet.ts';

/** The length of the longest list of a space: how many children a fair draw has. */
export function fairCount(space: SearchSpace): number {
  return space.stages.reduce(
    (longest, stage) =>
      COLUMNS.reduce((most, column) => Math.max(most, stage[VALUES[column]].length), longest),
    1,
  );
}

/** Children in which every value of every list occurs equally often, to within one; `random` is asked from 0 on. */
export function fairDraw(space: SearchSpace, random: Random): Choice[] {
  const count = fairCount(space);
  let counter = 0;
  const stages = space.stages.map((stage) =>
    COLUMNS.map((column) => {
      const values: number[] = [];
      while (values.length < count)
        values.push(...inRandomOrder(stage[VALUES[column]], () => random(counter++)));
      return values;
    }),
  );
  return Array.from({ length: count }, (_, child) =>
    stages.map(
      (columns) =>
        Object.fromEntries(COLUMNS.map((column, index) => [column, columns[index]![child]])) as StageChoice,
    ),
  );
}

/** Fisher and Yates. */
function inRandomOrder(values: readonly number[], random: () => number): number[] {
  const order = [...values];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

export interface FairStepOptions {
  /** What a batch asks of the children, and how their answers are judged. Default: the pictures' labels, by cross entropy. */
  criterion?: Criterion | undefined;
  /** The largest length of an update's gradients (`clipGradNorm`). Default: as they are. */
  clipNorm?: number | undefined;
}

/**
 * A step for `fit`: the children of a fair draw learn from the batch one after the other, and their summed gradients update
 * the supernet once. Its loss is the mean of theirs. The draw is a function of the seed and the number of the step.
 */
export function fairStep(
  supernet: Supernet,
  seed: number,
  { criterion = labelCriterion(), clipNorm }: FairStepOptions = {},
): Step {
  return (batch, context) => {
    const { device, optimizer, step } = context;
    const { ask, lossOf } = criterion(batch, context);
    const children = fairDraw(supernet.space, randomStream(seed, 'fair', 0, step));
    const losses = children.map((child, index) =>
      // What a child made goes back to the pool before the next one begins.
      scope(() => {
        setStep(device, step * children.length + index); // dropout draws anew for each
        const loss = lossOf(ask(supernet.use(child)));
        loss.backward();
        return loss.detach();
      }),
    );
    const loss = noGrad(() =>
      mul(
        losses.reduce((sum, next) => add(sum, next)),
        1 / losses.length,
      ),
    );
    return applyUpdate(optimizer, loss, loss, clipNorm);
  };
}
