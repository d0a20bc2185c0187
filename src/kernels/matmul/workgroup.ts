/**
 * The row `workgroup`: a matrix product in tiles that a workgroup shares through its memory (../parts/tile-workgroup.ts), as
 * pictures of one pixel and a kernel of one tap.
 */
import { POINT } from '../parts/tile.ts';
import { holdsTiles, tilesSpend } from '../parts/tile-workgroup.ts';
import { gatherTiles } from '../parts/tile-workgroup-gather.ts';
import { weightTiles } from '../parts/tile-workgroup-weight.ts';
import type { MatrixRow } from './problem.ts';

/** Rows of the batch that an estimate is made for, where there is more than one. */
const SEVERAL = 128;

export const workgroup: MatrixRow = {
  name: 'workgroup',
  supports: ({ sourceChannels, resultChannels }, traits) =>
    sourceChannels % 4 === 0 && resultChannels % 4 === 0 && holdsTiles(traits),
  estimate: (problem, traits) => {
    const rows = problem.several ? SEVERAL : 1;
    return (traits.workgroupTile * tilesSpend(traits, { ...POINT, ...problem }, rows)) / rows;
  },
  record(device, problem, operands) {
    const product = { ...POINT, ...problem };
    if ('dw' in operands) weightTiles(device, product, operands);
    else gatherTiles(device, product, operands);
  },
};
