/**
 * The folder of a run: who writes into it, and how what a run saves first takes the place of what was there.
 *
 *   best.safetensors  last.safetensors                               the run: what it goes on from
 *   report.json  report.html  predictions.csv  metrics.jsonl         what it measured, and for TensorBoard
 *   events.out.tfevents.…                                              (src/report/)
 *   profile.json  trace.json                                         of its first steps, with --profile
 *   evaluation….html  evaluation….csv                                  of `evaluate`, later
 *   plan.json  trials.jsonl  state/  search.json                     a search: what it goes on from, and what it found
 *   winner.safetensors  hand-made.safetensors  random.safetensors      (src/search/node/search-folder.ts)
 *   trials.json  trials.jsonl  trials/  summary.json                 many runs of train: what is run, what came of each, a folder
 *   out-of-fold.csv                                                    each, all of them together (src/cli/train/trials/)
 *   .lock      who writes into the folder (src/node/lock.ts)
 *   .new/      what a new run has saved, until its first state is whole
 *   .whole/    the same, whole: it goes into its place, and an older run out of it
 *
 * `.new` becomes `.whole` by one rename. A run that is killed before leaves the folder as it was, an older run in it
 * whole; after one that is killed later, whoever opens the folder next moves what is in `.whole`.
 */
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, reading, statOrNull, syncFolder, systemReason, WriteError } from '../../node/files.ts';
import { removeLeftovers } from '../../node/leftovers.ts';
import { FolderHeld, FolderLock, LOCK, type LockOwner } from '../../node/lock.ts';
import { ensureRoom, PROBE } from '../../node/room.ts';
import { InputError } from '../../text/input-error.ts';

export const BEST = 'best.safetensors';
export const LAST = 'last.safetensors';
export const REPORT = 'report.json';
export const PAGE = 'report.html';
export const PREDICTIONS = 'predictions.csv';
export const METRICS_LOG = 'metrics.jsonl';
export const PROFILE = 'profile.json';
export const TRACE = 'trace.json';

/** Of a search, which is another kind of run: one takes the other's place with --overwrite as well. */
export const PLANNED = 'plan.json';
export const TRIALS = 'trials.jsonl';
export const STATES = 'state';
export const FOUND = 'search.json';
export const FINALS = ['winner', 'hand-made', 'random'].map((role) => `${role}.safetensors`);

/** Of many runs of `train`: what is run, and a folder with the folders of the runs; what came of them is in `TRIALS`. */
export const TRIAL_PLAN = 'trials.json';
export const TRIAL_RUNS = 'trials';
export const SUMMARY = 'summary.json';
export const OUT_OF_FOLD = 'out-of-fold.csv';

const RUN_FILES = [
  ...[BEST, LAST, REPORT, PAGE, PREDICTIONS, METRICS_LOG, PROFILE, TRACE],
  ...[PLANNED, TRIALS, STATES, FOUND, ...FINALS],
  ...[TRIAL_PLAN, TRIAL_RUNS, SUMMARY, OUT_OF_FOLD],
];
/** Of a run too, under names that differ: events, evaluations of its network, and the picture that older runs have. */
const OF_A_RUN = /^(events\.out\.tfevents\..*|evaluation(-.*)?\.(html|csv)|report\.svg)$/;
const isOfRun = (name: string): boolean => RUN_FILES.includes(name) || OF_A_RUN.test(name);
const NEW = '.new';
const WHOLE = '.whole';
/** In `.whole`: what has this name without it is an older run's and goes. */
const GONE = '.gone';

/** Where a file of the run in a folder lies, which is `.whole` where a kill came before it was moved. */
export async function fileOfRun(folder: string, file: string): Promise<string> {
  const unmoved = join(folder, WHOLE, file);
  return (await statOrNull(unmoved)) ? unmoved : join(folder, file);
}

/**
 * The checkpoint of a folder that a user named.
 * @throws InputError where the folder holds many runs, each with a checkpoint of its own
 */
export async function checkpointOfRun(folder: string, file: string = BEST): Promise<string> {
  const path = await fileOfRun(folder, file);
  if (!(await statOrNull(path)) && (await statOrNull(join(folder, TRIAL_PLAN)))) {
    const many = join(folder, TRIAL_RUNS);
    const [first] = (await statOrNull(many)) ? (await reading(many, readdir(many))).sort() : [];
    throw new InputError(
      `${folder} holds many runs of train${first === undefined ? ', none of which has begun' : `; name one of them, such as ${join(many, first)}`}`,
    );
  }
  return path;
}

/** The files in a folder that a new run there writes or removes (`--overwrite`). */
export async function replacedIn(folder: string): Promise<string[]> {
  const namesIn = async (path: string): Promise<string[]> =>
    (await statOrNull(path))?.isDirectory() ? await reading(path, readdir(path)) : [];
  const among = async (path: string): Promise<string[]> =>
    (await namesIn(path)).filter(isOfRun).map((name) => join(path, name));
  const here = await among(folder);
  const many = join(folder, TRIAL_RUNS);
  const runs = here.includes(many) ? await namesIn(many) : [];
  const ofRuns = await Promise.all(runs.map((run) => among(join(many, run))));
  return [...here, ...(await among(join(folder, WHOLE))), ...ofRuns.flat()];
}

/** A folder that this process alone writes into. */
export class RunFolder {
  private constructor(
    readonly path: string,
    private readonly lock: FolderLock,
    /** Whether a state of the run has been saved: what is saved from then on goes to its place at once. */
    private begun: boolean,
    /** Folders that were made for it, the innermost last. */
    private readonly made: readonly string[],
  ) {}

  /**
   * For a new run.
   * @param command what this process is, as one would type it: those who find the folder taken are told
   * @param overwrite whether another run in the folder may be replaced
   * @throws FolderHeld where another process has it; Error, a sentence, where it cannot be made or written or holds
   * something
   */
  static async forNewRun(path: string, command: string, overwrite: boolean): Promise<RunFolder> {
    const found = await statOrNull(path);
    if (found && !found.isDirectory())
      throw new InputError(`${path} is a file; name a folder for the run with --out`);
    const made = await makeFolder(path);
    const folder = new RunFolder(path, await locked(path, command), false, made);
    return folder.opened(async () => {
      const entries = (await reading(path, readdir(path))).filter((name) => !name.startsWith('.'));
      if (entries.length > 0 && !overwrite)
        throw new InputError(
          `${path} holds ${entries.slice(0, 3).join(', ')} already; --overwrite replaces a run there`,
        );
    });
  }

  /** For a new run whose folder nobody named: `base`, or `base-2` and so on where that is there. */
  static async forUnnamedRun(base: string, command: string): Promise<RunFolder> {
    const made = await makeFolder(dirname(base));
    await removeUnbegun(dirname(base));
    for (let n = 1; ; n++) {
      const path = n === 1 ? base : `${base}-${n}`;
      if (await makeAnew(path))
        return new RunFolder(path, await locked(path, command), false, [...made, path]);
    }
  }

  /**
   * For a run that goes on.
   * @param file what it goes on from
   * @throws FolderHeld where another process writes into the folder; Error, a sentence, where nothing was saved in it
   */
  static async forSavedRun(path: string, command: string, file = LAST): Promise<RunFolder> {
    // Looked at before the lock is taken, which may still say what was begun here.
    if (!(await statOrNull(await fileOfRun(path, file))))
      throw new InputError(await nothingSaved(path, file, await FolderLock.leftBy(path)));
    return new RunFolder(path, await locked(path, command), true, []).opened();
  }

  /** Whether a state of the run is there to go on from. */
  get holdsRun(): boolean {
    return this.begun;
  }

  /** Where to write a file of the run now. @throws FolderHeld where another process has taken the folder since */
  async place(file: string): Promise<string> {
    await this.lock.check();
    return join(this.path, this.begun ? '' : NEW, file);
  }

  /** The state is whole: the first one takes the place of what was in the folder. */
  async settle(): Promise<void> {
    if (this.begun) return;
    const fresh = join(this.path, NEW);
    const written = await readdir(fresh);
    const older = (await readdir(this.path)).filter(isOfRun);
    try {
      for (const file of older)
        if (!written.includes(file)) await writeFile(join(fresh, `${file}${GONE}`), '');
      await syncFolder(fresh);
      await rename(fresh, join(this.path, WHOLE));
      await syncFolder(this.path);
      await this.moveIn();
    } catch (error) {
      throw new WriteError(`${this.path} could not be written: ${systemReason(error)}`, { cause: error });
    }
    this.begun = true;
  }

  /**
   * Makes sure that the disk takes the two checkpoints.
   * @param best bytes of best.safetensors; `last`, of last.safetensors
   * @throws Error, a sentence, where it does not
   */
  async checkRoom({ best, last }: { best: number; last: number }): Promise<void> {
    const larger = Math.max(best, last);
    const there = await Promise.all([BEST, LAST].map((file) => statOrNull(join(this.path, file))));
    const replaced = there.reduce((sum, found) => sum + (found?.size ?? 0), 0);
    // A file is written beside the one that it replaces; an older run goes when the first state is whole.
    const needed = Math.max(this.begun ? larger : best + last, best + last + larger - replaced);
    await ensureRoom(this.path, needed, larger);
  }

  /** Says to those who find the folder taken that this process is about to end. */
  announceEnd(): void {
    this.lock.announceEnd();
  }

  /** Gives the folder back; where no state was saved, what was made for it goes. */
  async release(): Promise<void> {
    if (!this.begun) await rm(join(this.path, NEW), { recursive: true, force: true });
    this.lock.release();
    if (this.begun) return;
    for (const folder of this.made.toReversed())
      await rmdir(folder).catch((error: unknown) => {
        if (!isRefusal(error)) throw error; // Not empty: it has come into use.
      });
  }

  /** Sees to what a killed process left, then checks; on failure the folder is given back. */
  private async opened(check: () => Promise<void> = async () => undefined): Promise<RunFolder> {
    try {
      if (await statOrNull(join(this.path, WHOLE))) await this.moveIn();
      await rm(join(this.path, NEW), { recursive: true, force: true });
      await rm(join(this.path, PROBE), { force: true });
      await removeLeftovers(this.path, true);
      await check();
      return this;
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** Moves what is in `.whole` to its place. Begun again after a kill it does what was left to do. */
  private async moveIn(): Promise<void> {
    const from = join(this.path, WHOLE);
    for (const name of await readdir(from)) {
      const path = join(from, name);
      if (name.endsWith(GONE)) {
        await rm(join(this.path, name.slice(0, -GONE.length)), { recursive: true, force: true });
        await rm(path);
      } else await rename(path, join(this.path, name));
    }
    await rmdir(from);
    await syncFolder(this.path);
  }
}

/** Removes the folders in `runs` of runs that were killed before they had saved anything: nobody knows their names. */
async function removeUnbegun(runs: string): Promise<void> {
  const unbegun = async (path: string): Promise<boolean> => {
    const names = await readdir(path);
    return names.includes(LOCK) && names.every((name) => [LOCK, NEW, PROBE].includes(name));
  };
  for (const entry of await reading(runs, readdir(runs, { withFileTypes: true }))) {
    const path = join(runs, entry.name);
    if (!entry.isDirectory()) continue;
    try {
      if (!(await unbegun(path))) continue;
      const lock = await FolderLock.take(path, '');
      if (await unbegun(path)) await rm(path, { recursive: true });
      lock.release();
    } catch (error) {
      if (!(error instanceof FolderHeld || isRefusal(error))) throw error; // Somebody's, or gone meanwhile.
    }
  }
}

/** Whether the system refused something: its own error, or a sentence made of one. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && ('code' in error || error.cause !== undefined);

/** @throws FolderHeld; Error, a sentence, where the folder cannot be written */
async function locked(path: string, command: string): Promise<FolderLock> {
  try {
    return await FolderLock.take(path, command);
  } catch (error) {
    if (error instanceof FolderHeld) throw error;
    throw new Error(`the folder ${path} cannot be written: ${systemReason(error)}`, { cause: error });
  }
}

/** Makes a folder; false where there is something of this name. */
async function makeAnew(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new Error(`the folder ${path} cannot be made: ${systemReason(error)}`, { cause: error });
  }
}

/** What goes on with another kind of run than the one that was expected, by the file that it goes on from. */
const GOES_ON: readonly (readonly [file: string, command: string])[] = [
  [LAST, 'train'],
  [TRIAL_PLAN, 'train'],
  [PLANNED, 'search'],
];

async function nothingSaved(path: string, file: string, before: LockOwner | null): Promise<string> {
  const remedy = before
    ? `the run there was ended before it had saved anything. This begins it again: ${before.command}`
    : 'name the folder of a run';
  for (const [other, command] of GOES_ON)
    if (other !== file && (await statOrNull(await fileOfRun(path, other))))
      return `${path} holds no ${file}: it is a run of \`${command}\`, which --resume of that command goes on with`;
  return `${path} holds no ${file}: ${remedy}`;
}
