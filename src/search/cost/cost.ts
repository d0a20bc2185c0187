/**
 * What networks of a space cost, without building them. A cost is a sum over blocks and what surrounds them:
 *
 *   cost = before + Σ stage(channels that enter, what was picked) + after(channels of the last stage)
 *
 * Multiply-adds and parameters are exact, those of `summarise` (src/models/summary.ts). Milliseconds are looked up in a
 * table of measured blocks (latency.ts). A search asks a hundred thousand times, so every stage is added up once.
 */
import type { MBConvRow, MBConvTable } from '../../models/mbconv-table.ts';
import { show } from '../../text/rules.ts';
import type { CostUnit, LatencyTable } from '../result.ts';
import type { Choice, SearchSpace, StageChoice } from '../space.ts';

/** A block of MBConv where it stands: all that its cost depends on. */
export interface Block {
  inChannels: number;
  outChannels: number;
  expandRatio: number;
  kernel: number;
  stride: number;
  squeeze: number;
  /** Height and width of its input. */
  size: number;
}

/** What stands for a block in a table: `k3s2e6-24x40-q0.25@56`. */
export const blockKey = ({
  inChannels,
  outChannels,
  expandRatio,
  kernel,
  stride,
  squeeze,
  size,
}: Block): string => `k${kernel}s${stride}e${expandRatio}-${inChannels}x${outChannels}-q${squeeze}@${size}`;

/** What stands for the head behind a last stage of so many channels: its convolution, the average, the classifier. */
export const headKey = (width: number): string => `head-${width}`;

/** Side of what a convolution of this stride makes of a side, with the padding of all kernels here. */
export const strided = (size: number, stride: number): number => Math.ceil(size / stride);

/** The blocks of a stage, the side of its input given. */
export function blocksOf(
  [expandRatio, kernel, stride, outChannels, repeats, squeeze]: MBConvRow,
  entering: number,
  size: number,
): Block[] {
  return Array.from({ length: repeats }, (_, index) => ({
    inChannels: index === 0 ? entering : outChannels,
    outChannels,
    expandRatio,
    kernel,
    stride: index === 0 ? stride : 1,
    squeeze,
    size: index === 0 ? size : strided(size, stride),
  }));
}

/** The row that a stage of a choice is. */
export function rowOf(space: SearchSpace, stage: number, choice: StageChoice): MBConvRow {
  const { expandRatio, kernel, width, depth, squeeze } = choice;
  return [expandRatio, kernel, space.stages[stage]!.stride, width, depth, squeeze];
}

/** Sides of the inputs of the stages, and of the head's. */
export function sidesOf({ inputSize, stages }: Pick<SearchSpace, 'inputSize' | 'stages'>): number[] {
  const sides = [strided(inputSize, 2)];
  for (const { stride } of stages) sides.push(strided(sides.at(-1)!, stride));
  return sides;
}

/** A cost in its parts; `costOf` adds them in this order, to the bit. */
export interface AdditiveCost {
  unit: CostUnit;
  before: number;
  stage(index: number, entering: number, choice: StageChoice): number;
  after(width: number): number;
}

/** What is counted of a block, of the stem, and of the head with the classifier. */
interface Counted {
  stem(channels: number, side: number): number;
  block(block: Block): number;
  head(width: number, head: number, classes: number, side: number): number;
}

/** Channels that squeeze-and-excitation leaves, as in `MBConv`. */
const squeezed = ({ squeeze, inChannels }: Block): number =>
  squeeze > 0 ? Math.max(1, Math.floor(inChannels * squeeze)) : 0;

/** In a convolution or a linear layer every weight is used once for each position of the output; norms are not counted. */
const MULTIPLY_ADDS: Counted = {
  stem: (channels, side) => 27 * channels * side ** 2,
  block(block) {
    const { inChannels, outChannels, expandRatio, kernel, stride, size } = block;
    const expanded = inChannels * expandRatio;
    const expand = expandRatio === 1 ? 0 : inChannels * expanded * size ** 2;
    const depthwiseAndProject = (kernel ** 2 + outChannels) * expanded * strided(size, stride) ** 2;
    return expand + depthwiseAndProject + 2 * expanded * squeezed(block);
  },
  head: (width, head, classes, side) => width * head * side ** 2 + head * classes,
};

/** Values that train: weights, the two of a norm for each channel, biases of squeeze-and-excitation and classifier. */
const PARAMETERS: Counted = {
  stem: (channels) => (27 + 2) * channels,
  block(block) {
    const { inChannels, outChannels, expandRatio, kernel } = block;
    const expanded = inChannels * expandRatio;
    const expand = expandRatio === 1 ? 0 : (inChannels + 2) * expanded;
    const middle = squeezed(block);
    const excitation = middle === 0 ? 0 : 2 * expanded * middle + middle + expanded;
    return expand + (kernel ** 2 + 2) * expanded + excitation + (expanded + 2) * outChannels;
  },
  head: (width, head, classes) => (width + 2) * head + (head + 1) * classes,
};

const COUNTED = { 'multiply-adds': MULTIPLY_ADDS, parameters: PARAMETERS };

/** Multiply-adds of one picture, or parameters, of any network of MBConv stages. */
export function countOfTable(
  { rows, stem, head, inputSize }: MBConvTable,
  unit: Exclude<CostUnit, 'ms'>,
  classes: number,
): number {
  const counted = COUNTED[unit];
  let side = strided(inputSize, 2);
  let width = stem;
  let sum = counted.stem(stem, side);
  for (const row of rows) {
    for (const block of blocksOf(row, width, side)) sum += counted.block(block);
    side = strided(side, row[2]);
    width = row[3];
  }
  return sum + counted.head(width, head, classes, side);
}

export interface CostOptions {
  /** Classes that the network tells apart. */
  classes: number;
}

/**
 * The parts of a cost of a space's networks.
 * @param latency the measured table where the unit is ms
 * @throws RangeError where the unit is ms and there is no table; where the table has not the space's blocks, when it is asked
 */
export function additiveCost(
  space: SearchSpace,
  unit: CostUnit,
  latency: LatencyTable | null,
  { classes }: CostOptions,
): AdditiveCost {
  const sides = sidesOf(space);
  const last = sides.at(-1)!;
  const parts = unit === 'ms' ? lookedUp(latency) : counted(COUNTED[unit]);
  const known = space.stages.map(() => new Map<string, number>());
  return {
    unit,
    before: parts.before,
    after: parts.after,
    stage(index, entering, choice) {
      const { kernel, expandRatio, width, depth, squeeze } = choice;
      const key = `${entering} ${kernel} ${expandRatio} ${width} ${depth} ${squeeze}`;
      let sum = known[index]!.get(key);
      if (sum === undefined) {
        sum = 0;
        for (const block of blocksOf(rowOf(space, index, choice), entering, sides[index]!))
          sum += parts.block(block);
        known[index]!.set(key, sum);
      }
      return sum;
    },
  };

  function counted({ stem, block, head }: Counted) {
    return {
      before: stem(space.stem, sides[0]!),
      block,
      after: (width: number) => head(width, space.head, classes, last),
    };
  }
}

function lookedUp(latency: LatencyTable | null) {
  if (!latency)
    throw new RangeError('a cost in ms needs a table of latencies, and this plan has none; measure one');
  const { base, blocks } = latency;
  const entry = (key: string): number => {
    const ms = Object.hasOwn(blocks, key) ? blocks[key] : undefined;
    if (ms === undefined)
      throw new RangeError(`the table of latencies has no block ${show(key)}; measure it for this space`);
    return ms;
  };
  return {
    before: base,
    block: (block: Block) => entry(blockKey(block)),
    after: (width: number) => entry(headKey(width)),
  };
}

/** The sum of the parts. */
export function sumOf(
  space: SearchSpace,
  { before, stage, after }: AdditiveCost,
): (choice: Choice) => number {
  return (choice) => {
    let sum = before;
    let width = space.stem;
    for (const [index, picked] of choice.entries()) {
      sum += stage(index, width, picked);
      width = picked.width;
    }
    return sum + after(width);
  };
}

/** What a network of the space costs, as `additiveCost`. */
export function costOf(
  space: SearchSpace,
  unit: CostUnit,
  { latency }: { latency: LatencyTable | null },
  options: CostOptions,
): (choice: Choice) => number {
  return sumOf(space, additiveCost(space, unit, latency, options));
}
