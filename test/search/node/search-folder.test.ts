/** The folder of a search: what a kill may leave of it, and what a disk may make of it. */
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFor } from '../../../src/node/leftovers.ts';
import type { Trial } from '../../../src/search/method.ts';
import { SearchFolder } from '../../../src/search/node/search-folder.ts';
import { RunFolder } from '../../../src/train/node/run-folder.ts';

const test = suite('search folder');
let path: string;
let run: RunFolder;
let folder: SearchFolder;
test.before.each(async () => {
  path = await mkdtemp(join(tmpdir(), 'tessera-search-'));
  await writeFile(join(path, 'plan.json'), '{}');
  run = await RunFolder.forSavedRun(path, 'search', 'plan.json');
  folder = new SearchFolder(run);
});
test.after.each(async () => {
  await run.release();
  await rm(path, { recursive: true });
});

const trial = (index: number): Trial => ({
  ...{ index, by: 'method', network: 'k3e1w8d1s0', rung: 0, steps: 10, cost: 1.5 },
  ...{ loss: 2.25, halves: [2, 2.5], accuracy: 0.5 },
});
const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => '',
    ({ message }: Error) => message,
  );

test('trials come back as they went in, wherever a kill cut the last line', async () => {
  assert.equal(await folder.trials(), []);
  for (let index = 0; index < 3; index++) await folder.append(trial(index));
  assert.equal(await folder.trials(), [0, 1, 2].map(trial));
  const [file, line] = [join(path, 'trials.jsonl'), JSON.stringify(trial(3))];
  for (const cut of [1, 40, line.length]) {
    await appendFile(file, line.slice(0, cut));
    assert.equal(await folder.trials(), [0, 1, 2].map(trial), `${cut} characters`);
  }
  await folder.append(trial(3));
  assert.equal(await folder.trials(), [0, 1, 2, 3].map(trial));
});

test('a damaged line is named by its number', async () => {
  const file = join(path, 'trials.jsonl');
  await writeFile(file, `${JSON.stringify(trial(0))}\n\0\0\0\n${JSON.stringify(trial(2))}\n`);
  assert.match(await failure(folder.trials()), /^line 2 of .*trials\.jsonl is no JSON .*; remove it and the/);
  await writeFile(file, `${'['.repeat(300_000)}\n`);
  assert.match(await failure(folder.trials()), /^line 1 of .* brackets, of at most/);
  await rm(file);
  await mkdir(file);
  assert.match(await failure(folder.trials()), /it is a folder/);
});

test('states are whole or as they were', async () => {
  const name = 'method-12';
  assert.is(await folder.loadState(name), null);
  await folder.saveState(name, Uint8Array.of(1, 2, 3));
  await folder.saveState('other', new Uint8Array());
  await folder.saveState(name, Uint8Array.of(4, 5));
  assert.equal([...(await folder.loadState(name))!], [4, 5]);
  assert.equal([...(await folder.loadState('other'))!], []);
  await folder.dropState('other');
  await folder.dropState('other');
  const [file] = await readdir(join(path, 'state'));
  const place = join(path, 'state', file!);
  await writeFile(temporaryFor(place), 'half');
  await folder.removeLeftovers();
  assert.equal(await readdir(join(path, 'state')), [file]);
  await folder.dropStates();
  assert.equal((await readdir(path)).sort(), ['.lock', 'plan.json']);
  await folder.removeLeftovers();
});

test.run();
