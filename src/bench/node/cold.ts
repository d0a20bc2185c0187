/**
 * Cold and warm starts of networks. What a process has compiled stays compiled, so each figure comes from a process of its
 * own (start-process.ts), and the driver's shader cache lies in a temporary folder:
 *
 *   1. the cache empty      the first call: cold. It fills the cache
 *   2. the cache filled     the first call: warm
 *   3. without a cache      each program alone, then calls that find everything made (../starts.ts)
 *
 * Only Mesa's and NVIDIA's drivers for Linux say how to put their caches elsewhere. Where another one keeps a cache of its
 * own there is no cold start to be had, and none is told.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModelCase, modelCases, modelName } from '../models.ts';
import type { StartEntry } from '../result.ts';
import type { StartFigures } from '../starts.ts';

/** What a process is asked to find. */
export interface StartRequest {
  what: 'first call' | 'figures';
  of: ModelCase;
  adapter: string | null;
  /** Whether it uses this adapter's tuning record. */
  tuned: boolean;
}

/** What it prints, as one line. */
export type StartAnswer = { firstMs: number } | StartFigures;

export interface StartsOptions {
  adapter?: string | null;
  tuned?: boolean;
  /** Ends the process that runs; what was measured by then is returned. */
  signal?: AbortSignal;
  onProgress?: (done: number, total: number, name: string) => void;
}

/** The starts that are measured: a prediction of each network, and a step of the first. */
export function startCases(networks?: readonly string[]): ModelCase[] {
  const all = modelCases(networks);
  return all.filter(
    ({ network, form: { mode, batch } }) =>
      (mode === 'evaluation' && batch === 1) || (mode === 'training' && network === all[0]?.network),
  );
}

const PROCESSES = 3;

/** Has a process find something. @throws Stopped where it is ended from outside; Error, a sentence, where it fails */
export type Ask = (
  request: StartRequest,
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
) => Promise<StartAnswer>;

/**
 * Measures how `cases` start; takes some twenty seconds each on a software adapter.
 * @param ask another one in tests
 * @throws Error, a sentence, where a process fails
 */
export async function measureStarts(
  cases: readonly ModelCase[],
  { adapter = null, tuned = false, signal, onProgress = () => undefined }: StartsOptions = {},
  ask: Ask = askProcess,
): Promise<StartEntry[]> {
  const entries: StartEntry[] = [];
  const total = PROCESSES * cases.length;
  for (const of of cases) {
    const name = modelName(of);
    let done = PROCESSES * entries.length;
    const cache = await mkdtemp(join(tmpdir(), 'tessera-shaders-'));
    const answer = (what: StartRequest['what'], environment: NodeJS.ProcessEnv): Promise<StartAnswer> => {
      onProgress(done++, total, name);
      return ask({ what, of, adapter, tuned }, environment, signal);
    };
    const firstMs = async (): Promise<number> => {
      const found = await answer('first call', cacheIn(cache));
      return (found as { firstMs: number }).firstMs;
    };
    try {
      const [cold, warm] = [await firstMs(), await firstMs()];
      const figures = (await answer('figures', WITHOUT_CACHE)) as StartFigures;
      entries.push({ name, coldMs: process.platform === 'linux' ? cold : null, warmMs: warm, ...figures });
    } catch (error) {
      if (error instanceof Stopped) return entries;
      throw error;
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  }
  onProgress(total, total, '');
  return entries;
}

/** Has drivers keep compiled shaders in `folder`. */
const cacheIn = (folder: string): NodeJS.ProcessEnv => ({
  MESA_SHADER_CACHE_DIR: folder,
  MESA_SHADER_CACHE_DISABLE: 'false',
  __GL_SHADER_DISK_CACHE: '1',
  __GL_SHADER_DISK_CACHE_PATH: folder,
});

const WITHOUT_CACHE: NodeJS.ProcessEnv = {
  MESA_SHADER_CACHE_DISABLE: 'true',
  __GL_SHADER_DISK_CACHE: '0',
};

/** A process was ended from outside, by Ctrl-C for one. */
export class Stopped extends Error {}

/** Node's arguments for a script beside this one: TypeScript where this file is. */
function nodeArguments(script: string): string[] {
  if (!import.meta.url.endsWith('.ts')) return [fileURLToPath(new URL(`./${script}.js`, import.meta.url))];
  return ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL(`./${script}.ts`, import.meta.url))];
}

/** Asks a process of its own. */
export const askProcess: Ask = async (request, environment, signal) => {
  if (signal?.aborted) throw new Stopped();
  const child = spawn(process.execPath, [...nodeArguments('start-process'), JSON.stringify(request)], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = (): void => void child.kill();
  signal?.addEventListener('abort', stop);
  let [answer, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERRORS);
  });
  try {
    const [code, endedBy] = await new Promise<[code: number | null, endedBy: string | null]>(
      (resolve, reject) => {
        child.on('error', reject);
        child.on('close', (...end) => resolve(end));
      },
    );
    if (signal?.aborted || endedBy === 'SIGINT' || endedBy === 'SIGTERM') throw new Stopped();
    if (code === 0) return JSON.parse(answer) as StartAnswer;
    const reason = errors.trim().split('\n').at(-1) || `it ended by ${endedBy ?? `code ${code}`}`;
    throw new Error(`the process that starts ${modelName(request.of)} failed: ${reason}`);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
};

/** Characters of a process's errors that are kept: the last say why it ended. */
const ERRORS = 4000;
