/** The rows of test/reference/ops.json, and the inputs that their names stand for. */

import { sizeOf } from '../../src/tensor/index.ts';
import type { OpInputs, OpParameters } from '../../src/verify/parameters.ts';
import { type Fill, pseudo, pseudoFill } from '../../src/verify/pseudo.ts';
import type { Expected } from './expected.ts';
import { fixture } from './fixture.ts';

export { describe } from '../../src/verify/random-cases.ts';

interface InputSpec {
  shape: number[];
  fill?: Fill;
  grad?: false;
  /** Rows that sum to one: soft labels. */
  probabilities?: true;
}

export interface OpCase {
  name: string;
  op: string;
  inputs: Record<string, InputSpec>;
  parameters: OpParameters;
  /** Limits of this case, forward and gradients, where the usual ones cannot hold in float32. */
  tolerance?: [forward: number, gradients: number];
  outputs: Record<string, Expected>;
  gradients: Record<string, Expected>;
}

/** Pillow's answer, 8 bits a channel. */
export interface PictureCase {
  name: string;
  shape: [height: number, width: number, channels: number];
  size: [height: number, width: number];
  interpolation: 'bilinear' | 'bicubic';
  bytes: string;
}

export interface OptimizerCase {
  name: string;
  kind: 'SGD' | 'AdamW';
  options: {
    lr: number;
    momentum?: number;
    nesterov?: boolean;
    weightDecay?: number;
    betas?: [number, number];
    eps?: number;
    /** The learning rate of each step. */
    rates?: number[];
  };
  steps: number;
  parameters: Expected[];
}

export interface OpsFixture {
  pseudo: { name: string; values: string };
  cases: OpCase[];
  pictures: PictureCase[];
  optimizers: OptimizerCase[];
}

/** test/reference/ops.json. */
export const opsFixture = (): OpsFixture => fixture<OpsFixture>('ops.json');

/** A case's inputs: the stream of an input is called after the case and the input. */
export function inputsOf({ name, inputs }: Pick<OpCase, 'name' | 'inputs'>): OpInputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([key, { shape, fill, grad = true, probabilities }]) => {
      const stream = `${name}/${key}`;
      const data = probabilities
        ? softLabels(stream, shape[0], shape[1])
        : pseudoFill(stream, sizeOf(shape), fill);
      return [key, { data, shape, grad }];
    }),
  );
}

/** The gradient that a case starts from. */
export const outputGradientOf =
  ({ name }: Pick<OpCase, 'name'>) =>
  (count: number): Float32Array =>
    pseudo(`${name}/dy`, count);

/** Soft targets: parts of 0/64 … 7/64, the last class takes what is left, so that the sums are exact. */
function softLabels(name: string, rows: number, classes: number): Float32Array {
  const parts = pseudoFill(name, rows * classes, { levels: 8, scale: 1 / 64 });
  for (let row = 0; row < rows; row++) {
    const last = (row + 1) * classes - 1;
    parts[last] = 1 - parts.subarray(row * classes, last).reduce((total, part) => total + part, 0);
  }
  return parts;
}
