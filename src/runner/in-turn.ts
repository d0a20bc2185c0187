/** Things to do that do not depend on each other, one after the other; those that were done before are passed on. */

export interface InTurn<Item, Done> {
  /** What came of it before; null where it is to be done. */
  known(item: Item): Done | null;
  /** Asked before each thing that is to be done: true ends the list here. */
  stopped(): boolean;
  /** Does it, and has it recorded. Null where it was stopped in the middle. */
  work(item: Item): Promise<Done | null>;
}

/** What came of each item, in their order, up to where it was stopped. */
export async function* inTurn<Item, Done>(
  items: Iterable<Item>,
  { known, stopped, work }: InTurn<Item, Done>,
): AsyncGenerator<{ item: Item; done: Done; known: boolean }, void, undefined> {
  for (const item of items) {
    const before = known(item);
    if (before !== null) yield { item, done: before, known: true };
    else {
      if (stopped()) return;
      const done = await work(item);
      if (done === null) return;
      yield { item, done, known: false };
    }
  }
}
