/**
 * Whether a result is right, before anything is timed. Errors are max|Δ| / max|reference|.
 *
 *   small matrix products and convolutions   the whole result against the plain variant, on the same inputs
 *   larger ones                              float64 at up to 2,048 places of the result (sampled.ts), on the same inputs:
 *                                            the plain variant would take seconds where a processor plays GPU
 *   every other op                           float64 (src/verify), values and gradients, of a part small enough for it:
 *                                            two pictures, few pixels, all channels
 *
 * A sum of n rounded terms departs from the exact one by some √n roundings, so what is allowed grows with √n; Winograd's
 * transforms add a few. A kernel that takes a wrong tap is off by 1e-2 and more, one that computes in 16 bits by 1e-3.
 */
import type { Device } from '../gpu/index.ts';
import { pair } from '../kernels/parts/window.ts';
import { type Shape, scope, sizeOf } from '../tensor/index.ts';
import { KERNEL_LIMITS, runOnDevice } from '../verify/engine-ops.ts';
import { relativeError, samplePositions } from '../verify/errors.ts';
import { OPS64, runReference } from '../verify/float64.ts';
import type { OpInputs } from '../verify/parameters.ts';
import { pseudo, pseudoFill } from '../verify/pseudo.ts';
import { costOf, MATRIX_OPS, nameOf, type Posed, type Problem } from './problem.ts';
import type { Replay } from './replay.ts';
import type { BenchEntry } from './result.ts';
import { sampled } from './sampled.ts';
import { shapeText } from './titles.ts';

export type Check = NonNullable<BenchEntry['error']>;

/** FLOPs up to which the plain variant computes the whole result: a tenth of a second where it reaches 0.3 GFLOP/s. */
const PLAIN_FLOPS = 3e7;
/** Multiply-adds in float64, in JavaScript: some 20 ms. */
const SAMPLED = 4e6;
/** Places that are sampled, at least and at most. */
const PLACES = [24, 2048] as const;
/** Values of the first input of a part that the float64 reference computes. */
const PART = 6000;

/** What a sum of so many terms may be off by. */
export const allowedError = (terms: number): number => (8 + Math.sqrt(terms)) / 2 ** 22;

/** Compares what `replay` computes with its reference; null where there is none. */
export async function check(
  device: Device,
  posed: Posed,
  row: string | null,
  replay: Replay,
): Promise<Check | null> {
  if (MATRIX_OPS.includes(posed.problem.op)) return checkProduct(posed, row, replay);
  return posed.problem.op in OPS64 ? checkPart(device, posed) : null;
}

async function checkProduct(posed: Posed, row: string | null, replay: Replay): Promise<Check> {
  const { problem, pass } = posed;
  const { flops, terms } = costOf(posed);
  const allowed = allowedError(terms);
  const compute = async (by: string | null): Promise<Float32Array> => {
    const result = scope(() => replay.run(0, by).find((tensor) => tensor !== null)!);
    const values = (await result.data()) as Float32Array;
    result.dispose();
    return values;
  };
  const found = await compute(row);
  if (flops <= PLAIN_FLOPS && row !== 'plain')
    return { value: relativeError(found, await compute('plain')), allowed, against: 'plain' };
  const count = Math.min(found.length, Math.max(PLACES[0], Math.min(PLACES[1], Math.floor(SAMPLED / terms))));
  const places = count < 3 ? Array.from(found.keys()) : samplePositions(found.length, count);
  const operands: Record<string, ArrayLike<number>> = {};
  for (const [name, tensor] of Object.entries(replay.operands)) operands[name] = await tensor.data();
  const exact = sampled(problem, pass, operands, places);
  const value = relativeError(
    places.map((place) => found[place]!),
    exact,
  );
  return { value, allowed, against: `float64, at ${places.length} of ${found.length} places` };
}

/** `shape` with two pictures of at most `side` pixels a side; eight rows of a matrix. */
function partOf(shape: Shape, side: number): Shape {
  if (shape.length === 4)
    return [Math.min(2, shape[0]!), Math.min(side, shape[1]!), Math.min(side, shape[2]!), shape[3]!];
  return shape.length === 2 ? [Math.min(8, shape[0]!), shape[1]!] : shape;
}

/** How each input of a part is filled, where [-1, 1) would not do. */
function inputsOf(problem: Problem, name: string): OpInputs {
  const x = problem.inputs.x0!;
  const { kernelSize } = problem.parameters;
  const [rows, columns] = pair(kernelSize ?? 1);
  const window = Math.max(rows, columns);
  const side = Math.max(window + 1, Math.floor(Math.sqrt(PART / (2 * x.at(-1)!))));
  return Object.fromEntries(
    Object.entries(problem.inputs).map(([key, whole]) => {
      const shape = key === 'labels' ? partOf([whole[0]!, 1], side).slice(0, 1) : partOf(whole, side);
      const fill =
        key === 'labels'
          ? { levels: x.at(-1)! }
          : key === 'runningVar' || key === 'weight'
            ? { offset: 1, scale: 0.5 }
            : {};
      const grad = !['labels', 'runningMean', 'runningVar'].includes(key);
      return [key, { data: pseudoFill(`${name}/${key}`, sizeOf(shape), fill), shape: [...shape], grad }];
    }),
  );
}

async function checkPart(device: Device, posed: Posed): Promise<Check> {
  const { problem, pass } = posed;
  const name = nameOf(posed);
  const inputs = inputsOf(problem, name);
  const dy = (count: number): Float32Array => pseudo(`${name}/dy`, count);
  const reference = runReference(problem.op, inputs, problem.parameters, dy);
  const found = await runOnDevice(device, problem.op, inputs, problem.parameters, dy);
  const part = pass === 'forward' ? 'outputs' : 'gradients';
  let value = 0;
  for (const [key, { data }] of Object.entries(reference[part])) {
    const error = relativeError(found[part][key]?.data ?? [], data);
    value = Number.isNaN(value) || error <= value ? value : error;
  }
  return {
    value,
    allowed: KERNEL_LIMITS[pass === 'forward' ? 'forward' : 'gradients'],
    against: `float64, on ${shapeText(inputs.x0!.shape)}`,
  };
}

/** Why a result is refused; null where it is right. */
export function refusal(error: Check | null): string | null {
  if (!error || error.value <= error.allowed) return null;
  const figure = (value: number): string => value.toExponential(1);
  return `wrong: off by ${figure(error.value)} of the largest value, and ${figure(error.allowed)} is allowed (${error.against})`;
}
