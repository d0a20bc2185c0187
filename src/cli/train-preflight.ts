/**
 * What `train` finds out before its first step: whether the run fits into memory, and what freezing saves. `summary`
 * asks the same without training.
 */
import type { Device, Program } from '../gpu/index.ts';
import { networkOf } from '../models/table.ts';
import type { Model } from '../nn/index.ts';
import { type MemoryBudget, memoryBudget, plannedBytes } from '../node/memory.ts';
import {
  type Preflight,
  type PreflightOptions,
  preflight,
  type Rehearsed,
  rehearse,
} from '../train/preflight.ts';
import { optimizerOf, trainsOf } from '../train/settings.ts';
import type { TrainOptions } from './train-settings.ts';
import type { Setup } from './train-setup.ts';
import { counted, say, UserError } from './ui.ts';

/** The steps as they are trained, and one as it would be if every parameter trained; null where nothing is frozen. */
export interface Costs {
  step: Preflight;
  unfrozen: Preflight | null;
  /** What the steps and the validation will run. */
  programs: Set<Program>;
}

const GIB = 2 ** 30;

/** The memory to plan a run with: what was asked for in GiB, or what this machine has. */
export async function plannedMemory(
  device: { software: boolean },
  asked: number | undefined,
): Promise<{ memory: MemoryBudget; budget: number }> {
  const memory = await memoryBudget(device, asked === undefined ? undefined : Math.floor(asked * GIB));
  return { memory, budget: plannedBytes(memory, device.software) };
}

/** Rehearses a step. Where it does not fit and the batch may be `reduced`, a smaller one is taken and said so. */
export async function fittingStep(plan: PreflightOptions, reduced: boolean): Promise<Rehearsed> {
  const first = await rehearse(plan);
  const { step } = first;
  if (step.fits || !step.largestBatch || !reduced) return first;
  const { largestBatch: batch, problem } = step;
  say(`Steps of ${counted(plan.batch, 'picture')} do not fit (${problem}), so --batch ${batch} is taken.`);
  return rehearse({ ...plan, batch });
}

/**
 * Rehearses the steps of the run, and one of a run with everything trained.
 * @param options `memory` is the GiB to plan with
 * @throws UserError with the batch that would fit, where a step does not, and for fewer pictures than norms need
 */
export async function checkFit(
  device: Device,
  { settings, network, set, resumed }: Setup,
  { memory: asked, batch: wanted }: TrainOptions,
): Promise<Costs> {
  const { memory, budget } = await plannedMemory(device, asked);
  const { batch, size } = settings;
  const phases = trainsOf(settings);
  const plan = {
    device,
    model: network,
    modelOptions: { numClasses: set.classes.length },
    batch,
    size,
    phases,
    optimizer: (built: Model) => optimizerOf(built.holdClasses(settings.keptClasses), settings),
    budget,
  };
  const { step, programs } = await fittingStep(plan, wanted === undefined && !resumed);
  settings.batch = step.batch;
  if (step.batch < step.fewest)
    throw new UserError(
      `norms that train take statistics over the pictures of a step, and --batch ${step.batch} leaves them too few; take --batch ${step.fewest} or more${settings.weights === null ? '' : ', or leave --train-norms out'}`,
    );
  if (step.impossible) throw new UserError(step.problem!);
  if (!step.fits) {
    const sentence = `the run does not fit: ${step.problem}; ${remedyFor(step)}`;
    // What a GPU has is a guess where nobody says; the step itself comes to its end.
    if (memory.from !== 'default' || !step.cost) throw new UserError(sentence);
    say(`Warning: ${sentence}, if this GPU has no more. --memory GIB says what it has.`);
  }
  const all = [{ trainFrom: 'all', trainNorms: true }];
  const { optimizer: _, ...rest } = plan;
  const unfrozen = { ...rest, batch: step.batch, phases: all, budget: Number.POSITIVE_INFINITY };
  return {
    step,
    unfrozen: JSON.stringify(phases) === JSON.stringify(all) ? null : await preflight(unfrozen),
    programs,
  };
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
  const { fits, impossible, problem, largestBatch } = await preflight({
    device,
    model: networkOf(model.spec!),
    modelOptions: { numClasses: model.numClasses },
    batch: wanted,
    size,
    phases: [{ trainFrom: 'head', trainNorms: false }],
    budget: Number.POSITIVE_INFINITY,
  });
  if (fits) return wanted;
  if (impossible) throw new UserError(problem!);
  if (!largestBatch)
    throw new UserError(`not even one picture of ${size}×${size} fits this adapter: ${problem}`);
  return largestBatch;
}
