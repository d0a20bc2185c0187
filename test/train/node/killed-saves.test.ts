/**
 * SIGKILL at random moments of a run that does nothing but save: what is in its folder afterwards is an older run, whole, or
 * its own last state; the same command or --resume takes it, and nothing half-written stays.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeWhole } from '../../../src/node/files.ts';
import { randomUniform } from '../../../src/tensor/random.ts';
import { BEST, LAST, RunFolder } from '../../../src/train/node/run-folder.ts';

const test = suite('train/killed-saves');
const program = fileURLToPath(new URL('saving.ts', import.meta.url));

/** Runs the program until `wait` milliseconds after it began; 0: it ends by itself. */
function killedAfter(wait: number, ...args: string[]): Promise<{ begun: boolean; err: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args]);
  let [begun, err] = [false, ''];
  child.stdout.on('data', () => {
    if (!begun) setTimeout(() => child.kill('SIGKILL'), wait);
    begun = true;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  return new Promise((resolve) => child.on('close', () => resolve({ begun, err })));
}

/** [run, state] of a file. */
async function stateIn(folder: string, file: string): Promise<[tag: string, state: number]> {
  const [tag, state, dots] = (await readFile(join(folder, file), 'utf8')).split(' ');
  assert.is(dots.length, 2 ** 20, `${file} is not whole`);
  return [tag, Number(state)];
}

test('an older run or the new one, never a mixture, and whoever comes next takes it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tessera-kills-'));
  const folder = join(root, 'run');
  await writeWhole(join(folder, BEST), `old 7 ${'.'.repeat(2 ** 20)}`);
  await writeWhole(join(folder, LAST), `old 7 ${'.'.repeat(2 ** 20)}`);
  await writeWhole(join(folder, 'report.json'), 'old');
  let holder = 'old';
  let least = 7;
  for (let kill = 0; kill < 8; kill++) {
    const how = kill % 2 === 0 ? 'overwrite' : 'resume';
    const tag = how === 'overwrite' ? `run${kill}` : holder;
    // The first save takes some tens of milliseconds.
    const { begun, err } = await killedAfter(60 * randomUniform(1, 'kills', 0, kill), folder, how, tag);
    assert.ok(begun, err);
    await (await RunFolder.forSavedRun(folder, 'look')).release();
    const [best, last] = [await stateIn(folder, BEST), await stateIn(folder, LAST)];
    assert.is(best[0], last[0], 'of two runs');
    assert.ok(best[1] === last[1] || best[1] === last[1] + 1, `${best} ${last}`);
    if (last[0] === holder) assert.ok(last[1] >= least, `${last} after ${least}`);
    else assert.is(last[0], tag);
    [holder, least] = last;
    const report = holder === 'old' ? ['report.json'] : [];
    assert.equal((await readdir(folder)).sort(), [BEST, LAST, ...report]);
  }
  await rm(root, { recursive: true });
});

test('a run that is killed in its first save leaves a folder that the same command takes', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tessera-kills-'));
  const folder = join(root, 'run');
  for (let kill = 0; kill < 3; kill++) {
    const { begun, err } = await killedAfter(kill, folder, 'new', 'run');
    assert.ok(begun, err);
    if ((await readdir(folder)).includes(LAST)) break; // It was faster.
  }
  await rm(root, { recursive: true });
});

test.run();
