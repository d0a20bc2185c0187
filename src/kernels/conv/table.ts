/**
 * The table of convolutions: every algorithm that computes one, and the one function that chooses.
 *
 *   row         what it does                                            what it computes
 *   tile        the tile loop of tile.ts, a matrix product per tap      channels in fours
 *   workgroup   one matrix product, tiles in a workgroup's memory       channels in fours
 *   winograd    sixteen multiplications in place of thirty-six          3×3, stride 1, one group; no weight gradients
 *   winograd4   thirty-six in place of a hundred and forty-four         the same, and weight gradients
 *   grouped     lanes side by side across groups, each by itself        everything but merged taps
 *   depthwise   a lane slides down a strip of its channels              every channel by itself, kernels up to 7×7
 *   plain       one invocation an output, the formula as it stands      everything
 *
 * Newcomers read `plain` first. To add a row: a file like theirs, and a line below; the list of problems in
 * test/kernels/conv/problems.ts then holds it against float64 wherever it says that it can.
 */
import type { Device } from '../../gpu/index.ts';
import { choose } from '../parts/table.ts';
import { depthwise } from './depthwise.ts';
import { grouped } from './grouped.ts';
import { plain } from './plain.ts';
import { type ConvProblem, type ConvRow, keyOf } from './problem.ts';
import { tile } from './tile.ts';
import { winograd, winograd4 } from './winograd.ts';
import { workgroup } from './workgroup.ts';

/** Where estimates are equal, the first wins. */
export const CONV_ROWS: readonly ConvRow[] = [
  tile,
  workgroup,
  winograd,
  winograd4,
  grouped,
  depthwise,
  plain,
];

/** The row that computes `problem` on `device`; see `choose`. */
export const chooseConv = (problem: ConvProblem, device: Pick<Device, 'choices' | 'traits'>): ConvRow =>
  choose(CONV_ROWS, problem, device, keyOf);
