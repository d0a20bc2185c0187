/**
 * Drawing validation pictures, where groups are not to be parted (groups.ts): a share of every class or label, and folds.
 * Splits depend on a seed and on the pictures' paths below the root, and so survive a folder that moves.
 */
import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { InputError } from '../../text/input-error.ts';
import { shown } from '../../text/shown.ts';
import { labelsOf, type Sample } from '../sample.ts';
import { drawShare, unitsOf } from '../units.ts';
import { NotTrainable } from './layout.ts';

/** What is split. */
interface Labelled {
  path: string;
  classes: readonly string[];
  samples: readonly Sample[];
  root: string;
}

/**
 * Splits pictures so that a share of every label validates, as drawShare (../units.ts) draws it: units of a label come in the
 * order of a hash of seed and path.
 * @throws NotTrainable where a label cannot give a picture to each side
 */
export function splitLabels(
  { path, classes, samples, root }: Labelled,
  groups: readonly Sample[][],
  valFraction: number,
  seed: number,
): { train: Sample[]; val: Sample[] } {
  return drawShare(samples, groups, {
    labels: classes.length,
    rankOf: ([first]) => rankOf(first!.file, root, seed),
    wanted: (pictures) => Math.max(1, Math.round(pictures * valFraction)),
    onLone(label, unit) {
      throw new NotTrainable(
        `${path}: ${nounFor(samples)} ${shown(classes[label]!)} is of ${unit.length === 1 ? 'only one picture' : 'only one group of pictures'}; ` +
          'at least two are needed, one to train and one to validate',
      );
    },
  });
}

/** One of `of` parts of a data set. */
export interface Fold {
  /** From 1 on. */
  index: number;
  of: number;
}

/** @throws InputError where it is no fold */
export function checkFold({ index, of }: Fold): void {
  if (!Number.isInteger(of) || of < 2) throw new InputError(`folds are 2 at least, not ${of}`);
  if (!Number.isInteger(index) || index < 1 || index > of)
    throw new InputError(`a fold of ${of} is 1 to ${of}, not ${index}`);
}

/** Pictures that stay together, and what is counted of them. */
interface Unit {
  samples: readonly Sample[];
  rank: string;
  /** How many of its pictures have a label; `NO_LABEL`: none. */
  has: Map<number, number>;
}

/** What stands for no label among labels. */
const NO_LABEL = -2;

/**
 * k folds of about equal size with about equal shares of every class or label, each unit (a group, or a picture of none) in one
 * of them; this is one of them, which validates, and the others, which train. As scikit-learn's StratifiedGroupKFold: units
 * come from the largest on, those of one size in the order of a hash of seed and path, and each goes to the fold that has least
 * of what it brings, Σ over its labels of (what the fold has · what it brings) / all there are.
 * @throws NotTrainable where a fold would be without a picture of a class or label
 */
export function splitFold(
  { path, classes, samples, root }: Labelled,
  groups: readonly Sample[][],
  { index, of }: Fold,
  seed: number,
): { train: Sample[]; val: Sample[] } {
  const units = unitsOf(samples, groups).map((unit) => unitWith(unit, root, seed));
  const total = new Map<number, number>();
  const bearers = new Map<number, Unit[]>();
  for (const unit of units)
    for (const [label, count] of unit.has) {
      total.set(label, (total.get(label) ?? 0) + count);
      const before = bearers.get(label);
      if (before) before.push(unit);
      else bearers.set(label, [unit]);
    }
  for (const [label, own] of bearers)
    if (label !== NO_LABEL && own.length < of)
      throw new NotTrainable(tooFew(path, nounFor(samples), classes[label]!, own, of));
  units.sort((a, b) => b.samples.length - a.samples.length || (a.rank < b.rank ? -1 : 1));
  const folds = Array.from({ length: of }, () => ({
    size: 0,
    has: new Map<number, number>(),
    samples: new Set<Sample>(),
  }));
  for (const unit of units) {
    let best = folds[0]!;
    let least = Number.POSITIVE_INFINITY;
    for (const fold of folds) {
      let full = 0;
      for (const [label, count] of unit.has) full += ((fold.has.get(label) ?? 0) * count) / total.get(label)!;
      if (full < least || (full === least && fold.size < best.size)) [best, least] = [fold, full];
    }
    best.size += unit.samples.length;
    for (const [label, count] of unit.has) best.has.set(label, (best.has.get(label) ?? 0) + count);
    for (const sample of unit.samples) best.samples.add(sample);
  }
  for (const fold of folds)
    for (const label of bearers.keys())
      if (label !== NO_LABEL && !fold.has.has(label))
        throw new NotTrainable(
          `${path}: groups that are not to be parted leave one of ${of} folds without a picture of ${nounFor(samples)} ` +
            `${shown(classes[label]!)}; take fewer folds, or finer groups`,
        );
  const own = folds[index - 1]!.samples;
  return { train: samples.filter((one) => !own.has(one)), val: samples.filter((one) => own.has(one)) };
}

const nounFor = (samples: readonly Sample[]): string =>
  samples.some(({ labels }) => labels !== undefined) ? 'label' : 'class';

function tooFew(path: string, noun: string, name: string, own: readonly Unit[], of: number): string {
  const pictures = own.reduce((sum, { samples }) => sum + samples.length, 0);
  const what = own.length === pictures ? 'picture' : 'group of pictures';
  const plural = own.length === 1 ? what : what.replace(/^(picture|group)/, '$1s');
  const remedy = own.length < 2 ? 'add some' : `take ${own.length} folds at most, or add some`;
  return `${path}: ${noun} ${shown(name)} has ${own.length} ${plural}, and each of ${of} folds needs one; ${remedy}`;
}

function unitWith(samples: readonly Sample[], root: string, seed: number): Unit {
  const ranks = samples.map(({ file }) => rankOf(file, root, seed));
  const has = new Map<number, number>();
  for (const sample of samples) {
    const labels = labelsOf(sample);
    for (const label of labels.length > 0 ? labels : [NO_LABEL]) has.set(label, (has.get(label) ?? 0) + 1);
  }
  return { samples, rank: ranks.reduce((least, rank) => (rank < least ? rank : least)), has };
}

function rankOf(file: string, root: string, seed: number): string {
  const path = relative(root, file).split(sep).join('/');
  return createHash('sha256').update(`${seed} ${path}`).digest('hex');
}
