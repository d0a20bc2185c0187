/**
 * What a network may cost, and what a search makes of it.
 *
 *   hard   minimise loss                      among networks of cost ≤ T
 *   soft   minimise loss · (cost / T)^w       among all
 *
 * The soft form is MnasNet's reward (Tan et al. 2019, section 3, equation 2), ACC · (LAT / T)^w with w = −0.07 on both sides of
 * the target, turned round for a loss: with w = 0.07 a network of twice the cost is as good as another if its loss is lower by
 * 2^−0.07, 4.7 %. Networks are ranked by loss, since accuracy on some hundred held pictures ranks them by noise.
 */

import { randomStream } from '../../tensor/random.ts';
import { formatCount, formatNumber } from '../../text/figures.ts';
import { demand } from '../../text/rules.ts';
import { type CostUnit, TARGET, type Target } from '../result.ts';
import { type Choice, randomChoice, type SearchSpace } from '../space.ts';

/** MnasNet's exponent, with the sign that a loss wants. */
export const SOFT_EXPONENT = 0.07;

/** What a target asks of a loss and a cost: see `SearchContext`. */
export interface Aim {
  fits(cost: number): boolean;
  objective(loss: number, cost: number): number;
}

/** @throws RangeError where the target is none */
export function aimOf(target: Target): Aim {
  demand(TARGET, target, 'the target');
  const { value, exponent } = target;
  return {
    fits: (cost) => exponent !== null || cost <= value,
    objective: (loss, cost) => (exponent === null ? loss : loss * (cost / value) ** exponent),
  };
}

/** Networks that the usual cost is the median of; odd. */
const DRAWN = 201;

/** The median cost of 201 networks drawn from a space: a target that leaves half of it. The same ones every time. */
export function usualCost(space: SearchSpace, cost: (choice: Choice) => number): number {
  const costs = Array.from({ length: DRAWN }, (_, index) =>
    cost(randomChoice(space, randomStream(0, 'usual cost', 0, index))),
  );
  return costs.sort((a, b) => a - b)[(DRAWN - 1) / 2]!;
}

/** A cost with its unit: `5.2 ms`, `12.3 M multiply-adds`. */
export function formatCost(cost: number, unit: CostUnit): string {
  return unit === 'ms' ? `${formatNumber(cost)} ms` : `${formatCount(cost)} ${unit}`;
}
