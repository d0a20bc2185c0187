/** `bench --compare`: two documents of the bench, or one and the run that was just made. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Comparison, compareRuns } from '../../bench/compare.ts';
import { comparisonFoot, comparisonHead, comparisonRows } from '../../bench/compare-text.ts';
import { differences } from '../../bench/match.ts';
import { type BenchHeader, type BenchResult, benchResultOf } from '../../bench/result.ts';
import { reading } from '../../node/files.ts';
import { readRegular } from '../../node/regular.ts';
import { oneOf } from '../command-line.ts';
import { bold, printJson, say, table, UserError } from '../ui.ts';

/** What `--fail-on` may name. */
const FAILING = ['slower', 'faster', 'changed'] as const;

export interface CompareOptions {
  compare?: string;
  against?: string;
  pairs: number;
  failOn?: (typeof FAILING)[number];
  json?: boolean;
}

export function compareOptions(command: Command): void {
  command
    .option(
      '--compare <old.json>',
      'a stored document (--json) that this run is compared with; with a second one behind it, the two, and nothing is measured',
    )
    .option(
      '--against <revision>',
      'measures this tree and a git revision in turns and compares them: what --compare cannot tell from a slower machine',
    )
    .option('--pairs <n>', 'how often --against measures both', pairCount, 16)
    .option('--fail-on <verdict>', `exit code 1 where an entry is so: ${FAILING.join(', ')}`, oneOf(FAILING));
}

/** Six pairs are the least whose agreement says anything; beyond a hundred it is a matter of days. */
function pairCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 6 || value > 100)
    throw new InvalidArgumentError('It must be a whole number from 6 to 100.');
  return value;
}

/** Bytes of a document: parseBounded takes as many characters. */
const MOST_BYTES = 16 * 2 ** 20;

/** A document of the bench. @throws UserError, a sentence */
export async function readBench(path: string): Promise<BenchResult> {
  const bytes = await reading(path, readRegular(path, MOST_BYTES));
  return asSentence(() => benchResultOf(new TextDecoder().decode(bytes), path));
}

/** Compares two files. @returns the exit code */
export async function compareFiles(older: string, newer: string, options: CompareOptions): Promise<number> {
  const [before, after] = [await readBench(older), await readBench(newer)];
  return showComparison(comparisonOf(before, after), options);
}

/** @throws UserError, a sentence, where the two cannot be compared */
export const comparisonOf = (before: BenchResult, after: BenchResult): Comparison =>
  asSentence(() => compareRuns(before, after));

/**
 * What a run that is about to be made will be compared with is refused before minutes are spent on it.
 * @throws UserError, a sentence, where it is of another adapter
 */
export function demandSameAdapter(before: BenchResult, header: BenchHeader): void {
  asSentence(() => differences(before.header, header));
}

/** Prints a comparison. @returns the exit code */
export function showComparison(
  comparison: Comparison,
  { json, failOn }: Pick<CompareOptions, 'json' | 'failOn'>,
): number {
  if (json) printJson(comparison);
  else {
    const [first, ...others] = comparisonHead(comparison);
    say(first!, ...others.map((line) => (comparison.warnings.includes(line) ? bold(line) : line)));
    const left = (column: number): boolean => column === 0 || column === 5;
    process.stdout.write(`${table(comparisonRows(comparison), { left })}\n`);
    say(...comparisonFoot(comparison));
  }
  if (failOn === undefined) return 0;
  const wanted = failOn === 'changed' ? ['slower', 'faster'] : [failOn];
  const { together, kind } = comparison;
  // Of two runs it may be the machine.
  const all = kind === 'interleaved' && together?.shown ? [together.value > 1 ? 'slower' : 'faster'] : [];
  const verdicts = [...comparison.entries.map(({ verdict }) => verdict as string), ...all];
  return verdicts.some((verdict) => wanted.includes(verdict)) ? 1 : 0;
}

function asSentence<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(error.message, { cause: error });
    throw error;
  }
}
