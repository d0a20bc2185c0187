/** A search on a device: what it plans with is measured, then it runs, then what it found is written. */
import type { Device } from '../../gpu/index.ts';
import { measureModels } from '../../search/latency.ts';
import { methodNamed } from '../../search/methods.ts';
import type { SearchResult } from '../../search/result.ts';
import { search } from '../../search/search.ts';
import { notesOf } from '../data-source.ts';
import { type StopRequest, say } from '../ui.ts';
import { checkFit } from './fit.ts';
import { readPictures } from './pictures.ts';
import { measured } from './plan.ts';
import { SearchLines } from './progress.ts';
import { type Setup, writePlan } from './setup.ts';
import { closingText, openingText, planText } from './text.ts';
import { writeFound, writePage } from './write.ts';

/** Searches to the end, or until a stop is requested. */
export async function searchOn(device: Device, setup: Setup, stop: StopRequest): Promise<SearchResult> {
  const { settings, store, set, found } = setup;
  const { space, seed, lr, references } = settings;
  if (found) {
    await writePage(device, setup, found);
    say(...closingText(setup, found));
    return found;
  }
  for (const note of notesOf(set)) say(note);
  await checkFit(device, setup);
  const method = methodNamed(settings.method);
  const { pictures, trainedOn } = await readPictures(setup);
  say(...openingText(setup, pictures, method));
  if (!setup.planned) {
    setup.planned = await measured(device, settings, pictures, stop.signal);
    await writePlan(setup, setup.planned);
  }
  const { plan, target } = setup.planned;
  say(...planText(setup, setup.planned, device));
  const lines = new SearchLines(target);
  const outcome = await search({
    ...{ device, space, method, target, plan, pictures, store, seed, lr, references },
    folder: settings.data,
    latency: async (model) => {
      const [ms] = await measureModels(device, [model], { batch: target.batch, size: space.inputSize });
      return ms!;
    },
    hooks: lines.hooks,
    signal: stop.signal,
  }).finally(() => lines.stop());
  await writeFound(device, setup, outcome, trainedOn);
  say(...closingText(setup, outcome.result));
  return outcome.result;
}
