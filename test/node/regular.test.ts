/** Whatever a path from outside leads to, reading it ends: every input of every command against every kind of thing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as evaluate from '../../src/cli/evaluate.ts';
import * as predict from '../../src/cli/predict.ts';
import { newRun, resumedRun } from '../../src/cli/train/setup.ts';
import * as weights from '../../src/cli/weights.ts';
import { readImage } from '../../src/data/node/decode.ts';
import { contentGroups } from '../../src/data/node/duplicates.ts';
import { imageFolder, labelledFolder } from '../../src/data/node/folder.ts';
import { readBytes } from '../../src/node/files.ts';
import { hashFile } from '../../src/node/hash.ts';
import { fillFrom, readRegular } from '../../src/node/regular.ts';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { openWeights } from '../../src/weights/node/create-model.ts';
import { inspectFile } from '../../src/weights/node/inspect.ts';
import { PartialFile } from '../../src/weights/node/partial-file.ts';
import { sourceFiles } from '../helpers/imports.ts';

const test = process.platform === 'win32' ? suite('regular files (not on Windows)') : suite('regular files');
let folder: string;
let server: Server;
/** What no command may read, by its kind. */
let things: [kind: string, path: string][];

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-regular-'));
  const at = (name: string): string => join(folder, name);
  assert.is(spawnSync('mkfifo', [at('pipe.jpg')]).status, 0);
  server = createServer();
  await new Promise<void>((resolve) => server.listen(at('socket.jpg'), resolve));
  for (const [name, target] of [
    ['zero.jpg', '/dev/zero'],
    ['link-to-a-pipe.jpg', at('pipe.jpg')],
    ['loop.jpg', at('loop.jpg')],
  ] as const)
    await symlink(target, at(name));
  await mkdir(at('folder.jpg'));
  for (const name of ['sparse.jpg', 'sparse too.jpg']) {
    await writeFile(at(name), '');
    await truncate(at(name), 2 ** 40);
  }
  things = ['pipe', 'socket', 'zero', 'link-to-a-pipe', 'loop', 'folder', 'sparse'].map((kind) => [
    kind,
    at(`${kind}.jpg`),
  ]);
});
test.after(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const trains = { epochs: 1 };
const predicts = { topK: 1, batch: 1 };
const evaluates = { batch: 1 };
/** Every way in, by its name. What wants a file and what wants a folder is refused alike. */
const READERS: Record<string, (path: string) => Promise<unknown>> = {
  readRegular: (path) => readRegular(path),
  readBytes: (path) => readBytes(path),
  hashFile: (path) => hashFile(path),
  'a picture': readImage,
  'a checkpoint': (path) => readCheckpoint(path),
  weights: openWeights,
  'a look into weights': (path) => inspectFile(path),
  'the folder of a data set': (path) => imageFolder(path),
  'the folder of pictures to measure on': (path) => labelledFolder(path, ['a', 'b']),
  'train --weights': (path) => newRun({ ...trains, model: 'resnet18', weights: path }),
  'train --data': (path) => newRun({ ...trains, data: path, out: join(folder, 'no run') }),
  'train --resume': (path) => resumedRun({ resume: path }),
  'predict --checkpoint': (path) => predict.run(['data/photos/cat.jpg'], { ...predicts, checkpoint: path }),
  'predict --weights': (path) => predict.run(['data/photos/cat.jpg'], { ...predicts, weights: path }),
  'evaluate --checkpoint': (path) => evaluate.run([], { ...evaluates, checkpoint: path }),
  'weights convert': (path) => weights.run(['convert', path], {}),
  'weights inspect': (path) => weights.run(['inspect', path], {}),
};

for (const [name, read] of Object.entries(READERS))
  test(`${name}: a sentence that names what is no file, at once`, async () => {
    for (const [kind, path] of things) {
      const started = performance.now();
      const message = await read(path).then(
        () => 'it was read',
        (error: Error) => `${error instanceof TypeError ? 'a mistake: ' : ''}${error.message}`,
      );
      assert.ok(performance.now() - started < 2000, `${kind}: ${performance.now() - started} ms`);
      assert.not.match(message, /it was read|a mistake|EISDIR|undefined/, kind);
      // The bare functions say the second half of a sentence.
      if (!['readRegular', 'hashFile'].includes(name))
        assert.ok(message.includes(basename(path)), `${kind}: ${message}`);
    }
  });

/**
 * Files of src/ that read otherwise: what is the program's own, what it has just made, the system's notes on processes, and
 * the text of a program that is written beside an export.
 */
const READ_OTHERWISE = [
  'cli/doctor.ts',
  'cli/nohup.ts',
  'export/runners.ts',
  'node/lock.ts',
  'node/processes.ts',
  'node/regular.ts',
  'node/versions.ts',
  'tune/node/shelf.ts',
  'verify/node/fixtures.ts',
];

test('nothing in src/ reads a file from outside in another way, or makes folders recursively', () => {
  const found = [...sourceFiles().keys()].filter((path) => {
    const text = readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8');
    return /\b(?:readFile|readFileSync|createReadStream|readSync|openAsBlob)\(|open\([^)]*'r'|mkdir\([^)]*recursive/.test(
      text,
    );
  });
  assert.equal(
    found.filter((path) => !READ_OTHERWISE.includes(path)),
    [],
    'readRegular or openRegular of src/node/regular.ts, makeFolder of src/node/files.ts',
  );
});

test('train --out: nothing that is no folder', async () => {
  for (const [kind, path] of things)
    if (kind !== 'folder')
      await assertSays(newRun({ ...trains, out: path }), /\.jpg (is a file; name a folder|cannot be read)/);
});

test('a note beside a download may be anything', async () => {
  const target = join(folder, 'model.pth');
  await symlink(join(folder, 'pipe.jpg'), `${target}.part.json`);
  await assertSays(
    new PartialFile(target).takeUp(() => true),
    /model\.pth\.part\.json cannot be read: it is a pipe; name a file/,
  );
});

test('two files of a tebibyte are not read to see whether they are the same', async () => {
  const samples = ['sparse.jpg', 'sparse too.jpg'].map((name) => ({ file: join(folder, name), label: 0 }));
  assert.equal(await contentGroups(samples), []);
  await assertSays(readImage(samples[0]!.file), /it is 1,020 GiB long, and at most 1 GiB are read$/);
});

test('a folder of such things is a data set without them', async () => {
  for (const name of ['a', 'b']) {
    await mkdir(join(folder, 'set', name), { recursive: true });
    for (const n of [1, 2]) await writeFile(join(folder, 'set', name, `${n}.png`), `${name}${n}`);
    for (const [kind, path] of things)
      if (kind !== 'sparse' && kind !== 'folder')
        await symlink(path, join(folder, 'set', name, `${kind}.jpg`));
  }
  const { train, val, notes } = await imageFolder(join(folder, 'set'));
  assert.is(train.length + val.length, 4);
  assert.match(
    notes.join('\n'),
    /10 entries left out: a\/link-to-a-pipe\.jpg is a pipe, a socket or a device,/,
  );
});

test('no more is read than the length that the file had: one of /proc says 0', async () => {
  if (process.platform !== 'linux') return;
  assert.is((await readRegular('/proc/self/maps')).length, 0);
  assert.is((await readFile('/proc/self/maps')).length > 0, true);
});

test('a file that becomes shorter is a sentence', async () => {
  const path = join(folder, 'short');
  await writeFile(path, new Uint8Array(10));
  const file = await open(path);
  await assertSays(fillFrom(file, new Uint8Array(20), 0, 20), /^it became shorter while it was read$/);
  await file.close();
});

async function assertSays(promise: Promise<unknown>, sentence: RegExp): Promise<void> {
  const said = await promise.then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );
  assert.match(said, sentence);
}

test.run();
