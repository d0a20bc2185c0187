/** The pictures of train and evaluate: a folder, a list or the demo data, and the preprocessing that goes with a size. */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { sizeArgument } from '../data/input-size.ts';
import { type FolderOptions, imageFolder, labelledFolder } from '../data/node/folder.ts';
import { NotTrainable } from '../data/node/layout.ts';
import { imageList, isList, labelledList } from '../data/node/list/image-list.ts';
import { openDemoData } from '../data/node/synthetic.ts';
import { type DataSet, labelsOf, type Sample } from '../data/sample.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { sameFile } from '../node/files.ts';
import type { CheckpointInfo } from '../train/checkpoint-info.ts';
import type { Scored } from '../train/evaluation/threshold.ts';
import type { TrainSettings } from '../train/settings.ts';
import { preparedFor } from '../weights/start.ts';
import { type Input, inputs } from './inputs.ts';
import { type ProgressBar, progressBar, UserError } from './ui.ts';

/** The demo data is one data set, whatever the seed of the run. */
const DEMO_SEED = 0;

/** What of a run's settings says which pictures train and which validate. */
type PicturesSettings = Pick<TrainSettings, 'data' | 'seed' | 'size' | 'groupBy'> &
  Partial<Pick<TrainSettings, 'fold'>>;

/**
 * The data set of a run.
 * @param classes those that come first, with or without pictures: the ones that its weights brought along
 */
export function openData(
  { data, seed, size, groupBy, fold = null }: PicturesSettings,
  classes: readonly string[] = [],
): Promise<DataSet> {
  if (data !== null)
    return withProgress((onLooked) =>
      openPictures(data, { seed, classes, groupBy, fold: fold ?? undefined, onLooked }),
    );
  if (groupBy.length > 0)
    throw new UserError('--group-by is for pictures of your own; name them with --data DIR');
  if (typeof size !== 'number')
    throw new UserError(
      `--size ${sizeArgument(size)}: the pictures that ship with the project are squares; give one side, or pictures of your own with --data DIR`,
    );
  return openDemoData({ seed: DEMO_SEED, size });
}

/** Shows how many pictures were looked at, from the third second on. */
async function withProgress<T>(
  work: (onLooked: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  let bar: ProgressBar | null = null;
  try {
    return await work((done, total) => {
      if (performance.now() - began > 2000) bar ??= progressBar('Looking for similar pictures', total);
      bar?.update(done);
    });
  } finally {
    (bar as ProgressBar | null)?.stop();
  }
}

/** The data set in a folder or a list. */
const openPictures = (data: string, options: FolderOptions): Promise<DataSet> =>
  isList(data) ? imageList(data, options) : imageFolder(data, options);

/** The classes of a checkpoint that its run kept. */
export function keptClasses({ settings, classes }: Pick<CheckpointInfo, 'settings' | 'classes'>): string[] {
  return classes.slice(0, settings.keptClasses);
}

/**
 * The preprocessing of the weights at the run's input size. The demo data's crops have the size of the input and are
 * not resized, which would blur what tells them apart.
 */
export function preprocessingFor(
  { data, size, fit }: Pick<TrainSettings, 'data' | 'size' | 'fit'>,
  natural: Preprocessing,
): Preprocessing {
  const scaled = preparedFor(natural, { size, fit });
  return data === null ? { ...scaled, resizeSize: size } : scaled;
}

/** A hash of the names and labels of all pictures: a run is only resumed on the same ones. */
export function fingerprint(set: DataSet, data: string | null): string {
  const hash = createHash('sha256');
  // Folders have them in the names of the files.
  if (data !== null && isList(data)) hash.update(JSON.stringify(set.classes));
  for (const [side, samples] of [
    ['train', set.train],
    ['val', set.val],
  ] as const)
    for (const sample of samples) {
      const name = data === null ? sample.file : relative(data, sample.file);
      hash.update(`${side} ${labelsOf(sample).join('+')} ${name}\n`);
    }
  return hash.digest('hex').slice(0, 16);
}

/** The pictures that `evaluate` measures on. */
interface EvaluationPictures {
  samples: Sample[];
  notes: string[];
  /** Of the run's own data those that are held out or that validated it; else a folder's. */
  scored: Scored;
}

/**
 * What `evaluate` measures a checkpoint on, with labels as the checkpoint numbers its classes. Of the data that the run was
 * trained on (by whatever spelling of the path, and wherever they lie now): the pictures of `test/`, else those that
 * validated. Of another folder: its `test/` or `val/` where it has splits, else every picture; a single class will do.
 * @param split which of these, where somebody asks for one
 */
export async function openEvaluation(
  data: string | undefined,
  info: Pick<CheckpointInfo, 'task' | 'settings' | 'classes' | 'pictures'>,
  split?: 'val' | 'test',
): Promise<EvaluationPictures> {
  const { settings, classes, task = 'classes' } = info;
  const trainedOn = settings.data;
  const same = data === undefined || (trainedOn !== null && (await sameFile(data, trainedOn)));
  const set = same ? await openData(settings, keptClasses(info)) : await movedData(data, info);
  if (!set) {
    if (task === 'labels' && !isList(data!))
      throw new UserError(
        `${data} holds a class in each folder, and the network tells which of several labels hold of a picture; name a list of pictures with their labels (docs/other-data.md)`,
      );
    const { samples, side, notes } = isList(data!)
      ? await labelledList(data!, { classes, task }, split)
      : await labelledFolder(data!, classes, split);
    return { samples, notes: side ? [side, ...notes] : notes, scored: 'folder' };
  }
  const source = data ?? trainedOn ?? 'the demo data';
  const scored = split ?? (set.test.length > 0 ? 'test' : 'val');
  if (set[scored].length === 0)
    throw new UserError(
      `${source} has no folder test/ beside train/ and val/; put pictures there that no run looks at, or leave out --split`,
    );
  const whose = scored === 'test' ? 'were held out' : 'validated it';
  const moved = `${data} holds the pictures of the run; those that ${whose} are measured`;
  return {
    samples: relabel(set[scored], set.classes, classes, source),
    notes: same ? notesOf(set) : [moved, ...notesOf(set)],
    scored,
  };
}

/** The data of a run at another place, by the names and labels of the pictures; null for other data. */
async function movedData(
  dir: string,
  info: Pick<CheckpointInfo, 'task' | 'settings' | 'classes' | 'pictures'>,
): Promise<DataSet | null> {
  try {
    const set = await openData({ ...info.settings, data: dir }, keptClasses(info));
    const same = (set.task ?? 'classes') === (info.task ?? 'classes');
    return same && fingerprint(set, dir) === info.pictures ? set : null;
  } catch (error) {
    if (error instanceof NotTrainable) return null; // No run had it.
    throw error;
  }
}

/** The file that `--data` names, where it is one: what no command writes over. */
export const listFile = (data: string | null | undefined): Input[] =>
  inputs('the list of the pictures', data != null && isList(data) ? [data] : []);

/** All that is to be said of a data set, how it was split first. */
export function notesOf({ split, notes }: DataSet): string[] {
  return split === null ? notes : [split, ...notes];
}

/** Labels as places in `wanted`, by the classes' names. */
function relabel(samples: Sample[], found: string[], wanted: string[], source: string): Sample[] {
  const unknown = found.filter((name) => !wanted.includes(name));
  if (unknown.length > 0)
    throw new UserError(
      `${source} has the classes ${found.join(', ')}, but the checkpoint knows ${wanted.join(', ')}; rename the folders or name another folder with --data`,
    );
  const place = found.map((name) => wanted.indexOf(name));
  return samples.map((sample) =>
    sample.labels
      ? { ...sample, labels: sample.labels.map((label) => place[label]).sort((a, b) => a - b) }
      : { ...sample, label: place[sample.label] },
  );
}
