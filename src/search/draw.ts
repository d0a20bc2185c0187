/**
 * Networks drawn uniformly from those of a space that keep the target: the space is drawn from until one fits.
 *
 * Uniformly, although much smaller networks than the target allows are drawn too where the target is loose: that larger is
 * better is what the controls are there to check, and at equal steps the small ones cost the least.
 */
import type { SearchContext } from './method.ts';
import { type Choice, COLUMNS, countOf, keyOf, randomChoice, smallest } from './space.ts';

/** What drawing needs of a search. */
export type Drawing = Pick<SearchContext, 'space' | 'fits' | 'cost' | 'shownCost' | 'random'>;

/** How often the space is drawn from for one network. */
const MOST_TRIES = 20_000;

/**
 * One network that keeps the target and that `taken` does not refuse; null where none was met in 20,000 tries.
 * @param index the place among all that are drawn for the purpose: the same gives the same network
 */
function tryDraw(
  context: Drawing,
  purpose: string,
  index: number,
  taken: (choice: Choice) => boolean,
): Choice | null {
  const { space } = context;
  const random = context.random(purpose, index);
  const each = space.stages.length * COLUMNS.length;
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const choice = randomChoice(space, random, attempt * each);
    if (context.fits(choice) && !taken(choice)) return choice;
  }
  return null;
}

/**
 * A network that keeps the target.
 * @throws RangeError where none was met in 20,000 tries: a sentence with the cost of the smallest network
 */
export function drawOne(context: Drawing, purpose: string, index: number): Choice {
  const found = tryDraw(context, purpose, index, () => false);
  if (found) return found;
  const { space } = context;
  const least = smallest(space);
  const said = `the smallest costs ${context.shownCost(context.cost(least))}`;
  throw new RangeError(
    `of ${MOST_TRIES.toLocaleString('en-US')} networks drawn from the space ${space.name} none keeps the target; ` +
      `${said}${context.fits(least) ? ', which is within it' : ''}: a higher target or a space of smaller networks leaves a choice`,
  );
}

/**
 * Different networks that keep the target: `count`, or as many as were met where there are hardly more.
 * @throws RangeError where fewer than two were met
 */
export function drawSeveral(context: Drawing, purpose: string, count: number): Choice[] {
  const found = [drawOne(context, purpose, 0)];
  const keys = new Set(found.map(keyOf));
  while (found.length < Math.min(count, countOf(context.space))) {
    const next = tryDraw(context, purpose, found.length, (choice) => keys.has(keyOf(choice)));
    if (!next) break;
    found.push(next);
    keys.add(keyOf(next));
  }
  if (found.length < 2)
    throw new RangeError(
      `of the space ${context.space.name} only one network keeps the target, ${keyOf(found[0]!)}, which leaves nothing to search: give a higher target or a larger space`,
    );
  return found;
}
