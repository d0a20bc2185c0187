/**
 * Whether the process was started under nohup, so that a terminal that hangs up (SIGHUP) is nothing to it.
 *
 * nohup has the system ignore the signal before it starts the program, but Node, as it starts, gives every signal its default
 * back, and what was is not to be found out any more. What nohup leaves behind:
 *   a parent that ignores the signal, a shell's script under nohup say: a process passes that on (Linux shows it);
 *   in Node's ancestors (npm) too, the shell's `_` in the environment, which names the program that it started: bash and zsh set it;
 *   standard input that can only be written, where it was a terminal (GNU);
 *   standard output in nohup.out, where it was a terminal.
 */
import { fstatSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

const ANCESTORS = 4;

/** What `read` gives; null where the system has no such file, or shows it to others only. */
function tried<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function startedByNohup(): boolean {
  if (isNohup(process.env._)) return true;
  let pid = process.ppid;
  for (let up = 0; up < ANCESTORS && pid > 1; up++) {
    const status = textOf(`/proc/${pid}/status`);
    if (up === 0 && ignoredIn(status)) return true;
    if (isNohup(/(?:^|\0)_=([^\0]*)/.exec(textOf(`/proc/${pid}/environ`))?.[1])) return true;
    pid = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  return false;
}

const textOf = (path: string): string => tried(() => readFileSync(path, 'utf8')) ?? '';

/** Whether a process of this /proc/PID/status ignores SIGHUP, the lowest bit of its mask. */
const ignoredIn = (status: string): boolean => /^SigIgn:\s*[0-9a-f]*[13579bdf]$/m.test(status);

const isNohup = (program: string | undefined): boolean => basename(program ?? '') === 'nohup';

/** GNU nohup opens /dev/null for writing in place of a terminal, so that whoever reads gets an error. */
function inputIsWriteOnly(): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(textOf('/proc/self/fdinfo/0'))?.[1];
  const WRITE_ONLY = 1;
  const ACCESS_MODES = 3;
  return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODES) === WRITE_ONLY;
}

function outputIsNohupOut(): boolean {
  const output = tried(() => fstatSync(1));
  return ['.', homedir()].some((folder) => {
    const file = tried(() => statSync(join(folder, 'nohup.out')));
    return file !== null && output?.dev === file.dev && output.ino === file.ino;
  });
}

let answer: boolean | null = null;

export function ignoresHangUp(): boolean {
  answer ??= startedByNohup() || inputIsWriteOnly() || outputIsNohupOut();
  return answer;
}
