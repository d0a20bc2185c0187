/** The pictures that `predict` is asked about: arguments, and lists of names. */
import { linesOf, linesOfFile } from '../../node/lines.ts';
import { picturesOf } from '../picture-args.ts';
import { UserError } from '../ui.ts';

/** Standard input, as an option names it. */
const STDIN = '-';
/** Names take memory, pictures do not: some hundred bytes each. */
const MOST_NAMES = 10_000_000;

/** What is asked, and a sentence for each argument, and each entry of a folder, that is no picture. */
export interface Asked {
  files: string[];
  failures: string[];
}

/**
 * The pictures of the arguments, then those of a list: a name a line, empty lines left out. What stands in a list is looked
 * at only when its turn comes, so that its places are the same wherever the command runs.
 */
export async function asked(args: readonly string[], listed: string | undefined): Promise<Asked> {
  if (args.length === 0 && listed === undefined)
    throw new UserError(
      'name pictures or folders of pictures, or a list of them with --list FILE (- is standard input)',
    );
  const { files, failures } = args.length > 0 ? await picturesOf(args) : { files: [], failures: [] };
  if (listed === undefined) return { files, failures };
  const place = listed === STDIN ? 'standard input' : listed;
  const before = files.length;
  for await (const { text } of listed === STDIN ? linesOf(process.stdin, place) : linesOfFile(listed)) {
    if (text.includes('\0'))
      throw new UserError(
        `${place} is no list of names: it holds a zero byte; a name a line is read (find's -print, not -print0)`,
      );
    if (text !== '') files.push(text);
    if (files.length > MOST_NAMES)
      throw new UserError(
        `${place} names more than ${MOST_NAMES.toLocaleString('en-US')} pictures; split it, or give a part with each command`,
      );
  }
  if (files.length === before) throw new UserError(`${place} names no pictures: it is empty`);
  return { files, failures };
}
