/** `npm run search`: the best network of a space for this adapter and these pictures, and what its controls say of it. */
import type { Command } from 'commander';
import { closeLoader } from '../data/node/loader.ts';
import { searchOnDevice } from './search/device.ts';
import { checkOptions, type SearchArgs, searchOptions } from './search/options.ts';
import { newSearch, resumedSearch, type Setup } from './search/setup.ts';
import { onStop, printJson } from './ui.ts';

export const description =
  'Searches a space of networks for one that is fast enough on this adapter and good on these pictures, trains it, and says ' +
  'beside random search and a hand-made network what the search was worth. The result is a checkpoint, as of `train`.';

export const options = (command: Command): void => searchOptions(command);

export async function run(_args: string[], options: SearchArgs): Promise<number> {
  checkOptions(options);
  let setup: Setup | undefined;
  const stop = onStop('Stopping after this step, then saving; once more stops at once.', () =>
    setup?.folder.announceEnd(),
  );
  try {
    setup =
      options.resume === undefined ? await newSearch(options) : await resumedSearch(options, stop.signal);
    const result = await searchOnDevice(setup, stop);
    if (options.json) printJson(result);
    return result.finished ? 0 : stop.exitCode;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError' && stop.requested) return stop.exitCode;
    throw error;
  } finally {
    await setup?.folder.release();
    await closeLoader();
    stop.dispose();
  }
}
