/** What is said of the classes of a data set: how many pictures each has, and what that makes of the figures. */
import { type DataSet, labelsOf } from '../data/sample.ts';
import { shown } from '../text/shown.ts';
import { classWeightsFor, imbalanceOf } from '../train/class-weights.ts';
import { posWeightsFor } from '../train/labels/criterion.ts';
import { argmax, classCounts, percent } from '../train/metrics.ts';
import type { TrainSettings } from '../train/settings.ts';

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
      samples.flatMap((sample) => labelsOf(sample)),
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

/**
 * `Pictures with each label, of 240 (and of 60 to validate): cat 80 (20), dog 64 (16); 12 (3) have none, the others 1.6 on
 * average.`
 */
export function describeLabels({ classes, train, val }: Pick<DataSet, 'classes' | 'train' | 'val'>): string {
  const sizes = classSizes({ classes, train, val });
  const names = classes.map(shown);
  const of = (samples: DataSet['train']) => {
    const counts = samples.map((sample) => labelsOf(sample).length);
    return { none: counts.filter((count) => count === 0).length, labels: sum(counts) };
  };
  const [learnt, held] = [of(train), of(val)];
  const some = train.length - learnt.none;
  const each =
    names.length <= NAMED_CLASSES
      ? names.map((name, i) => `${name} ${sizes.train[i]} (${sizes.val[i]})`).join(', ')
      : `${range(sizes.train)} (${range(sizes.val)})`;
  return `Pictures with each label, of ${train.length} (and of ${val.length} to validate): ${each}; ${learnt.none} (${held.none}) have none, the others ${some > 0 ? (learnt.labels / some).toFixed(1) : 0} on average.`;
}

/** What the weights of labels do in a run; null where there are none. */
export function describeLabelWeights(
  { classes, train }: Pick<DataSet, 'classes' | 'train'>,
  { classWeights }: Pick<TrainSettings, 'classWeights'>,
): string | null {
  const { train: counts } = classSizes({ classes, train, val: [] });
  const weights = posWeightsFor(classWeights, classes, counts, train.length);
  if (!weights) return null;
  return `In the loss a yes counts ${weightsText(weights, classes.map(shown))}, beside a no (--class-weights).`;
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

/**
 * From so many pictures of one class for one of another on, advice is given. It is no default: of heads on 30 and 300 faces
 * the balanced accuracy rose with either option by 0.02 or not at all (after few epochs by 0.05 to 0.08), but accuracy on
 * pictures as unequal fell by 0.02 to 0.03; with 60 and 300 the first was the same within 0.01 (docs/fine-tuning.md).
 */
const UNEQUAL = 8;

/** What a run does about classes with unequal numbers of pictures, or could; null where there is nothing to say. */
export function describeBalance(
  { train }: ClassSizes,
  classes: readonly string[],
  { classWeights, sampler }: Pick<TrainSettings, 'classWeights' | 'sampler'>,
): string | null {
  const names = classes.map(shown);
  const weights = classWeightsFor(classWeights, classes, train);
  const lines = [
    sampler === 'balanced'
      ? `Classes are drawn equally often (--sampler balanced), each about ${Math.round(sum(train) / present(train))} times an epoch.`
      : null,
    weights ? `In the loss a picture counts ${weightsText(weights, names)} (--class-weights).` : null,
  ].filter((line) => line !== null);
  if (lines.length > 0) return lines.join(' ');
  if (classWeights !== 'none') return 'Class weights change nothing here: every class counts 1.';
  const ratio = imbalanceOf(train);
  if (ratio < UNEQUAL) return null;
  const rare = argmax(train.map((count) => (count > 0 ? -count : Number.NEGATIVE_INFINITY)));
  return (
    `${names[argmax(train)]} has ${Math.floor(ratio)} times as many pictures as ${names[rare]}. If the rare ones matter as much: ` +
    '--class-weights auto (or --sampler balanced) finds more of them, and is wrong more often about the others.'
  );
}

/** `0.55 for real, 5.5 for fake`; of many classes the least and the most. */
function weightsText(weights: readonly number[], names: readonly string[]): string {
  const text = (weight: number): string => String(Number(weight.toPrecision(3)));
  if (names.length <= NAMED_CLASSES)
    return names.map((name, i) => `${text(weights[i])} for ${name}`).join(', ');
  const [least, most] = [weights.reduce((a, b) => Math.min(a, b)), weights.reduce((a, b) => Math.max(a, b))];
  return `from ${text(least)} to ${text(most)} by its class`;
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
const present = (counts: readonly number[]): number => counts.filter((count) => count > 0).length;
