/**
 * How long networks take on this adapter: a table of their blocks, measured here, whose sums predict whole networks.
 *
 * Inference is meant: evaluation mode, no gradients, norms in the epilogues of convolutions, one batch, from the first op
 * that is recorded to the end of its work on the device; reading the answer back is not in it.
 *
 *   block = (quickest submission of n copies − quickest submission of next to nothing) / n · factor
 *
 * Machines are shared, and what disturbs a measurement only ever adds to it: submissions are short, those of many blocks take
 * turns, and the quickest of each counts. (The median of the same samples predicted whole networks with R² 0.45.) A block
 * among copies of itself finds its weights in the cache, between others it does not: the factor, one for all, is what a few
 * whole networks take over their sums (lavapipe, small space: 1.11). Other networks are the check.
 */
import type { Device } from '../../gpu/index.ts';
import { relu } from '../../kernels/index.ts';
import { buildModel } from '../../models/table.ts';
import type { Model } from '../../nn/index.ts';
import { noGrad, type Shape, scope, type Tensor, tensor } from '../../tensor/index.ts';
import { normalAt, randomKey, randomStream } from '../../tensor/random.ts';
import { median } from '../../train/evaluation/intervals.ts';
import type { LatencyTable } from '../result.ts';
import { type Choice, keyOf, randomChoice, type SearchSpace, tableOf } from '../space.ts';
import { costOf } from './cost.ts';
import { buildPiece, type Piece, piecesOf, STEM } from './pieces.ts';

export interface LatencyOptions {
  /** Pictures in a batch. Default 1. */
  batch?: number;
  /** Classes that the networks tell apart. */
  classes: number;
  /** Told how much of the work is done. */
  onProgress?: (done: number, of: number) => void;
  /** Ends it; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Copies fill a submission up to so many milliseconds: well above its fixed cost, and too short to be often disturbed. */
const SUBMISSION_MS = 1.5;
const MOST_COPIES = 16;
/** Pieces on the device at a time, and how often each is timed while they are. */
const AT_ONCE = 64;
const ROUNDS = 8;
/** All pieces come again, since a disturbance outlasts the turns of some. */
const PASSES = 2;
/** Whole networks: for the factor, and for the check; timed so often before the pieces and after them. */
const FOR_FACTOR = 6;
const FOR_CHECK = 12;
const NETWORK_ROUNDS = 15;
/** Of networks at least, however few they are. */
const SUBMISSIONS = 100;

/** What is timed: records it and gives its result. */
type Work = () => Tensor;

/**
 * Milliseconds of all blocks of a space, and what they predict of whole networks beside what those take.
 * @throws RangeError where the space has too many blocks; the signal's reason where it aborts
 */
export async function measureLatencies(
  device: Device,
  space: SearchSpace,
  { batch = 1, classes, onProgress, signal }: LatencyOptions,
): Promise<LatencyTable> {
  const pieces = piecesOf(space, classes);
  const choices = Array.from({ length: FOR_FACTOR + FOR_CHECK }, (_, index) =>
    randomChoice(space, randomStream(0, 'latency', 0, index)),
  );
  let done = 0;
  const stand = (count: number): void => {
    done += count;
    onProgress?.(done, PASSES * pieces.length + 2 * choices.length);
  };
  const timeNetworks = async (): Promise<number[]> => {
    const models = choices.map((choice, index) =>
      buildModel(tableOf(space, choice, `network-${index}`), { device, numClasses: classes, seed: index }),
    );
    try {
      const times = await measureModels(device, models, { batch, size: space.inputSize, signal });
      stand(choices.length);
      return times;
    } finally {
      for (const model of models) model.dispose();
    }
  };

  const before = await timeNetworks();
  const quickestOf = new Map<string, number>();
  let nothing = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < PASSES; pass++)
    for (let at = 0; at < pieces.length; at += AT_ONCE) {
      const part = pieces.slice(at, at + AT_ONCE);
      const found = await timePieces(device, part, batch, signal);
      nothing = Math.min(nothing, found.nothing);
      for (const [index, { key }] of part.entries())
        quickestOf.set(key, Math.min(found.times[index]!, quickestOf.get(key) ?? Number.POSITIVE_INFINITY));
      stand(part.length);
    }
  const after = await timeNetworks();
  device.trim();
  const { [STEM]: stem, ...blocks } = Object.fromEntries(quickestOf);
  const base = nothing + stem!;
  return tableOfTimes(
    space,
    { batch, base, blocks },
    choices,
    before.map((ms, i) => Math.min(ms, after[i]!)),
  );
}

/** The table whose blocks are multiplied by what the first networks take over their sums, and its check by the others. */
export function tableOfTimes(
  space: SearchSpace,
  { batch, base, blocks }: Pick<LatencyTable, 'batch' | 'base' | 'blocks'>,
  choices: readonly Choice[],
  measured: readonly number[],
): LatencyTable {
  const table: LatencyTable = {
    batch,
    inputSize: space.inputSize,
    base,
    blocks,
    check: [],
    r2: 0,
    meanError: 0,
  };
  // Of classes nothing is asked: the heads are measured ones.
  const sumsOf = (latency: LatencyTable) => costOf(space, 'ms', { latency }, { classes: 1 });
  const ratios = choices
    .slice(0, FOR_FACTOR)
    .map((choice, index) => measured[index]! / sumsOf(table)(choice));
  const factor = median(ratios);
  table.base *= factor;
  table.blocks = Object.fromEntries(Object.entries(blocks).map(([key, ms]) => [key, ms * factor]));
  const predict = sumsOf(table);
  table.check = choices.slice(FOR_FACTOR).map((choice, index) => ({
    network: keyOf(choice),
    predicted: predict(choice),
    measured: measured[FOR_FACTOR + index]!,
  }));
  return { ...table, ...agreementOf(table.check) };
}

/** Coefficient of determination of predictions as they are, no line fitted; and the mean relative error. */
function agreementOf(check: LatencyTable['check']): Pick<LatencyTable, 'r2' | 'meanError'> {
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const mean = sum(check.map(({ measured }) => measured)) / check.length;
  const spread = sum(check.map(({ measured }) => (measured - mean) ** 2));
  const missed = sum(check.map(({ predicted, measured }) => (measured - predicted) ** 2));
  return {
    r2: spread > 0 ? 1 - missed / spread : 0,
    meanError:
      sum(check.map(({ predicted, measured }) => Math.abs(predicted - measured) / measured)) / check.length,
  };
}

/** What a table that predicts badly has to say of itself; null for a good one. */
export function latencyWarning({ r2, meanError }: LatencyTable): string | null {
  if (r2 >= 0.9 && meanError <= 0.06) return null;
  return (
    `the latency table misses whole networks by ${(100 * meanError).toFixed(0)} % on average (R² ${r2.toFixed(2)}), ` +
    'as on a machine that does other work meanwhile; measure it again on a quiet one before you trust its milliseconds'
  );
}

/**
 * Milliseconds of whole networks, each the quickest of several submissions that take turns. The models' mode is as before
 * afterwards.
 */
export async function measureModels(
  device: Device,
  models: readonly Model[],
  {
    batch = 1,
    size,
    rounds = Math.max(NETWORK_ROUNDS, Math.ceil(SUBMISSIONS / models.length)),
    signal,
  }: { batch?: number; size: number; rounds?: number; signal?: AbortSignal | undefined },
): Promise<number[]> {
  const modes = models.map(({ training }) => training);
  const x = someValues([batch, size, size, 3], device);
  const works = models.map((model) => ({ work: () => model.forward(x) }));
  try {
    for (const model of models) model.eval();
    for (const { work } of works) await timed(device, work); // compiles
    return await quickest(device, works, rounds, signal);
  } finally {
    x.dispose();
    for (const [index, model] of models.entries()) model.train(modes[index]!);
  }
}

/** Milliseconds of a copy of each piece without what a submission costs, and those of a submission of next to nothing. */
async function timePieces(
  device: Device,
  pieces: readonly Piece[],
  batch: number,
  signal: AbortSignal | undefined,
): Promise<{ nothing: number; times: number[] }> {
  const inputs = new Map<string, Tensor>();
  const inputOf = (shape: Shape): Tensor => {
    const x = inputs.get(shape.join()) ?? someValues(shape, device);
    inputs.set(shape.join(), x);
    return x;
  };
  const made: { dispose(): void }[] = [];
  try {
    const little = inputOf([16]);
    const works: { work: Work; copies: number }[] = [{ work: () => relu(little), copies: 1 }];
    for (const piece of pieces) {
      const x = inputOf([batch, ...piece.input]);
      const layers = buildPiece(piece, device);
      made.push(layers);
      const work = (): Tensor => layers.forward(x);
      await timed(device, work); // compiles
      const copies = Math.round(SUBMISSION_MS / (await timed(device, work)));
      works.push({ work, copies: Math.min(MOST_COPIES, Math.max(1, copies)) });
      signal?.throwIfAborted();
    }
    const [nothing, ...times] = await quickest(device, works, ROUNDS, signal);
    return {
      nothing: nothing!,
      times: times.map((ms, index) => Math.max(0, ms - nothing!) / works[index + 1]!.copies),
    };
  } finally {
    for (const one of [...made, ...inputs.values()]) one.dispose();
  }
}

/** The quickest of `rounds` submissions of each, in milliseconds; they take turns. */
async function quickest(
  device: Device,
  works: readonly { work: Work; copies?: number }[],
  rounds: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const best = works.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { work, copies }] of works.entries())
      best[index] = Math.min(best[index]!, await timed(device, work, copies));
    await device.pace();
    signal?.throwIfAborted();
  }
  return best;
}

/** Milliseconds of one submission of so many copies. */
async function timed(device: Device, work: Work, copies = 1): Promise<number> {
  const start = performance.now();
  for (let copy = 0; copy < copies; copy++) noGrad(() => scope(work)).dispose();
  await device.idle();
  return performance.now() - start;
}

/** Values as behind a norm, never zeros, which some hardware multiplies faster. */
function someValues(shape: Shape, device: Device): Tensor {
  const key = randomKey(0, 'latency', 0);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, index) => normalAt(key, index)),
    shape,
    { device },
  );
}
