/**
 * By how much entries moved between two measurements, beyond what measurements do by themselves.
 *
 * The figures are logarithms of times, one a *round*: samples of one round share the moment and are no evidence of their own
 * (Kalibera and Jones 2013: the unit is the highest level that varies). What an entry moved is a sum over groups of rounds: the
 * rounds of a run and those of an older one with their sign turned, or one group of pairs.
 *
 *     δ = Σ_g median_r x_gr        e² = Σ_g (π/2)·s_g²/R_g + τ²        t = δ / e
 *
 * The spread s_g (from the median absolute deviation: bursts do not count) is the entry's own, and at least what all entries
 * have on average, since a few rounds may agree by chance (the moderated t of Smyth 2004). τ is what rounds cannot show: two
 * processes differ by more than two rounds of one. Where there are entries enough it is read off them: the τ for which half of
 * the entries lie as near to each other as half of normal ones would (Paule and Mandel 1982, by the median, so that those that
 * did change do not widen it; in genetics, Devlin and Roeder's genomic control, 1999).
 *
 * **How large |t| gets by chance** is seen by doing all of it again with rounds of no change: drawn from the residuals of these
 * rounds, bursts included, some hundred times over. The 95 % quantile of the *largest* |t| of all entries holds for all of them
 * together (Westfall and Young 1993, Romano and Wolf 2005). As Holm's it needs no independence, but it gives intervals, and it
 * does not grow with entries that repeat each other. The draws are counter-based: the same rounds have the same answer.
 */
import { bitsAt, normalAt, randomKey } from '../tensor/random.ts';
import { median, quantileOf } from '../train/evaluation/intervals.ts';

/** A list of rounds for each entry: logarithms, in the order in which they were taken. */
export type Group = readonly (readonly number[])[];

/** What an entry moved, as a logarithm, and how far off that may be. */
export interface Shift {
  delta: number;
  half: number;
}

export interface ShiftOptions {
  /** Take what the entries did in common off each: in every round, and at the end. Asks for `FEW` entries. */
  relative: boolean;
  /** The least τ. */
  between: number;
  /** How sure, of all entries together. */
  confidence: number;
}

/** Fewer entries do not show what is usual. */
export const FEW = 5;
/** Rounds below which nothing is known of their spread. */
export const LEAST_ROUNDS = 3;

/** Draws, where entries are few and many. */
const DRAWS = { most: 400, least: 200, entries: 20_000 };
/** Rounds that the average of all entries counts for beside an entry's own. */
const PRIOR = 4;
/** The median of |normal|. */
const NORMAL = 0.6745;
/** A spread that no clock goes below. */
const FINEST = 1e-4;

/** The shift of each entry. Every list holds `LEAST_ROUNDS` at least. */
export function shiftsOf(groups: readonly Group[], options: ShiftOptions): readonly Shift[] {
  if (groups[0]!.length === 0) return [];
  const { deltas, errors, between } = studentised(groups, options);
  const limit = byChance(groups, options, between);
  return deltas.map((delta, entry) => ({ delta, half: limit * errors[entry]! }));
}

/** Each round without what the entries did in it in common; as it is where they have not the same rounds. */
function withoutCommon(group: Group): Group {
  if (group.some(({ length }) => length !== group[0]!.length)) return group;
  const common = commonRounds(group);
  return group.map((rounds) => rounds.map((value, round) => value - common[round]!));
}

/** What the entries did in common in each round that all of them have, about 0. */
export function commonRounds(group: Group): number[] {
  const levels = group.map(median);
  const rounds = -largest(group.map(({ length }) => -length));
  return Array.from({ length: rounds }, (_, round) =>
    median(group.map((values, entry) => values[round]! - levels[entry]!)),
  );
}

interface Studentised {
  deltas: number[];
  errors: number[];
  between: number;
}

function studentised(
  given: readonly Group[],
  { relative, between: least }: Pick<ShiftOptions, 'relative' | 'between'>,
): Studentised {
  const groups = relative ? given.map(withoutCommon) : given;
  const spreads = groups.map(spreadsOf);
  const sum = (value: (group: Group, g: number) => number): number =>
    groups.reduce((total, group, g) => total + value(group, g), 0);
  const moved = groups[0]!.map((_, entry) => sum((group) => median(group[entry]!)));
  const within = moved.map((_, entry) =>
    sum((group, g) => ((Math.PI / 2) * spreads[g]![entry]! ** 2) / group[entry]!.length),
  );
  const common = relative ? median(moved) : 0;
  const deltas = moved.map((value) => value - common);
  const between = relative ? betweenOf(deltas, within, least) : least;
  return { deltas, errors: within.map((value) => Math.hypot(Math.sqrt(value), between)), between };
}

/** τ: half of the entries lie within what half of normal ones would; at least `least`. */
function betweenOf(deltas: readonly number[], within: readonly number[], least: number): number {
  const tooFar = (tau: number): boolean =>
    median(deltas.map((delta, entry) => delta ** 2 / (within[entry]! + tau ** 2))) > NORMAL ** 2;
  if (!tooFar(least)) return least;
  let [low, high] = [least, largest(deltas.map(Math.abs)) / NORMAL];
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2;
    if (tooFar(middle)) low = middle;
    else high = middle;
  }
  return high;
}

/** The spread of the rounds of each entry. */
function spreadsOf(group: Group): number[] {
  const robust = group.length >= FEW;
  const own = group.map(robust ? medianDeviation : standardDeviation);
  const usual = median(own) ** 2;
  return own.map((value, entry) => {
    const freedom = group[entry]!.length - 1;
    const mixed = Math.sqrt((PRIOR * usual + freedom * value ** 2) / (PRIOR + freedom));
    return Math.max(value, mixed, FINEST);
  });
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);

function medianDeviation(values: readonly number[]): number {
  const level = median(values);
  return median(values.map((value) => Math.abs(value - level))) / NORMAL;
}

function standardDeviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** What the largest |t| stays below in `confidence` of the draws in which nothing moved. */
function byChance(given: readonly Group[], options: ShiftOptions, between: number): number {
  const groups = options.relative ? given.map(withoutCommon) : given;
  const spreads = groups.map(spreadsOf);
  const residuals = groups.flatMap((group, g) =>
    group.flatMap((rounds, entry) => {
      const level = median(rounds);
      return rounds.map((value) => (value - level) / spreads[g]![entry]!);
    }),
  );
  const entries = groups[0]!.length;
  const apart = between / Math.sqrt(groups.length);
  const draws = Math.round(Math.min(DRAWS.most, Math.max(DRAWS.least, DRAWS.entries / entries)));
  const sizes = Float64Array.from({ length: draws }, (_, draw) => {
    const key = randomKey(0, 'bench-chance', draw);
    let counter = 0;
    const drawn = groups.map((group, g) =>
      group.map((rounds, entry) => {
        const process = apart * normalAt(key, entry, g + 1);
        const one = (): number =>
          residuals[Math.floor((bitsAt(key, counter++) / 2 ** 32) * residuals.length)]!;
        return rounds.map(() => process + spreads[g]![entry]! * one());
      }),
    );
    const { deltas, errors } = studentised(drawn, options);
    return largest(deltas.map((delta, entry) => Math.abs(delta) / errors[entry]!));
  });
  return quantileOf(sizes.sort(), options.confidence);
}
