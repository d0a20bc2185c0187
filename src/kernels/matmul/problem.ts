/**
 * A matrix product as a problem, in the three directions of the tile loop, so that a linear layer and its gradients read
 * like a convolution's. `pictures` are the rows of a batch.
 *
 *   forward   y  = x · w       x [pictures, source]   w [source, result]    y [pictures, result]
 *   input     y  = x · wᵀ      x [pictures, source]   w [result, source]    y [pictures, result]
 *   weight    dw = xᵀ · dy     x [pictures, source]   dy [pictures, result] dw [source, result]
 *
 * Channels come in fours, as for convolutions, but where one of the two matrices has three or fewer: a product of one column
 * would take as long as one of four, and copies beside it. The weight (or its gradient) may be larger than a binding, and is then
 * worked through in slices of rows; what follows the sum comes with the last of them.
 */
import { fours } from '../parts/align.ts';
import type { AnyProblem, Row } from '../parts/table.ts';
import type { GatherOperands, Product, WeightOperands } from '../parts/tile.ts';

/** What the choice of a row may look at. */
export interface MatrixProblem
  extends AnyProblem,
    Pick<Product, 'direction' | 'sourceChannels' | 'resultChannels' | 'epilogue'> {}

/** The operands of a problem; a weight gradient's hold `dw`. */
export type MatrixOperands = GatherOperands | WeightOperands;

/** Columns that stay as they are where one of the two matrices has no more of them. */
const FEW = 3;
/** Values of a weight that a binding holds on every adapter. */
const MOST_WEIGHTS = 2 ** 25;

/** Whether the weight can be bound as a whole. */
export const isWhole = ({ sourceChannels, resultChannels }: MatrixProblem): boolean =>
  sourceChannels * resultChannels <= MOST_WEIGHTS;

/** The problem of matrices with these columns, which are put in fours, but for few. */
export const problemOf = (
  direction: MatrixProblem['direction'],
  several: boolean,
  source: number,
  result: number,
): MatrixProblem => {
  const asTheyAre = { direction, several, sourceChannels: source, resultChannels: result };
  if (Math.min(source, result) <= FEW && isWhole(asTheyAre)) return asTheyAre;
  return { ...asTheyAre, sourceChannels: fours(source), resultChannels: fours(result) };
};

/** One way to multiply matrices. */
export interface MatrixRow extends Row<MatrixProblem, MatrixOperands> {
  /** Reads a w in 16 bits a value as well, with the same bits in its result. */
  readonly readsHalves?: true;
}

/** Multiply-adds for one row of the batch. */
export const multiplyAdds = ({ sourceChannels, resultChannels }: MatrixProblem): number =>
  sourceChannels * resultChannels;

/** The problem in one line, the same for every batch of more than one: what a tuning record goes by. */
export const keyOf = ({ direction, several, sourceChannels, resultChannels }: MatrixProblem): string =>
  `matmul ${direction} ${several ? 'several' : 'one'} ${sourceChannels}→${resultChannels}`;
