/** Words of a command line that people may copy. */
import { shown } from './shown.ts';

/**
 * A word as a shell takes it: quoted where it holds anything but letters, digits and `@%+:,./-_`, with `~` and `=` inside.
 * One with what cannot be seen as bash and zsh read it back: `$'a\nb'`.
 */
export function shellWord(word: string): string {
  if (/^[\w@%+:,./-][\w@%+=:,./~-]*$/.test(word)) return word;
  if (shown(word) !== word) return `$'${shown(word.replace(/[\\']/g, '\\$&'))}'`;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
