/** The file of a teacher: a checkpoint of `train` or `search`, the folder of one, or weights that say their classes. */
import type { Device } from '../../gpu/index.ts';
import { statOrNull } from '../../node/files.ts';
import { distilCriterion } from '../../train/distil.ts';
import { BEST, fileOfRun } from '../../train/node/run-folder.ts';
import { stepOf } from '../../train/step.ts';
import { createModel, openStart } from '../../weights/node/create-model.ts';
import type { SearchTeacher } from '../options.ts';
import { placesOf, type Schooling, teacherOf } from '../teacher.ts';

export interface OpenedTeacher {
  /** The network on a device; it stays there until the device is closed. */
  on(device: Device): Promise<SearchTeacher>;
}

/**
 * Opens a teacher, and sees that it knows the classes, before there is a device to build it on.
 * @param source a path, or a name of the catalog
 * @param ours how the pictures come, and their classes
 * @throws Error, a sentence, where there is no such file, it does not say its classes, or does not know one of ours
 */
export async function openTeacher(source: string, ours: Schooling): Promise<OpenedTeacher> {
  const folder = (await statOrNull(source))?.isDirectory();
  const { network, known, preprocessing } = await openStart({
    weights: folder ? await fileOfRun(source, BEST) : source,
  });
  const classes = known?.card.classes;
  if (!known || !classes)
    throw new Error(
      `the teacher ${source} does not say which classes it tells apart; take a checkpoint that \`train\` or \`search\` wrote`,
    );
  placesOf(ours.classes, classes, source);
  return {
    async on(device) {
      const model = await createModel(network, {
        ...{ device, weights: known, use: 'answer' },
        numClasses: classes.length,
      });
      const teacher = teacherOf(model, { preprocessing, classes }, ours, source);
      const criterion = distilCriterion({ teacher });
      return { name: source, criterion, step: () => stepOf(criterion) };
    },
  };
}
