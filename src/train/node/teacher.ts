/** The file of a teacher: a checkpoint of `train` or `search`, the folder of one, or weights that say their classes. */
import type { Device } from '../../gpu/index.ts';
import { buildModel } from '../../models/table.ts';
import { statOrNull } from '../../node/files.ts';
import { hashFile } from '../../node/hash.ts';
import { InputError } from '../../text/input-error.ts';
import { createModel, openStart } from '../../weights/node/create-model.ts';
import { filesOfWeights } from '../../weights/node/weights-files.ts';
import type { Teacher } from '../distil.ts';
import { placesOf, type Schooling, teacherOf } from '../teacher.ts';
import { checkpointOfRun } from './run-folder.ts';

/** A teacher whose pupils are not known yet. */
export interface ReadTeacher {
  /** As it was named. */
  readonly name: string;
  /** What it was read from. */
  readonly files: readonly string[];
  /** SHA-256 of these, one after the other: whether it still is who it was. */
  readonly hash: string;
  /**
   * The teacher of networks whose pictures come so and whose classes are these.
   * @throws RangeError, a sentence, where it does not know one of them
   */
  of(ours: Schooling): OpenedTeacher;
}

export interface OpenedTeacher extends Pick<ReadTeacher, 'name' | 'files' | 'hash'> {
  /** The network on a device; it stays there until the device is closed. */
  on(device: Device): Promise<Teacher>;
  /** The same without its values, for a device that computes nothing. */
  without(device: Device): Teacher;
}

/**
 * Reads a teacher, before there is a device to build it on.
 * @param source a path, or a name of the catalog
 * @throws Error, a sentence, where there is no such file, or it does not say its classes
 */
export async function readTeacher(source: string): Promise<ReadTeacher> {
  const folder = (await statOrNull(source))?.isDirectory();
  const weights = folder ? await checkpointOfRun(source) : source;
  const { network, known, preprocessing } = await openStart({ weights });
  const classes = known?.card.classes;
  if (!known || !classes)
    throw new InputError(
      `the teacher ${source} does not say which classes it tells apart; take a checkpoint that \`train\` or \`search\` wrote`,
    );
  if (known.card.task === 'labels')
    throw new InputError(
      `the teacher ${source} tells which of several labels hold of a picture, and one class is taught; take a checkpoint of a network of classes`,
    );
  const files = await filesOfWeights(weights, network);
  const about = {
    name: source,
    files,
    hash: (await Promise.all(files.map((file) => hashFile(file)))).join('-'),
  };
  const theirs = { preprocessing, classes };
  const numClasses = classes.length;
  return {
    ...about,
    of(ours) {
      placesOf(ours.classes, classes, source);
      return {
        ...about,
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
    },
  };
}

/** A teacher as a run keeps it, to know it again; searches did not always keep a hash. */
export interface KeptTeacher {
  name: string;
  hash?: string | undefined;
}

/**
 * The teacher of a run that goes on: the one that it began with, wherever that is now.
 * @param named where it is said to be; else it is where it was
 * @param kind what goes on, for sentences: `run` or `search`
 * @throws Error, a sentence, where the run had none or another one
 */
export async function teacherAgain(
  kept: KeptTeacher | null,
  named: string | undefined,
  kind: string,
): Promise<ReadTeacher | null> {
  if (!kept && named !== undefined)
    throw new InputError(
      `--teacher ${named}: the ${kind} began without a teacher and goes on without one; leave it out, or begin a new one`,
    );
  if (!kept) return null;
  const teacher = await readTeacher(named ?? kept.name);
  if (kept.hash === undefined || teacher.hash === kept.hash) return teacher;
  throw new InputError(
    `the teacher ${teacher.name} is not the one that the ${kind} began with (its file says something else now), so it cannot go on; begin a new one, or name with --teacher where the one of then is`,
  );
}
