/**
 * Who a process is, in words that another one can check later: whether it still lives. Its number alone does not say,
 * since numbers are given out again, and those of another machine or container mean nothing here.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, as it writes itself down. */
export interface ProcessMark {
  /** The machine since it was started, and the processes that it shows: two containers of a host differ. */
  machine: string;
  pid: number;
  /** When the process began, as the system counts it; empty where only Linux would say. */
  started: string;
}

/** What `read` gives, or an empty text where the system has no such file. */
function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // not Linux, or not to be seen from here
  }
}

let machine: string | null = null;

function thisMachine(): string {
  machine ??= createHash('sha256')
    .update(`${hostname()}\n`)
    .update(orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')))
    .update(orEmpty(() => readlinkSync('/proc/self/ns/pid')))
    .digest('hex')
    .slice(0, 12);
  return machine;
}

/** [state, when it began] of a process on Linux; null where that is not to be seen. */
function statOf(pid: number | 'self'): [state: string, started: string] | null {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name of the program, in brackets, may hold anything; proc(5) counts the fields: 3 is the state, 22 the time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.length > 19 ? [fields[0], fields[19]] : null;
}

/** This process. */
export function ownMark(): ProcessMark {
  return { machine: thisMachine(), pid: process.pid, started: statOf('self')?.[1] ?? '' };
}

/**
 * Whether the process lives; null where that cannot be told from here: it is of another machine or container, or the
 * number is taken and the system does not say since when.
 */
export function isAlive({ machine: of, pid, started }: ProcessMark): boolean | null {
  if (of !== thisMachine()) return null;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const found = statOf(pid);
  if (!found || started === '') return null;
  // Z and X: it has ended, and nobody has asked for its exit code yet.
  return !'ZX'.includes(found[0]) && found[1] === started;
}

/** `MACHINE-PID-STARTED`, for the name of a file. */
export function markName({ machine: of, pid, started }: ProcessMark): string {
  return [of, pid, started].join('-');
}

/** What `markName` made; null for other names. */
export function parseMark(text: string): ProcessMark | null {
  const [, of, pid, started] = /^([0-9a-f]{12})-(\d+)-(\d*)$/.exec(text) ?? [];
  return of === undefined ? null : { machine: of, pid: Number(pid), started };
}
