/**
 * The rows `winograd` and `winograd4`: 3×3 convolution with stride 1 by Winograd's minimal filtering (Lavin & Gray 2015, arXiv 1509.09308).
 * F(2×2, 3×3) takes sixteen multiplications for four outputs instead of thirty-six, F(4×4, 3×3) thirty-six for sixteen
 * instead of a hundred and forty-four. With m outputs along a side of a tile and n = m + 2 inputs along its patch's:
 *
 *   forward   V = Bᵀ d B per n×n patch d of x (patches overlap, a step of m)      [n², tile, cin]
 *             U = G g Gᵀ per 3×3 kernel g                                          [n², cin, cout]
 *             M = V · U, n² matrix products                                        [n², tile, cout]
 *             Y = Aᵀ M A per tile of m×m outputs
 *   input     the same from dy to dx, with the kernel turned by 180° and its channels exchanged (A·Bᵀ in place of A·B)
 *   weight    dM = A dY Aᵀ,  dU = Vᵀ · dM,  dg = Gᵀ dU G          F(4×4, 3×3) only: winograd-weight.ts
 *
 *        x                                V            U           M             y
 *   ┌────┬────┐   a tile of m×m,     ┌─────────┐   ┌───────┐   ┌────────┐   ┌────┬────┐
 *   │    ┊    │   its patch of n×n   │ tile    │   │ cin   │   │ tile   │   │    │    │
 *   ├┈┈┈┈┼┈┈┈┈┤  ─────────────────▶  │   × cin │ · │ × cout│ = │ × cout │ ▶ ├────┼────┤   and this n² times, once for
 *   │    ┊    │                      └─────────┘   └───────┘   └────────┘   │    │    │   each place in a patch
 *   └────┴────┘                                                             └────┴────┘
 *
 * The matrices, and what they do to the error, are in winograd-tilings.ts, the transforms in winograd-transforms.ts. The
 * n² products are one grouped 1×1 product of the tile loop (the group is the place in the patch). V and M take 4 or 2.25
 * times the memory of x and y, so pictures go through in chunks that stay in cache.
 */
import type { BufferBinding, Device, Run } from '../../gpu/index.ts';
import { empty, type Tensor } from '../../tensor/index.ts';
import { epilogueRun, isCurved } from '../parts/epilogue.ts';
import { type GatherOperands, POINT, packPair, rowsSpent, type WeightOperands } from '../parts/tile.ts';
import { gather } from '../parts/tile-gather.ts';
import { type ConvProblem, type ConvRow, picturesOf } from './problem.ts';
import { F2, F4, type Tiling } from './winograd-tilings.ts';
import {
  CHANNELS,
  transformGradient,
  transformInput,
  transformKernel,
  transformOutput,
} from './winograd-transforms.ts';
import { weightProducts } from './winograd-weight.ts';

/** The products of a tiling, one for each place in a patch. */
const planesOf = ({ patch }: Tiling) => ({ ...POINT, groups: patch ** 2, planes: true }) as const;

/**
 * What the transforms cost in multiply-adds of the products: for a value of V or M, made and read again, and for one of U
 * or dU (measured on lavapipe, where maps of 4² to 56² with 32 to 512 channels are then 1.005 times slower than if the
 * fastest row were chosen for each).
 */
const COSTS = {
  forward: { value: 45, weight: 20 },
  input: { value: 45, weight: 20 },
  weight: { value: 20, weight: 22 },
};

/** Tiles that a weight's gradient spends its time on: whole steps of eight, whose sums take 1.2 times as long as the tile loop's. */
const tilesSummed = (tiles: number): number => 1.2 * 8 * Math.ceil(tiles / 8);

/** Rows and columns of tiles in a picture. */
const tilesOf = (
  { outputs }: Tiling,
  [height, width]: readonly [number, number],
): readonly [number, number] => [Math.ceil(height / outputs), Math.ceil(width / outputs)];

/** Bytes that a binding holds on every adapter. */
const BINDING = 128 * 2 ** 20;

function supports(
  tiling: Tiling,
  { direction, window, groups, result, sourceChannels, resultChannels }: ConvProblem,
): boolean {
  const { kernel, stride, dilation } = window;
  const [rows, columns] = tilesOf(tiling, result);
  const [more, fewer] = [Math.max(sourceChannels, resultChannels), Math.min(sourceChannels, resultChannels)];
  // U, and V or M of one picture, are bound as a whole.
  const most = 4 * tiling.patch ** 2 * more * Math.max(fewer, rows * columns);
  return (
    // The weight's gradient by F(2×2) is slower than F(4×4)'s or than the tile loop's whatever the map.
    (direction !== 'weight' || tiling === F4) &&
    groups === 1 &&
    most <= BINDING &&
    kernel[0] === 3 &&
    kernel[1] === 3 &&
    stride[0] * stride[1] * dilation[0] * dilation[1] === 1 &&
    sourceChannels % 4 === 0 &&
    resultChannels % 4 === 0
  );
}

/** The multiplications of the products, and the transforms. */
function estimate(tiling: Tiling, problem: ConvProblem): number {
  const { direction, kept, result, sourceChannels, resultChannels } = problem;
  const pictures = picturesOf(problem);
  const [rows, columns] = tilesOf(tiling, result);
  const tiles = pictures * rows * columns;
  const weights = sourceChannels * resultChannels;
  const cost = COSTS[direction];
  const products = (direction === 'weight' ? tilesSummed(tiles) : rowsSpent(tiles)) * weights;
  const values = tiles * (sourceChannels + resultChannels);
  const kernels = kept ? 0 : cost.weight * weights;
  return (tiling.patch ** 2 * (products + cost.value * values + kernels)) / pictures;
}

interface Chunk {
  first: number;
  pictures: number;
}

/** Cuts `pictures`, each of so many values of V and M, so that those of a chunk take at most `chunkBytes`. */
function chunksOf(device: Device, pictures: number, values: number): Chunk[] {
  const size = Math.max(1, Math.floor(device.traits.chunkBytes / (4 * values)));
  return Array.from({ length: Math.ceil(pictures / size) }, (_, index) => ({
    first: index * size,
    pictures: Math.min(size, pictures - index * size),
  }));
}

/** U of the whole weight: kept for the next time where the problem's weight is, else the caller's to dispose of. */
function kernelOf(
  device: Device,
  { outputs, patch }: Tiling,
  { direction, sourceChannels, resultChannels, kept }: ConvProblem,
  w: BufferBinding,
): Pick<Tensor, 'buffer' | 'dispose'> {
  const turned = direction === 'input';
  const weights = sourceChannels * resultChannels;
  const transform = (u: BufferBinding): void =>
    device.run(transformKernel({ outputs }), {
      bindings: { w, u },
      params: { count: weights / CHANNELS, rows: 3, columns: patch, turned: Number(turned) },
      flops: 2 * 3 * patch * (3 + patch) * weights,
      bytes: 4 * (9 + patch ** 2) * weights,
    });
  if (kept && !('buffer' in w)) {
    const name = `winograd-${outputs}${turned ? '-turned' : ''}`;
    const buffer = device.derived(w, name, 4 * patch ** 2 * weights, transform);
    return { buffer, dispose: () => undefined };
  }
  const u = empty(device, [patch ** 2, weights]);
  transform(u.buffer);
  return u;
}

/** One transform over the patches of a chunk. */
interface Transform {
  /** Sides of what is transformed and of what comes out. */
  rows: number;
  columns: number;
  chunk: Chunk;
  size: readonly [number, number];
  tiles: readonly [number, number];
  channels: number;
}

function patches({ rows, columns, chunk, size, tiles, channels }: Transform): Pick<Run, 'params' | 'bytes'> {
  const values = chunk.pictures * tiles[0] * tiles[1] * channels;
  return {
    params: {
      count: values / CHANNELS,
      rows,
      columns,
      first: chunk.first,
      size: packPair(...size),
      tiles: packPair(...tiles),
      channels: channels / CHANNELS,
    },
    bytes: 4 * values * (rows ** 2 + columns ** 2),
  };
}

/** A chunk of pictures whose patches have been transformed. */
interface Part {
  /** Whether it is the first one. */
  first: boolean;
  /** Rows of the products: the tiles of its pictures. */
  rows: number;
  v: BufferBinding;
  m: BufferBinding;
  /** A transform between M, of `patch` places a side, and the tiles of what is summed over or written. */
  results(rows: number, columns: number): ReturnType<typeof patches>;
}

/** Has `record` go on with each chunk, once V of x is recorded and there is room for M. */
function overChunks(
  device: Device,
  tiling: Tiling,
  { direction, source, result, sourceChannels, resultChannels, window }: ConvProblem,
  { pictures, x }: Pick<GatherOperands, 'pictures' | 'x'>,
  record: (part: Part) => void,
): void {
  const { outputs, patch } = tiling;
  const planes = patch ** 2;
  const tiles = tilesOf(tiling, result);
  const perPicture = tiles[0] * tiles[1];
  // Turned by 180°, a kernel that started `top` rows above its output starts 2 − top above.
  const turned = direction === 'input';
  const [top, left] = [window.top, window.left].map((start) => (turned ? 2 - start : start)) as [
    number,
    number,
  ];
  for (const chunk of chunksOf(device, pictures, planes * perPicture * (sourceChannels + resultChannels))) {
    const rows = chunk.pictures * perPicture;
    const v = empty(device, [planes, rows, sourceChannels]);
    const m = empty(device, [planes, rows, resultChannels]);
    const sides = { rows: patch, columns: patch };
    const input = patches({ ...sides, chunk, size: source, tiles, channels: sourceChannels });
    device.run(transformInput({ outputs }), {
      ...input,
      bindings: { x, v: v.buffer },
      params: { ...input.params, top, left },
    });
    record({
      first: chunk.first === 0,
      rows,
      v: v.buffer,
      m: m.buffer,
      results: (rows, columns) =>
        patches({ rows, columns, chunk, size: result, tiles, channels: resultChannels }),
    });
    v.dispose();
    m.dispose();
  }
}

/** What the tile loop is told of the products. */
const productsOf = (tiling: Tiling, { direction, sourceChannels, resultChannels }: ConvProblem) => ({
  ...planesOf(tiling),
  direction,
  sourceChannels,
  resultChannels,
});

/** Records a convolution in its forward or input direction. */
function gatherTiles(device: Device, tiling: Tiling, problem: ConvProblem, operands: GatherOperands): void {
  const { epilogue = {} } = problem;
  const { outputs, patch } = tiling;
  const products = productsOf(tiling, problem);
  const u = kernelOf(device, tiling, problem, operands.w);
  overChunks(device, tiling, problem, operands, ({ rows, v, m, results }) => {
    gather(device, products, { pictures: rows, x: v, w: u.buffer, y: m });
    const output = results(patch, outputs);
    const finish = epilogueRun(epilogue, m);
    device.run(transformOutput({ outputs, curved: isCurved(epilogue) }), {
      ...output,
      bindings: { m, y: operands.y, ...finish.bindings },
      params: { ...output.params, ...finish.params },
    });
  });
  u.dispose();
}

/** Records a weight gradient. */
function sumTiles(device: Device, tiling: Tiling, problem: ConvProblem, operands: WeightOperands): void {
  const { outputs, patch } = tiling;
  const { sourceChannels, resultChannels } = problem;
  overChunks(device, tiling, problem, operands, ({ first, rows, v, m, results }) => {
    device.run(transformGradient({ outputs }), {
      ...results(outputs, patch),
      bindings: { dy: operands.dy, m },
    });
    weightProducts(
      device,
      tiling,
      { tiles: rows, v, m },
      [sourceChannels, resultChannels],
      operands.dw,
      !first,
    );
  });
}

const rowOf = (name: string, tiling: Tiling): ConvRow => ({
  name,
  supports: (problem) => supports(tiling, problem),
  estimate: (problem) => estimate(tiling, problem),
  record(device, problem, operands) {
    if ('dw' in operands) sumTiles(device, tiling, problem, operands);
    else gatherTiles(device, tiling, problem, operands);
  },
});

export const winograd = rowOf('winograd', F2);
export const winograd4 = rowOf('winograd4', F4);
