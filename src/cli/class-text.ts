/** What is said of the classes of a data set: how many pictures each has, and what that makes of the figures. */
import type { DataSet } from '../data/sample.ts';
import { shown } from '../text/shown.ts';
import { argmax, classCounts, percent } from '../train/metrics.ts';

/** So many classes are named one by one. */
const NAMED_CLASSES = 6;

/** Pictures of each class on both sides of a run, and what always answering the largest class would score. */
export interface ClassSizes {
  train: number[];
  val: number[];
}

export function classSizes({ classes, train, val }: Pick<DataSet, 'classes' | 'train' | 'val'>): ClassSizes {
  const count = (samples: DataSet['train']): number[] =>
    classCounts(
      samples.map(({ label }) => label),
      classes.length,
    );
  return { train: count(train), val: count(val) };
}

/**
 * `Pictures a class (and to validate): cat 40 (8), dog 4 (1); always answering cat is right for 88.9 % of those that
 * validate.`
 */
export function describeSizes({ train, val }: ClassSizes, classes: readonly string[]): string {
  const names = classes.map(shown);
  const validating = val.reduce((sum, count) => sum + count, 0);
  const most = argmax(val);
  const sizes =
    names.length <= NAMED_CLASSES
      ? `Pictures a class (and to validate): ${names.map((name, i) => `${name} ${train[i]} (${val[i]})`).join(', ')}`
      : `A class has ${range(train)} pictures, and ${range(val)} to validate`;
  const always = `always answering ${names[most]} is right for ${percent(val[most] / validating)} of those that validate.`;
  return [`${sizes}; ${always}`, describeAbsent(val, classes, 'pictures that validate')]
    .filter(Boolean)
    .join(' ');
}

/** What the figures of a set say nothing of, because it has no pictures of some classes; null where it has. */
export function describeAbsent(
  counts: readonly number[],
  classes: readonly string[],
  pictures = 'pictures',
): string | null {
  const names = classes.map(shown);
  const absent = names.filter((_, index) => counts[index] === 0);
  const present = names.filter((_, index) => counts[index] > 0);
  if (absent.length === 0) return null;
  if (present.length === 1)
    return `All of the ${pictures} are of ${present[0]}: accuracy is the share of them that was found, and nothing says how often others are taken for it.`;
  const more = absent.length - NAMED_CLASSES;
  const named = `${absent.slice(0, NAMED_CLASSES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return `None of the ${pictures} is of ${named}; balanced accuracy is the mean over the others.`;
}

/** `7`, `4 to 40`. */
function range(counts: readonly number[]): string {
  const least = counts.reduce((a, b) => Math.min(a, b));
  const most = counts.reduce((a, b) => Math.max(a, b));
  return least === most ? `${least}` : `${least} to ${most}`;
}
