/** Whether what a search trains fits into memory, before anything is measured: the largest network of its space, its teacher. */
import type { Device } from '../../gpu/index.ts';
import { methodNamed } from '../../search/methods/table.ts';
import { largest, tableOf } from '../../search/space.ts';
import { preflight } from '../../train/preflight.ts';
import { plannedMemory, remedyFor } from '../train/preflight.ts';
import { say, UserError } from '../ui.ts';
import { networksOf } from './scaling.ts';
import type { Setup } from './setup.ts';

/** @throws UserError with what would fit, where a step of the largest network does not */
export async function checkFit(
  device: Device,
  { settings, set, teacher, options }: Pick<Setup, 'settings' | 'set' | 'teacher' | 'options'>,
): Promise<void> {
  const { space, batch, method, scaling } = settings;
  const largestTable = scaling
    ? networksOf(scaling, set.classes.length).reduce((a, b) => (b.multiplyAdds > a.multiplyAdds ? b : a))
        .table
    : tableOf(space, largest(space), 'largest');
  const { memory, budget } = await plannedMemory(device, options.memory);
  const step = await preflight({
    ...{ device, batch, budget },
    model: largestTable,
    modelOptions: { numClasses: set.classes.length },
    size: largestTable.inputSize,
    phases: [{ trainFrom: 'all', trainNorms: true }],
    // A step of the weight-shared network gathers the gradients of several children.
    accumulates: methodNamed(method).shares ?? false,
    ...(teacher && { teacher: teacher.without }),
  });
  if (step.fits) return;
  if (step.impossible)
    throw new UserError(`${scaling ? '--network' : `--space ${space.name}`}: ${step.problem}`);
  const beside = teacher ? ` beside the teacher ${teacher.name}` : '';
  const sentence = `the largest network ${scaling ? 'that scaling makes' : `of the space ${space.name}`} does not fit${beside}: ${step.problem}; ${remedyFor(step)}`;
  // What a GPU has is a guess where nobody says; the step itself comes to its end.
  if (memory.from !== 'default' || !step.cost) throw new UserError(sentence);
  say(`Warning: ${sentence}, if this GPU has no more. --memory GIB says what it has.`);
}
