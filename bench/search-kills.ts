/**
 * `search`, killed: searches that go on from one plan are ended by SIGKILL at random moments, some more than once, and taken up
 * again, against one that nobody disturbed.
 *
 *   node --import tsx bench/search-kills.ts [KILLS = 8] [SEED = 1] [METHOD = halving]
 *
 * Prints what became of each, and ends with 1 where a checkpoint has other bits, search.json says anything else (seconds
 * apart), or anything else stays in the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SearchSpace } from '../src/search/space.ts';
import { randomUniform } from '../src/tensor/random.ts';
import { writePictures } from './kills.ts';

const launcher = fileURLToPath(new URL('../bin/tessera.mjs', import.meta.url));
const [kills = '8', seed = '1', method = 'halving'] = process.argv.slice(2);

const TINY: SearchSpace = {
  name: 'tiny',
  stages: [
    { stride: 2, kernels: [3], expandRatios: [1, 2], widths: [4, 8], depths: [1, 2], squeezes: [0] },
    { stride: 2, kernels: [3], expandRatios: [1, 2], widths: [8, 16], depths: [1], squeezes: [0, 0.25] },
  ],
  stem: 4,
  head: 16,
  activation: 'relu',
  inputSize: 16,
};

/** Starts the command, and ends it after so many milliseconds. @returns how it ended, and what it said last */
function search(
  root: string,
  args: string[],
  endAfter?: number,
): Promise<{ code: number | null; err: string }> {
  const child: ChildProcess = spawn(process.execPath, [launcher, 'search', ...args], { cwd: root });
  let err = '';
  child.stderr!.on('data', (data) => {
    err += data;
  });
  const timer = endAfter === undefined ? null : setTimeout(() => child.kill('SIGKILL'), endAfter);
  return new Promise((resolve) =>
    child.on('close', (code) => {
      if (timer) clearTimeout(timer);
      resolve({ code, err });
    }),
  );
}

/** What a search came to: a hash of each file but for times, by name. */
async function outcomeOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    const bytes = await readFile(join(folder, name));
    const { time: _, ...result } = name === 'search.json' ? JSON.parse(String(bytes)) : { time: 0 };
    const what = { 'search.json': JSON.stringify(result), 'report.html': '' }[name] ?? bytes;
    found[name] = createHash('sha256').update(what).digest('hex').slice(0, 12);
  }
  return found;
}

const root = await mkdtemp(join(tmpdir(), 'tessera-search-kills-'));
let faults = 0;
try {
  await writePictures(join(root, 'data'));
  await writeFile(join(root, 'tiny.json'), JSON.stringify(TINY));
  const asked = ['--data', 'data', '--space', 'tiny.json', '--batch', '8', '--target-mults', '60k'];
  const whole = await search(root, [...asked, '--method', method, '--minutes', '0.15', '--out', 'whole']);
  if (whole.code !== 0) throw new Error(`the search failed:\n${whole.err}`);
  const expected = await outcomeOf(join(root, 'whole'));
  const plan = await readFile(join(root, 'whole', 'plan.json'));
  let takes = 0;
  // The first is not killed: it says how long the others take.
  for (let index = 0; index <= Number(kills); index++) {
    const out = `search-${index}`;
    const folder = join(root, out);
    await mkdir(folder);
    await writeFile(join(folder, 'plan.json'), plan);
    const moments: string[] = [];
    for (let kill = 0; index > 0 && kill <= index % 3; kill++) {
      const wait = randomUniform(Number(seed), 'search-kills', kill, index) * takes;
      const { code } = await search(root, ['--resume', out], wait);
      const lines =
        (await readFile(join(folder, 'trials.jsonl'), 'utf8').catch(() => '')).split('\n').length - 1;
      moments.push(`${(wait / 1000).toFixed(1)} s (${lines} trials${code === 0 ? ', it was finished' : ''})`);
    }
    const begun = performance.now();
    const { code, err } = await search(root, ['--resume', out]);
    if (index === 0) takes = performance.now() - begun;
    const found = code === 0 ? await outcomeOf(folder) : {};
    const names = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
    const other = names.filter((name) => found[name] !== expected[name]);
    if (other.length > 0) faults++;
    const verdict =
      code !== 0
        ? `ended with ${code}: ${err.trim().split('\n').at(-1)}`
        : other.length > 0
          ? `other: ${other.join(', ')}`
          : 'the same bits';
    process.stdout.write(
      `${verdict.padEnd(14)}  ${moments.length === 0 ? 'not killed' : `killed after ${moments.join(', ')}`}\n`,
    );
    await rm(folder, { recursive: true });
  }
} finally {
  await rm(root, { recursive: true });
}
process.stdout.write(`${kills} searches, ${faults} faults\n`);
process.exit(faults > 0 ? 1 : 0);
