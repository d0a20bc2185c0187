/**
 * Pictures that stay on one side of a split: units, which are groups and pictures that are in none, and how a share of every
 * class or label is drawn of them.
 */
import { labelsOf, type Sample } from './sample.ts';

/** Groups where they overlap all of them together, in the order of the samples. */
export function united(samples: readonly Sample[], groups: readonly (readonly Sample[])[]): Sample[][] {
  const above = new Map<Sample, Sample>();
  const top = (sample: Sample): Sample => {
    let at = sample;
    for (let next = above.get(at); next; next = above.get(at)) at = next;
    if (at !== sample) above.set(sample, at);
    return at;
  };
  for (const group of groups)
    for (const sample of group) {
      const [first, second] = [top(group[0]!), top(sample)];
      if (first !== second) above.set(second, first);
    }
  const found = new Map<Sample, Sample[]>();
  for (const sample of samples) {
    const first = top(sample);
    const group = found.get(first);
    if (group) group.push(sample);
    else found.set(first, [sample]);
  }
  return [...found.values()].filter((group) => group.length > 1);
}

/** The groups, and a unit for every picture that is in none. */
export function unitsOf(samples: readonly Sample[], groups: readonly Sample[][]): Sample[][] {
  const unitOf = new Map<Sample, Sample[]>();
  for (const group of groups) for (const sample of group) unitOf.set(sample, group);
  return [...new Set(samples.map((sample) => unitOf.get(sample) ?? [sample]))];
}

/** How a share is drawn. */
export interface Drawing {
  /** How many labels (or classes) there are. */
  labels: number;
  /** Units of a label are drawn in the order of these. */
  rankOf(unit: readonly Sample[]): string;
  /** Of so many pictures of a label, how many are wanted. */
  wanted(pictures: number): number;
  /** Told of a label that one unit alone has. It stays to train. */
  onLone?(label: number, unit: readonly Sample[]): void;
}

/**
 * Splits pictures so that a share of every label validates: labels are taken from the rarest on, as in
 * Sechidis et al. (2011), "On the stratification of multi-label data", since a frequent one gets its share anyhow. The
 * units of a label that are on no side yet come in the order of their ranks; as many of them validate as the
 * label still lacks, the others train. Pictures without a label come last, in the same way. So it is with classes.
 */
export function drawShare(
  samples: readonly Sample[],
  groups: readonly Sample[][],
  { labels: count, rankOf, wanted: wantedOf, onLone }: Drawing,
): { train: Sample[]; val: Sample[] } {
  const units = unitsOf(samples, groups);
  const ranks = new Map(units.map((unit) => [unit, rankOf(unit)]));
  const inOrder = units.sort((a, b) => (ranks.get(a)! < ranks.get(b)! ? -1 : 1));
  const side = new Map<Sample[], 'train' | 'val'>();
  /** Pictures of a unit with a label; of those without any for null. */
  const has = (unit: readonly Sample[], label: number | null): number =>
    unit.filter((one) => (label === null ? labelsOf(one).length === 0 : labelsOf(one).includes(label)))
      .length;
  const unitsWith = (label: number | null): Sample[][] => inOrder.filter((unit) => has(unit, label) > 0);
  const labels = Array.from({ length: count }, (_, label) => ({ label, own: unitsWith(label) }))
    .filter(({ own }) => own.length > 0)
    .sort((a, b) => a.own.length - b.own.length || a.label - b.label);
  for (const { label, own } of [...labels, { label: null, own: unitsWith(null) }]) {
    if (label !== null && own.length < 2) onLone?.(label, own[0]!);
    const count = (of: readonly Sample[][]): number => of.reduce((sum, unit) => sum + has(unit, label), 0);
    const wanted = wantedOf(count(own));
    let taken = count(own.filter((unit) => side.get(unit) === 'val'));
    const free = own.filter((unit) => !side.has(unit));
    // One stays to train, unless one does already.
    const most = own.some((unit) => side.get(unit) === 'train') ? free.length : free.length - 1;
    // A group that brings more than twice of what lacks is further from the share with it than without; the smallest is taken
    // where no other is.
    const fits = (unit: readonly Sample[]): boolean => has(unit, label) < 2 * (wanted - taken);
    const smallest = free.reduce(
      (least, unit) => (has(unit, label) < has(least, label) ? unit : least),
      free[0]!,
    );
    const none = wanted > 0 && taken === 0 && !free.slice(0, most).some(fits);
    for (const [index, unit] of free.entries()) {
      const validates = none ? unit === smallest && most > 0 : taken < wanted && index < most && fits(unit);
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
