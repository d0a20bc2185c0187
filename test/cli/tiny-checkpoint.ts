/** A checkpoint of `train` of a network so small that commands read, train and write it in no time. */
import { settingsOf } from '../../src/cli/train/settings.ts';
import type { MBConvTable } from '../../src/models/mbconv-table.ts';
import { buildModel } from '../../src/models/table.ts';
import { type SavedInfo, saveCheckpoint } from '../../src/train/node/checkpoint.ts';
import { IMAGENET_PREPROCESSING } from '../../src/weights/start.ts';
import { testDevice } from '../helpers/device.ts';

const TABLE: MBConvTable = {
  name: 'tiny',
  rows: [[1, 3, 1, 8, 1, 0.25]],
  stem: 8,
  head: 16,
  activation: 'silu',
  inputSize: 32,
};

/** @param also what it says beside the usual */
export async function saveTinyCheckpoint(
  path: string,
  classes: readonly string[],
  { seed = 3, ...also }: Partial<SavedInfo> = {},
): Promise<void> {
  const device = await testDevice();
  const model = buildModel(TABLE, { device, numClasses: classes.length }).initialise(seed);
  const phases = [{ trainFrom: 'head', epochs: 1, lr: 0.01, backboneFactor: 0.1 }];
  await saveCheckpoint(path, model, {
    model: 'tiny',
    classes: [...classes],
    preprocessing: { ...IMAGENET_PREPROCESSING, inputSize: 32, resizeSize: 36 },
    epoch: 1,
    step: 7,
    seed,
    metrics: null,
    settings: { ...settingsOf({ data: 'd' }, { model: 'tiny', weights: null }, { inputSize: 32 }), phases },
    pictures: 'abc',
    ...also,
  });
  device.close();
}
