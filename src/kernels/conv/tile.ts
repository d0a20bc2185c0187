/**
 * The row `tile`: a convolution as one matrix product per tap of the kernel, by the tile loop that matrix products share
 * (../parts/tile.ts). Rows of the product are pixels, columns are channels; whatever the kernel, stride, dilation and
 * groups, as long as the channels of a group come in fours.
 */

import { rowsSpent } from '../parts/tile.ts';
import { gather } from '../parts/tile-gather.ts';
import { MOST_STEP, weightGradient } from '../parts/tile-weight.ts';
import { type ConvRow, channelsOf, multiplyAdds, picturesOf } from './problem.ts';

export const tile: ConvRow = {
  name: 'tile',
  supports: (problem) => {
    const [cin, cout] = channelsOf(problem);
    const { stride, dilation } = problem.window;
    const packs = problem.direction !== 'weight' || Math.max(...stride, ...dilation) <= MOST_STEP;
    return cin % 4 === 0 && cout % 4 === 0 && packs;
  },
  estimate: (problem) => {
    const rows = picturesOf(problem) * problem.result[0] * problem.result[1];
    const spent = problem.direction === 'weight' ? 1 : rowsSpent(rows) / rows;
    return spent * multiplyAdds(problem);
  },
  record(device, problem, operands) {
    if ('dw' in operands) weightGradient(device, problem, operands);
    else gather(device, problem, operands);
  },
};
