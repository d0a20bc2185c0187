/**
 * Data sets from folders: `train/` and `val/` with a folder for each class, or one folder of class folders
 * that is split by a seed. Labels are the places of the sorted class names, as in torchvision's ImageFolder.
 */
import { join, relative } from 'node:path';
import { statOrNull } from '../../node/files.ts';
import type { ClassFolders, DataSet, Sample } from '../sample.ts';
import { contentGroups, splitGroups } from './duplicates.ts';
import { listFolder, listPictures } from './walk.ts';

export interface FolderOptions {
  /** Share of each class that is kept for validation where the folder has no `val/`. Default 0.2. */
  valFraction?: number;
  /** Decides which pictures those are. Default 0. */
  seed?: number;
}

/** Names under which people keep validation pictures, in order of preference. */
const VALIDATION_NAMES = ['val', 'valid', 'validation', 'test'];
const NAMED_IN_NOTES = 3;

/**
 * Finds the pictures of a data set; none is decoded. Folders inside a class folder are walked, hidden files
 * and other files are ignored and counted in `notes`, and so are pictures that lie on both sides.
 * @throws with a sentence where there is no such folder, no or only one class, an empty class, or where the
 *   classes of `train/` and `val/` differ
 */
export async function imageFolder(dir: string, options: FolderOptions = {}): Promise<DataSet> {
  const { valFraction = 0.2, seed = 0 } = options;
  if (!(valFraction > 0 && valFraction < 1)) {
    throw new Error(`the share of validation pictures must lie between 0 and 1, not ${valFraction}`);
  }
  const found = await statOrNull(dir);
  if (!found) throw new Error(`there is no folder ${dir}; name one that holds a folder for each class`);
  if (!found.isDirectory())
    throw new Error(`${dir} is a file; name a folder that holds a folder for each class`);

  const { folders } = await listFolder(dir);
  const trainName = folders.find((name) => name.toLowerCase() === 'train');
  const valNames = VALIDATION_NAMES.flatMap((v) => folders.filter((name) => name.toLowerCase() === v));
  if (trainName === undefined) return splitFolder(dir, dir, valFraction, seed);
  if (valNames.length === 0) return splitFolder(dir, join(dir, trainName), valFraction, seed);
  const set = await pairOfFolders(dir, join(dir, trainName), join(dir, valNames[0]));
  if (valNames.length > 1) {
    set.notes.push(
      `${valNames[0]}/ is used for validation; ${valNames.slice(1).join('/ and ')}/ is not used`,
    );
  }
  return set;
}

/** `train/` and `val/`, which must hold the same classes. */
async function pairOfFolders(dir: string, trainDir: string, valDir: string): Promise<DataSet> {
  const [train, val] = [await readClasses(trainDir), await readClasses(valDir)];
  const onlyIn = (a: ClassFolders, b: ClassFolders) => a.classes.filter((name) => !b.classes.includes(name));
  const [onlyTrain, onlyVal] = [onlyIn(train, val), onlyIn(val, train)];
  if (onlyTrain.length + onlyVal.length > 0) {
    throw new Error(
      `the class folders of ${trainDir} and ${valDir} differ: only the first has ${listed(onlyTrain)}, ` +
        `only the second has ${listed(onlyVal)}; both need the same names`,
    );
  }
  const notes = [...ignoredNote(train), ...ignoredNote(val)];
  const groups = await contentGroups([...train.samples, ...val.samples]);
  const inVal = new Set(val.samples);
  const shared = groups.filter((g) => g.some((s) => inVal.has(s)) && g.some((s) => !inVal.has(s)));
  if (shared.length > 0) {
    const pairs = shared.slice(0, NAMED_IN_NOTES).map((group) => {
      const first = (val: boolean) => relative(dir, group.find((s) => inVal.has(s) === val)!.file);
      return `${first(false)} is ${first(true)}`;
    });
    notes.push(
      `${count(shared.length, 'picture')} in both training and validation (the same bytes), which flatters ` +
        `the validation figures: ${pairs.join(', ')}${shared.length > pairs.length ? ', …' : ''}`,
    );
  }
  notes.push(...twoClassesNote(dir, groups));
  return { classes: train.classes, train: train.samples, val: val.samples, split: null, notes };
}

/** One folder of class folders; a share of each class becomes the validation set. */
async function splitFolder(dir: string, root: string, valFraction: number, seed: number): Promise<DataSet> {
  const all = await readClasses(root);
  const groups = await contentGroups(all.samples);
  const { train, val, held } = splitGroups(all, groups, valFraction, seed);
  const split =
    `no validation folder in ${dir}: ${val.length} of ${all.samples.length} pictures, drawn from every ` +
    `class by seed ${seed}, are kept for validation`;
  const notes = ignoredNote(all);
  if (held > 0) {
    notes.push(`${count(held, 'picture')} more than once there (the same bytes); copies stay on one side`);
  }
  notes.push(...twoClassesNote(dir, groups));
  return { classes: all.classes, train, val, split, notes };
}

async function readClasses(root: string): Promise<ClassFolders> {
  const { folders: classes, files } = await listFolder(root);
  if (classes.length < 2) {
    const what = classes.length === 0 ? 'no class folders' : `only one class folder, ${classes[0]}`;
    throw new Error(
      `${root} holds ${what}; put the pictures of each class into a folder of its own, such as ` +
        `${join(root, 'cats')} and ${join(root, 'dogs')}`,
    );
  }
  const set: ClassFolders = { classes, samples: [], root, ignored: [...files] };
  const empty: string[] = [];
  for (const [label, name] of classes.entries()) {
    const { pictures, ignored } = await listPictures(join(root, name));
    if (pictures.length === 0) empty.push(name);
    for (const file of pictures) set.samples.push({ file, label });
    set.ignored.push(...ignored);
  }
  if (empty.length > 0) {
    throw new Error(
      `${root}: no picture (PNG, JPEG, WebP, GIF, TIFF, AVIF) in class ${listed(empty)}; add some or remove ` +
        `the folder`,
    );
  }
  return set;
}

function ignoredNote({ root, ignored }: ClassFolders): string[] {
  if (ignored.length === 0) return [];
  const endings = [...new Set(ignored.map((file) => /\.[^./\\]+$/.exec(file)?.[0] ?? 'no ending'))].sort();
  const some = endings.slice(0, NAMED_IN_NOTES).join(', ') + (endings.length > NAMED_IN_NOTES ? ', …' : '');
  return [`${root}: ${ignored.length} other ${ignored.length === 1 ? 'file' : 'files'} ignored (${some})`];
}

function twoClassesNote(dir: string, groups: Sample[][]): string[] {
  const torn = groups.filter((group) => group.some(({ label }) => label !== group[0].label));
  if (torn.length === 0) return [];
  const some = torn.slice(0, NAMED_IN_NOTES).map((group) => {
    const other = group.find(({ label }) => label !== group[0].label)!;
    return `${relative(dir, group[0].file)} is ${relative(dir, other.file)}`;
  });
  return [
    `${count(torn.length, 'picture')} in more than one class: ${some.join(', ')}` +
      `${torn.length > some.length ? ', …' : ''}`,
  ];
}

/** "1 picture is", "3 pictures are". */
function count(n: number, noun: string): string {
  return n === 1 ? `1 ${noun} is` : `${n} ${noun}s are`;
}

function listed(names: string[]): string {
  return names.length === 0 ? 'nothing more' : names.join(', ');
}
