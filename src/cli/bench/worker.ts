/**
 * What `--against` asks of a revision's bench, whatever else changes there: the words of a command line, and one document on
 * stdout. A revision that holds this file answers them; their meaning never changes. (A document of another version is told
 * by benchResultOf.)
 *
 *     node bin/tessera.mjs bench [GROUP…] [--filter=…] [--variant=…] [--adapter=…] [--shape …]… [--networks …]… [--all-variants]
 *         --rounds=R --samples=N --json
 *
 * measures R rounds over all works, N samples of each work altogether, without ceilings unless a GROUP asks for them, and
 * prints a BenchResult. Works have the same names in every run. Exit code 1 with a document: some works failed, and it says so.
 */
import { spawn } from 'node:child_process';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, benchResultOf } from '../../bench/result.ts';

/** This file, from the root of a revision: where it is, the revision can be asked. */
export const MARKER = 'src/cli/bench/worker.ts';

/** What is measured, as typed. */
export interface Asked {
  groups: readonly string[];
  filter?: string;
  shape?: readonly string[];
  networks?: readonly string[];
  variant?: string;
  allVariants?: boolean;
  adapter?: string;
}

/** A tree's bench in a process of its own. */
export interface Side {
  /** What sentences call it. */
  name: string;
  /** Of Node, in front of the words of the bench. */
  argv: readonly string[];
  cwd: string;
}

/** The bench of the tree at `root`. */
export const sideOf = (name: string, root: string): Side => ({
  name,
  argv: [join(root, 'bin', 'tessera.mjs'), 'bench'],
  cwd: root,
});

export function workerArgs(asked: Asked, rounds: number, samples: number): string[] {
  const { groups, filter, shape, networks, variant, allVariants, adapter } = asked;
  const single = Object.entries({ filter, variant, adapter }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  const lists = Object.entries({ shape, networks }).flatMap(([name, list = []]) =>
    list.flatMap((one) => [`--${name}`, one]),
  );
  const every = allVariants ? ['--all-variants'] : [];
  return [...groups, ...single, ...lists, ...every, `--rounds=${rounds}`, `--samples=${samples}`, '--json'];
}

/** Characters of a document that are kept, and of what a process says of its end. */
const MOST = { out: 16 * 2 ** 20, err: 8192 };

/**
 * One measurement. `signal` ends it at once.
 * @throws Error, a sentence with what the process said last, where it fails
 */
export async function measureSide(
  side: Side,
  args: readonly string[],
  signal: AbortSignal,
): Promise<BenchResult> {
  const { name, argv, cwd } = side;
  const { code, out, err } = await outputOf(process.execPath, [...argv, ...args], cwd, signal);
  signal.throwIfAborted();
  if (code !== 0 && out.trim() === '')
    throw new Error(`the bench of ${name} ended with ${code}: ${lastLine(err) || 'it said nothing'}`);
  return benchResultOf(out, `what the bench of ${name} printed`);
}

async function outputOf(
  program: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<{ code: number | string; out: string; err: string }> {
  // A place that is no folder: what `tune` measured is of one tree's kernels, and nothing is kept of either.
  const env = { ...process.env, TESSERA_CACHE: devNull };
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  if (signal.aborted) kill();
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (out.length > MOST.out) kill();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err = (err + text).slice(-MOST.err);
  });
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, ended) => resolve(status ?? ended ?? 'no exit code'));
    });
    return { code, out, err };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

/** Node and Dawn may say things below an error; ours begins so. */
function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => line.startsWith('error: ')) ?? lines.at(-1) ?? '';
}
