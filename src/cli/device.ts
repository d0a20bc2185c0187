/**
 * The device of a command: the one place where commands open one, so that all of them use what `tune` measured, or what the
 * run that they go on with was begun with.
 */
import { type Choices, type Device, listedChoices } from '../gpu/index.ts';
import { openDevice } from '../node/open-device.ts';
import { readTuning } from '../tune/node/shelf.ts';
import { choicesOf } from '../tune/record.ts';
import { counted, say } from './ui.ts';

/** What a command was told of its device. */
export interface AdapterOptions {
  adapter?: string | undefined;
  untuned?: boolean | undefined;
  debug?: boolean | undefined;
}

/** Of every command that opens a device and computes: `.option(...UNTUNED)`. */
export const UNTUNED = ['--untuned', 'leave aside what tune chose'] as const;

export interface CommandDevice {
  /** Whether dispatches are to be timed. */
  profile?: boolean;
  /** The choices of kernels that a run was begun with, null for none. Default: those of this adapter's tuning record. */
  begunWith?: Choices | null | undefined;
}

/** Opens the device of a command, and says which kernels were chosen by measurement. */
export async function openCommandDevice(
  { adapter, untuned, debug }: AdapterOptions,
  { profile = false, begunWith }: CommandDevice = {},
): Promise<Device> {
  const device = await openDevice({ adapter, debug, profile });
  if (begunWith === undefined) device.choices = untuned ? null : await tunedChoices(device);
  else {
    device.choices = begunWith;
    const count = listedChoices(begunWith)?.length ?? 0;
    if (count > 0)
      say(`The kernels of ${counted(count, 'problem')} are those that were chosen when it began.`);
  }
  return device;
}

async function tunedChoices(device: Device): Promise<Choices | null> {
  const record = await readTuning(device, say);
  const choices = record && choicesOf(record);
  if (!record || !choices) return null;
  const count = Object.keys(record.choices).length;
  say(
    `Tuned: the kernels of ${counted(count, 'problem')} are those that measured fastest here (--untuned: none).`,
  );
  return choices;
}
