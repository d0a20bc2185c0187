/** `npm run search`: the best network of a space for this adapter and these pictures, and what its controls say of it. */
import type { Command } from 'commander';
import { runInFolder } from './run-place.ts';
import { searchOnDevice } from './search/device.ts';
import { checkOptions, type SearchArgs, searchOptions } from './search/options.ts';
import { newSearch, resumedSearch } from './search/setup.ts';

export const description =
  'Searches a space of networks for one that is fast enough on this adapter and good on these pictures, trains it, and says ' +
  'beside random search and a hand-made network what the search was worth. The result is a checkpoint, as of `train`.';

export const options = (command: Command): void => searchOptions(command);

export async function run(_args: string[], options: SearchArgs): Promise<number> {
  checkOptions(options);
  return runInFolder(
    (signal) => (options.resume === undefined ? newSearch(options) : resumedSearch(options, signal)),
    searchOnDevice,
    options,
  );
}
