/** `search` as one would type it again. */
import { commandLine, optionArgs } from '../command-line.ts';
import type { SearchArgs } from './options.ts';

/** The command with these options; what is undefined or false is left out. */
export const searchCommand = (options: SearchArgs): string => commandLine('search', optionArgs(options));

/** The command that goes on with a search, as it was started last. */
export function resumeCommand(out: string, { adapter, memory, json }: SearchArgs): string {
  return searchCommand({ resume: out, adapter, memory, json });
}
