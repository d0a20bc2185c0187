/** Pictures as arguments of a command: files, and folders that are searched. */
import { ignoredNote } from '../data/node/notes.ts';
import { append, listPictures } from '../data/node/walk.ts';
import { statOrNull } from '../node/files.ts';
import { say, UserError } from './ui.ts';

/**
 * The pictures that the arguments mean, folders searched; and a sentence for each argument, and each entry of a folder, that
 * means none.
 */
export async function picturesOf(args: readonly string[]): Promise<{ files: string[]; failures: string[] }> {
  const files: string[] = [];
  const failures: string[] = [];
  const add = async (arg: string): Promise<void> => {
    const found = await statOrNull(arg);
    if (!found) failures.push(`there is no picture ${arg}`);
    else if (!found.isDirectory()) files.push(arg);
    else {
      const { pictures, ignored, lost } = await listPictures(arg);
      for (const note of ignoredNote(arg, ignored)) say(note);
      for (const { path, why } of lost) failures.push(`${path} ${why}`);
      if (pictures.length === 0) failures.push(`the folder ${arg} holds no pictures`);
      append(files, pictures);
    }
  };
  for (const arg of args)
    await add(arg).catch((error: Error) => {
      failures.push(error.message);
    });
  if (files.length === 0) throw new UserError(failures.join('; '));
  return { files, failures };
}
