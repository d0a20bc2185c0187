/** Temporary files: their names, which say whose they are, and the removal of those whose writer was killed. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive, markName, ownMark, parseMark } from './processes.ts';

const TEMPORARY = /^\.(.*)\.([^.]*)\.tmp$/s;
/** Characters of a file's name that its temporary one keeps: a name has at most 255 bytes. */
const KEPT = 60;

/** Where this process writes a file before it takes its place: `.NAME.MACHINE-PID-STARTED.tmp` beside it. */
export function temporaryFor(target: string): string {
  const name = basename(target).slice(0, KEPT);
  return join(dirname(target), `.${name}.${markName(ownMark())}.tmp`);
}

/**
 * Removes the temporary files in `folder` that no process will finish.
 * @param owned whether nobody else writes into the folder now, so that also those of other machines and of earlier versions
 *   of this program are nobody's
 */
export async function removeLeftovers(folder: string, owned = false): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, , writer] = TEMPORARY.exec(name) ?? [];
    const mark = parseMark(writer ?? '');
    const dead = mark ? owned || isAlive(mark) === false : owned && /^\d+$/.test(writer ?? '');
    if (dead) await rm(join(folder, name), { force: true });
  }
}
