/**
 * What the networks of a space are made of, each piece once: the stem, every block in every place where it may stand, and the
 * head behind every last stage. Pieces are what latencies are measured of.
 */
import type { Device } from '../../gpu/index.ts';
import { globalAvgPool } from '../../kernels/index.ts';
import { MBConv } from '../../models/mbconv.ts';
import { NAMINGS } from '../../models/mbconv-names.ts';
import { BatchNorm2d, Conv2d, convNormAct, Linear, type Module, onDevice } from '../../nn/index.ts';
import type { Shape, Tensor } from '../../tensor/index.ts';
import { type SearchSpace, stageChoices } from '../space.ts';
import { type Block, blockKey, blocksOf, headKey, rowOf, sidesOf } from './cost.ts';

/** Key of the stem. */
export const STEM = 'stem';

/** What a space may have at most: more would be measured for many minutes. */
const MOST_PIECES = 4000;

export interface Piece {
  key: string;
  /** What it takes: one picture of a batch. */
  input: Shape;
  /** Makes its layers, on the device of `onDevice`. */
  build(): Layers;
}

interface Layers {
  modules: readonly Module[];
  forward(x: Tensor): Tensor;
}

/** A piece on a device, in evaluation mode. */
export function buildPiece({ build }: Piece, device: Device): Layers & { dispose(): void } {
  // By a seed and not as they come: a layer of somebody's that is made later starts as if nothing had been measured.
  const { modules, forward } = onDevice(device, build, { initialise: false });
  for (const module of modules) module.initialise(0).eval();
  return {
    modules,
    forward,
    dispose() {
      for (const module of modules) module.dispose();
    },
  };
}

/**
 * The pieces of a space, stem first, then the blocks from the first stage to the last, then the heads.
 * @throws RangeError where there are too many
 */
export function piecesOf(space: SearchSpace, classes: number): Piece[] {
  const sides = sidesOf(space);
  const blocks = new Map<string, Block>();
  let entering: readonly number[] = [space.stem];
  for (const [index, stage] of space.stages.entries()) {
    for (const from of entering)
      for (const picked of stageChoices(stage)) {
        for (const block of blocksOf(rowOf(space, index, picked), from, sides[index]!))
          blocks.set(blockKey(block), block);
        if (blocks.size > MOST_PIECES) throw tooMany(space);
      }
    entering = stage.widths;
  }
  return [
    stemOf(space),
    ...[...blocks.values()].map((block) => blockPiece(block, space)),
    ...entering.map((width) => headOf(space, width, sides.at(-1)!, classes)),
  ];
}

function tooMany({ name }: SearchSpace): RangeError {
  return new RangeError(
    `the space ${name} has more than ${MOST_PIECES.toLocaleString('en-US')} different blocks, too many to measure each; give its lists fewer values, or a target in multiply-adds or parameters`,
  );
}

const stemOf = ({ stem, activation, inputSize }: SearchSpace): Piece => ({
  key: STEM,
  input: [inputSize, inputSize, 3],
  build() {
    const conv = new Conv2d(3, stem, 3, { stride: 2, padding: 1, bias: false });
    const norm = new BatchNorm2d(stem);
    return { modules: [conv, norm], forward: (x) => convNormAct(x, conv, norm, activation) };
  },
});

const blockPiece = (block: Block, { activation }: SearchSpace): Piece => ({
  key: blockKey(block),
  input: [block.size, block.size, block.inChannels],
  build() {
    const names = NAMINGS.timm.parts(block.expandRatio !== 1, block.squeeze > 0);
    const module = new MBConv({ ...block, activation, same: false, norm: {}, names, dropPath: 0 });
    return { modules: [module], forward: (x) => module.forward(x) };
  },
});

const headOf = ({ head, activation }: SearchSpace, width: number, side: number, classes: number): Piece => ({
  key: headKey(width),
  input: [side, side, width],
  build() {
    const conv = new Conv2d(width, head, 1, { bias: false });
    const norm = new BatchNorm2d(head);
    const classifier = new Linear(head, classes);
    return {
      modules: [conv, norm, classifier],
      forward: (x) => classifier.forward(globalAvgPool(convNormAct(x, conv, norm, activation))),
    };
  },
});
