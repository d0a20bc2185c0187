/**
 * What a checkpoint says itself, and what commands may therefore not be told beside it: one place for `predict`, `explain` and
 * `export`.
 */
import type { InputSize } from '../data/input-size.ts';
import type { Fit } from '../data/placing.ts';
import { flagOf } from './command-line.ts';
import { UserError } from './ui.ts';

/** Options of a network that a checkpoint leaves no room for. */
export interface BesideCheckpoint {
  model?: string | undefined;
  weights?: string | undefined;
  size?: InputSize | undefined;
  fit?: Fit | undefined;
}

/**
 * @param checkpoint as sentences name it
 * @throws UserError where an option says again what the checkpoint says
 */
export function refuseBesideCheckpoint(checkpoint: string, given: BesideCheckpoint): void {
  const again = (['model', 'weights', 'size', 'fit'] as const).filter((name) => given[name] !== undefined);
  if (again.length > 0)
    throw new UserError(
      `${checkpoint} names its model, weights and size itself; leave out ${again.map(flagOf).join(' and ')}`,
    );
}
