/**
 * The row `grouped`: for groups of few channels, and for few channels at all, where the tile loop has too few columns for its
 * lanes: with 32 groups of four channels one lane of eight works there.
 *
 * Here every lane stands alone, and owns what it computes of a few pixels (grouped-gather.ts) or of a few taps
 * (grouped-weight.ts). Nothing is shared, so that nothing is needed of the adapter, and channels need not be fours: they are
 * read as they lie in memory, with no copy before or after (grouped-blocks.ts).
 */
import type { Traits } from '../../gpu/index.ts';
import { laneSpecOf } from '../parts/lanes.ts';
import { gather, PIXELS } from './grouped-gather.ts';
import { tapsOf, weightGradient } from './grouped-weight.ts';
import { type ConvProblem, type ConvRow, channelsOf, multiplyAdds } from './problem.ts';

/**
 * A multiply-add here against one of a tile loop whose lanes all work. On lavapipe, 8 lanes, GFLOP/s of forward, input and
 * weight's gradient, here and in the tile loop (28² pixels; 3×3 unless said otherwise):
 *
 *   lanes that have columns                               here              tile loop
 *   1 of 8   32 groups of 4                               9.1  8.6  16      3.0  2.3   2.9
 *   1 of 8   32 groups of 4, 1×1                          2.2  2.6  4.4     0.8  0.5   0.8
 *   1 of 8   64 to 4 channels, forward and weight         14    –   16      6.8   –    4.6
 *   4 of 8   8 groups of 16                               17   17   16      20   19    15
 */
const SLOWER = 3;

/** The same where channels are no fours, so that only the rows `depthwise` and `plain` may compute it as well. */
const SINGLES = 8;

/** Channels that leave a group: with more of them the tile loop has no lanes idle to speak of. */
const MOST_COLUMNS = 16;
/** What the estimate is multiplied by then, so that tuning does not try it (../../tune/race.ts): it lost wherever it was measured. */
const NOT_WORTH_A_TRY = 3;

/**
 * What the tile loop spends on a group's columns, and its estimate does not count: that of all lanes, for those that have one.
 * Without groups those of the measured adapter, since Winograd, whose estimate counts none either, computes the same there.
 */
function lanesSpent({ groups, resultChannels }: ConvProblem, traits: Traits): number {
  const lanes = groups === 1 ? 8 : laneSpecOf(traits).lanes;
  const columns = resultChannels / groups / 4;
  return (lanes * Math.ceil(columns / lanes)) / columns;
}

/** What is computed for an output that there is, in tiles of pixels or, for a weight's gradient, of taps. */
function tilesSpent({ direction, window, result }: ConvProblem): number {
  const summed = direction === 'weight';
  const size = summed ? window.kernel[1] : result[1] / (direction === 'input' ? window.stride[1] : 1);
  const tile = summed ? tapsOf(size) : PIXELS;
  return (tile * Math.ceil(size / tile)) / size;
}

export const grouped: ConvRow = {
  name: 'grouped',
  supports: ({ depth }) => depth === undefined,
  estimate: (problem, traits) => {
    if (channelsOf(problem).some((channels) => channels % 4 !== 0)) return SINGLES * multiplyAdds(problem);
    const wide = problem.resultChannels / problem.groups > MOST_COLUMNS ? NOT_WORTH_A_TRY : 1;
    return ((wide * SLOWER * tilesSpent(problem)) / lanesSpent(problem, traits)) * multiplyAdds(problem);
  },
  record(device, problem, operands) {
    if ('dw' in operands) weightGradient(device, problem, operands);
    else gather(device, problem, operands);
  },
};
