/** The parameters and running statistics of a network before and after an update. */
import { reshape, slice, sub } from '../../../../src/kernels/index.ts';
import type { Model } from '../../../../src/nn/index.ts';
import { copyOf, keep, noGrad, type Tensor } from '../../../../src/tensor/index.ts';
import type { ParameterSeen, Sample } from '../../step.ts';
import { readAll, squares } from './figures.ts';

/** Values of a parameter among which samples are looked for, and how many are shown. */
const LOOKED_AT = 4096;
const SAMPLES = 3;

/** Running statistics by their names, as they are now. */
export async function runningOf(model: Model): Promise<ReadonlyMap<string, Float32Array<ArrayBuffer>>> {
  const buffers = [...model.namedBuffers()];
  const values = await readAll(() => buffers.map(([, buffer]) => buffer));
  return new Map(buffers.map(([name], i) => [name, values[i]!]));
}

/** Runs `update`, an optimiser's step after a backward pass, and says of each parameter what it changed. */
export async function updating(model: Model, update: () => void): Promise<ParameterSeen[]> {
  const parameters = [...model.namedParameters()];
  const learning = parameters.filter(([, parameter]) => parameter.grad !== null);
  const copies = noGrad(() => learning.map(([, parameter]) => keep(copyOf(parameter))));
  try {
    const norms = (await readAll(() => parameters.map(([, parameter]) => squares(parameter)))).map(root);
    update();
    const figures = await readAll(() =>
      learning.flatMap(([, parameter], i) => [
        squares(parameter.grad!),
        squares(sub(parameter, copies[i]!)),
        start(copies[i]!),
        start(parameter.grad!),
        start(parameter),
      ]),
    );
    const learnt = new Map(
      learning.map(([name], i) => {
        const [gradient, change, before, gradients, after] = figures.slice(5 * i, 5 * i + 5);
        const samples = samplesOf(before!, gradients!, after!);
        return [name, { gradient: root(gradient!), update: root(change!), samples }];
      }),
    );
    return parameters.map(([name, { size }], i) => ({
      ...{ name, size, norm: norms[i]!, learns: learnt.has(name) },
      ...(learnt.get(name) ?? { gradient: null, update: null, samples: [] }),
    }));
  } finally {
    for (const copy of copies) copy.dispose();
  }
}

const root = ([squares]: Float32Array): number => Math.sqrt(squares!);

/** The first values of a tensor. */
const start = (x: Tensor): Tensor => slice(reshape(x, [x.size]), [[0, Math.min(x.size, LOOKED_AT)]]);

/** The values with the largest gradients. */
function samplesOf(before: Float32Array, gradients: Float32Array, after: Float32Array): Sample[] {
  return Array.from(gradients.keys())
    .sort((a, b) => Math.abs(gradients[b]!) - Math.abs(gradients[a]!) || a - b)
    .slice(0, SAMPLES)
    .map((index) => ({
      ...{ index, before: before[index]!, gradient: gradients[index]!, after: after[index]! },
    }));
}
