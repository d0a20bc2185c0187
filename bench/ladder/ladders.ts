/** The ladders, their rungs from the ground up, and how they become works of the bench: checked, then timed side by side. */

import { allowedError } from '../../src/bench/check.ts';
import { randomValues } from '../../src/bench/measure.ts';
import type { Task, Work } from '../../src/bench/tasks.ts';
import type { Device } from '../../src/gpu/index.ts';
import { noGrad, type Shape, scope, type Tensor, tensor } from '../../src/tensor/index.ts';
import { relativeError, samplePositions } from '../../src/verify/errors.ts';
import { planes } from './conv2d/1-planes.ts';
import { channels } from './conv2d/2-channels.ts';
import { pixels } from './conv2d/3-pixels.ts';
import { im2col } from './conv2d/4-im2col.ts';
import { gather } from './conv2d/5-gather.ts';
import { winograd2 } from './conv2d/6-winograd-2.ts';
import { winograd4 } from './conv2d/7-winograd-4.ts';
import { shipped as shippedConv } from './conv2d/8-shipped.ts';
import { naive } from './matmul/1-naive.ts';
import { columns } from './matmul/2-columns.ts';
import { registers } from './matmul/3-registers.ts';
import { workgroup } from './matmul/4-workgroup.ts';
import { broadcast } from './matmul/5-broadcast.ts';
import { terms } from './matmul/6-terms.ts';
import { shipped as shippedMatmul } from './matmul/7-shipped.ts';
import { type ConvProblem, convFlops, type MatmulProblem, matmulFlops, type Rung } from './rung.ts';

export const MATMUL: readonly Rung<MatmulProblem>[] = [
  ...[naive, columns, registers, workgroup, broadcast, terms, shippedMatmul],
];
export const CONV2D: readonly Rung<ConvProblem>[] = [
  ...[planes, channels, pixels, im2col, gather, winograd2, winograd4, shippedConv],
];
export const LADDERS = ['matmul', 'conv2d'] as const;
export type LadderName = (typeof LADDERS)[number];

/** A problem on a device, with what every rung has to answer. */
export interface Posed<Problem> {
  name: string;
  problem: Problem;
  flops: number;
  bytes: number;
  /** Terms of a sum. */
  terms: number;
  size: number;
  /** The value at a place of the result, in float64. */
  exact(place: number): number;
  dispose(): void;
}

/** Sizes that a step of the ladder is about, and not what starting it costs. */
const USUAL = {
  matmul: { m: 512, k: 512, n: 512 },
  conv2d: { height: 56, width: 56, cin: 64, cout: 64 },
};

const made = (device: Device, values: Float32Array<ArrayBuffer>, shape: Shape, weight = false): Tensor =>
  tensor(values, shape, { device, owned: true, ...(weight && { kind: 'parameter' }) });

export function poseMatmul(device: Device, sizes: { m: number; k: number; n: number }): Posed<MatmulProblem> {
  const { m, k, n } = sizes;
  const [a, b] = [randomValues(m * k, 1), randomValues(k * n, 2)];
  const tensors = [made(device, a, [m, k]), made(device, b, [k, n])] as const;
  return {
    name: `matmul ${m}×${k}×${n}`,
    problem: { ...sizes, a: tensors[0], b: tensors[1] },
    flops: matmulFlops(sizes),
    bytes: 4 * (m * k + k * n + m * n),
    terms: k,
    size: m * n,
    exact(place) {
      const [row, column] = [Math.floor(place / n), place % n];
      let sum = 0;
      for (let i = 0; i < k; i++) sum += a[row * k + i]! * b[i * n + column]!;
      return sum;
    },
    dispose() {
      for (const one of tensors) one.dispose();
    },
  };
}

type ConvSizes = Pick<ConvProblem, 'height' | 'width' | 'cin' | 'cout'>;

export function poseConv(device: Device, sizes: ConvSizes): Posed<ConvProblem> {
  const { height, width, cin, cout } = sizes;
  const [x, w] = [randomValues(height * width * cin, 1), randomValues(9 * cin * cout, 2)];
  const pixelsOf = height * width;
  const xPlanes = x.map((_, i) => x[(i % pixelsOf) * cin + Math.floor(i / pixelsOf)]!);
  const wPlanes = w.map(
    (_, i) => w[((i % 9) * cin + (Math.floor(i / 9) % cin)) * cout + Math.floor(i / 9 / cin)]!,
  );
  const tensors = [
    made(device, x, [1, height, width, cin]),
    made(device, w, [3, 3, cin, cout], true),
    made(device, xPlanes, [cin, height, width]),
    made(device, wPlanes, [cout, cin, 3, 3]),
  ] as const;
  return {
    name: `conv2d 3×3 ${height}×${width}×${cin}→${cout}`,
    problem: { ...sizes, x: tensors[0], w: tensors[1], planes: { x: tensors[2], w: tensors[3] } },
    flops: convFlops(sizes),
    bytes: 4 * (x.length + w.length + pixelsOf * cout),
    terms: 9 * cin,
    size: pixelsOf * cout,
    exact(place) {
      const [pixel, co] = [Math.floor(place / cout), place % cout];
      const [row, column] = [Math.floor(pixel / width), pixel % width];
      let sum = 0;
      for (let tap = 0; tap < 9; tap++) {
        const [r, c] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
        if (r < 0 || c < 0 || r >= height || c >= width) continue;
        for (let ci = 0; ci < cin; ci++)
          sum += x[(r * width + c) * cin + ci]! * w[(tap * cin + ci) * cout + co]!;
      }
      return sum;
    },
    dispose() {
      for (const one of tensors) one.dispose();
    },
  };
}

/** Places of a result that are held against float64. */
const PLACES = 2048;

/** What a rung's result is off by, over the largest value; where its channels are planes it is read so. */
export async function errorOf<Problem>(rung: Rung<Problem>, posed: Posed<Problem>): Promise<number> {
  const { size, problem, exact } = posed;
  const result = scope(() => noGrad(() => rung.run(problem)));
  const { shape } = result;
  const found = await result.data();
  result.dispose();
  // [channels, height, width] is read as [height, width, channels].
  const [depth, pixels] = shape.length === 3 ? [shape[0]!, shape[1]! * shape[2]!] : [0, 0];
  const at = (place: number): number =>
    depth ? (place % depth) * pixels + Math.floor(place / depth) : place;
  const places = samplePositions(size, Math.min(size, PLACES));
  return relativeError(
    places.map((place) => found[at(place)]!),
    places.map(exact),
  );
}

/** The rungs of a ladder as works of the bench: `variant` is the rung. */
export function ladderTasks(device: Device, ladder: LadderName): Task[] {
  return ladder === 'matmul'
    ? tasksOf(MATMUL, () => poseMatmul(device, USUAL.matmul))
    : tasksOf(CONV2D, () => poseConv(device, USUAL.conv2d));
}

function tasksOf<Problem>(rungs: readonly Rung<Problem>[], pose: () => Posed<Problem>): Task[] {
  const { name, flops, bytes, terms: count, dispose } = pose();
  dispose();
  return rungs.map((rung) => {
    let posed: Posed<Problem> | null = null;
    return {
      facts: {
        ...{ name, group: 'kernels', op: name.split(' ')[0]!, pass: 'forward', variant: rung.name },
        ...{ networks: [], flops, bytes },
      },
      prepare(): Work {
        posed = pose();
        const { problem, dispose: free } = posed;
        return { run: () => noGrad(() => rung.run(problem)), sets: 1, dispose: free };
      },
      async check() {
        const value = await errorOf(rung, posed!);
        return { value, allowed: allowedError(count), against: 'float64' };
      },
    };
  });
}
