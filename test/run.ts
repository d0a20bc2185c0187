/**
 * `npm test`: runs every file test/…/NAME.test.ts in a process of its own, so that a crash of the driver fails one file
 * and not the run, and closes with the line `N passed, N failed`.
 *
 * Each file prints uvu's totals; they are added up here. A file that crashes, runs past its time, ends before its
 * totals or holds no test counts as one failure.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { bold, formatSeconds, onStop, say, UserError } from '../src/cli/ui.ts';
import { findChromium, REMEDY } from './browser/chromium.ts';

export const description =
  'Runs the tests. Filters are parts of file names: `npm test -- conv tensor/` runs the files whose path holds one ' +
  'of them. Tests on real weights and photos read the folder named by TESSERA_DATA, and are skipped without it; so are ' +
  'those in a browser where there is no Chromium.';

export function options(command: Command): void {
  command
    .argument('[filter...]', 'parts of the paths of the test files to run')
    .option('--jobs <n>', 'files that run at the same time', positive, Math.min(2, availableParallelism()))
    .option('--timeout <seconds>', 'time that one file may take', positive, 600);
}

interface RunOptions {
  jobs: number;
  timeout: number;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** What one test file came to. */
export interface FileResult {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** Why the file as a whole failed (a crash, a timeout), or ''. */
  fault: string;
  output: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

export async function run(filters: string[], { jobs, timeout }: RunOptions): Promise<number> {
  const files = findTests(filters);
  if (files.length === 0)
    throw new UserError(`no test file matches ${filters.join(', ') || 'test/**/*.test.ts'}`);
  if (!process.env.TESSERA_DATA) {
    say('TESSERA_DATA is not set: the tests on real weights and photos are skipped.');
  }
  if (!findChromium()) say(`Chromium is not installed: the tests in a browser are skipped; ${REMEDY}.`);
  const started = performance.now();
  const results: FileResult[] = [];
  const queue = [...files];
  const stop = onStop('Stopping: the tests that run are ended, the rest are left out.');
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const result = await runFile(file, timeout, stop.signal);
      if (stop.requested) return;
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, worker));
  stop.dispose();
  // Without the closing line, so that nobody takes half a run for a whole one.
  if (stop.requested) return stop.exitCode;
  summarise(results, (performance.now() - started) / 1000);
  return results.some(({ failed }) => failed > 0) ? 1 : 0;
}

/** The page's tests drive a browser for minutes: they run where they are named (`npm run test:page`). */
const NAMED_ONLY = 'test/web/';

/** The test files whose path holds one of `filters` (all but the page's without filters), sorted. */
function findTests(filters: string[]): string[] {
  return readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path.split(sep).join('/')}`)
    .filter((path) =>
      filters.length === 0 ? !path.startsWith(NAMED_ONLY) : filters.some((part) => path.includes(part)),
    )
    .sort();
}

/** Runs one file in a child process; `signal` ends it early. */
export async function runFile(file: string, timeout: number, signal?: AbortSignal): Promise<FileResult> {
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file], {
    cwd: root,
    env: { ...process.env, TESSERA_TEST: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeout * 1000);
  const [code, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...ending) => resolve(ending));
  });
  clearTimeout(timer);
  signal?.removeEventListener('abort', kill);
  const ending = late ? `ran past ${timeout} s and was stopped` : describeEnding(code, killedBy);
  return { file, seconds: (performance.now() - started) / 1000, output, ...readTotals(output, ending) };
}

/** How a process ended, where that was not with 0. */
function describeEnding(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `was killed by ${signal}`;
  return code === 0 ? '' : `ended with exit code ${code}`;
}

/**
 * Reads uvu's totals from what a file printed. `ending` says how its process ended, '' for exit code 0; a bad ending
 * that no failed test explains counts as one failure.
 */
export function readTotals(
  output: string,
  ending: string,
): Pick<FileResult, 'passed' | 'failed' | 'skipped' | 'fault'> {
  const plain = stripVTControlCharacters(output);
  const totals = plain.match(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/m);
  if (!totals) return { passed: 0, failed: 1, skipped: 0, fault: ending || 'ended before its tests did' };
  const [total, passed, skipped] = totals.slice(1).map(Number) as [number, number, number];
  const failed = total - passed;
  if (total + skipped === 0) return { passed, failed: 1, skipped, fault: 'holds no test' };
  // uvu ends with exit code 1 after a failed test.
  const explained = failed > 0 && ending === 'ended with exit code 1';
  if (ending && !explained) return { passed, failed: failed + 1, skipped, fault: ending };
  return { passed, failed, skipped, fault: '' };
}

/** One line for a file; what it printed follows when something failed. */
function report({ file, passed, failed, skipped, seconds, fault, output }: FileResult): void {
  const counts = [`${passed} passed`, failed && `${failed} failed`, skipped && `${skipped} skipped`];
  const line = `${file}  ${counts.filter(Boolean).join(', ')}  (${formatSeconds(seconds)})`;
  if (failed === 0) {
    process.stdout.write(`  ok    ${line}\n`);
    return;
  }
  process.stdout.write(`${bold('  FAIL', process.stdout)}  ${line}${fault ? `: ${fault}` : ''}\n`);
  process.stdout.write(`${output.trimEnd().replace(/^(?=.)/gm, '        ')}\n`);
}

function summarise(results: FileResult[], seconds: number): void {
  const sum = (key: 'passed' | 'failed' | 'skipped') => results.reduce((total, one) => total + one[key], 0);
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, 5);
  const names = slowest.map((one) => `${relative('test', one.file)} ${formatSeconds(one.seconds)}`);
  process.stdout.write(
    `\n${results.length} files in ${formatSeconds(seconds)}; slowest: ${names.join(', ')}\n`,
  );
  const broken = results.filter(({ failed }) => failed > 0);
  if (broken.length > 0) process.stdout.write(`Failed: ${broken.map(({ file }) => file).join(', ')}\n`);
  const skipped = sum('skipped');
  process.stdout.write(
    `${sum('passed')} passed, ${sum('failed')} failed${skipped ? `, ${skipped} skipped` : ''}\n`,
  );
}
