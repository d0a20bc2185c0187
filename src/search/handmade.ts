/**
 * What a person would take without a search: a uniform network. Every column stands at the same relative position of its list
 * in all stages (the middle of the widths everywhere, the last of the depths everywhere), and squeeze-and-excitation is
 * nowhere or everywhere. It is the control that a search has to beat.
 */
import type { Target } from './result.ts';
import { type Choice, COLUMNS, type Column, type SearchSpace, type StageChoice, VALUES } from './space.ts';

/** Relative positions of the columns in their lists, from 0, the first value, to 1, the last. */
export type Positions = Readonly<Record<Column, number>>;

/** The network whose columns stand at these positions in all stages; halves are rounded down. */
export function uniform(space: SearchSpace, positions: Positions): Choice {
  return space.stages.map(
    (stage) =>
      Object.fromEntries(
        COLUMNS.map((column) => {
          const values = stage[VALUES[column]];
          return [column, values[Math.ceil(positions[column] * (values.length - 1) - 0.5)]];
        }),
      ) as StageChoice,
  );
}

/** The uniform network in the middle, without squeeze-and-excitation where the lists leave the choice. */
export const middle = (space: SearchSpace): Choice =>
  uniform(space, { kernel: 0.5, expandRatio: 0.5, width: 0.5, depth: 0.5, squeeze: 0 });

/**
 * The uniform network of highest cost that is within the target, of equal ones the first; a soft target's value counts as
 * much. Null where none is.
 */
export function handMade(
  space: SearchSpace,
  cost: (choice: Choice) => number,
  { value }: Pick<Target, 'value'>,
): Choice | null {
  let best: { choice: Choice; cost: number } | null = null;
  for (const positions of allPositions(space)) {
    const choice = uniform(space, positions);
    const costs = cost(choice);
    if (costs <= value && (!best || costs > best.cost)) best = { choice, cost: costs };
  }
  return best?.choice ?? null;
}

/** Each column at each place of its longest list; squeeze at its ends. */
function allPositions({ stages }: SearchSpace): Positions[] {
  const placesOf = (column: Column): number[] => {
    if (column === 'squeeze') return [0, 1];
    const longest = Math.max(...stages.map((stage) => stage[VALUES[column]].length));
    return Array.from({ length: longest }, (_, place) => (longest === 1 ? 0 : place / (longest - 1)));
  };
  let all: Partial<Record<Column, number>>[] = [{}];
  for (const column of COLUMNS)
    all = all.flatMap((part) => placesOf(column).map((position) => ({ ...part, [column]: position })));
  return all as Positions[];
}
