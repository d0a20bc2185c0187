/** Parameters of the ops as the fixtures spell them: the engine's own option names, all optional. */
import { type Pair, pair } from '../kernels/parts/window.ts';

export interface OpParameters {
  // convolutions and pools
  stride?: Pair;
  padding?: Pair | readonly [top: number, bottom: number, left: number, right: number];
  dilation?: Pair;
  groups?: number;
  kernelSize?: Pair;
  ceilMode?: boolean;
  countIncludePad?: boolean;
  outputSize?: Pair;
  // matmul
  transposeA?: boolean;
  transposeB?: boolean;
  // batch norm
  training?: boolean;
  momentum?: number;
  eps?: number;
  activation?: 'relu' | 'relu6' | 'silu' | 'sigmoid';
  // local response normalisation; `size` of resize is [h, w]
  size?: number | [number, number];
  alpha?: number;
  beta?: number;
  k?: number;
  // reductions and shapes
  axes?: number[];
  keepDims?: boolean;
  shape?: number[];
  startDim?: number;
  axis?: number;
  ranges?: [start?: number, end?: number][];
  interpolation?: 'bilinear' | 'bicubic';
  // cross-entropy
  labelSmoothing?: number;
  ignoreIndex?: number;
}

/** An input of a case: where its values come from, and whether it takes a gradient. */
export interface OpInput {
  data: Float32Array;
  shape: number[];
  grad: boolean;
}

export type OpInputs = Record<string, OpInput>;

/** Outputs (`y`, and what the op updates) and gradients of Σ y·dy, by name. */
export interface OpResult {
  outputs: Record<string, { shape: readonly number[]; data: ArrayLike<number> }>;
  gradients: Record<string, { shape: readonly number[]; data: ArrayLike<number> }>;
}

/** [top, bottom, left, right] of a padding. */
export function marginsOf(
  padding: NonNullable<OpParameters['padding']>,
): readonly [number, number, number, number] {
  if (typeof padding !== 'number' && padding.length === 4) return padding;
  const [vertical, horizontal] = pair(padding);
  return [vertical, vertical, horizontal, horizontal];
}
