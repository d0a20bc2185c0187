/**
 * The row `winograd`: 3×3 convolution with stride 1 by Winograd's minimal filtering F(2×2, 3×3) (Lavin & Gray 2015, arXiv 1509.09308):
 * sixteen multiplications for four outputs instead of thirty-six.
 *
 *   forward   V = Bᵀ d B per 4×4 patch d of x (patches overlap, a step of two)     [16, tile, cin]
 *             U = G g Gᵀ per 3×3 kernel g                                          [16, cin, cout]
 *             M = V · U, sixteen matrix products                                   [16, tile, cout]
 *             Y = Aᵀ M A per tile of 2×2 outputs
 *   input     the same from dy to dx, with the kernel turned by 180° and its channels exchanged (A·Bᵀ in place of A·B)
 *   weight    dM = A dY Aᵀ,  dU = Vᵀ · dM,  dg = Gᵀ dU G
 *
 *       ┌ 1  0 −1  0 ┐        ┌  1   0   0  ┐
 *  Bᵀ = │ 0  1  1  0 │    G = │ 1/2 1/2 1/2 │    Aᵀ = ┌ 1  1  1  0 ┐
 *       │ 0 −1  1  0 │        │ 1/2 −1/2 1/2│         └ 0  1 −1 −1 ┘
 *       └ 0  1  0 −1 ┘        └  0   0   1  ┘
 *
 * The sixteen products are one grouped 1×1 product of the tile loop (the group is the position in the patch); the
 * transforms are in winograd-transforms.ts. V and M take four times the memory of x and y, so pictures go through in
 * chunks that stay in cache. In float32 the results differ from the direct sum by some 1e-6 of the largest value.
 */
import type { BufferBinding, Device, Run } from '../../gpu/index.ts';
import { empty, type Tensor } from '../../tensor/index.ts';
import { epilogueRun, epilogueSpecOf } from '../parts/epilogue.ts';
import { type GatherOperands, POINT, packPair, type WeightOperands } from '../parts/tile.ts';
import { gather } from '../parts/tile-gather.ts';
import { weightGradient } from '../parts/tile-weight.ts';
import type { ConvProblem, ConvRow } from './problem.ts';
import {
  transformGradient,
  transformInput,
  transformKernel,
  transformKernelGradient,
  transformOutput,
} from './winograd-transforms.ts';

/** The sixteen products. */
const PLANES = { ...POINT, groups: 16, planes: true } as const;

/** Channels and tiles from which the saved multiplications outweigh the transforms (measured on lavapipe). */
const LEAST_CHANNELS = 32;
const LEAST_TILES = 32;
/**
 * How many pictures more than one are taken for: the choice must not depend on their number. Eight would take maps of 4²
 * too; a step of ResNet-18 at 112² would be 1.09 times slower with four pictures (1.05 to 1.17), and with sixteen 0.89 times
 * (0.81 to 1.06).
 */
const SEVERAL = 4;
/** What the transforms cost below those, as a multiple of the products. */
const TOO_SMALL = 3;

const tilesOf = ([height, width]: readonly [number, number]): readonly [number, number] => [
  Math.ceil(height / 2),
  Math.ceil(width / 2),
];

function supports({ window, groups, sourceChannels, resultChannels }: ConvProblem): boolean {
  const { kernel, stride, dilation } = window;
  return (
    groups === 1 &&
    kernel[0] === 3 &&
    kernel[1] === 3 &&
    stride[0] * stride[1] * dilation[0] * dilation[1] === 1 &&
    sourceChannels % 4 === 0 &&
    resultChannels % 4 === 0
  );
}

/** The multiplications of the sixteen products, where there is enough work to pay for the transforms. */
function estimate({ several, result, sourceChannels, resultChannels }: ConvProblem): number {
  const [rows, columns] = tilesOf(result);
  const tiles = rows * columns;
  const pays =
    Math.min(sourceChannels, resultChannels) >= LEAST_CHANNELS &&
    (several ? SEVERAL : 1) * tiles >= LEAST_TILES;
  return 16 * tiles * sourceChannels * resultChannels * (pays ? 1 : TOO_SMALL);
}

interface Chunk {
  first: number;
  pictures: number;
}

/** Cuts `pictures` so that V and M of a chunk take at most `chunkBytes`. */
function chunksOf(device: Device, pictures: number, tiles: number, channels: number): Chunk[] {
  const bytes = 4 * 16 * tiles * channels;
  const size = Math.max(1, Math.floor(device.traits.chunkBytes / bytes));
  return Array.from({ length: Math.ceil(pictures / size) }, (_, index) => ({
    first: index * size,
    pictures: Math.min(size, pictures - index * size),
  }));
}

/** U of the whole weight. */
function kernelOf(device: Device, w: BufferBinding, cin: number, cout: number, turned: boolean): Tensor {
  const u = empty(device, [16, cin, cout]);
  const count = (cin * cout) / 4;
  device.run(transformKernel, {
    bindings: { w, u: u.buffer },
    params: { count, turned: Number(turned) },
    flops: 40 * cin * cout,
    bytes: 4 * 25 * cin * cout,
  });
  return u;
}

/** One element-wise transform over the patches of a chunk. */
interface Transform {
  chunk: Chunk;
  size: readonly [number, number];
  tiles: readonly [number, number];
  channels: number;
}

function patches({ chunk, size, tiles, channels }: Transform): Pick<Run, 'params' | 'bytes'> {
  const count = (chunk.pictures * tiles[0] * tiles[1] * channels) / 4;
  return {
    params: {
      count,
      first: chunk.first,
      size: packPair(...size),
      tiles: packPair(...tiles),
      channels: channels / 4,
    },
    bytes: 4 * 4 * count * 20,
  };
}

/** Records a convolution in its forward or input direction. */
function gatherTiles(device: Device, problem: ConvProblem, { pictures, x, w, y }: GatherOperands): void {
  const { direction, source, result, sourceChannels, resultChannels, window, epilogue = {} } = problem;
  const forward = direction === 'forward';
  const finish = epilogueRun(epilogue);
  const [cin, cout] = forward ? [sourceChannels, resultChannels] : [resultChannels, sourceChannels];
  const tiles = tilesOf(result);
  const perPicture = tiles[0] * tiles[1];
  const products = { ...PLANES, direction, sourceChannels, resultChannels };
  const u = kernelOf(device, w, cin, cout, !forward);
  for (const chunk of chunksOf(device, pictures, perPicture, sourceChannels + resultChannels)) {
    const v = empty(device, [16, chunk.pictures * perPicture, sourceChannels]);
    const m = empty(device, [16, chunk.pictures * perPicture, resultChannels]);
    const input = patches({ chunk, size: source, tiles, channels: sourceChannels });
    device.run(transformInput, {
      ...input,
      bindings: { x, v: v.buffer },
      // Turned by 180°, a kernel that started `top` rows above its output starts 2 − top above.
      params: {
        ...input.params,
        top: forward ? window.top : 2 - window.top,
        left: forward ? window.left : 2 - window.left,
      },
    });
    gather(device, products, {
      pictures: chunk.pictures * perPicture,
      x: v.buffer,
      w: u.buffer,
      y: m.buffer,
    });
    const output = patches({ chunk, size: result, tiles, channels: resultChannels });
    device.run(transformOutput(epilogueSpecOf(epilogue)), {
      ...output,
      bindings: { m: m.buffer, y, ...finish.bindings },
      params: { ...output.params, ...finish.params },
    });
    v.dispose();
    m.dispose();
  }
  u.dispose();
}

/** Records a weight gradient. */
function sumTiles(device: Device, problem: ConvProblem, { pictures, x, dy, dw }: WeightOperands): void {
  const { direction, source, result, sourceChannels, resultChannels, window } = problem;
  const tiles = tilesOf(result);
  const perPicture = tiles[0] * tiles[1];
  const products = { ...PLANES, direction, sourceChannels, resultChannels };
  const du = empty(device, [16, sourceChannels, resultChannels]);
  for (const chunk of chunksOf(device, pictures, perPicture, sourceChannels + resultChannels)) {
    const v = empty(device, [16, chunk.pictures * perPicture, sourceChannels]);
    const dm = empty(device, [16, chunk.pictures * perPicture, resultChannels]);
    const input = patches({ chunk, size: source, tiles, channels: sourceChannels });
    device.run(transformInput, {
      ...input,
      bindings: { x, v: v.buffer },
      params: { ...input.params, top: window.top, left: window.left },
    });
    device.run(transformGradient, {
      ...patches({ chunk, size: result, tiles, channels: resultChannels }),
      bindings: { dy, m: dm.buffer },
    });
    weightGradient(device, products, {
      pictures: chunk.pictures * perPicture,
      x: v.buffer,
      dy: dm.buffer,
      dw: du.buffer,
    });
    const count = (sourceChannels * resultChannels) / 4;
    device.run(transformKernelGradient, {
      bindings: { u: du.buffer, w: dw },
      params: { count, accumulate: Number(chunk.first > 0) },
      bytes: 4 * 34 * sourceChannels * resultChannels,
    });
    v.dispose();
    dm.dispose();
  }
  du.dispose();
}

export const winograd: ConvRow = {
  name: 'winograd',
  supports,
  estimate,
  record(device, problem, operands) {
    if ('dw' in operands) sumTiles(device, problem, operands);
    else gatherTiles(device, problem, operands);
  },
};
