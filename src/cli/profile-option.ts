/** `--profile` of the commands that have it: where it writes, and what is said of it. */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Device } from '../gpu/index.ts';
import { makeFolder, writeWhole } from '../node/files.ts';
import { ProfiledCourse } from '../profile/course.ts';
import { documentOf, type ProfileFiles } from '../profile/document.ts';
import { profile } from '../profile/run.ts';
import { scope } from '../tensor/index.ts';
import { PROFILE, TRACE } from '../train/node/run-folder.ts';
import { say } from './ui.ts';

/** Where a command without a folder of its own writes. */
export const PROFILE_FOLDER = 'profile';

/** What an option `--profile [dir]` gives. */
export type ProfileOption = string | true | undefined;

/** @param where what stands for a folder that nobody names, in words */
export function profileOption(command: Command, where = `${PROFILE_FOLDER}/`): Command {
  return command.option(
    '--profile [dir]',
    `time by program, op and layer, and a trace for Perfetto (default: into ${where})`,
  );
}

/** Writes both files where `place` says, prints the tables and says where the files are. */
export async function keepProfile(
  { document, trace, text }: ProfileFiles,
  place: (file: string) => string | Promise<string>,
  folder: string,
  print: (...lines: string[]) => void = say,
): Promise<void> {
  await writeWhole(await place(PROFILE), `${JSON.stringify(document, null, 2)}\n`);
  await writeWhole(await place(TRACE), trace);
  print(
    '',
    ...text,
    '',
    `Profile: ${join(folder, PROFILE)}; trace for https://ui.perfetto.dev: ${join(folder, TRACE)}`,
  );
}

/** `resnet18 step 4×112²` → `resnet18-step-4x112`. */
const fileNameOf = (name: string): string =>
  name
    .replaceAll('×', 'x')
    .replaceAll('²', '')
    .replace(/[^\w.-]+/g, '-');

/** Profiles a work of the bench, warm, and writes `NAME.profile.json` and `NAME.trace.json` into a folder. */
export async function profileWork(
  device: Device,
  { name, run }: { name: string; run: (index: number) => unknown },
  option: string | true,
): Promise<void> {
  const folder = option === true ? PROFILE_FOLDER : option;
  await makeFolder(folder);
  const body = (index: number): Promise<void> => {
    scope(() => void run(index));
    return device.pace();
  };
  const { profile: found, text, trace } = await profile(device, body, { warmUp: 2, steps: 5 });
  const place = join(folder, fileNameOf(name));
  await writeWhole(`${place}.${PROFILE}`, `${JSON.stringify(documentOf([found]), null, 2)}\n`);
  await writeWhole(`${place}.${TRACE}`, trace);
  say(
    '',
    `${name}:`,
    ...text,
    '',
    `Profile: ${place}.${PROFILE}; trace for https://ui.perfetto.dev: ${place}.${TRACE}`,
  );
}

/**
 * A course that is profiled into a folder, made if need be, which the option names or is called `profile`; null where nobody
 * asks. @throws Error, a sentence, where it cannot be made
 */
export async function profiledInto(
  option: ProfileOption,
  print: (...lines: string[]) => void = say,
): Promise<ProfiledCourse | null> {
  if (option === undefined) return null;
  const folder = option === true ? PROFILE_FOLDER : option;
  await makeFolder(folder);
  return new ProfiledCourse((files) => keepProfile(files, (file) => join(folder, file), folder, print));
}
