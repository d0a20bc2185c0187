/**
 * A learning rate by a range test (Smith 2015, "Cyclical learning rates", section 3.3): a step at a very small rate, the next
 * at a slightly larger one, and so on until the loss explodes. Where the loss fell well, a run can train.
 *
 *   loss │‾‾‾‾‾‾‾╲           ╱      rates rise by a constant factor a step, losses are smoothed
 *        │        ╲_        ╱       (an average that forgets, without its bias at the beginning)
 *        │          ╲__◆___╱        ◆ the proposal: halfway down the longest valley
 *        └───────────────────▸ log rate
 *
 * The proposal is fastai's `valley`, its default: of the longest run of smoothed losses that fall (others between them may
 * be left out), the place halfway; far enough from the edge that the loss falls off. The network is as before afterwards.
 */
import type { Batch, BatchSource } from '../data/loader.ts';
import type { Device } from '../gpu/index.ts';
import type { Model, Optimizer } from '../nn/index.ts';
import { scope, setStep } from '../tensor/index.ts';
import { fewestPictures } from './batches.ts';
import { TrainingError } from './fit.ts';
import { plainStep, type Step } from './step.ts';
import { untouched } from './untouched.ts';

export interface FindLearningRateOptions {
  model: Model;
  device: Device;
  /** Of the test alone: it is disposed of afterwards. Rates are its first group's; those of others keep their proportion. */
  optimizer: Optimizer;
  /** Pictures to train on; they begin anew where there are too few. */
  train: BatchSource;
  /** Default: `plainStep()`. */
  step?: Step;
  /** The first and the last rate. Default 1e-6 and 10. */
  from?: number;
  to?: number;
  /** Updates, at most. Default 100. */
  steps?: number;
  /** Told of each update; `false` ends the test early. */
  onUpdate?: (done: number, rate: number, loss: number) => boolean | undefined;
}

/** Plain JSON. */
export interface LearningRateTest {
  /** Of each update, rising. */
  rates: number[];
  /** The smoothed loss at each of them; finite. */
  losses: number[];
  /** Null where the loss nowhere falls. */
  proposal: number | null;
}

/** How much of the average each new loss leaves. */
const SMOOTHING = 0.98;
/** Times the smallest smoothed loss: more is an explosion. */
const EXPLOSION = 4;

/** @throws RangeError where rates or steps make no test; Error where no step could be taken */
export async function findLearningRate(options: FindLearningRateOptions): Promise<LearningRateTest> {
  const { from = 1e-6, to = 10, steps = 100, model, optimizer } = options;
  if (!(from > 0 && to > from && Number.isInteger(steps) && steps >= 2))
    throw new RangeError(
      `findLearningRate: ${steps} steps from ${from} to ${to} make no test; give two or more, and rates that rise above 0`,
    );
  const rateOf = (update: number): number => from * (to / from) ** (update / (steps - 1));
  try {
    const { rates, losses } = await untouched(model, () => rangeTest(options, steps, rateOf));
    // fastai leaves the same out: losses that are of few steps yet, and the explosion.
    const first = Math.floor(steps / 10);
    return { rates, losses, proposal: valley(rates.slice(first, -5), losses.slice(first, -5)) };
  } finally {
    optimizer.dispose();
  }
}

async function rangeTest(
  { model, device, optimizer, train, step = plainStep(), onUpdate = () => true }: FindLearningRateOptions,
  steps: number,
  rateOf: (update: number) => number,
): Promise<{ rates: number[]; losses: number[] }> {
  const [rates, losses]: [number[], number[]] = [[], []];
  const base = optimizer.groups[0].lr;
  model.train();
  let [average, best, taken] = [0, Number.POSITIVE_INFINITY, 0];
  let waiting: number[] = [];
  for await (const { batch, epoch } of endless(train, fewestPictures(model))) {
    const update = rates.length;
    optimizer.lrFactor = rateOf(update) / base;
    setStep(device, taken);
    let held = false;
    const holdUpdate = (): void => {
      held = true;
    };
    const where = { epoch, step: taken++, index: batch.index, count: train.batches, last: false, holdUpdate };
    const loss = scope(() => step(batch, { model, device, optimizer, ...where }));
    const value = await loss.item();
    loss.dispose();
    waiting.push(value);
    if (held) continue;
    const mean = waiting.reduce((sum, each) => sum + each) / waiting.length;
    waiting = [];
    average = SMOOTHING * average + (1 - SMOOTHING) * mean;
    const smoothed = average / (1 - SMOOTHING ** (update + 1));
    if (!Number.isFinite(smoothed)) break;
    rates.push(rateOf(update));
    losses.push(smoothed);
    best = Math.min(best, smoothed);
    const more = onUpdate(rates.length, rateOf(update), smoothed) !== false;
    if (!more || rates.length === steps || smoothed > EXPLOSION * best) break;
  }
  return { rates, losses };
}

/** The batches of one epoch after the other. */
async function* endless(
  train: BatchSource,
  fewest: number,
): AsyncGenerator<{ batch: Batch; epoch: number }, void, undefined> {
  for (let epoch = 0; ; epoch++) {
    let some = false;
    for await (const batch of train.load(epoch)) {
      if (batch.size < fewest) continue;
      some = true;
      yield { batch, epoch };
    }
    if (!some)
      throw new TrainingError(
        'no step could be taken: no batch held as many pictures that can be read as norms that train need',
      );
  }
}

/**
 * fastai's `valley` over smoothed losses: the rate halfway down the longest run of losses that fall; null where fewer than
 * three do.
 */
export function valley(rates: readonly number[], losses: readonly number[]): number | null {
  // How long the longest falling run is that ends at each place.
  const lengths = losses.map(() => 1);
  let end = 0;
  for (let i = 1; i < losses.length; i++) {
    for (let j = 0; j < i; j++) if (losses[i] < losses[j]) lengths[i] = Math.max(lengths[i], lengths[j] + 1);
    if (lengths[i] > lengths[end]) end = i;
  }
  if (!(lengths[end] >= 3)) return null;
  const third = lengths[end] / 3;
  return rates[Math.max(end - lengths[end], 0) + Math.floor(third) + Math.floor(third / 2)];
}
