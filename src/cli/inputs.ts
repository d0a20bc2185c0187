/**
 * The rule that no command writes over a file that it reads, whichever way its path leads there: by another spelling, in other
 * capitals or another form of Unicode where the disk takes these for one name, through a link. Who named both meant one of them
 * otherwise, and what is written over is gone.
 */
import { identityOf } from '../node/files.ts';
import { UserError } from './ui.ts';

/** A file that a command reads. */
export interface Input {
  path: string;
  /** What it is to the command, in words: `the file to convert`. */
  is: string;
}

/** What commands call files of theirs. */
export const inputs = (is: string, paths: readonly string[]): Input[] => paths.map((path) => ({ path, is }));

/**
 * Looks before anything is written.
 * @param writes files that will be written, replaced or removed; those that are not there yet are nobody's
 * @param remedy what to do instead
 * @throws UserError where one of them is a file that is read
 */
export async function refuseOverInputs(
  writes: readonly string[],
  reads: readonly Input[],
  remedy = 'name another place with --out',
): Promise<void> {
  const written = new Map<string, string>();
  for (const path of writes) {
    const there = await identityOf(path);
    if (there !== null) written.set(there, path);
  }
  if (written.size === 0) return;
  for (const { path, is } of reads) {
    const over = written.get((await identityOf(path)) ?? '');
    if (over !== undefined) throw new UserError(`${over} is ${is} and would be written over; ${remedy}`);
  }
}
