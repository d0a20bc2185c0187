/** The row `tile`: a matrix product by the tile loop of ../parts/tile.ts, as pictures of one pixel and a kernel of one tap. */
import { POINT } from '../parts/tile.ts';
import { gather } from '../parts/tile-gather.ts';
import { weightGradient } from '../parts/tile-weight.ts';
import { type MatrixRow, multiplyAdds } from './problem.ts';

/** Lanes up to which tiles of more rows are the faster (4 and 8 are; with 16, 32 rows take 1.06 to 1.17 times as long). */
const MOST_LANES = 8;

export const tile: MatrixRow = {
  name: 'tile',
  supports: ({ sourceChannels, resultChannels }) => sourceChannels % 4 === 0 && resultChannels % 4 === 0,
  estimate: multiplyAdds,
  record(device, problem, operands) {
    const { lanes, matrixTileRows } = device.traits;
    // Tiles of 64 columns are wide enough; and where lanes do not share, each row more is a load more.
    const narrow = lanes > 0 && lanes <= MOST_LANES;
    const product = { ...POINT, ...problem, manyRows: narrow ? matrixTileRows : undefined };
    if ('dw' in operands) weightGradient(device, product, operands);
    else gather(device, product, operands);
  },
};
