/** The row `tile`: a matrix product by the tile loop of ../parts/tile.ts, as pictures of one pixel and a kernel of one tap. */
import { POINT } from '../parts/tile.ts';
import { gather } from '../parts/tile-gather.ts';
import { weightGradient } from '../parts/tile-weight.ts';
import { type MatrixRow, multiplyAdds } from './problem.ts';

export const tile: MatrixRow = {
  name: 'tile',
  supports: ({ sourceChannels, resultChannels }) => sourceChannels % 4 === 0 && resultChannels % 4 === 0,
  estimate: multiplyAdds,
  record(device, problem, operands) {
    const product = { ...POINT, ...problem };
    if ('dw' in operands) weightGradient(device, product, operands);
    else gather(device, product, operands);
  },
};
