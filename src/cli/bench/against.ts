/**
 * `bench --against REF`: this tree and a git revision, measured in turns.
 *
 * Each pair is two processes, one of either tree, in the order AB BA AB BA …, so that what drifts evenly falls on both alike.
 * Each side is driven through its own bench (worker.ts). Differences within pairs are what is compared: a machine that is slow
 * for minutes cancels out, a process that happens to be laid out well counts as one pair, and unlike two stored runs pairs tell
 * a slower machine from slower code. This is the strong test.
 */
import { type Comparison, comparePairs } from '../../bench/compare.ts';
import { counted, onStop, progressBar, type StopRequest, say } from '../ui.ts';
import { type CompareOptions, showComparison } from './compare.ts';
import { checkOut, isChanged } from './revision.ts';
import { type Asked, MARKER, measureSide, type Side, sideOf, workerArgs } from './worker.ts';

export interface AgainstOptions extends Pick<CompareOptions, 'json' | 'failOn' | 'pairs'> {
  against: string;
  /** Of each work in each process. */
  samples: number;
}

/** Rounds of a process: some moments of it, each in buffers of its own. */
const ROUNDS = 3;
/** Pairs below which a run that was stopped says nothing. */
const LEAST_PAIRS = 6;

/** Runs the command. `root` is this tree's. @returns the exit code */
export async function runAgainst(root: string, asked: Asked, options: AgainstOptions): Promise<number> {
  const { against, pairs, samples } = options;
  const stop = onStop('Stopping: this pair is given up; once more stops at once.');
  try {
    const revision = await checkOut(root, against, MARKER);
    try {
      if (await isChanged(root))
        say('This tree has changes that are not committed: they are measured as they are.');
      const sides = [sideOf(revision.name, revision.folder), sideOf('this tree', root)] as const;
      const comparison = await interleaved(sides, workerArgs(asked, ROUNDS, samples), pairs, stop);
      const code = comparison ? showComparison(comparison, options) : 0;
      return stop.exitCode || code;
    } finally {
      revision.dispose();
    }
  } finally {
    stop.dispose();
  }
}

/**
 * Measures both sides in turns. @returns null where it was stopped before there were pairs enough
 * @throws Error, a sentence, where a side fails
 */
export async function interleaved(
  [before, after]: readonly [Side, Side],
  args: readonly string[],
  pairs: number,
  stop: Pick<StopRequest, 'requested' | 'signal'>,
): Promise<Comparison | null> {
  const bar = progressBar('Runs', 2 * pairs + 2);
  const found: { before: BenchDocument; after: BenchDocument }[] = [];
  let done = 0;
  const measured = async (side: Side): Promise<BenchDocument> => {
    bar.update(done, side.name);
    const document = await measureSide(side, args, stop.signal);
    bar.update(++done, side.name);
    return document;
  };
  try {
    // The first process of a tree compiles its programs and its sources: it does not count.
    for (const side of [before, after]) await measured(side);
    while (found.length < pairs) {
      const swapped = found.length % 2 === 1;
      const first = await measured(swapped ? after : before);
      const second = await measured(swapped ? before : after);
      found.push(swapped ? { before: second, after: first } : { before: first, after: second });
    }
  } catch (error) {
    if (!stop.requested) throw error;
  } finally {
    bar.stop();
  }
  if (found.length < LEAST_PAIRS) {
    say(`${counted(found.length, 'pair')} of runs: nothing is compared below ${LEAST_PAIRS}.`);
    return null;
  }
  return comparePairs(found);
}

type BenchDocument = Awaited<ReturnType<typeof measureSide>>;
