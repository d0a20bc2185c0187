/** `--shard I/N`, and what N of them have to be to make one whole. */
import { InvalidArgumentError } from 'commander';
import { type Shard, shardText } from '../runner/shard.ts';
import { UserError } from './ui.ts';

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

/** Shards in their order. @throws UserError where they are not all shards of one division, each once */
export function inOrder<Part extends { path: string; shard: Shard }>(parts: readonly Part[]): Part[] {
  const [first] = parts;
  const { of } = first.shard;
  const byIndex = new Map<number, Part>();
  for (const part of parts) {
    const { path, shard } = part;
    if (shard.of !== of)
      throw new UserError(
        `${path} is shard ${shardText(shard)} and ${first.path} is shard ${shardText(first.shard)}: not of one division`,
      );
    const twice = byIndex.get(shard.index);
    if (twice)
      throw new UserError(`${twice.path} and ${path} are both shard ${shardText(shard)}; give each once`);
    byIndex.set(shard.index, part);
  }
  const missing = Array.from({ length: of }, (_, place) => place + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0) {
    const named = missing.slice(0, 8).join(', ') + (missing.length > 8 ? ', …' : '');
    throw new UserError(
      `of ${of} shards ${missing.length === 1 ? 'one is' : `${missing.length} are`} missing: ${named}`,
    );
  }
  return Array.from({ length: of }, (_, place) => byIndex.get(place + 1)!);
}
