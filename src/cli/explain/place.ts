/** Where the sheets of `explain` go: one for all pictures, or a file for each. */
import { basename, extname, join } from 'node:path';
import { statOrNull } from '../../node/files.ts';
import { UserError } from '../ui.ts';

/** A sheet with more pictures is too long to look at. */
export const MOST_ROWS = 50;

/** Where sheets go: `sheet` is one for all pictures, else each has its own. */
export interface Destination {
  sheet: string | null;
  of(file: string): string;
}

/**
 * Where the sheets of these pictures go.
 * @throws UserError for one file where there must be several
 */
export async function destination(
  files: readonly string[],
  { out, features }: { out?: string; features?: boolean },
): Promise<Destination> {
  const [usual, most] = features ? ['features', 1] : ['explain', MOST_ROWS];
  const path = out ?? (files.length > most ? usual : `${usual}.png`);
  const isFolder = (await statOrNull(path))?.isDirectory() ?? false;
  const sheet = !isFolder && /\.(png|jpe?g)$/i.test(path) ? path : null;
  if (sheet && files.length > most)
    throw new UserError(
      `${path} would hold ${files.length} pictures, at most ${most} are drawn on a sheet; give --out a folder`,
    );
  const taken = new Set<string>();
  const nameFor = (file: string): string => {
    const stem = basename(file, extname(file));
    let name = `${stem}.${usual}.png`;
    for (let count = 2; taken.has(name); count++) name = `${stem}-${count}.${usual}.png`;
    taken.add(name);
    return join(path, name);
  };
  const places = new Map(files.map((file) => [file, sheet ?? nameFor(file)]));
  return { sheet, of: (file) => places.get(file)! };
}
