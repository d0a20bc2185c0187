/** The folder of a run, whatever moment its writer was killed at: an older run is whole or the new one is. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeWhole } from '../../../src/node/files.ts';
import { ownMark } from '../../../src/node/processes.ts';
import { fileOfRun, RunFolder } from '../../../src/train/node/run-folder.ts';

const test = suite('train/run-folder');
let root: string;
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-runs-'));
});
test.after(() => rm(root, { recursive: true }));

let count = 0;
/** A folder with files of these contents. */
async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = join(root, `run-${count++}`);
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeWhole(join(folder, name), text);
  return folder;
}

/** What a folder holds, by path. */
async function contents(folder: string, prefix = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(found, await contents(folder, path));
    else if (entry.name !== '.lock') found[path] = await readFile(join(folder, path), 'utf8');
  }
  return found;
}

const SOME = {
  'best.safetensors': 'old best',
  'last.safetensors': 'old last',
  'report.json': 'old',
  'report.svg': 'old',
};
const OLD = {
  ...SOME,
  'report.html': 'old',
  'predictions.csv': 'old',
  'metrics.jsonl': 'old',
  'events.out.tfevents.1700000000.machine.1.0': 'old',
  'evaluation.html': 'old',
  'evaluation-faces.csv': 'old',
  'plan.json': 'old',
  'trials.jsonl': 'old',
  'state/a': 'old',
  'search.json': 'old',
  'winner.safetensors': 'old',
};
/** What a new run saves first, in order. */
const SAVES: [what: string, files: string[]][] = [
  ['after an epoch', ['best.safetensors', 'last.safetensors']],
  ['stopped in its first epoch', ['last.safetensors']],
];
const newRun = (files: string[]): Record<string, string> =>
  Object.fromEntries(files.map((file) => [file, `new ${file}`]));

async function save(folder: RunFolder, files: string[]): Promise<void> {
  for (const file of files) await writeWhole(await folder.place(file), `new ${file}`);
}

for (const [what, files] of SAVES)
  test(`what a new run saves ${what} replaces all of an older one, at once`, async () => {
    const path = await folderWith(OLD);
    const folder = await RunFolder.forNewRun(path, 'again', true);
    await save(folder, files);
    assert.equal(
      Object.fromEntries(Object.entries(await contents(path)).filter(([name]) => !name.startsWith('.'))),
      OLD,
    );
    assert.not(folder.holdsRun);
    await folder.settle();
    assert.equal(await contents(path), newRun(files));
    assert.ok(folder.holdsRun);
    await writeWhole(await folder.place('report.json'), 'new');
    await folder.settle();
    await folder.release();
    assert.equal(await contents(path), { ...newRun(files), 'report.json': 'new' });
    assert.equal((await readdir(path)).sort(), [...files, 'report.json'].sort());
  });

test('an older run is untouched until then, whoever comes after the kill', async () => {
  for (const killedWith of [[], ['best.safetensors'], ['best.safetensors', 'last.safetensors']]) {
    const staged = Object.fromEntries(killedWith.map((file) => [`.new/${file}`, `new ${file}`]));
    const half = { '.new/.best.safetensors.0123456789ab-1-2.tmp': 'half', '.room': '0' };
    const again = await RunFolder.forNewRun(await folderWith({ ...OLD, ...staged, ...half }), 'again', true);
    assert.equal(await contents(again.path), OLD);
    await again.release();
    assert.equal(await contents(again.path), OLD);
    const resumed = await RunFolder.forSavedRun(await folderWith({ ...OLD, ...staged, ...half }), 'resume');
    assert.equal(await contents(resumed.path), OLD);
    await resumed.release();
    // Without an older run the same command finds an empty folder.
    const fresh = await RunFolder.forNewRun(await folderWith({ ...staged, ...half }), 'again', false);
    assert.equal(await contents(fresh.path), {});
    await fresh.release();
  }
});

test('a kill while the new files are moved is made good by whoever opens the folder next', async () => {
  for (const [, files] of SAVES) {
    const gone = Object.keys(SOME).filter((file) => !files.includes(file));
    const moves: [from: string, to: string | null][] = [
      ...files.map((file): [string, string] => [file, file]),
      ...gone.map((file): [string, null] => [`${file}.gone`, null]),
    ];
    // Every set of moves that may have been done: readdir has no order.
    for (let done = 0; done < 2 ** moves.length; done++) {
      const state: Record<string, string> = { ...SOME };
      const left: Record<string, string> = {};
      for (const [i, [from, to]] of moves.entries())
        if ((done >> i) & 1) {
          if (to) state[to] = `new ${to}`;
          else delete state[from.slice(0, -'.gone'.length)];
        } else left[`.whole/${from}`] = to ? `new ${to}` : '';
      const path = await folderWith({ ...state, ...left });
      await mkdir(join(path, '.whole'), { recursive: true });
      for (const file of files)
        assert.is(await readFile(await fileOfRun(path, file), 'utf8'), `new ${file}`, `${done}`);
      const folder = await RunFolder.forSavedRun(path, 'resume');
      assert.equal(await contents(path), newRun(files), `${done}`);
      await folder.release();
      await rm(path, { recursive: true });
    }
  }
});

/** Fails unless `action` rejects with a message that matches. */
async function refuses(action: Promise<unknown>, message: RegExp | string): Promise<void> {
  try {
    await action;
  } catch (error) {
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`nothing was refused: ${message}`);
}

test('a folder that holds something is refused without --overwrite; hidden files are nobody’s', async () => {
  const path = await folderWith({ 'notes.txt': 'mine', '.DS_Store': '' });
  await refuses(RunFolder.forNewRun(path, 'c', false), /holds notes\.txt already; --overwrite replaces/);
  assert.equal(await contents(path), { 'notes.txt': 'mine', '.DS_Store': '' });
  await rm(join(path, 'notes.txt'));
  await (await RunFolder.forNewRun(path, 'c', false)).release();
  await refuses(RunFolder.forNewRun(join(path, '.DS_Store'), 'c', false), /is a file; name a folder/);
});

test('one writer: a second run, a resumed one and one that overwrites are told who it is', async () => {
  const path = await folderWith(OLD);
  const first = await RunFolder.forSavedRun(path, 'first');
  for (const second of [
    () => RunFolder.forSavedRun(path, 'second'),
    () => RunFolder.forNewRun(path, 'second', true),
    () => RunFolder.forNewRun(path, 'second', false),
  ])
    await refuses(second(), `is being written by another process: number ${process.pid}`);
  await first.release();
});

test('runs that nobody named have folders of their own; without a state saved these go', async () => {
  const base = join(root, 'runs', 'deep', 'net-2026-01-01-0000');
  const folders = await Promise.all([1, 2, 3].map(() => RunFolder.forUnnamedRun(base, 'c')));
  assert.equal(
    folders.map(({ path }) => basename(path)).sort(),
    ['', '-2', '-3'].map((end) => `${basename(base)}${end}`),
  );
  for (const folder of folders) await folder.release();
  await refuses(readdir(join(root, 'runs')), /ENOENT/);
  const named = await RunFolder.forNewRun(base, 'c', false);
  await save(named, ['last.safetensors']);
  await named.settle();
  await named.release();
  assert.equal(await contents(base), newRun(['last.safetensors']));
});

test('folders that nobody named and whose runs were killed before they had saved go with the next such run', async () => {
  const runs = join(root, 'swept');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const lock = (number: number) =>
    JSON.stringify({ ...ownMark(), pid: number, host: hostname(), since: '', command: '', ending: false });
  const folders: Record<string, Record<string, string>> = {
    killed: { '.lock': lock(pid!), '.new/best.safetensors': 'half', '.room': '' },
    alive: { '.lock': lock(process.pid), '.new/best.safetensors': 'half' },
    saved: { '.lock': lock(pid!), '.new/best.safetensors': 'half', 'last.safetensors': 'x' },
    moving: { '.lock': lock(pid!), '.whole/last.safetensors': 'x' },
    another: { 'notes.txt': '' },
    empty: { '.keep': '' },
  };
  for (const [name, files] of Object.entries(folders))
    for (const [file, text] of Object.entries(files)) await writeWhole(join(runs, name, file), text);
  await (await RunFolder.forUnnamedRun(join(runs, 'net'), 'c')).release();
  assert.equal((await readdir(runs)).sort(), ['alive', 'another', 'empty', 'moving', 'saved']);
});

test('where nothing was saved, the command that begins it again is named', async () => {
  const path = await folderWith({});
  await refuses(RunFolder.forSavedRun(path, 'c'), /holds no last\.safetensors: name the folder of a run$/);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const owner = { ...ownMark(), pid, host: hostname(), since: 's', command: 'npm run train', ending: false };
  await writeFile(join(path, '.lock'), JSON.stringify(owner));
  for (let time = 0; time < 2; time++)
    await refuses(
      RunFolder.forSavedRun(path, 'c'),
      /ended before it had saved anything\. This begins it again: npm run train$/,
    );
});

test('a disk without room is noticed before the first step, a folder that takes nothing too', async () => {
  const folder = await RunFolder.forNewRun(join(root, 'room'), 'c', false);
  await folder.checkRoom({ best: 1e6, last: 3e6 });
  assert.equal(await contents(folder.path), {});
  await refuses(
    folder.checkRoom({ best: 1e18, last: 1e18 }),
    /the checkpoints of the run take 3000000000000 MB, and the disk with .* has room for \d+ MB; make room/,
  );
  await rm(folder.path, { recursive: true });
  await refuses(folder.checkRoom({ best: 1, last: 1 }), /room/);
  await folder.release();
  await writeFile(join(root, 'file'), '');
  await refuses(
    RunFolder.forNewRun(join(root, 'file', 'run'), 'c', false),
    /cannot be made: a part of the path/,
  );
  const proc = process.platform === 'linux' ? RunFolder.forNewRun('/proc/none/run', 'c', false) : null;
  if (proc) await refuses(proc, /the folder \/proc\/none cannot be made: \/proc takes no folders/);
});

test.run();
