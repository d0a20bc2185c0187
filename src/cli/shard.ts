/** `--shard I/N`, and what N of them have to be to make one whole. */
import { InvalidArgumentError } from 'commander';
import { type Shard, shardText } from '../runner/shard.ts';
import { MOST_FOLDS } from '../runner/sweep.ts';
import { UserError } from './ui.ts';

/** More than this are a mistake. */
const MOST_SHARDS = 100_000;

/** A commander parser for `2/8`, of `least` to `most` parts. */
const partOption =
  (parts: string, least: number, most: number) =>
  (text: string): Shard => {
    const [, index, of] = (/^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? []).map(Number);
    if (!(index >= 1 && index <= of && of >= least && of <= most))
      throw new InvalidArgumentError(
        `It is I/N, the I-th of N ${parts}: two whole numbers, I from 1 to N, N ${least > 1 ? `from ${least} to` : 'at most'} ${most.toLocaleString('en-US')}.`,
      );
    return { index, of };
  };

export const shardOption = partOption('shards', 1, MOST_SHARDS);
export const foldOption = partOption('folds', 2, MOST_FOLDS);

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
