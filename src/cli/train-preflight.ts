/** What `train` finds out before its first step: whether the run fits into memory, and what freezing saves. */
import type { Device } from '../gpu/index.ts';
import type { Model } from '../nn/index.ts';
import { memoryBudget } from '../open.ts';
import { type Preflight, plannedBytes, preflight } from '../train/preflight.ts';
import { optimizerOf } from '../train/settings.ts';
import type { TrainOptions } from './train-settings.ts';
import type { Setup } from './train-setup.ts';
import { say, UserError } from './ui.ts';

/** A step as it is trained, and as it would be if every parameter trained; null where nothing is frozen. */
export interface Costs {
  step: Preflight;
  unfrozen: Preflight | null;
}

const GIB = 2 ** 30;

/**
 * Rehearses a step. Where it does not fit and nobody asked for this batch, a smaller one is taken and said so.
 * @param options `memory` is the GiB to plan with
 * @throws UserError with the batch that would fit, where a step does not
 */
export async function checkFit(
  device: Device,
  { settings, set, resumed }: Setup,
  { memory: asked, batch: wanted }: TrainOptions,
): Promise<Costs> {
  const memory = await memoryBudget(device, asked === undefined ? undefined : asked * GIB);
  const budget = plannedBytes(memory, device.software);
  const { model, batch, size, trainFrom } = settings;
  const plan = {
    device,
    model,
    modelOptions: { numClasses: set.classes.length },
    batch,
    size,
    trainFrom,
    optimizer: (built: Model) => optimizerOf(built, settings),
    budget,
  };
  let step = await preflight(plan);
  if (!step.fits && step.largestBatch && wanted === undefined && !resumed) {
    say(`Steps of ${batch} pictures do not fit (${step.problem}), so ${step.largestBatch} are taken.`);
    settings.batch = plan.batch = step.largestBatch;
    step = await preflight(plan);
  }
  if (!step.fits) {
    const sentence = `the run does not fit: ${step.problem}; ${remedyFor(step)}`;
    // What a GPU has is a guess where nobody says; the step itself comes to its end.
    if (memory.from !== 'default' || !step.cost) throw new UserError(sentence);
    say(`Warning: ${sentence}, if this GPU has no more. --memory GIB says what it has.`);
  }
  const all = { ...plan, trainFrom: 'all', budget: Number.POSITIVE_INFINITY };
  return { step, unfrozen: trainFrom === 'all' ? null : await preflight(all) };
}

/** What fits instead of a step that does not. */
export function remedyFor({ largestBatch, smaller }: Preflight): string {
  if (largestBatch) return `--batch ${largestBatch} fits`;
  if (smaller) return `no batch does at this size, --size ${smaller.size} --batch ${smaller.batch} fits`;
  return 'nor do smaller batches and pictures: train fewer stages, or another network';
}

/** The largest batch up to `wanted` whose forward pass this adapter's limits allow. */
export async function fittingBatch(
  device: Device,
  model: Model,
  size: number,
  wanted: number,
): Promise<number> {
  const { fits, problem, largestBatch } = await preflight({
    device,
    model: model.spec!.name,
    modelOptions: { numClasses: model.numClasses },
    batch: wanted,
    size,
    trainFrom: 'head',
    budget: Number.POSITIVE_INFINITY,
  });
  if (fits) return wanted;
  if (!largestBatch)
    throw new UserError(`not even one picture of ${size}×${size} fits this adapter: ${problem}`);
  return largestBatch;
}
