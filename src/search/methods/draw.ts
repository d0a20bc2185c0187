/**
 * Networks drawn uniformly from those of a space that keep the target: the space is drawn from until one fits.
 *
 * Uniformly, although where the target is loose much smaller networks than it allows are drawn too: that larger is better is
 * what the controls are there to check, and it is not so when time is short (after one epoch of CIFAR-10 the larger of 16
 * networks had the higher losses, τ 0.35; bench/search-study.ts). At equal steps the small ones also cost the least.
 */
import type { Random } from '../../tensor/random.ts';
import type { SearchContext } from '../method.ts';
import { type Choice, COLUMNS, countOf, keyOf, randomChoice, smallest, VALUES } from '../space.ts';

/** What drawing needs of a search. */
export type Drawing = Pick<SearchContext, 'space' | 'fits' | 'cost' | 'shownCost' | 'random'>;

/** How often the space is drawn from for one network, and a network changed for one that fits. */
const MOST_TRIES = 20_000;
const MOST_CHANGES = 200;

/** One that keeps the target and that `taken` does not refuse; null where none was met in 20,000 tries. */
function tryDraw(
  context: Drawing,
  random: Random,
  taken: (choice: Choice) => boolean = () => false,
): Choice | null {
  const { space } = context;
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
export function drawOne(context: Drawing, random: Random): Choice {
  const found = tryDraw(context, random);
  if (found) return found;
  const { space } = context;
  const least = smallest(space);
  const within = context.fits(least) ? ', which is within it' : '';
  throw new RangeError(
    `of ${MOST_TRIES.toLocaleString('en-US')} networks drawn from the space ${space.name} none keeps the target; ` +
      `the smallest costs ${context.shownCost(context.cost(least))}${within}: give a higher target or a space of smaller networks`,
  );
}

/**
 * Different networks that keep the target: `count`, or as many as were met where there are hardly more. The first ones of more
 * are those of fewer.
 * @param purpose of the random numbers
 * @throws RangeError where fewer than two were met
 */
export function drawSeveral(context: Drawing, purpose: string, count: number): Choice[] {
  const found = [drawOne(context, context.random(purpose, 0))];
  const keys = new Set(found.map(keyOf));
  while (found.length < Math.min(count, countOf(context.space))) {
    const stream = context.random(purpose, found.length);
    const next = tryDraw(context, stream, (choice) => keys.has(keyOf(choice)));
    if (!next) break;
    found.push(next);
    keys.add(keyOf(next));
  }
  if (found.length < 2)
    throw new RangeError(
      `of the space ${context.space.name} only one network keeps the target, ${keyOf(found[0])}, which leaves nothing to search: give a higher target or a larger space`,
    );
  return found;
}

/** The same search without its target, to draw from the whole space. */
export const withoutTarget = (context: Drawing): Drawing => ({
  space: context.space,
  fits: () => true,
  cost: (choice) => context.cost(choice),
  shownCost: (cost) => context.shownCost(cost),
  random: (purpose, index) => context.random(purpose, index),
});

/**
 * The network with one value of one stage changed to another of its list, both drawn uniformly, so that the target is kept;
 * the network itself where no such change was met in 200 tries.
 */
export function mutated(
  { space, fits }: Pick<Drawing, 'space' | 'fits'>,
  parent: Choice,
  random: Random,
): Choice {
  const places = space.stages.flatMap((stage, index) =>
    COLUMNS.filter((column) => stage[VALUES[column]].length > 1).map((column) => ({ index, column })),
  );
  for (let attempt = 0; attempt < MOST_CHANGES; attempt++) {
    const { index, column } = places[Math.floor(random(2 * attempt) * places.length)];
    const others = space.stages[index][VALUES[column]].filter((value) => value !== parent[index][column]);
    const value = others[Math.floor(random(2 * attempt + 1) * others.length)];
    const child = parent.map((stage, at) => (at === index ? { ...stage, [column]: value } : stage));
    if (fits(child)) return child;
  }
  return parent;
}
