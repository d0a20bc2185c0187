/**
 * Which of several kernels reaches most, and whether that may be believed. They run in rounds, so that a moment in which
 * the machine was busy falls on all; a rate counts when it was reached in two rounds. Where the best two rounds
 * disagree the best kernels get more of them.
 */
import type { Device } from '../../gpu/index.ts';
import { timer } from '../measure.ts';
import type { Ceiling } from '../result.ts';

/** A kernel that is tried. */
export interface Contender {
  name: string;
  /** FLOPs or bytes of one run. */
  amount: number;
  /** Records a run; it is told how many there were. */
  run(index: number): void;
  /** Whether what it computes is right. */
  right: boolean;
  /** Whether it can win; otherwise it is shown for scale. */
  counts: boolean;
}

/** What a contender took: milliseconds of a run, a list for each round. */
export interface Tried extends Omit<Contender, 'run'> {
  rounds: readonly (readonly number[])[];
}

const SAMPLES = 4;
/** Milliseconds after which a round of a contender takes no further sample. */
const BUDGET = 250;
const ROUNDS = 3;
const MORE_ROUNDS = 4;
/** Contenders that get more rounds. */
const LEADERS = 3;

/** What is too much: the best round over the second, half of the samples over the best, the winner over the next kernel. */
const MOST = { rounds: 1.1, median: 1.5, lead: 1.5 };

/** Milliseconds of the fastest run that was reached in two rounds. */
const reached = ({ rounds }: Tried): number => bests(rounds)[1] ?? Number.POSITIVE_INFINITY;
const bests = (rounds: Tried['rounds']): number[] =>
  rounds.map((times) => times.toSorted((a, b) => a - b)[0]!).sort((a, b) => a - b);
/** How far the best round is from being reached again: 1 is twice the same. */
const agreement = ({ rounds }: Tried): number => {
  const [best, second] = bests(rounds);
  return second! / best!;
};
/** 10⁹ a second. */
const rate = (tried: Tried): number => tried.amount / reached(tried) / 1e6;
/** Those that can win, the best first. */
const ranked = (tried: readonly Tried[]): Tried[] =>
  tried.filter(({ right, counts }) => right && counts).sort((a, b) => rate(b) - rate(a));

/** Times the contenders. @param progress told the part that is done, from 0 to 1 */
export async function contest(
  device: Device,
  contenders: readonly Contender[],
  progress: (done: number) => void,
): Promise<Tried[]> {
  const entries: { tried: Tried & { rounds: number[][] }; round: () => Promise<number[]> }[] = [];
  const steps = contenders.length * (1 + ROUNDS);
  for (const { run, ...contender } of contenders) {
    const { round } = await timer(device, run);
    const tried = { ...contender, rounds: [] };
    entries.push({ tried, round: () => round({ samples: SAMPLES, budget: BUDGET }) });
    progress(entries.length / steps);
  }
  const take = async (names: readonly Tried[]): Promise<void> => {
    for (const { tried, round } of entries)
      if (names.includes(tried)) {
        tried.rounds.push(await round());
        progress(
          Math.min(1, (entries.length + entries.flatMap((entry) => entry.tried.rounds).length) / steps),
        );
      }
  };
  const all = entries.map(({ tried }) => tried);
  for (let count = 0; count < ROUNDS; count++) await take(all);
  for (let count = 0; count < MORE_ROUNDS; count++) {
    const leaders = ranked(all).slice(0, LEADERS);
    if (leaders.length === 0 || agreement(leaders[0]!) <= MOST.rounds) break;
    await take(leaders);
  }
  return all;
}

/**
 * The ceiling out of what was tried, with the first reason to doubt it.
 * @param doubt one that is known beforehand
 * @param alike whether the contenders do the same work, so that none can be far ahead of the others
 */
export function ceilingOf(tried: readonly Tried[], doubt: string | null, alike: boolean): Ceiling {
  const best = ranked(tried);
  const winner = best[0] ?? tried[0]!;
  return {
    value: rate(winner),
    kernel: winner.name,
    tried: tried.map((one) => ({ kernel: one.name, value: rate(one) })),
    doubt: wrong(tried) ?? doubt ?? unsteady(winner) ?? (alike ? alone(best) : null),
  };
}

const percent = (ratio: number): number => Math.round(100 * (ratio - 1));

function wrong(tried: readonly Tried[]): string | null {
  const names = tried.filter(({ right }) => !right).map(({ name }) => name);
  return names.length > 0 ? `wrong values came from ${names.join(', ')}` : null;
}

function unsteady(winner: Tried): string | null {
  const { name, rounds } = winner;
  const between = agreement(winner);
  if (between > MOST.rounds)
    return `the best round of ${name} was ${percent(between)} % faster than every other one; the machine is busy`;
  const times = rounds.flat().sort((a, b) => a - b);
  const half = times[Math.floor(times.length / 2)]! / reached(winner);
  return half > MOST.median
    ? `half of the samples of ${name} took ${percent(half)} % longer than the best, or more; the machine is busy`
    : null;
}

function alone([first, second]: readonly Tried[]): string | null {
  if (!first || !second) return 'there is one kernel only that computes what it should';
  const lead = rate(first) / rate(second);
  return lead > MOST.lead
    ? `${first.name} is ${percent(lead)} % faster than ${second.name}, the next of kernels that do the same`
    : null;
}
