/** A space whose networks train in milliseconds, with a choice in every column. */
import { checkSpace } from '../../src/search/space.ts';

const stage = {
  stride: 1,
  kernels: [3, 5],
  expandRatios: [1, 3],
  widths: [4, 6, 8],
  depths: [1, 2],
  squeezes: [0, 0.25],
};

export const TINY_SPACE = checkSpace({
  name: 'tiny',
  stages: [stage, { ...stage, stride: 2 }, { ...stage, expandRatios: [2], widths: [8] }],
  stem: 4,
  head: 16,
  activation: 'silu',
  inputSize: 8,
});
