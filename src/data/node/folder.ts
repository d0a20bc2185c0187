/**
 * Data sets from folders: `train/`, `val/` and `test/` with a folder for each class, or one folder of class folders that
 * is split by a seed. Labels are the places of the sorted class names, as in torchvision's ImageFolder. What the folders at
 * the top mean is layout.ts; whatever is left out is counted and named in the notes.
 */
import { join, relative, sep } from 'node:path';
import { statOrNull, systemReason } from '../../node/files.ts';
import { InputError } from '../../text/input-error.ts';
import { shown } from '../../text/shown.ts';
import type { ClassFolders, DataSet, Sample } from '../sample.ts';
import { splitGroups } from './duplicates.ts';
import { groupsOf, type PathOf } from './groups.ts';
import { type DataLayout, layoutOf, listed, NotTrainable, type Split } from './layout.ts';
import {
  copiesNote,
  flattering,
  foldText,
  ignoredNote,
  lostNote,
  named,
  nestedNote,
  twoClassesNote,
} from './notes.ts';
import { checkFold, type Fold, splitFold, splitLabels } from './split.ts';
import { append, type Lost, listFolder, listPictures } from './walk.ts';

export interface FolderOptions {
  /** Share of each class that is kept for validation where the folder has no `val/`. Default 0.2. */
  valFraction?: number;
  /** Decides which pictures those are. Default 0. */
  seed?: number;
  /** Classes that come first, in this order, with or without a folder; those of other folders follow. Default none. */
  classes?: readonly string[];
  /**
   * What is not to be parted, beside copies: `folder` (the outermost below the class folder in which a picture lies), `similar`
   * (pictures that look the same), or a pattern, whose first group, or all that it matches of a picture's path below its class
   * folder, is the name. Several unite.
   */
  groupBy?: readonly string[];
  /** One of k folds validates, and the others train, whatever `valFraction` and `val/` say. Default none. */
  fold?: Fold | undefined;
  /** Told how many pictures `similar` has looked at, of how many. */
  onLooked?: ((done: number, total: number) => void) | undefined;
}

/**
 * Finds the pictures of a data set; none is decoded. Folders inside a class folder are walked; hidden files, other
 * files and what cannot be read are left out and counted in `notes`, and so are pictures that lie on both sides.
 * @throws with a sentence where there is no such folder, no or only one class, an empty class, where the classes of
 *   `train/` and `val/` differ, or where it isn't clear which folders are classes
 */
export async function imageFolder(dir: string, options: FolderOptions = {}): Promise<DataSet> {
  const { valFraction = 0.2, seed = 0, classes = [], groupBy = [], fold, onLooked } = options;
  if (!(valFraction > 0 && valFraction < 1)) {
    throw new InputError(`the share of validation pictures must lie between 0 and 1, not ${valFraction}`);
  }
  if (fold) checkFold(fold);
  const { splits, root, notes } = await openLayout(dir);
  const from = root ?? splits.train;
  if (from === undefined)
    throw new NotTrainable(
      `${dir} holds ${listed(Object.values(splits).map((path) => `${relative(dir, path)}/`))} but no folder to train on; ` +
        `call that train/, or name one of these folders alone`,
    );
  const division = { classes, valFraction, seed, groupBy, fold, onLooked };
  const set =
    splits.val === undefined
      ? await splitFolder(dir, from, division)
      : await pairOfFolders(dir, from, splits.val, division);
  if (splits.test !== undefined) await addTest(set, dir, splits.test, division);
  return withNotes(set, notes);
}

type Division = Required<Omit<FolderOptions, 'fold' | 'onLooked'>> & Pick<FolderOptions, 'fold' | 'onLooked'>;

const withNotes = ({ pathOf: _, ...set }: FolderSet, notes: string[]): DataSet => ({
  ...set,
  notes: [...notes, ...set.notes].map(shown),
});

/** The pictures of known classes, for a network that has been trained. */
export interface LabelledPictures {
  samples: Sample[];
  /** Which of the folder's pictures they are, a sentence; null for all of them. */
  side: string | null;
  notes: string[];
}

/**
 * The pictures to measure a trained network on: of a folder with splits those of `test/`, else of `val/`, else of what there
 * is; else all of them. A single class will do, and a class may be absent or empty.
 * @param classes the network's, in the order of its outputs
 * @param wanted the split whose pictures they are to be
 * @throws with a sentence for a folder of another class, and where there is no picture at all, or none of `wanted`
 */
export async function labelledFolder(
  dir: string,
  classes: readonly string[],
  wanted?: Split,
): Promise<LabelledPictures> {
  const { splits, root, notes } = await openLayout(dir);
  const split = (wanted ? [wanted] : (['test', 'val', 'train'] as const satisfies Split[])).find(
    (one) => splits[one] !== undefined,
  );
  if (wanted && !split)
    throw new InputError(
      `${dir} holds no folder ${wanted}/ with class folders; name the folder of the pictures alone, or leave the split out`,
    );
  const from = root ?? splits[split!]!;
  const { samples, notes: more } = await readKnown(from, classes);
  const side = split ? `the pictures of ${from} are measured` : null;
  return { samples, side: side && shown(side), notes: [...notes, ...more].map(shown) };
}

async function openLayout(dir: string): Promise<DataLayout> {
  const found = await statOrNull(dir);
  if (!found) throw new InputError(`there is no folder ${dir}; name one that holds a folder for each class`);
  if (!found.isDirectory())
    throw new InputError(`${dir} is a file; name a folder that holds a folder for each class`);
  return layoutOf(dir);
}

/** `train/` and `val/`, which must hold the same classes. Folds are drawn from the pictures of both together. */
async function pairOfFolders(
  dir: string,
  trainDir: string,
  valDir: string,
  division: Division,
): Promise<FolderSet> {
  const [train, val] = [
    await readClasses(trainDir, division.classes),
    await readClasses(valDir, division.classes),
  ];
  const onlyIn = (a: ClassFolders, b: ClassFolders) => a.classes.filter((name) => !b.classes.includes(name));
  const [onlyTrain, onlyVal] = [onlyIn(train, val), onlyIn(val, train)];
  if (onlyTrain.length + onlyVal.length > 0) {
    throw new NotTrainable(
      `the class folders of ${trainDir} and ${valDir} differ: only the first has ${named(onlyTrain)}, ` +
        `only the second has ${named(onlyVal)}; both need the same names`,
    );
  }
  const { classes } = train;
  const samples = [...train.samples, ...val.samples];
  const inVal = new Set(val.samples);
  const pathOf: PathOf = (sample) => belowClass(inVal.has(sample) ? valDir : trainDir, sample);
  const groups = await groupsOf(samples, division.groupBy, pathOf, division.onLooked);
  const found = [...train.notes, ...val.notes, ...groups.notes];
  const torn = twoClassesNote(dir, groups.copies);
  const { fold, seed } = division;
  if (fold) {
    const sides = splitFold({ path: dir, classes, samples, root: dir }, groups.together, fold, seed);
    const both = `; those of ${relative(dir, trainDir)}/ and ${relative(dir, valDir)}/ are taken together for that`;
    return {
      classes,
      ...sides,
      test: [],
      split: `${foldText(sides, { fold, seed })}${both}`,
      notes: [...found, ...torn],
      pathOf,
    };
  }
  const shared = flattering(dir, groups, val.samples, ['that validate', 'those that train']);
  const notes = [...found, ...shared, ...torn];
  return { classes, train: train.samples, val: val.samples, test: [], split: null, notes, pathOf };
}

/** One folder of class folders; a share of each class becomes the validation set, or a fold does. */
async function splitFolder(dir: string, root: string, division: Division): Promise<FolderSet> {
  const { valFraction, seed, groupBy, fold } = division;
  const all = await readClasses(root, division.classes);
  const { classes, samples } = all;
  const pathOf: PathOf = (sample) => belowClass(root, sample);
  const groups = await groupsOf(samples, groupBy, pathOf, division.onLooked);
  const whole = { path: root, classes, samples, root };
  const sides = fold
    ? splitFold(whole, groups.together, fold, seed)
    : groupBy.length > 0
      ? splitLabels(whole, groups.together, valFraction, seed)
      : splitGroups(all, groups.copies, valFraction, seed);
  const { train, val } = sides;
  const split = fold
    ? foldText(sides, { fold, seed })
    : `no validation folder in ${dir}: ${val.length} of ${samples.length} pictures, drawn from every ` +
      `class by seed ${seed}, are kept for validation`;
  const held = groups.copies.flat().length;
  const notes = [...all.notes, ...copiesNote(held), ...groups.notes, ...twoClassesNote(dir, groups.copies)];
  return { classes, train, val, test: [], split, notes, pathOf };
}

/** A data set whose pictures have paths to be grouped by. */
type FolderSet = DataSet & { pathOf: PathOf };

const belowClass = (root: string, { file }: Sample): string =>
  relative(root, file).split(sep).slice(1).join('/');

/** The pictures of `test/`, which no run looks at. */
async function addTest(
  set: FolderSet,
  dir: string,
  testDir: string,
  { groupBy, onLooked }: Division,
): Promise<void> {
  const { samples, notes } = await readKnown(testDir, set.classes);
  const held = new Set(samples);
  const pathOf: PathOf = (sample) => (held.has(sample) ? belowClass(testDir, sample) : set.pathOf(sample));
  const groups = await groupsOf([...set.train, ...set.val, ...samples], groupBy, pathOf, onLooked);
  set.test = samples;
  set.notes = [
    ...set.notes,
    ...notes,
    `${samples.length} pictures of ${testDir} are held out: nothing is chosen on them, and the figures of the best network are theirs`,
    ...flattering(dir, groups, samples, ['that are held out', 'those that train or validate']),
  ];
}

/** Class folders by their names in one Unicode form: macOS writes é as e and an accent. */
async function classFolders(
  root: string,
): Promise<{ folders: Map<string, string[]>; left: LeftOut; notes: string[] }> {
  const { folders, files, lost } = await listFolder(root);
  const byName = new Map<string, string[]>();
  for (const folder of folders) {
    const name = folder.normalize('NFC');
    byName.set(name, [...(byName.get(name) ?? []), folder]);
  }
  const twice = [...byName].filter(([, spellings]) => spellings.length > 1).map(([name]) => name);
  const notes: string[] = [];
  if (twice.length > 0)
    notes.push(
      `${root}: ${listed(twice)} ${twice.length === 1 ? 'is' : 'are'} there in two Unicode spellings and counted as one class`,
    );
  const sorted = new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    folders: sorted,
    left: { ignored: files.map((name) => join(root, name)), lost, nested: [] },
    notes,
  };
}

/** What took no part. */
interface LeftOut {
  /** Files that are no pictures. */
  ignored: string[];
  lost: Lost[];
  /** Folders within classes, whose pictures count to the class. */
  nested: string[];
}

/** The pictures of one class; what is left out of them goes to `left`. */
async function readClass(root: string, folders: readonly string[], left: LeftOut): Promise<string[]> {
  const pictures: string[] = [];
  for (const folder of folders) {
    const path = join(root, folder);
    try {
      const found = await listPictures(path);
      append(pictures, found.pictures);
      append(left.nested, found.nested);
      append(left.ignored, found.ignored);
      append(left.lost, found.lost);
    } catch (error) {
      left.lost.push({ path, why: `cannot be read: ${systemReason((error as Error).cause)}` });
    }
  }
  return pictures;
}

const leftOutNotes = (root: string, { ignored, lost, nested }: LeftOut): string[] => [
  ...ignoredNote(root, ignored),
  ...lostNote(root, lost),
  ...nestedNote(root, nested),
];

/** All classes of a folder behind those that are `known`; every one with a folder has to have a picture. */
async function readClasses(root: string, known: readonly string[]): Promise<ClassFolders> {
  const { folders, left, notes } = await classFolders(root);
  const first = known.map((name) => name.normalize('NFC'));
  const classes = [...first, ...[...folders.keys()].filter((name) => !first.includes(name))];
  if (classes.length < 2) {
    const what = classes.length === 0 ? 'no class folders' : `only one class folder, ${classes[0]}`;
    throw new NotTrainable(
      `${root} holds ${what}; put the pictures of each class into a folder of its own, such as ` +
        `${join(root, 'cats')} and ${join(root, 'dogs')}`,
    );
  }
  const set: ClassFolders = { classes, samples: [], root, notes };
  const empty: string[] = [];
  for (const [label, name] of classes.entries()) {
    const spellings = folders.get(name);
    if (!spellings) continue;
    const pictures = await readClass(root, spellings, left);
    if (pictures.length === 0) empty.push(name);
    for (const file of pictures) set.samples.push({ file, label });
  }
  set.notes.push(...leftOutNotes(root, left));
  if (empty.length > 0) {
    const [lost] = left.lost;
    const unread = lost ? ` (${lost.path} ${lost.why})` : '';
    throw new NotTrainable(
      `${root}: no picture (PNG, JPEG, WebP, GIF, TIFF, BMP, AVIF) in class ${named(empty)}${unread}; add some or ` +
        `remove the folder`,
    );
  }
  return set;
}

/** The pictures of those classes of a folder that a network knows. */
async function readKnown(
  root: string,
  classes: readonly string[],
): Promise<{ samples: Sample[]; notes: string[] }> {
  const { folders, left, notes } = await classFolders(root);
  const known = classes.map((name) => name.normalize('NFC'));
  const unknown = [...folders.keys()].filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new InputError(
      `${root} has the ${unknown.length === 1 ? 'folder' : 'folders'} ${listed(unknown)}, and the classes are ${listed([...classes], 8)}; ` +
        'rename or remove what is no class, or name another folder',
    );
  const samples: Sample[] = [];
  for (const [name, spellings] of folders)
    for (const file of await readClass(root, spellings, left))
      samples.push({ file, label: known.indexOf(name) });
  notes.push(...leftOutNotes(root, left));
  if (samples.length === 0)
    throw new InputError(
      `${root} holds no picture in a folder of a class (${listed([...classes], 8)}); put the pictures of each class into a folder with its name`,
    );
  const absent = classes.filter((_, label) => !samples.some((sample) => sample.label === label));
  if (absent.length > 0)
    notes.push(`${root} holds no picture of ${listed(absent)}: figures that need every class say nothing`);
  return { samples: samples.sort((a, b) => a.label - b.label), notes };
}
