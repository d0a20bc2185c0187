/**
 * The row `workgroup`: a convolution as one matrix product (implicit GEMM) in tiles that a workgroup shares through its memory
 * (../parts/tile-workgroup.ts). Rows are pixels, columns are channels, as in the row `tile`, and it computes the same
 * problems; which of the two does is a matter of the adapter's memory.
 */
import { holdsTiles, tilesSpend } from '../parts/tile-workgroup.ts';
import { gatherTiles } from '../parts/tile-workgroup-gather.ts';
import { weightTiles } from '../parts/tile-workgroup-weight.ts';
import { type ConvRow, picturesOf } from './problem.ts';
import { tile } from './tile.ts';

export const workgroup: ConvRow = {
  name: 'workgroup',
  supports: (problem, traits) => tile.supports(problem, traits) && holdsTiles(traits),
  estimate: (problem, traits) => {
    const pictures = picturesOf(problem);
    return (traits.workgroupTile * tilesSpend(traits, problem, pictures)) / pictures;
  },
  record(device, problem, operands) {
    if ('dw' in operands) weightTiles(device, problem, operands);
    else gatherTiles(device, problem, operands);
  },
};
