/**
 * What `train` finds out before its first step: whether the run fits into memory, and what freezing saves. `summary`
 * asks the same without training.
 */
import { type InputSize, sizeArgument, sizeText } from '../../data/input-size.ts';
import type { Device } from '../../gpu/index.ts';
import { networkOf } from '../../models/table.ts';
import type { Model } from '../../nn/index.ts';
import { type MemoryBudget, memoryBudget, plannedBytes } from '../../node/memory.ts';
import { optimizerOf } from '../../train/from-settings.ts';
import {
  type Preflight,
  type PreflightOptions,
  preflight,
  type Rehearsed,
  rehearse,
} from '../../train/preflight.ts';
import { trainsOf } from '../../train/settings.ts';
import { counted, say, UserError } from '../ui.ts';
import type { TrainOptions } from './settings.ts';
import type { Plan } from './setup.ts';

/** The steps as they are trained, and one as it would be if every parameter trained; null where nothing is frozen. */
export interface Costs {
  step: Preflight;
  unfrozen: Preflight | null;
  /** What the steps and the validation will run. */
  programs: Rehearsed['programs'];
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

/**
 * Rehearses an update. Where its pictures do not fit at once, they are split into batches whose gradients make one update
 * together (src/train/update.ts), as few as fit, of one size where there is such a number; and that is said.
 */
async function fittingParts(plan: PreflightOptions): Promise<Rehearsed & { parts: number }> {
  let rehearsed = await rehearse(plan);
  const { problem } = rehearsed.step;
  let parts = 1;
  for (let { step } = rehearsed; !step.fits && step.largestBatch; { step } = rehearsed) {
    parts = partsOf(plan.batch, step.largestBatch, step.fewest);
    rehearsed = await rehearse({ ...plan, batch: Math.ceil(plan.batch / parts), accumulates: true });
  }
  const { batch, fewest } = rehearsed.step;
  if (parts > 1)
    say(
      `Steps of ${counted(plan.batch, 'picture')} do not fit (${problem}), so the gradients of ${parts} batches of ${batch} make an update` +
        `${fewest > 1 ? `; norms that train take the statistics of ${batch}` : ''}.`,
    );
  return { ...rehearsed, parts };
}

/** The fewest equal parts of a batch, of `least` to `most` pictures; where that would be many, the fewest of any sizes. */
function partsOf(batch: number, most: number, least: number): number {
  const fewest = Math.ceil(batch / most);
  for (let parts = fewest; parts < 2 * fewest; parts++)
    if (batch % parts === 0 && batch / parts >= least) return parts;
  return fewest;
}

/**
 * Rehearses the steps of the run, and one of a run with everything trained.
 * @param options `memory` is the GiB to plan with
 * @throws UserError with the batch that would fit, where a step does not, and for fewer pictures than norms need
 */
export async function checkFit(
  device: Device,
  { settings, network, set, teacher, resumed }: Plan,
  { memory: asked }: TrainOptions,
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
    accumulates: settings.accumulate > 1,
    averages: settings.average !== null,
    ...(teacher && { teacher: teacher.without }),
    budget,
  };
  const { step, programs, parts } = resumed
    ? { ...(await rehearse(plan)), parts: 1 }
    : await fittingParts(plan);
  settings.batch = step.batch;
  settings.accumulate *= parts;
  if (step.batch < step.fewest)
    throw new UserError(
      `norms that train take statistics over the pictures of a step, and --batch ${step.batch} leaves them too few; take --batch ${step.fewest} or more${settings.weights === null ? '' : ', or leave --train-norms out'}`,
    );
  if (step.impossible) throw new UserError(step.problem!);
  if (!step.fits) {
    const beside = teacher ? ` beside the teacher ${teacher.name}` : '';
    const sentence = `the run does not fit${beside}: ${step.problem}; ${remedyFor(step)}`;
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
  if (smaller)
    return `no batch does at this size, --size ${sizeArgument(smaller.size)} --batch ${smaller.batch} fits`;
  return 'nor do smaller batches and pictures: train fewer stages, or another network';
}

/** The largest batch up to `wanted` whose forward pass this adapter's limits allow. */
export async function fittingBatch(
  device: Device,
  model: Model,
  size: InputSize,
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
    throw new UserError(`not even one picture of ${sizeText(size)} fits this adapter: ${problem}`);
  return largestBatch;
}
