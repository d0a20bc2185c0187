/**
 * Drawing validation pictures from a list: what is not to be parted, and a share of every label where a picture has several.
 */
import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import { shown } from '../../../text/shown.ts';
import { labelsOf, type Sample } from '../../sample.ts';
import { NotTrainable } from '../folder.ts';

/**
 * Groups of two pictures or more that are not to be parted: copies of one another, and those that the list calls a group;
 * where the two overlap, all of them together. In the order of the samples.
 */
export function joinedGroups(
  samples: readonly Sample[],
  copies: readonly Sample[][],
  named: readonly { group: string | null }[],
): Sample[][] {
  const above = new Map<Sample, Sample>();
  const top = (sample: Sample): Sample => {
    let at = sample;
    for (let next = above.get(at); next; next = above.get(at)) at = next;
    if (at !== sample) above.set(sample, at);
    return at;
  };
  const join = (a: Sample, b: Sample): void => {
    const [first, second] = [top(a), top(b)];
    if (first !== second) above.set(second, first);
  };
  for (const group of copies) for (const sample of group) join(group[0]!, sample);
  const firstOf = new Map<string, Sample>();
  for (const [index, sample] of samples.entries()) {
    const { group } = named[index]!;
    if (group === null) continue;
    const first = firstOf.get(group);
    if (first) join(first, sample);
    else firstOf.set(group, sample);
  }
  const groups = new Map<Sample, Sample[]>();
  for (const sample of samples) {
    const first = top(sample);
    const group = groups.get(first);
    if (group) group.push(sample);
    else groups.set(first, [sample]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/** What is split. */
interface Labelled {
  path: string;
  classes: readonly string[];
  samples: readonly Sample[];
  root: string;
}

/**
 * Splits pictures of several labels so that a share of every label validates: labels are taken from the rarest on, as in
 * Sechidis et al. (2011), "On the stratification of multi-label data", since a frequent one gets its share anyhow. The
 * pictures of a label that are on no side yet come in the order of a hash of seed and path; as many of them validate as the
 * label still lacks, the others train. Pictures without a label come last, in the same way.
 * @throws NotTrainable where a label cannot give a picture to each side
 */
export function splitLabels(
  { path, classes, samples, root }: Labelled,
  groups: readonly Sample[][],
  valFraction: number,
  seed: number,
): { train: Sample[]; val: Sample[] } {
  const unitOf = new Map<Sample, Sample[]>();
  for (const group of groups) for (const sample of group) unitOf.set(sample, group);
  const units = [...new Set(samples.map((sample) => unitOf.get(sample) ?? [sample]))];
  const ranks = new Map(units.map((unit) => [unit, rankOf(unit[0]!.file, root, seed)]));
  const inOrder = units.sort((a, b) => (ranks.get(a)! < ranks.get(b)! ? -1 : 1));
  const side = new Map<Sample[], 'train' | 'val'>();
  /** Pictures of a unit with a label; of those without any for null. */
  const has = (unit: readonly Sample[], label: number | null): number =>
    unit.filter((one) => (label === null ? labelsOf(one).length === 0 : labelsOf(one).includes(label)))
      .length;
  const unitsOf = (label: number | null): Sample[][] => inOrder.filter((unit) => has(unit, label) > 0);
  const labels = [...classes.keys()]
    .map((label) => ({ label, own: unitsOf(label) }))
    .filter(({ own }) => own.length > 0)
    .sort((a, b) => a.own.length - b.own.length || a.label - b.label);
  for (const { label, own } of [...labels, { label: null, own: unitsOf(null) }]) {
    if (label !== null && own.length < 2)
      throw new NotTrainable(
        `${path}: label ${shown(classes[label]!)} is of ${own[0]!.length === 1 ? 'only one picture' : 'only one group of pictures'}; ` +
          'at least two are needed, one to train and one to validate',
      );
    const count = (of: readonly Sample[][]): number => of.reduce((sum, unit) => sum + has(unit, label), 0);
    const wanted = Math.max(1, Math.round(count(own) * valFraction));
    let taken = count(own.filter((unit) => side.get(unit) === 'val'));
    const free = own.filter((unit) => !side.has(unit));
    // One stays to train, unless one does already.
    const most = own.some((unit) => side.get(unit) === 'train') ? free.length : free.length - 1;
    for (const [index, unit] of free.entries()) {
      const validates = taken < wanted && index < most;
      side.set(unit, validates ? 'val' : 'train');
      if (validates) taken += has(unit, label);
    }
  }
  const of = (wanted: 'train' | 'val'): Sample[] => {
    const chosen = new Set(inOrder.filter((unit) => side.get(unit) === wanted).flat());
    return samples.filter((sample) => chosen.has(sample));
  };
  return { train: of('train'), val: of('val') };
}

function rankOf(file: string, root: string, seed: number): string {
  const path = relative(root, file).split(sep).join('/');
  return createHash('sha256').update(`${seed} ${path}`).digest('hex');
}
