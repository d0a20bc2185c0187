/**
 * A ladder: one computation from its naive kernel to the shipped one, each rung a short file with a name, what limits it, and
 * its program. Rungs are held against one float64 reference and timed side by side (tasks.ts); docs/ladder.md walks up.
 */
import type { Program, Traits } from '../../src/gpu/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

export interface Rung<Problem> {
  readonly name: string;
  /** What its time goes into. */
  readonly limit: string;
  /** The program that is the rung, as it is for an adapter; null where it calls an op of the library. */
  program(traits: Traits): Program | null;
  /** Records a run. */
  run(problem: Problem): Tensor;
}

/** A [M, K] · B [K, N] = C [M, N]; sizes in multiples of 32. */
export interface MatmulProblem {
  m: number;
  k: number;
  n: number;
  a: Tensor;
  b: Tensor;
}

/** y = x * w: a 3×3 kernel at stride 1 with a margin of zeros, one picture; channels in multiples of four. */
export interface ConvProblem {
  height: number;
  width: number;
  cin: number;
  cout: number;
  /** [1, height, width, cin], [3, 3, cin, cout]; the result is [1, height, width, cout]. */
  x: Tensor;
  w: Tensor;
  /** The same with a plane for each channel: x [cin, height, width], w [cout, cin, 3, 3]; the result is [cout, height, width] then. */
  planes: { x: Tensor; w: Tensor };
}

/** Operations: a multiply-add is two. */
export const matmulFlops = ({ m, k, n }: Pick<MatmulProblem, 'm' | 'k' | 'n'>): number => 2 * m * k * n;
export const convFlops = ({
  height,
  width,
  cin,
  cout,
}: Pick<ConvProblem, 'height' | 'width' | 'cin' | 'cout'>): number => 2 * 9 * height * width * cin * cout;

/** WGSL: four values of a row times four rows of four columns, added up from the first to the last. */
export const FOUR = `
fn four(a: vec4f, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  return fma(a.wwww, b3, fma(a.zzzz, b2, fma(a.yyyy, b1, a.x * b0)));
}`;
