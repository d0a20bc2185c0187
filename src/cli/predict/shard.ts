/** `--shard I/N`: every N-th item of a list, from the I-th on, so that N machines that know nothing of each other do it all. */
import { InvalidArgumentError } from 'commander';

export interface Shard {
  /** From 1 to `of`. */
  index: number;
  of: number;
}

/** The whole, as a shard. */
export const WHOLE: Shard = { index: 1, of: 1 };

/** More than this are a mistake. */
const MOST_SHARDS = 100_000;

/** A commander parser for `2/8`. */
export function shardOption(text: string): Shard {
  const [, index, of] = (/^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? []).map(Number);
  if (!(index >= 1 && index <= of && of <= MOST_SHARDS))
    throw new InvalidArgumentError(
      `It is I/N, the I-th of N shards: two whole numbers, I from 1 to N, N at most ${MOST_SHARDS.toLocaleString('en-US')}.`,
    );
  return { index, of };
}

export const shardText = ({ index, of }: Shard): string => `${index}/${of}`;

/** The items of a shard, with their places in the list. */
export const itemsOf = <Item>(all: readonly Item[], { index, of }: Shard): Item[] =>
  all.filter((_, place) => place % of === index - 1);

/** The place in the list of the `nth` item of a shard, both counted from 0. */
export const placeOf = (nth: number, { index, of }: Shard): number => nth * of + index - 1;
