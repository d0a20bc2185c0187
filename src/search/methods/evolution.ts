/**
 * Regularised evolution: Real, Aggarwal, Huang & Le, "Regularized Evolution for Image Classifier Architecture Search" (2019),
 * algorithm 1.
 *
 *     population ← P drawn at random
 *     until C have lived:
 *       sample ← S of the population, drawn with replacement
 *       child ← mutate(the best of sample)
 *       add child to the population; remove the oldest
 *     the best of all that lived
 *
 * The oldest dies, however good it is: what is to last must be found good again in its children. What lives and what its value
 * is, is the caller's, so that the same lines run on a surrogate (methods/supernet.ts) and on a table of accuracies
 * (bench/search-nasbench.ts).
 */
import type { Random } from '../../tensor/random.ts';

export interface Evolution<T> {
  /** One at random; `random` is a stream of its own. */
  draw(random: Random): T;
  /** Another that differs a little. */
  mutate(parent: T, random: Random): T;
  /** What is minimised. */
  value(one: T): number;
  /** P, S and C of the algorithm. */
  population: number;
  sample: number;
  cycles: number;
  /** The stream for the one that is born as the `index`-th. */
  random(index: number): Random;
}

export interface Lived<T> {
  one: T;
  value: number;
}

/** All that lived, in the order of their births: `cycles`, of which the first `population` were drawn. */
export function evolve<T>(evolution: Evolution<T>): Lived<T>[] {
  const { draw, mutate, value, population, sample, cycles, random } = evolution;
  const lived: Lived<T>[] = [];
  for (let index = 0; index < cycles; index++) {
    const stream = random(index);
    const one =
      index < population
        ? draw(stream)
        : mutate(parentOf(lived, population, sample, stream), after(stream, sample));
    lived.push({ one, value: value(one) });
  }
  return lived;
}

/** The best of a sample of the population, which is the youngest of all that lived. */
function parentOf<T>(lived: readonly Lived<T>[], population: number, sample: number, random: Random): T {
  let best: Lived<T> | null = null;
  for (let i = 0; i < sample; i++) {
    const met = lived[lived.length - population + Math.floor(random(i) * population)];
    if (!best || met.value < best.value) best = met;
  }
  return best!.one;
}

/** The rest of a stream of which `count` numbers are used. */
const after =
  (random: Random, count: number): Random =>
  (counter) =>
    random(count + counter);
