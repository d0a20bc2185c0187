/** What the trials and the finals say when they are held against each other. */
import { counted, formatNumber } from '../text/figures.ts';
import { TrainingError } from '../train/fit.ts';
import { aimOf } from './cost/target.ts';
import type { Trial } from './method.ts';
import type { Agreement, Comparison, FinalRole, SearchResult, Target } from './result.ts';
import { mean, type PictureAnswers } from './score.ts';
import { bootstrap, mcnemar, rankAgreement } from './statistics.ts';

/** Two networks on the same pictures: McNemar's test of what they have right, and the difference of their losses. */
export function comparisonOf(
  of: [FinalRole, FinalRole],
  first: PictureAnswers,
  second: PictureAnswers,
): Comparison {
  const differences = first.losses.map((loss, i) => loss - second.losses[i]!);
  const only = (one: PictureAnswers, other: PictureAnswers): number =>
    one.right.reduce((count, right, i) => count + Number(right > other.right[i]!), 0);
  const [onlyFirst, onlySecond] = [only(first, second), only(second, first)];
  const { low, high } = bootstrap(differences.length, (drawn) => {
    let sum = 0;
    for (const i of drawn) sum += differences[i]!;
    return sum / drawn.length;
  })!;
  return {
    of,
    pictures: differences.length,
    onlyFirst,
    onlySecond,
    p: mcnemar(onlyFirst, onlySecond),
    difference: mean(differences),
    interval: [low, high],
  };
}

/** A final as far as it decides what is returned. */
interface Judged {
  cost: number;
  fresh: { loss: number } | null;
}

/**
 * Winner or hand-made: the one of lower loss on the fresh pictures; under a soft target, of lower objective.
 * @param comparison of the two, winner first; null where there are no two
 * @throws Error where neither can be returned
 */
export function returnedOf(
  target: Target,
  winner: Judged,
  handMade: Judged | null,
  comparison: Comparison | null,
): SearchResult['returned'] {
  if (!winner.fresh && !handMade?.fresh)
    throw new TrainingError(
      'the winner and the hand-made network diverged in their last training, so there is no network to return; a tenth of the learning rate (--lr) may do',
    );
  if (!handMade)
    return {
      role: 'winner',
      reason: 'No uniform network is within the target, so there is none to hold the winner against.',
    };
  if (!winner.fresh)
    return {
      role: 'hand-made',
      reason: 'The winner diverged in its last training, so the hand-made network is returned.',
    };
  if (!handMade.fresh)
    return { role: 'winner', reason: 'The hand-made network diverged in its training, the winner did not.' };
  if (!comparison) return { role: 'winner', reason: 'The search found the hand-made network itself.' };
  const { objective } = aimOf(target);
  const worth = ({ cost, fresh }: Judged): number => objective(fresh!.loss, cost);
  const better = worth(winner) <= worth(handMade) ? 'winner' : 'hand-made';
  return {
    role: better,
    reason: reasonFor(better, winner.fresh.loss, handMade.fresh.loss, target, comparison),
  };
}

function reasonFor(
  better: 'winner' | 'hand-made',
  winner: number,
  handMade: number,
  { exponent }: Target,
  { pictures, difference, interval: [low, high] }: Comparison,
): string {
  const clear = low > 0 || high < 0;
  const verdict = clear
    ? 'the interval does not hold 0, so these pictures tell the two apart'
    : 'the interval holds 0, so these pictures do not tell the two apart';
  const rule = exponent === null ? 'the lower loss' : 'the lower loss with its cost counted in';
  return `The ${better === 'winner' ? 'winner' : 'hand-made network'} has ${rule} on ${counted(pictures, 'fresh picture')}: the winner's loss is ${formatNumber(winner)}, the hand-made network's ${formatNumber(handMade)}, a difference of ${signed(difference)} (95 % interval ${signed(low)} to ${signed(high)}); ${verdict}.`;
}

const signed = (value: number): string => `${value < 0 ? '−' : ''}${formatNumber(Math.abs(value))}`;

/** Fewer networks have no rank agreement to speak of. */
const FEWEST = 3;

/**
 * Rank agreements of the trials: of the two halves of the held pictures and of multiply-adds (more taken for better) with the
 * loss, over the rung of the most networks; and of each rung with the next, over the networks that are in both.
 */
export function agreementsOf(
  trials: readonly Trial[],
  multiplyAdds: (network: string) => number,
): Agreement[] {
  return (['method', 'random'] as const).flatMap((by) => {
    const rungs = rungsOf(trials.filter((trial) => trial.by === by));
    const widest = rungs.reduce((best, rung) => (rung.size > best.size ? rung : best), rungs[0] ?? new Map());
    const all = [...widest.values()];
    const lists: [what: string, a: number[], b: number[]][] = [
      [
        'the two halves of the held pictures',
        all.map(({ halves }) => halves[0]),
        all.map(({ halves }) => halves[1]),
      ],
      [
        'multiply-adds with the loss',
        all.map(({ network }) => -multiplyAdds(network)),
        all.map(({ loss }) => loss),
      ],
      ...rungs.slice(1).map((next, i): [string, number[], number[]] => {
        const both = [...next.values()].filter(({ network }) => rungs[i]!.has(network));
        return [
          `rung ${i + 1} with rung ${i + 2}`,
          both.map(({ network }) => rungs[i]!.get(network)!.loss),
          both.map(({ loss }) => loss),
        ];
      }),
    ];
    return lists.flatMap(([what, a, b]) => {
      const found = a.length < FEWEST ? null : rankAgreement(a, b);
      return found ? [{ what: by === 'random' ? `random search: ${what}` : what, ...found }] : [];
    });
  });
}

/** The trials of each rung by their networks, the first rung first. */
function rungsOf(trials: readonly Trial[]): Map<string, Trial>[] {
  const rungs = new Map<number, Map<string, Trial>>();
  for (const trial of trials) {
    const rung = rungs.get(trial.rung) ?? new Map<string, Trial>();
    rungs.set(trial.rung, rung.set(trial.network, trial));
  }
  return [...rungs].sort(([a], [b]) => a - b).map(([, rung]) => rung);
}
