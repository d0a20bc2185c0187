/**
 * The exact optimum of a linear surrogate under an additive cost, by dynamic programming: what evolution should have found.
 *
 * Both the predicted loss and the cost of a stage depend on what was picked in it and on the channels that enter, so that
 * after each stage only the channels that leave it matter. For each of them the labels (cost, loss) that no other beats in
 * both are kept (the multi-criteria shortest path of Martins 1984): whatever follows adds the same to all of them.
 *
 *   stage 1        stage 2
 *   16 ─┬─ 24 ─┬─ 40     {(1.2 ms, 0.90), (1.9 ms, 0.84), …}
 *       └─ 32 ─┴─ 48     {(1.4 ms, 0.88), …}
 *
 * Nothing is rounded. The last labels hold the best network for every target, hard or soft.
 */

import type { LinearLoss } from '../method.ts';
import type { Target } from '../result.ts';
import { type Choice, COLUMNS, type SearchSpace, type StageChoice, stageChoices } from '../space.ts';
import type { AdditiveCost } from './cost.ts';
import { aimOf } from './target.ts';

/** A network with what is predicted of it. */
export interface Predicted {
  choice: Choice;
  loss: number;
  cost: number;
  /** What the target makes of the two. */
  objective: number;
}

/** The way so far, backwards. */
interface Label {
  cost: number;
  loss: number;
  picked: StageChoice | null;
  before: Label | null;
}

/**
 * The networks of which none is both cheaper and predicted better than another, in ascending order of cost.
 * @param most labels that cost more are left out
 */
export function predictedFront(
  space: SearchSpace,
  surrogate: LinearLoss,
  cost: AdditiveCost,
  most = Number.POSITIVE_INFINITY,
): Omit<Predicted, 'objective'>[] {
  const start: Label = { cost: cost.before, loss: surrogate.intercept, picked: null, before: null };
  let fronts = new Map<number, Label[]>([[space.stem, [start]]]);
  for (const index of space.stages.keys()) {
    const reached = new Map<number, Label[]>();
    for (const [entering, front] of fronts)
      for (const [width, options] of optionsOf(space, index, entering, surrogate, cost)) {
        const labels = reached.get(width) ?? [];
        for (const before of front)
          for (const { cost: ms, loss, picked } of options)
            if (before.cost + ms <= most)
              labels.push({ cost: before.cost + ms, loss: before.loss + loss, picked, before });
        reached.set(width, labels);
      }
    fronts = new Map([...reached].map(([width, labels]) => [width, unbeaten(labels)]));
  }
  const ends: Label[] = [];
  for (const [width, front] of fronts)
    for (const label of front) ends.push({ ...label, cost: label.cost + cost.after(width) });
  return unbeaten(ends.filter((label) => label.cost <= most)).map((label) => ({
    choice: choiceOf(label),
    loss: label.loss,
    cost: label.cost,
  }));
}

/**
 * The network of the space that a target and a linear surrogate make the best, of equal ones the cheapest; null where none
 * is within a hard target.
 */
export function optimum(
  space: SearchSpace,
  surrogate: LinearLoss,
  cost: AdditiveCost,
  target: Target,
): Predicted | null {
  const { objective } = aimOf(target);
  const most = target.exponent === null ? target.value : Number.POSITIVE_INFINITY;
  let best: Predicted | null = null;
  for (const found of predictedFront(space, surrogate, cost, most)) {
    const worth = objective(found.loss, found.cost);
    if (!best || worth < best.objective) best = { ...found, objective: worth };
  }
  return best;
}

/** The network of lowest cost. */
export function cheapest(space: SearchSpace, cost: AdditiveCost): { choice: Choice; cost: number } {
  return predictedFront(space, { intercept: 0, effect: () => 0 }, cost)[0]!;
}

/** What may be picked in a stage, by the channels that leave it; what others beat in both is left out. */
function optionsOf(
  { stages }: SearchSpace,
  index: number,
  entering: number,
  { effect }: LinearLoss,
  cost: AdditiveCost,
): Map<number, Label[]> {
  const stage = stages[index]!;
  const lossOf = (picked: StageChoice): number =>
    COLUMNS.reduce((sum, column) => sum + effect(index, column, picked[column]), 0);
  const labels = stageChoices(stage).map((picked) => ({
    cost: cost.stage(index, entering, picked),
    loss: lossOf(picked),
    picked,
    before: null,
  }));
  return new Map(
    stage.widths.map((width) => [width, unbeaten(labels.filter(({ picked }) => picked.width === width))]),
  );
}

/** The labels that no other beats or equals in both, in ascending order of cost. */
function unbeaten(labels: Label[]): Label[] {
  labels.sort((a, b) => a.cost - b.cost || a.loss - b.loss);
  let least = Number.POSITIVE_INFINITY;
  return labels.filter(({ loss }) => {
    if (loss >= least) return false;
    least = loss;
    return true;
  });
}

function choiceOf(last: Label): Choice {
  const picked: StageChoice[] = [];
  for (let label: Label | null = last; label?.picked; label = label.before) picked.unshift(label.picked);
  return picked;
}
