/** A search on a device: what it plans with is measured, then it runs, then what it found is written. */
import type { Device } from '../../gpu/index.ts';
import { measureModels } from '../../search/cost/latency.ts';
import { methodNamed } from '../../search/methods/table.ts';
import type { SearchResult } from '../../search/result.ts';
import { search } from '../../search/search.ts';
import { taughtBy } from '../../search/taught.ts';
import { notesOf } from '../data-source.ts';
import { type StopRequest, say } from '../ui.ts';
import { checkFit } from './fit.ts';
import { readPictures } from './pictures.ts';
import { measured } from './plan.ts';
import { SearchLines } from './progress.ts';
import { scaledText, scaleOn } from './scale.ts';
import { type Setup, writePlan } from './setup.ts';
import { closingText, openingText, planText } from './text.ts';
import { writeFound, writePage } from './write.ts';

/** Searches to the end, or until a stop is requested. */
export async function searchOn(device: Device, setup: Setup, stop: StopRequest): Promise<SearchResult> {
  const { settings, store, set, found } = setup;
  const { space, seed, lr, references } = settings;
  if (found) {
    await writePage(device, setup, found);
    say(...(found.grid ? scaledText(setup, found) : closingText(setup, found)));
    return found;
  }
  for (const note of notesOf(set)) say(note);
  await checkFit(device, setup);
  const method = methodNamed(settings.method);
  const { pictures, trainedOn } = await readPictures(setup);
  if (!settings.scaling) say(...openingText(setup, pictures, method));
  const teacher = setup.teacher ? taughtBy(setup.teacher.name, await setup.teacher.on(device)) : undefined;
  if (!setup.planned) {
    setup.planned = await measured(device, settings, { pictures, teacher, signal: stop.signal });
    await writePlan(setup, setup.planned);
  }
  const { plan, target } = setup.planned;
  if (settings.scaling) {
    const result = await scaleOn(device, setup, setup.planned, { pictures, trainedOn }, teacher, stop);
    say(...scaledText(setup, result));
    return result;
  }
  say(...planText(setup, setup.planned, device));
  const lines = new SearchLines(target);
  const outcome = await search({
    ...{ device, space, method, target, plan, pictures, store, seed, lr, references, teacher },
    folder: settings.data,
    latencies: (models) => measureModels(device, models, { batch: target.batch, size: space.inputSize }),
    hooks: lines.hooks,
    signal: stop.signal,
  }).finally(() => lines.stop());
  await writeFound(device, setup, outcome, trainedOn);
  say(...closingText(setup, outcome.result));
  return outcome.result;
}
