/**
 * Data sets from a list: a CSV with the path of each picture and its class or labels (columns.ts), in place of folders that are
 * called like the classes. Pictures stay where they are. Classes are numbered as those of folders are, by sorted names; labels
 * with a column each in the order of the columns.
 */
import { dirname, relative, sep } from 'node:path';
import { InputError } from '../../../text/input-error.ts';
import { shown } from '../../../text/shown.ts';
import { type DataSet, labelsOf, NO_CLASS, type Sample, type Task } from '../../sample.ts';
import { united } from '../../units.ts';
import { splitGroups } from '../duplicates.ts';
import type { FolderOptions, LabelledPictures } from '../folder.ts';
import { byName, groupsOf } from '../groups.ts';
import { listed, NotTrainable, type Split } from '../layout.ts';
import { copiesNote, flattering, foldText, twoClassesNote } from '../notes.ts';
import { checkFold, splitFold, splitLabels } from '../split.ts';
import { type Entries, type Entry, readEntries } from './entries.ts';

/** Whether `--data` names a list, by its ending. */
export const isList = (path: string): boolean => /\.(?:csv|tsv|txt)$/i.test(path);

/**
 * Finds the pictures of a list; none is decoded. Without a column `split`, or where no row of it validates, a share of every
 * class is drawn for validation as from a folder. A file that is not there is left out and counted in `notes`.
 * @throws InputError, a sentence with the line, where the list isn't clear or contradicts itself
 */
export async function imageList(
  path: string,
  { valFraction = 0.2, seed = 0, classes: known = [], groupBy = [], fold, onLooked }: FolderOptions = {},
): Promise<DataSet> {
  if (fold) checkFold(fold);
  const list = await readEntries(path, known);
  const { task, entries } = list;
  const classes = classesOf(list, known);
  refuseFew(path, task, classes);
  const samples = samplesOf(entries, task, classes);
  const of = (split: Split): Sample[] => samples.filter((_, index) => entries[index]!.split === split);
  const undivided = entries[0]!.split === null;
  const [test, chosen] = undivided ? [[], []] : [of('test'), of('val')];
  const held = new Set(test);
  const rest = undivided ? samples : fold ? samples.filter((sample) => !held.has(sample)) : of('train');
  if (rest.length === 0)
    throw new NotTrainable(
      `${path}: no row says train in the column of the split; mark the pictures to learn from so`,
    );
  const root = dirname(path);
  const found = await groupsOf(
    samples,
    groupBy,
    ({ file }) => relative(root, file).split(sep).join('/'),
    onLooked,
  );
  const { copies } = found;
  const named = byName(
    samples,
    entries.map(({ group }) => group),
  );
  const groups = within(rest, united(samples, [...found.together, ...named]));
  const draws = chosen.length === 0 || fold !== undefined;
  const whole = { path, classes, samples: rest, root };
  const { train, val } = fold
    ? splitFold(whole, groups, fold, seed)
    : !draws
      ? { train: rest, val: chosen }
      : task === 'classes' && groupBy.length === 0
        ? splitGroups({ classes, samples: rest, root, notes: [] }, groups, valFraction, seed)
        : splitLabels(whole, groups, valFraction, seed);
  const noun = task === 'classes' ? 'class' : 'label';
  const split = fold
    ? foldText({ train, val }, { fold, seed, noun })
    : `no row of ${path} validates: ${val.length} of ${rest.length} pictures, drawn from every ` +
      `${noun} by seed ${seed}, are kept for validation`;
  const notes = [
    ...list.notes,
    ...found.notes,
    ...(draws ? copiesNote(within(rest, copies).flat().length) : flattering(root, found, val, VALIDATE)),
    ...heldNote(path, test),
    ...flattering(root, found, test, HELD),
    ...(task === 'classes' ? twoClassesNote(root, copies) : otherLabelsNote(root, copies)),
    ...(fold ? [] : tornNote(path, entries)),
    ...absentNote(path, classes, samples),
  ].map(shown);
  return { task, classes, train, val, test, split: draws ? split : null, notes };
}

const VALIDATE = ['that validate', 'those that train'] as const;
const HELD = ['that are held out', 'those that train or validate'] as const;

/** What of some groups is among `samples`, where that is more than one. */
function within(samples: readonly Sample[], groups: readonly Sample[][]): Sample[][] {
  const inside = new Set(samples);
  return groups
    .map((group) => group.filter((sample) => inside.has(sample)))
    .filter((group) => group.length > 1);
}

const heldNote = (path: string, test: readonly Sample[]): string[] =>
  test.length === 0
    ? []
    : [
        `${test.length} pictures of ${path} are held out: nothing is chosen on them, and the figures of the best network are theirs`,
      ];

/**
 * The pictures of a list to measure a trained network on: with a column `split` those of test, else of val, else of what there
 * is; else all of them.
 * @param classes the network's, in the order of its outputs
 * @param wanted the split whose pictures they are to be
 * @throws InputError, a sentence, for another class, for labels where the network tells classes (and the other way round), and
 *   where there is no picture, or none of `wanted`
 */
export async function labelledList(
  path: string,
  { classes, task }: { classes: readonly string[]; task: Task },
  wanted?: Split,
): Promise<LabelledPictures> {
  const list = await readEntries(path, classes);
  refuseOtherTask(path, list.task, task);
  const own = classes.map((name) => name.normalize('NFC'));
  const stranger = list.entries.find(({ names }) => names.some((name) => !own.includes(name)));
  const strange =
    stranger?.names.find((name) => !own.includes(name)) ?? list.order?.find((name) => !own.includes(name));
  if (strange !== undefined)
    throw new InputError(
      `${path}${stranger ? `, line ${stranger.line}` : ''}: the network knows no '${shown(strange)}', only ${listed(own.map(shown), 8)}; ` +
        'correct the list, or name another one',
    );
  const split =
    wanted ?? (['test', 'val', 'train'] as const).find((one) => list.entries.some((e) => e.split === one));
  const entries = split ? list.entries.filter((entry) => entry.split === split) : list.entries;
  if (entries.length === 0)
    throw new InputError(`${path} has no row whose split is ${wanted}; name another split, or leave it out`);
  const side = split ? `the pictures of ${path} whose split is ${split} are measured` : null;
  const samples = samplesOf(entries, task, own);
  return {
    samples: task === 'classes' ? samples.sort((a, b) => a.label - b.label) : samples,
    side: side && shown(side),
    notes: [...list.notes, ...absentNote(path, own, samples)].map(shown),
  };
}

/** Those that are known first. */
function classesOf({ entries, order }: Entries, known: readonly string[]): string[] {
  const first = known.map((name) => name.normalize('NFC'));
  const found = order ?? [...new Set(entries.flatMap(({ names }) => names))].sort();
  const before = new Set(first);
  return [...first, ...found.filter((name) => !before.has(name))];
}

function refuseFew(path: string, task: Task, classes: readonly string[]): void {
  if (classes.length > 1) return;
  const what =
    classes.length === 0
      ? 'no label'
      : `one ${task === 'classes' ? 'class' : 'label'}, ${shown(classes[0]!)}`;
  throw new NotTrainable(
    `${path} names ${what}; a network tells two apart at least${task === 'labels' ? " (for yes and no, call the column 'label' and write these two)" : ''}`,
  );
}

/** @throws InputError where a list gives classes and labels are asked for, or the other way round */
function refuseOtherTask(path: string, found: Task, wanted: Task): void {
  if (found === wanted) return;
  throw new InputError(
    wanted === 'classes'
      ? `${path} gives pictures several labels, and the network tells one class for each; give one class a row, in a column 'label'`
      : `${path} gives each picture one class, and the network tells which of several labels hold; call the column 'labels' if none else holds of a picture`,
  );
}

function samplesOf(entries: readonly Entry[], task: Task, classes: readonly string[]): Sample[] {
  const place = new Map(classes.map((name, index) => [name, index]));
  return entries.map(({ file, names }) => {
    const labels = names.map((name) => place.get(name)!).sort((a, b) => a - b);
    return task === 'classes' ? { file, label: labels[0]! } : { file, label: NO_CLASS, labels };
  });
}

/** Copies of a picture with other labels. */
function otherLabelsNote(root: string, copies: readonly Sample[][]): string[] {
  const said = (sample: Sample): string => labelsOf(sample).join();
  const torn = copies.filter((group) => group.some((sample) => said(sample) !== said(group[0]!)));
  if (torn.length === 0) return [];
  const [first] = torn;
  const other = first!.find((sample) => said(sample) !== said(first![0]!))!;
  return [
    `${torn.length === 1 ? '1 picture is' : `${torn.length} pictures are`} there twice with different labels: ${relative(root, first![0]!.file)} is ${relative(root, other.file)}${torn.length > 1 ? ', …' : ''}`,
  ];
}

/** Groups with pictures on several sides of a split that the list gives. */
function tornNote(path: string, entries: readonly Entry[]): string[] {
  const sides = new Map<string, Set<Split>>();
  for (const { group, split } of entries) {
    if (group === null || split === null) continue;
    const known = sides.get(group);
    if (known) known.add(split);
    else sides.set(group, new Set([split]));
  }
  const torn = [...sides].filter(([, known]) => known.size > 1).map(([group]) => group);
  if (torn.length === 0) return [];
  return [
    `${path}: the split parts ${torn.length === 1 ? 'group' : `${torn.length} groups, such as`} ${torn[0]}, which flatters the figures`,
  ];
}

/** Labels that no picture has. */
function absentNote(path: string, classes: readonly string[], samples: readonly Sample[]): string[] {
  const present = new Set<number>();
  for (const sample of samples) for (const label of labelsOf(sample)) present.add(label);
  const absent = classes.filter((_, index) => !present.has(index));
  return absent.length === 0
    ? []
    : [`${path} holds no picture of ${listed(absent)}: figures that need every class say nothing`];
}
