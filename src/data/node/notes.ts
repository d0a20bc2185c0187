/** What is said of a data set's pictures before a run: what was left out, what lies on both sides of a split, what a fold is. */
import { relative } from 'node:path';
import type { DataSet, Sample } from '../sample.ts';
import type { Groups } from './groups.ts';
import type { Fold } from './split.ts';
import type { Lost } from './walk.ts';

const NAMED_IN_NOTES = 3;

/** What a fold is, as a sentence. */
export const foldText = (
  { train, val }: Pick<DataSet, 'train' | 'val'>,
  { fold, seed, noun = 'class' }: { fold: Fold; seed: number; noun?: string },
): string =>
  `fold ${fold.index} of ${fold.of}: ${val.length} of ${train.length + val.length} pictures, drawn from every ${noun} by seed ` +
  `${seed}, validate, and those of the other folds train`;

/** Files of a folder that are no pictures, as a note. */
export function ignoredNote(root: string, ignored: readonly string[]): string[] {
  if (ignored.length === 0) return [];
  const some = ignored.slice(0, NAMED_IN_NOTES).map((file) => relative(root, file));
  const more = ignored.length > some.length ? ', …' : '';
  const what = ignored.length === 1 ? 'file is no picture' : 'files are no pictures';
  return [`${root}: ${ignored.length} ${what} and left out: ${some.join(', ')}${more}`];
}

/** Entries that could not be looked at, as a note. */
export function lostNote(root: string, lost: readonly Lost[]): string[] {
  if (lost.length === 0) return [];
  const some = lost.slice(0, NAMED_IN_NOTES).map(({ path, why }) => `${relative(root, path) || path} ${why}`);
  const more = lost.length > some.length ? `, and ${lost.length - some.length} more` : '';
  return [
    `${root}: ${lost.length} ${lost.length === 1 ? 'entry' : 'entries'} left out: ${some.join(', ')}${more}`,
  ];
}

/** Folders within classes, as a note. */
export function nestedNote(root: string, nested: readonly string[]): string[] {
  if (nested.length === 0) return [];
  const some = nested.slice(0, NAMED_IN_NOTES).map((path) => relative(root, path));
  const more = nested.length > some.length ? ', …' : '';
  return [`${root}: pictures in folders within a class count to the class: ${some.join(', ')}${more}`];
}

/** How many pictures are copies of others, where those were to be kept together. */
export const copiesNote = (held: number): string[] =>
  held === 0
    ? []
    : [`${count(held, 'picture')} more than once there (the same bytes); copies stay on one side`];

/** How many pictures of a side (`12 pictures that validate`) have the bytes of some on the other (`those that train`). */
function sharedNote(
  dir: string,
  groups: readonly Sample[][],
  side: readonly Sample[],
  [these, others]: readonly [these: string, others: string],
): string[] {
  const within = new Set(side);
  const shared = groups.filter((g) => g.some((s) => within.has(s)) && g.some((s) => !within.has(s)));
  if (shared.length === 0) return [];
  const copies = shared.reduce((sum, group) => sum + group.filter((one) => within.has(one)).length, 0);
  const pairs = shared.slice(0, NAMED_IN_NOTES).map((group) => {
    const first = (inside: boolean) => relative(dir, group.find((s) => within.has(s) === inside)!.file);
    return `${first(false)} is ${first(true)}`;
  });
  return [
    `${copies} of the ${side.length} pictures ${these} ${copies === 1 ? 'is' : 'are'} among ${others} (the same bytes), ` +
      `which flatters the figures: ${pairs.join(', ')}${shared.length > pairs.length ? ', …' : ''}`,
  ];
}

/** Copies and groups with pictures on both sides of a split that is given. */
export function flattering(
  dir: string,
  { copies, together }: Groups,
  side: readonly Sample[],
  words: readonly [these: string, others: string],
): string[] {
  const within = new Set(side);
  const torn = together.filter(
    (group) => group.some((one) => within.has(one)) && group.some((one) => !within.has(one)),
  );
  const same = sharedNote(dir, copies, side, words);
  const known = new Set(copies.flat());
  const others = torn.filter((group) => group.some((one) => !known.has(one)));
  if (others.length === 0) return same;
  const [first] = others;
  const pictures = [true, false].map((inside) =>
    relative(dir, first!.find((one) => within.has(one) === inside)!.file),
  );
  return [
    ...same,
    `${others.length} ${others.length === 1 ? 'group has' : 'groups have'} pictures among those ${words[0]} and among ${words[1]}, ` +
      `which flatters the figures: ${pictures.join(' and ')}${others.length > 1 ? ', …' : ''}`,
  ];
}

/** Copies of one picture in several classes, as a note. */
export function twoClassesNote(dir: string, groups: readonly Sample[][]): string[] {
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

/** Names in a sentence. */
export const named = (names: readonly string[]): string =>
  names.length === 0 ? 'nothing more' : names.join(', ');
