/** The folder of a run for the commands that write one, `train` and `search`: its name, and how it is taken and given back. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeLoader } from '../data/node/loader.ts';
import { FolderHeld } from '../node/lock.ts';
import { RunFolder, replacedIn } from '../train/node/run-folder.ts';
import { RUNS } from './command-line.ts';
import { type Input, refuseOverInputs } from './inputs.ts';
import { onStop, printJson, type StopRequest, say } from './ui.ts';

/**
 * A command that works in a folder of its own: whoever asks it to stop is told what happens, the folder is given back in any
 * case, and a stop while it waits for the folder is an end like any other.
 * @returns the exit code
 */
export async function runInFolder<Setup extends { folder: RunFolder }, Result extends { finished: boolean }>(
  begin: (signal: AbortSignal) => Promise<Setup>,
  work: (setup: Setup, stop: StopRequest) => Promise<Result>,
  { json = false }: { json?: boolean | undefined },
): Promise<number> {
  let setup: Setup | undefined;
  const stop = onStop('Stopping after this step, then saving; once more stops at once.', () =>
    setup?.folder.announceEnd(),
  );
  try {
    setup = await begin(stop.signal);
    const result = await work(setup, stop);
    if (json) printJson(result);
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

/**
 * The folder of a new run: the one that was named, else one under runs/ that says what is in it and when it began.
 * @param kind what its name begins with where nobody names it
 * @param command what this process is, as one would type it
 * @param reads what it begins with, which it must not replace
 */
export async function newFolder(
  { out, overwrite = false }: { out?: string | undefined; overwrite?: boolean | undefined },
  { kind, command, reads }: { kind: string; command: string; reads: readonly Input[] },
): Promise<RunFolder> {
  if (out === undefined)
    return RunFolder.forUnnamedRun(join(RUNS, `${kind}-${timestamp(new Date())}`), command);
  await refuseOverInputs(await replacedIn(out), reads, 'name another folder with --out');
  return RunFolder.forNewRun(out, command, overwrite);
}

/**
 * Takes the folder of a run, from a process that is just ending when it has ended. One that has lost its npm finds out
 * within a second that it is to end.
 * @param file what it goes on from
 * @param command what this process is, as one would type it
 * @param signal ends the wait
 */
export async function claimed(
  folder: string,
  file: string,
  command: string,
  signal: AbortSignal | undefined,
): Promise<RunFolder> {
  let said = false;
  for (let looks = 1; ; looks++) {
    try {
      return await RunFolder.forSavedRun(folder, command, file);
    } catch (error) {
      if (!(error instanceof FolderHeld) || (!error.owner.ending && looks > FIRST_LOOKS)) throw error;
      if (error.owner.ending && !said) {
        say(`${folder} is still being saved by process ${error.owner.pid}; waiting for it to end.`);
        said = true;
      }
    }
    await sleep(WAIT, undefined, signal && { signal });
  }
}

/** Milliseconds between looks at a folder that another process has, and how many of them wait for it to say that it ends. */
const WAIT = 250;
const FIRST_LOOKS = 4;

/** What `work` gives; where it fails, the folder is given back. */
export async function releasedOnFailure<T>(folder: RunFolder, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** `2025-03-31-1405`, local time. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}
