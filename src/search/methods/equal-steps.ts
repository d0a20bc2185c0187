/** Networks that train for equally many steps: how many fit into planned seconds. */
import type { SearchContext } from '../method.ts';
import type { Choice } from '../space.ts';

type Pace = Pick<SearchContext, 'stepSeconds' | 'scoreSeconds'>;

/** Planned seconds of training each network for `steps` steps and measuring it once. */
export const plannedSeconds = (context: Pace, networks: readonly Choice[], steps: number): number =>
  networks.reduce(
    (sum, network) => sum + steps * context.stepSeconds(network) + context.scoreSeconds(network),
    0,
  );

/**
 * The most steps s for which training every network for s steps and measuring each once takes at most `seconds`:
 *
 *     s = ⌊(seconds − Σ scoreSeconds) / Σ stepSeconds⌋, and at least 0
 */
export function equalSteps(context: Pace, networks: readonly Choice[], seconds: number): number {
  const scores = plannedSeconds(context, networks, 0);
  const steps = plannedSeconds(context, networks, 1) - scores;
  return Math.max(0, Math.floor((seconds - scores) / steps));
}

/**
 * A method that cannot give each of its networks a step has too little time.
 * @param least planned seconds that would do
 */
export function tooShort(method: string, budget: number, least: number): RangeError {
  return new RangeError(
    `${method} needs at least ${Math.ceil(least)} s for networks of this space, and its share of the time is ${Math.floor(budget)} s: give the search more minutes, or a space of smaller networks`,
  );
}
