/** `npm run check`: the linter and formatter, the type checker, and all tests; fails when one of them does. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { bold, formatSeconds, say } from '../src/cli/ui.ts';
import { run as runTests, options as testOptions } from './run.ts';

export const description = 'Runs Biome (lint and format), the TypeScript compiler and every test.';
export const options: (command: Command) => void = testOptions;

/** The programs before the tests, by path: their packages export no such name. */
const TOOLS = [
  {
    name: 'Biome',
    script: 'node_modules/@biomejs/biome/bin/biome',
    args: ['check', '--error-on-warnings', '.'],
  },
  { name: 'TypeScript', script: 'node_modules/typescript/bin/tsc', args: ['--noEmit', '-p', '.'] },
  // What a browser loads, checked without Node's types.
  {
    name: 'TypeScript for a browser',
    script: 'node_modules/typescript/bin/tsc',
    args: ['--noEmit', '-p', 'tsconfig.browser.json'],
  },
  {
    name: 'TypeScript of the page',
    script: 'node_modules/typescript/bin/tsc',
    args: ['--noEmit', '-p', 'web'],
  },
];

export async function run(filters: string[], given: Parameters<typeof runTests>[1]): Promise<number> {
  const failed: string[] = [];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  for (const { name, script, args } of TOOLS) {
    const started = performance.now();
    // stdout belongs to the tests' closing line; the tools print on stderr.
    const { status } = spawnSync(process.execPath, [script, ...args], {
      cwd,
      stdio: ['ignore', 2, 2],
    });
    const seconds = formatSeconds((performance.now() - started) / 1000);
    say(bold(status === 0 ? `${name}: fine (${seconds})` : `${name}: found faults (${seconds})`));
    if (status !== 0) failed.push(name);
  }
  const tests = await runTests(filters, given);
  if (failed.length > 0) say(bold(`Faults found by ${failed.join(' and ')}, see above.`));
  return failed.length > 0 ? 1 : tests;
}
