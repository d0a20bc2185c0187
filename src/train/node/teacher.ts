/** The file of a teacher: a checkpoint of `train` or `search`, the folder of one, or weights that say their classes. */
import type { Device } from '../../gpu/index.ts';
import { buildModel } from '../../models/table.ts';
import { statOrNull } from '../../node/files.ts';
import { hashFile } from '../../node/hash.ts';
import { createModel, openStart } from '../../weights/node/create-model.ts';
import { filesOfWeights } from '../../weights/node/weights-files.ts';
import type { Teacher } from '../distil.ts';
import { placesOf, type Schooling, teacherOf } from '../teacher.ts';
import { BEST, fileOfRun } from './run-folder.ts';

export interface OpenedTeacher {
  /** As it was named. */
  readonly name: string;
  /** What it was read from. */
  readonly files: readonly string[];
  /** SHA-256 of these, one after the other: whether it still is who it was. */
  readonly hash: string;
  /** The network on a device; it stays there until the device is closed. */
  on(device: Device): Promise<Teacher>;
  /** The same without its values, for a device that computes nothing. */
  without(device: Device): Teacher;
}

/**
 * Opens a teacher, and sees that it knows the classes, before there is a device to build it on.
 * @param source a path, or a name of the catalog
 * @param ours how the pictures come, and their classes
 * @throws Error, a sentence, where there is no such file, it does not say its classes, or does not know one of ours
 */
export async function openTeacher(source: string, ours: Schooling): Promise<OpenedTeacher> {
  const folder = (await statOrNull(source))?.isDirectory();
  const weights = folder ? await fileOfRun(source, BEST) : source;
  const { network, known, preprocessing } = await openStart({ weights });
  const classes = known?.card.classes;
  if (!known || !classes)
    throw new Error(
      `the teacher ${source} does not say which classes it tells apart; take a checkpoint that \`train\` or \`search\` wrote`,
    );
  placesOf(ours.classes, classes, source);
  const files = await filesOfWeights(weights, network);
  const theirs = { preprocessing, classes };
  const numClasses = classes.length;
  return {
    name: source,
    files,
    hash: (await Promise.all(files.map((file) => hashFile(file)))).join('-'),
    on: async (device) =>
      teacherOf(
        await createModel(network, { device, weights: known, use: 'answer', numClasses }),
        theirs,
        ours,
        source,
      ),
    without: (device) =>
      teacherOf(buildModel(network, { device, numClasses, initialise: false }), theirs, ours, source),
  };
}
