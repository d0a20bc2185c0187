/** What `train` finds out before its first step: whether the run fits into memory, and what freezing saves. */
import type { Device } from '../gpu/index.ts';
import { memoryBudget } from '../open.ts';
import { largestBatch, type StepCost, stepCost } from '../train/cost.ts';
import type { Setup } from './train-setup.ts';
import { formatBytes, say, UserError } from './ui.ts';

/** The cost of a step as it is trained, and as it would be if every parameter trained. */
export interface Costs {
  step: StepCost;
  unfrozen: StepCost | null;
}

const GIB = 2 ** 30;
/** Share of a machine's memory that buffers may take where they are ordinary memory. */
const SOFTWARE_SHARE = 0.8;

/**
 * Takes a step on a dry device.
 * @param asked GiB to plan with
 * @throws UserError with the batch that would fit, where a step does not
 */
export async function preflight(device: Device, { settings, set }: Setup, asked?: number): Promise<Costs> {
  const classes = set.classes.length;
  const budget = await memoryBudget(device, asked === undefined ? undefined : asked * GIB);
  const bytes = budget.from === 'asked' || !device.software ? budget.bytes : SOFTWARE_SHARE * budget.bytes;
  const remedy = async (): Promise<string> => {
    const batch = await largestBatch(device, settings, classes, bytes);
    return batch > 0
      ? `--batch ${batch} fits`
      : 'not even --batch 1 fits; take a smaller --size or train fewer stages';
  };
  const step = await stepCost(device, settings, classes).catch(async (error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `a step of ${settings.batch} pictures does not fit this adapter (${error.message}); ${await remedy()}`,
    );
  });
  if (step.peakBytes > bytes) {
    const sentence =
      `a step of ${settings.batch} pictures needs ${formatBytes(step.peakBytes)}, ` +
      `but ${formatBytes(bytes)} ${budget.from === 'default' ? 'is assumed of a GPU that does not say (--memory GIB changes that)' : 'can be planned with'}; ${await remedy()}`;
    if (budget.from !== 'default') throw new UserError(sentence);
    say(`Warning: ${sentence}`);
  }
  const unfrozen =
    settings.trainFrom === 'all'
      ? null
      : await stepCost(device, { ...settings, trainFrom: 'all' }, classes).catch(() => null);
  return { step, unfrozen };
}
