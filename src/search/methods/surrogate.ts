/**
 * A linear model of the loss over the choices, fitted to some networks that were measured:
 *
 *     loss ≈ intercept + Σ effect[stage][column = value]          the effect of the first value of each list is 0
 *
 * It takes a stage's kernel, width and depth to work independently of each other and of all other stages. They do not quite
 * (a wide stage gains less from depth); what that costs is in the cross-validated r, and in return some hundred networks
 * are enough, every effect can be read, and the best network follows exactly (optimum.ts).
 *
 * The fit is a ridge regression (ridge.ts), since networks are few beside coefficients.
 */
import type { Random } from '../../tensor/random.ts';
import type { LinearLoss, SurrogateFigures } from '../method.ts';
import { type Choice, COLUMNS, type Column, type SearchSpace, VALUES } from '../space.ts';
import { pearson } from '../statistics.ts';
import { type RidgeFit, ridge } from './ridge.ts';

/** What was measured of a network. */
export interface Measured {
  choice: Choice;
  loss: number;
  multiplyAdds: number;
}

export interface Surrogate extends LinearLoss {
  /** The loss that the model gives a network. */
  predict(choice: Choice): number;
  figures: Pick<SurrogateFigures, 'count' | 'r' | 'rMultiplyAdds' | 'coefficients'>;
}

/** What λ is chosen from. */
const LAMBDAS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const FOLDS = 10;

/** A column of the model: 1 where the value is picked in the stage. */
interface Feature {
  stage: number;
  column: Column;
  value: number;
}

function featuresOf({ stages }: SearchSpace): Feature[] {
  return stages.flatMap((stage, index) =>
    COLUMNS.flatMap((column) =>
      stage[VALUES[column]].slice(1).map((value) => ({ stage: index, column, value })),
    ),
  );
}

/** The fewest networks that a surrogate of the space is fitted to: half as many again as it has coefficients. */
export const fewestMeasured = (space: SearchSpace): number =>
  Math.max(FOLDS, Math.ceil(1.5 * featuresOf(space).length));

/**
 * Fits the model. `r` is Pearson's correlation of measured losses with those predicted by fits to the other nine tenths of the
 * networks (10 folds, λ chosen anew within each); `rMultiplyAdds` that of a line over the logarithm of multiply-adds, fitted
 * on the same folds. Both are 0 where all predictions are equal.
 * @param random divides the networks into folds
 * @throws RangeError where fewer than `fewestMeasured` networks are given, or the space holds one network only
 */
export function fitSurrogate(space: SearchSpace, measured: readonly Measured[], random: Random): Surrogate {
  const features = featuresOf(space);
  if (features.length === 0)
    throw new RangeError(`the space ${space.name} holds one network: nothing can be compared`);
  const least = fewestMeasured(space);
  if (measured.length < least)
    throw new RangeError(
      `a surrogate of the space ${space.name} has ${features.length} coefficients and needs ${least} measured networks; there are ${measured.length}`,
    );
  const rowOf = (choice: Choice): number[] =>
    features.map(({ stage, column, value }) => (choice[stage][column] === value ? 1 : 0));
  const losses = measured.map(({ loss }) => loss);
  const rows = measured.map(({ choice }) => rowOf(choice));
  const sizes = measured.map(({ multiplyAdds }) => [Math.log(multiplyAdds)]);
  const folds = foldsOf(measured.length, random);

  const fit = ridge(rows, losses, LAMBDAS);
  const effects = new Map(features.map((feature, index) => [keyOf(feature), fit.coefficients[index]]));
  return {
    intercept: fit.intercept,
    effect: (stage, column, value) => effects.get(keyOf({ stage, column, value })) ?? 0,
    predict: (choice) => predicted(fit, rowOf(choice)),
    figures: {
      count: measured.length,
      r: pearson(losses, outOfFold(rows, losses, folds, LAMBDAS)) ?? 0,
      rMultiplyAdds: pearson(losses, outOfFold(sizes, losses, folds, [1e-9])) ?? 0,
      coefficients: features.map((feature, index) => {
        const [effect, half] = [fit.coefficients[index], fit.halfWidths[index]];
        return { ...feature, effect, interval: [effect - half, effect + half] };
      }),
    },
  };
}

const keyOf = ({ stage, column, value }: Feature): string => `${stage} ${column} ${value}`;

function predicted({ intercept, coefficients }: RidgeFit, row: readonly number[]): number {
  return row.reduce((sum, value, index) => sum + value * coefficients[index], intercept);
}

/** The fold of each network: as many in each, to within one. */
function foldsOf(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => ({ index, at: random(index) }));
  order.sort((a, b) => a.at - b.at || a.index - b.index);
  const folds = new Array<number>(count);
  for (const [place, { index }] of order.entries()) folds[index] = place % FOLDS;
  return folds;
}

/** What is predicted of each network by a fit to those of the other folds. */
function outOfFold(
  rows: readonly number[][],
  losses: readonly number[],
  folds: readonly number[],
  lambdas: readonly number[],
): number[] {
  const found = new Array<number>(rows.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = [...folds.keys()].filter((index) => folds[index] !== fold);
    const fit = ridge(
      others.map((index) => rows[index]),
      others.map((index) => losses[index]),
      lambdas,
    );
    for (const [index, row] of rows.entries()) if (folds[index] === fold) found[index] = predicted(fit, row);
  }
  return found;
}
