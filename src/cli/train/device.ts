/**
 * The device of a run, and another one where it is lost: a driver that was reset takes all that lay on its device along.
 * Then the run goes on from its last checkpoint, or from its beginning where nothing was saved, to the bits of one that lost
 * nothing. That is done once; a device that is lost again has a cause that waiting does not mend.
 */
import { type Device, DeviceLost } from '../../gpu/index.ts';
import type { Report } from '../../report/report.ts';
import { choicesIn } from '../../train/node/checkpoint.ts';
import { type CommandDevice, openCommandDevice } from '../device.ts';
import { announceSoftware, type StopRequest, say } from '../ui.ts';
import { resumeCommand } from './command.ts';
import { checkFit } from './preflight.ts';
import { train } from './run.ts';
import type { TrainOptions } from './settings.ts';
import { type Setup, setUpAgain } from './setup.ts';

/** Where runs get their device, and give it back. */
export interface Devices {
  open(options: TrainOptions, how: CommandDevice): Promise<Device>;
  /** @param failed whether what ran on it may have left anything there */
  close(device: Device, failed: boolean): void;
}

/** A device of its own for each run. */
const OWN: Devices = {
  async open(options, how) {
    const device = await openCommandDevice(options, how);
    announceSoftware(device);
    return device;
  },
  close: (device) => device.close(),
};

/** Trains to the end, or until a stop is requested. @throws DeviceLost where the device is lost twice */
export async function trainOnDevice(
  setup: Setup,
  options: TrainOptions,
  stop: StopRequest,
  devices = OWN,
): Promise<Report> {
  const { folder } = setup;
  const first = await attempt(setup, options, stop, devices);
  if ('report' in first) return first.report;
  say(
    `${first.lost.message}. Another one is opened, and the run goes on ` +
      (folder.holdsRun ? 'from what was saved last.' : 'from its beginning: nothing had been saved.'),
  );
  const second = await attempt(await setUpAgain(setup), options, stop, devices);
  if ('report' in second) return second.report;
  throw new DeviceLost(
    `${second.lost.message}, for the second time in this run; ` +
      (folder.holdsRun
        ? `what was saved last is whole, and this goes on from it: ${resumeCommand(folder.path, options)}`
        : 'nothing had been saved. A smaller --batch or --size asks less of the adapter'),
  );
}

type Outcome = { report: Report } | { lost: DeviceLost };

async function attempt(
  setup: Setup,
  options: TrainOptions,
  stop: StopRequest,
  devices: Devices,
): Promise<Outcome> {
  const device = await devices.open(options, {
    profile: options.profile !== undefined,
    begunWith: setup.resumed ? choicesIn(setup.resumed.info) : undefined,
  });
  let failed = true;
  try {
    const costs = await checkFit(device, setup, options);
    const report = await train(device, setup, costs, stop);
    failed = false;
    return { report };
  } catch (error) {
    return { lost: await lossBehind(error, device) };
  } finally {
    devices.close(device, failed);
  }
}

/** The loss that an error comes of. @throws the error where there was none */
async function lossBehind(error: unknown, device: Device): Promise<DeviceLost> {
  const lost = await device.loss();
  if (!lost) throw error;
  return lost;
}
