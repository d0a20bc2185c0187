/** The device of a search, and another one where it is lost: all that is needed to go on lies in the folder. */
import { choicesFrom, type Device, DeviceLost } from '../../gpu/index.ts';
import type { SearchResult } from '../../search/result.ts';
import { openCommandDevice } from '../device.ts';
import { announceSoftware, type StopRequest, say } from '../ui.ts';
import { resumeCommand } from './command.ts';
import { searchOn } from './run.ts';
import type { Setup } from './setup.ts';

/** Searches to the end, or until a stop is requested. @throws DeviceLost where the device is lost twice */
export async function searchOnDevice(setup: Setup, stop: StopRequest): Promise<SearchResult> {
  const first = await attempt(setup, stop);
  if ('result' in first) return first.result;
  say(`${first.lost.message}. Another one is opened, and the search goes on from what it saved.`);
  const second = await attempt(setup, stop);
  if ('result' in second) return second.result;
  const { folder, options } = setup;
  throw new DeviceLost(
    `${second.lost.message}, for the second time in this search; ` +
      (folder.holdsRun
        ? `what it saved is whole, and this goes on from it: ${resumeCommand(folder.path, options)}`
        : 'nothing had been saved. A smaller --batch or --size asks less of the adapter'),
  );
}

async function attempt(
  setup: Setup,
  stop: StopRequest,
): Promise<{ result: SearchResult } | { lost: DeviceLost }> {
  const begunWith = setup.planned ? choicesFrom(setup.planned.choices) : undefined;
  const device: Device = await openCommandDevice(setup.options, { begunWith });
  try {
    announceSoftware(device);
    return { result: await searchOn(device, setup, stop) };
  } catch (error) {
    const lost = await device.loss();
    if (!lost) throw error;
    return { lost };
  } finally {
    device.close();
  }
}
