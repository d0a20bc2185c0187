/**
 * The table of matrix products: every algorithm that computes one, and the one function that chooses.
 *
 *   row         what it does                                          what it computes
 *   tile        the tile loop of ../parts/tile.ts, shared with conv/  columns in fours
 *   workgroup   tiles in a workgroup's memory                         columns in fours
 *   vector      w read once, in stretches of its rows                 one row times a matrix, forward
 *   outer       a number of each matrix, multiplied                  products of one term
 *   grouped     lanes by themselves, matrices as they lie in memory   all but the largest weights
 *   plain       one invocation an element, the formula as it stands   everything
 */
import type { Device } from '../../gpu/index.ts';
import { choose } from '../parts/table.ts';
import { grouped } from './grouped.ts';
import { outer } from './outer.ts';
import { plain } from './plain.ts';
import { keyOf, type MatrixProblem, type MatrixRow } from './problem.ts';
import { tile } from './tile.ts';
import { vector } from './vector.ts';
import { workgroup } from './workgroup.ts';

/** Where estimates are equal, the first wins. */
export const MATRIX_ROWS: readonly MatrixRow[] = [tile, workgroup, vector, outer, grouped, plain];

/** The row that computes `problem` on `device`; see `choose`. */
export const chooseMatrix = (problem: MatrixProblem, device: Pick<Device, 'choices' | 'traits'>): MatrixRow =>
  choose(MATRIX_ROWS, problem, device, keyOf);
