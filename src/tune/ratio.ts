/**
 * How many times as fast one work is as another, on a machine that is busy with other things: measured in turns, ABBA, so that
 * what drifts falls on both alike. A shared machine makes samples slower, never faster, so of each round the quicker sample of
 * either counts; the ratio is the median over the rounds.
 */
import type { Timer } from '../bench/measure.ts';
import { median } from '../train/evaluation/intervals.ts';

export interface Ratio {
  /** Time of the first over time of the second. */
  median: number;
  /** Between these the ratio lies with 94 % and more, as far as rounds are independent. */
  low: number;
  high: number;
  /** Of each round. */
  rounds: readonly number[];
  /** Milliseconds of either: the median over the rounds. */
  ms: readonly [number, number];
}

/** A round of two works. @returns milliseconds of either, the quicker of two samples */
async function roundOf(first: Timer, second: Timer): Promise<[number, number]> {
  const sample = async (timer: Timer): Promise<number> => (await timer.round({ samples: 1, least: 1 }))[0]!;
  const [a1, b1, b2, a2] = [
    await sample(first),
    await sample(second),
    await sample(second),
    await sample(first),
  ];
  return [Math.min(a1, a2), Math.min(b1, b2)];
}

/** `rounds` rounds of two works in turns. */
export async function measureRatio(first: Timer, second: Timer, rounds: number): Promise<Ratio> {
  const times: [number, number][] = [];
  for (let round = 0; round < rounds; round++) times.push(await roundOf(first, second));
  return ratioOf(times);
}

/** The ratio of times that were taken in rounds, and its interval. */
export function ratioOf(times: readonly (readonly [number, number])[]): Ratio {
  const rounds = times.map(([a, b]) => a / b);
  const sorted = [...rounds].sort((a, b) => a - b);
  // Order statistics: the extremes of 5 hold the median with 94 %, of 6 with 97; of 9 the second from either end with 96.
  const cut = sorted.length >= 9 ? 1 : 0;
  return {
    median: median(rounds),
    low: sorted[cut]!,
    high: sorted.at(-1 - cut)!,
    rounds,
    ms: [median(times.map(([a]) => a)), median(times.map(([, b]) => b))],
  };
}
