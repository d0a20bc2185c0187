/**
 * A matrix product as a problem, in the three directions of the tile loop, so that a linear layer and its gradients read
 * like a convolution's. `pictures` are the rows of a batch.
 *
 *   forward   y  = x · w       x [pictures, source]   w [source, result]    y [pictures, result]
 *   input     y  = x · wᵀ      x [pictures, source]   w [result, source]    y [pictures, result]
 *   weight    dw = xᵀ · dy     x [pictures, source]   dy [pictures, result] dw [source, result]
 *
 * Channels come in fours, as for convolutions. The weight (or its gradient) may be larger than a binding, and is then
 * worked through in slices of rows.
 */
import type { BufferBinding } from '../../gpu/index.ts';
import { fours } from '../parts/align.ts';
import type { Epilogue } from '../parts/epilogue.ts';
import type { AnyProblem, Row } from '../parts/table.ts';

/** What the choice of a row may look at. */
export interface MatrixProblem extends AnyProblem {
  direction: 'forward' | 'input' | 'weight';
  /** Columns of x, and of y or dy. */
  sourceChannels: number;
  resultChannels: number;
}

/** A problem with its operands. */
export type MatrixProduct = MatrixProblem & {
  pictures: number;
  /** The rows of the weight that are bound: where they start, and how many there are; left out: all of them. */
  slice?: { start: number; count: number } | undefined;
} & (
    | {
        direction: 'forward' | 'input';
        x: BufferBinding;
        w: BufferBinding;
        y: BufferBinding;
        /** y += … rather than y = …: a slice that is not the first. */
        accumulate?: boolean;
        epilogue?: Epilogue;
      }
    | { direction: 'weight'; x: BufferBinding; dy: BufferBinding; dw: BufferBinding }
  );

/** The problem of `pictures` rows with these columns, in fours; and their number, which is no part of it. */
export const problemOf = (
  direction: MatrixProblem['direction'],
  pictures: number,
  source: number,
  result: number,
): MatrixProblem & { pictures: number } => ({
  direction,
  several: pictures > 1,
  pictures,
  sourceChannels: fours(source),
  resultChannels: fours(result),
});

/** One way to multiply matrices. */
export type MatrixRow = Row<MatrixProblem, MatrixProduct>;

/** Multiply-adds for one row of the batch. */
export const multiplyAdds = ({ sourceChannels, resultChannels }: MatrixProblem): number =>
  sourceChannels * resultChannels;

/** The problem in one line, the same for every batch of more than one: what a tuning record goes by. */
export const keyOf = ({ direction, several, sourceChannels, resultChannels }: MatrixProblem): string =>
  `matmul ${direction} ${several ? 'several' : 'one'} ${sourceChannels}→${resultChannels}`;
