/** `--shard I/N`. */
import { InvalidArgumentError } from 'commander';
import type { Shard } from '../runner/shard.ts';

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
