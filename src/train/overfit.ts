/**
 * Whether a network can learn at all: it is trained on one batch until it knows it by heart. What cannot do that has a
 * fault that no number of pictures mends: labels that contradict each other, a rate that is far off, nothing that trains.
 * (Karpathy's recipe for training neural networks, 2019: "overfit a single batch".) That it can says nothing of other
 * pictures. The network is as before afterwards.
 */
import type { Batch } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import { Dropout, type Model, type Optimizer, StochasticDepth } from '../nn/index.ts';
import { noGrad, scope, setStep } from '../tensor/index.ts';
import { logitsOf } from './infer.ts';
import { accuracy, predictions } from './metrics.ts';
import { plainStep } from './step.ts';
import { untouched } from './untouched.ts';

export interface OverfitOptions {
  model: Model;
  device: Device;
  /** Of the test alone: it is disposed of afterwards. */
  optimizer: Optimizer;
  /** Pictures as they are validated, without augmentation. */
  batch: Batch;
  /** At most. Default 200. */
  steps?: number;
  /** The loss that is near enough to 0. Default 0.05. */
  target?: number;
  /** Told of each step; `false` ends the test early. */
  onStep?: (done: number, loss: number) => boolean | undefined;
}

/** Plain JSON. */
export interface Overfit {
  /** Whether the loss came down to the target and every picture is called what it is. */
  learnt: boolean;
  /** Of each step; the last may be one that is not finite, as null. */
  losses: (number | null)[];
  /** Share of the pictures that are called what they are at the end; null where the loss is not finite. */
  accuracy: number | null;
  /** What is suspicious, in sentences; none where it has learnt. */
  suspicions: string[];
}

/** Dropout is off; norms that train take the statistics of the batch, as they do in a run. */
export async function overfitOneBatch(options: OverfitOptions): Promise<Overfit> {
  try {
    return await untouched(options.model, () => overfit(options));
  } finally {
    options.optimizer.dispose();
  }
}

async function overfit({
  model,
  device,
  optimizer,
  batch,
  steps = 200,
  target = 0.05,
  onStep = () => true,
}: OverfitOptions): Promise<Overfit> {
  model.train();
  for (const [, module] of model.namedModules())
    if (module instanceof Dropout || module instanceof StochasticDepth) module.frozen = true;
  const step = plainStep();
  const losses: (number | null)[] = [];
  for (let done = 0; done < steps; done++) {
    setStep(device, done);
    const where = { epoch: 0, step: done, index: 0, count: steps, last: true, holdUpdate: () => undefined };
    const loss = scope(() => step(batch, { model, device, optimizer, ...where }));
    const value = await loss.item();
    loss.dispose();
    losses.push(Number.isFinite(value) ? value : null);
    if (!Number.isFinite(value) || onStep(losses.length, value) === false || value <= target) break;
  }
  const [first, last] = [losses[0], losses.at(-1)!];
  const right = last === null ? null : await share(model, device, batch);
  const learnt = last !== null && last <= target && right === 1;
  return {
    learnt,
    losses,
    accuracy: right,
    suspicions: learnt ? [] : suspicions(batch, { first, last, right, steps: losses.length }),
  };
}

/** Share of the pictures that are called what they are. */
async function share(model: Model, device: Device, batch: Batch): Promise<number> {
  const output = noGrad(() => scope(() => logitsOf(model, batch, device)));
  const logits = (await output.data()) as Float32Array;
  output.dispose();
  const { labels } = batch;
  return accuracy(predictions({ logits, labels, classes: model.numClasses }), labels);
}

interface Course {
  first: number | null;
  last: number | null;
  right: number | null;
  steps: number;
}

function suspicions(batch: Batch, { first, last, right, steps }: Course): string[] {
  const found: string[] = [];
  const twins = contradictions(batch);
  if (twins)
    found.push(
      `labels contradict each other: ${twins[0]} and ${twins[1]} are the same picture in two classes`,
    );
  if (first === null || last === null)
    found.push(
      'the loss is no number: the learning rate is too high (try a tenth of it), or the weights are of no use',
    );
  else if (last > first) found.push('the loss rose: the learning rate is too high; try a tenth of it');
  else if (last > 0.98 * first)
    found.push(
      'the loss hardly moved: the learning rate is far too low, or what trains has no influence on the answer (frozen stages, features that are the same for every picture)',
    );
  else if (!twins)
    found.push(
      `the loss still falls after ${steps} steps: a higher learning rate, or more of the network that trains, would get there; or pictures of two classes look the same`,
    );
  if (last !== null && right !== null && right < 1)
    found.push(
      `${Math.round((1 - right) * batch.size)} of ${batch.size} pictures are still called something else`,
    );
  return found;
}

/** The names of two pictures that are equal and labelled differently; null where there are none. */
function contradictions({ images, labels, samples, size }: Batch): [string, string] | null {
  const values = images.length / size;
  const rows = Array.from({ length: size }, (_, index) =>
    images.subarray(index * values, (index + 1) * values),
  );
  for (const [i, row] of rows.entries())
    for (let j = 0; j < i; j++)
      if (labels[i] !== labels[j] && row.every((value, at) => value === rows[j][at]))
        return [samples[j].file, samples[i].file];
  return null;
}
