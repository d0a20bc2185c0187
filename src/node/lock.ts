/**
 * A folder that one process at a time writes into. The file `.lock` in it says which; it is made with O_EXCL, so that of
 * two only one makes it.
 *
 * No lock that dies with its process works on every file system, so whoever finds the file asks whether its owner lives:
 *   on the same machine by its process number and, on Linux, by when that process began (processes.ts);
 *   of another machine or container, and where the system does not say when a process began, by the file itself: its
 *   owner writes it anew every 15 s, and after 2 min without that, by the clock of the disk, counts as dead.
 * The file of a dead owner is replaced. Two that find it at once both replace it; the one whose text is there a moment later
 * has the folder. `check` before each write finds out where that was not enough, or where a process slept for too long.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesIfThere } from './files.ts';
import { temporaryFor } from './leftovers.ts';
import { isAlive, markName, ownMark, type ProcessMark } from './processes.ts';

export const LOCK = '.lock';
/** Milliseconds. */
const HEARTBEAT = 15_000;
const SILENCE = 120_000;
const SETTLING = 100;
/** How long an unfinished file may be one that is just being written. */
const WRITING = 500;
/** A lock is a line; whatever else stands there is not read further. */
const MOST_BYTES = 2 ** 16;

/** Who writes into a folder, as the file says it. */
export interface LockOwner extends ProcessMark {
  host: string;
  /** Date and time, for people. */
  since: string;
  /** What it does there: the command that would do it again. */
  command: string;
  /** Whether it has been asked to end, and is saving. */
  ending: boolean;
}

/** Another process writes into the folder. */
export class FolderHeld extends Error {
  override name = 'FolderHeld';

  constructor(
    readonly folder: string,
    readonly owner: LockOwner,
  ) {
    const here = owner.machine === ownMark().machine;
    const where = here ? '' : ` on ${owner.host}, which gave a sign of life within two minutes`;
    super(
      `${folder} is being written by another process: number ${owner.pid}${where}, since ${owner.since}; ` +
        `wait for it or end it${here ? ` (kill ${owner.pid})` : ''}, or name another folder`,
    );
  }
}

/** The right to write into a folder. Goes with the process; `release` gives it back before. */
export class FolderLock {
  private readonly owner: LockOwner;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly onExit = (): void => this.remove();

  private constructor(
    private readonly folder: string,
    private readonly path: string,
    command: string,
  ) {
    this.owner = newOwner(command);
    this.heartbeat = setInterval(() => this.touch(), HEARTBEAT).unref();
    process.on('exit', this.onExit);
  }

  /**
   * Takes a folder that is there.
   * @param command what this process does there, as one would type it
   * @param name of the lock's file; of another than the folder's own where only a part of the folder is taken
   * @throws FolderHeld where another process has it; the system's error where the folder cannot be written
   */
  static async take(folder: string, command: string, name = LOCK): Promise<FolderLock> {
    const path = join(folder, name);
    const mine = newOwner(command);
    for (;;) {
      const found = await read(path);
      if (found === null) {
        if (make(path, mine)) return new FolderLock(folder, path, command);
        continue;
      }
      if (found !== 'damaged' && lives(found, path)) throw new FolderHeld(folder, found);
      replace(path, mine);
      await sleep(SETTLING);
      const winner = await read(path);
      if (isOwn(winner)) return new FolderLock(folder, path, command);
    }
  }

  /**
   * Who had a folder and ended without a word (killed, or the machine stopped); null where nobody did. Takes nothing.
   * @throws FolderHeld where its owner lives
   */
  static async leftBy(folder: string): Promise<LockOwner | null> {
    const path = join(folder, LOCK);
    const found = await read(path);
    if (found === null || found === 'damaged') return null;
    if (lives(found, path)) throw new FolderHeld(folder, found);
    return found;
  }

  /**
   * Makes sure that the folder is still this process's.
   * @throws FolderHeld where another has taken it since
   */
  async check(): Promise<void> {
    const found = await read(this.path);
    if (found !== null && found !== 'damaged' && !isOwn(found)) throw new FolderHeld(this.folder, found);
    // The folder may have been removed: what is saved next makes it again.
    if (!isOwn(found)) this.put();
  }

  /** Says in the file that this process is about to end, so that the next one waits for it. */
  announceEnd(): void {
    this.owner.ending = true;
    this.touch();
  }

  /** Gives the folder back. */
  release(): void {
    clearInterval(this.heartbeat);
    process.off('exit', this.onExit);
    this.remove();
  }

  /** A sign of life. A disk that fails just now will tell whoever saves. */
  private touch(): void {
    try {
      if (isOwn(parse(readFileSync(this.path, 'utf8')))) replace(this.path, this.owner);
    } catch {
      // `check` comes before anything is written.
    }
  }

  private put(): void {
    mkdirSync(this.folder, { recursive: true });
    replace(this.path, this.owner);
  }

  private remove(): void {
    try {
      if (isOwn(parse(readFileSync(this.path, 'utf8')))) rmSync(this.path, { force: true });
    } catch {
      // It is gone with its folder, or cannot be removed; then its owner is found dead.
    }
  }
}

function newOwner(command: string): LockOwner {
  const since = new Date().toISOString().replace('T', ' ').slice(0, 19);
  return { ...ownMark(), host: hostname(), since: `${since} UTC`, command, ending: false };
}

const isOwn = (owner: LockOwner | 'damaged' | null): boolean =>
  owner !== null && owner !== 'damaged' && markName(owner) === markName(ownMark());

/** Makes the file; false where it is there. */
function make(path: string, owner: LockOwner): boolean {
  try {
    writeFileSync(path, JSON.stringify(owner), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    rmSync(path, { force: true }); // A full disk takes the name and not the text.
    throw error;
  }
}

/** Puts another text in the file's place, in one step. */
function replace(path: string, owner: LockOwner): void {
  const temporary = temporaryFor(path);
  try {
    writeFileSync(temporary, JSON.stringify(owner));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Who owns the file; null where it is not there, 'damaged' where its maker was ended in the middle. */
async function read(path: string): Promise<LockOwner | 'damaged' | null> {
  for (let waited = 0; ; waited += SETTLING) {
    const bytes = await bytesIfThere(path, MOST_BYTES);
    if (!bytes) return null;
    const owner = parse(new TextDecoder().decode(bytes));
    if (owner !== 'damaged' || waited >= WRITING) return owner;
    await sleep(SETTLING);
  }
}

function parse(text: string): LockOwner | 'damaged' {
  try {
    const { machine, pid, started, host, since, command, ending }: LockOwner = JSON.parse(text);
    const texts = [machine, started, host, since, command].every((one) => typeof one === 'string');
    return texts && Number.isSafeInteger(pid) && pid > 0 && typeof ending === 'boolean'
      ? { machine, pid, started, host, since, command, ending }
      : 'damaged';
  } catch {
    return 'damaged';
  }
}

function lives(owner: LockOwner, path: string): boolean {
  return isAlive(owner) ?? silence(path) < SILENCE;
}

/** Milliseconds since the file was written, by the clock of its disk, which need not be that of this machine. */
function silence(path: string): number {
  const probe = temporaryFor(path);
  closeSync(openSync(probe, 'w'));
  const now = statSync(probe).mtimeMs;
  rmSync(probe, { force: true });
  return now - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}
