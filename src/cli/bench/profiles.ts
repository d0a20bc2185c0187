/** `bench --profile`: where networks spend their time, in place of how long they take. */
import { type ModelCase, modelName, readyModel } from '../../bench/models.ts';
import type { Device } from '../../gpu/index.ts';
import { profileWork } from '../profile-option.ts';
import { onStop, UserError } from '../ui.ts';

/**
 * Profiles networks one after the other, each into files of its own in the folder that the option names.
 * @param filter a part of what is to be profiled is called
 * @returns the exit code
 * @throws UserError where nothing is called so
 */
export async function profileModels(
  device: Device,
  cases: readonly ModelCase[],
  { filter = '', profile }: { filter?: string; profile: string | true },
): Promise<number> {
  const wanted = cases.filter((one) => modelName(one).toLowerCase().includes(filter.toLowerCase()));
  if (wanted.length === 0)
    throw new UserError(
      `--filter ${filter}: no network is called so; --profile takes ${cases.map(modelName).join(', ')}`,
    );
  const stop = onStop('Stopping after this network; once more stops at once.');
  try {
    for (const one of wanted) {
      const ready = readyModel(device, one);
      await profileWork(device, { name: modelName(one), run: ready.run }, profile);
      ready.dispose();
      if (stop.requested) return stop.exitCode;
    }
    return 0;
  } finally {
    stop.dispose();
  }
}
