/** A shard: every N-th item of a list, from the I-th on, so that N machines that know nothing of each other do it all. */

export interface Shard {
  /** From 1 to `of`. */
  index: number;
  of: number;
}

/** The whole, as a shard. */
export const WHOLE: Shard = { index: 1, of: 1 };

export const shardText = ({ index, of }: Shard): string => `${index}/${of}`;

/** The items of a shard, with their places in the list. */
export const itemsOf = <Item>(all: readonly Item[], { index, of }: Shard): Item[] =>
  all.filter((_, place) => place % of === index - 1);

/** The place in the list of the `nth` item of a shard, both counted from 0. */
export const placeOf = (nth: number, { index, of }: Shard): number => nth * of + index - 1;
