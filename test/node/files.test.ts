/** Files: absence is null, every other failure is a sentence that names the path; what is written is whole. */
import { spawn, spawnSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { imageFolder } from '../../src/data/node/folder.ts';
import { ifThere, makeFolder, readBytes, reading, statOrNull, writeWhole } from '../../src/node/files.ts';
import { newestCheckpoint, readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { PartialFile } from '../../src/weights/node/partial-file.ts';

const test = suite('files');
let folder: string;
/** A link to itself: an error that is no absence, and that root meets too. */
let loop: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-files-'));
  loop = join(folder, 'loop');
  await symlink(loop, loop);
  await writeFile(join(folder, 'file'), 'old');
});
test.after(() => rm(folder, { recursive: true }));

const messageOf = (action: () => Promise<unknown>): Promise<string> =>
  action().then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );

test('what is not there is null: no such name, or a file where a folder would be', async () => {
  for (const path of ['none', 'none/below', 'file/below'])
    assert.is(await statOrNull(join(folder, path)), null, path);
  const url = pathToFileURL(join(folder, 'none'));
  assert.is(await ifThere(url, readFile(url)), null);
  assert.ok((await statOrNull(join(folder, 'file')))?.isFile());
});

/** An error as Node's file functions throw it. */
const failing = (code: string): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }));

for (const [code, reason] of [
  ['EACCES', /permission is denied.*\(EACCES\)/],
  ['EMFILE', /too many files are open.*\(EMFILE\)/],
  ['EIO', /the disk answers with an error.*\(EIO\)/],
  ['EWHATEVER', /EWHATEVER/],
] as const)
  test(`${code} is a sentence with the path, not absence`, async () => {
    for (const wrap of [ifThere, reading]) {
      const message = await messageOf(() => wrap('some/path', failing(code)));
      assert.match(message, /^some\/path cannot be read: /);
      assert.match(message, reason);
    }
  });

test('no reader takes an unreadable path for an absent one', async () => {
  const part = join(folder, 'model.pth');
  await symlink(`${part}.part.json`, `${part}.part.json`);
  await mkdir(join(folder, 'runs', 'a'), { recursive: true });
  await symlink(loop, join(folder, 'runs', 'a', 'best.safetensors'));
  const circle = /cannot be read: its symbolic links lead in a circle.*\(ELOOP\)$/;
  for (const action of [
    () => statOrNull(loop),
    () => readBytes(loop),
    () => imageFolder(loop),
    () => readCheckpoint(loop),
    () => readCheckpoint(join(folder, 'runs', 'a')),
    () => newestCheckpoint(loop),
    () => newestCheckpoint(join(folder, 'runs')),
    () => new PartialFile(part).takeUp(() => true),
  ]) {
    const message = await messageOf(action);
    assert.match(message, circle);
    assert.ok(message.startsWith(folder), message);
  }
  assert.match(await messageOf(() => readBytes(join(folder, 'none'))), /^there is no file .*none$/);
});

test('a file is written whole, its folder made; a failure leaves what was there, and nothing beside it', async () => {
  const path = join(folder, 'new', 'deep', 'file');
  await writeWhole(path, 'one');
  await writeWhole(path, 'two');
  assert.is(await readFile(path, 'utf8'), 'two');
  assert.equal(await readdir(join(folder, 'new', 'deep')), ['file']);
  const below = await messageOf(() => writeWhole(join(folder, 'file', 'below'), 'x'));
  assert.match(below, /file\/below could not be written: .*a part of the path is a file.*untouched$/);
  assert.is(await readFile(join(folder, 'file'), 'utf8'), 'old');
  assert.match(
    await messageOf(() => writeWhole(join(folder, 'new', 'deep'), 'x')),
    /it is a folder; name a file/,
  );
  assert.equal(await readdir(join(folder, 'new')), ['deep']);
});

test('folders are made level by level; where none can be made the sentence says so, at once', async () => {
  await makeFolder(join(folder, 'levels', 'of', 'folders'));
  await makeFolder(join(folder, 'levels', 'of', 'folders'));
  await Promise.all(['a', 'b'].map((name) => makeFolder(join(folder, 'both', 'at', 'once', name))));
  assert.equal((await readdir(join(folder, 'both', 'at', 'once'))).sort(), ['a', 'b']);
  for (const path of ['file', 'file/below', 'file/below/that'])
    assert.match(
      await messageOf(() => makeFolder(join(folder, path))),
      /^the folder .*file cannot be made: a part of the path is a file/,
    );
  if (process.platform !== 'linux') return;
  for (const action of [() => makeFolder('/proc/x/y'), () => writeWhole('/proc/x/y', '')])
    assert.match(await messageOf(action), /the folder \/proc\/x cannot be made: \/proc takes no folders/);
});

const posix = process.platform === 'win32' ? test.skip : test;

posix('only a regular file is replaced', async () => {
  const place = await mkdtemp(join(folder, 'kinds-'));
  const [pipe, socket, device, dangling] = ['pipe', 'socket', 'device', 'dangling'].map((name) =>
    join(place, name),
  );
  assert.is(spawnSync('mkfifo', [pipe]).status, 0);
  // Another /dev/null, where root may make one: a test that fails must not cost the machine its own.
  const made = spawnSync('mknod', [device, 'c', '1', '3']).status === 0;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  await symlink(join(place, 'nowhere'), dangling);
  const before = await readdir(place);
  const cases: [path: string, reason: RegExp][] = [
    [place, /it is a folder; name a file; what was there is untouched$/],
    [pipe, /it is a pipe; name a file/],
    [socket, /it is a socket; name a file/],
    ...(made
      ? [[device, /device could not be written: it is a device; name a file/] as [string, RegExp]]
      : []),
    [dangling, /it is a symbolic link to a file that is not there; remove it/],
    [loop, /symbolic links lead in a circle/],
    [`${join(place, 'new')}/`, /it ends as a folder does; name a file/],
  ];
  try {
    for (const [path, reason] of cases) assert.match(await messageOf(() => writeWhole(path, 'x')), reason);
    assert.equal(await readdir(place), before);
  } finally {
    server.close();
  }
});

posix('a symbolic link stays one, and the file that it leads to is written', async () => {
  const place = await mkdtemp(join(folder, 'link-'));
  await writeFile(join(place, 'real'), 'old');
  await mkdir(join(place, 'elsewhere'));
  const link = join(place, 'elsewhere', 'link');
  await symlink('../real', link);
  await writeWhole(link, 'new');
  assert.is(await readFile(join(place, 'real'), 'utf8'), 'new');
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.equal(await readdir(join(place, 'elsewhere')), ['link']);
});

/** Sends itself a signal, which may be somebody else's to handle, as soon as writeWhole has made its temporary file. */
const INTERRUPTED = `
  import { readdirSync } from 'node:fs';
  import { writeWhole } from './src/node/files.ts';
  const [folder, end] = process.argv.slice(-2);
  if (end === 'exit') process.on('SIGINT', () => process.exit(3));
  writeWhole(folder + '/file', new Uint8Array(2 ** 27));
  const watch = () => {
    if (!readdirSync(folder).some((name) => name.endsWith('.tmp'))) return setImmediate(watch);
    process.kill(process.pid, end === 'exit' ? 'SIGINT' : end);
  };
  watch();
`;
for (const [end, code, signal] of [
  ['SIGINT', null, 'SIGINT'],
  ['SIGTERM', null, 'SIGTERM'],
  ['exit', 3, null],
] as const)
  posix(`nothing half-written stays after ${end}`, async () => {
    const place = await mkdtemp(join(folder, 'interrupted-'));
    await writeFile(join(place, 'file'), 'old');
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', INTERRUPTED, place, end],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: 'ignore' },
    );
    const ended = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    assert.equal(ended, [code, signal]);
    assert.equal(await readdir(place), ['file']);
    assert.is(await readFile(join(place, 'file'), 'utf8'), 'old');
  });

test('writing leaves no listener behind', async () => {
  const listeners = () =>
    ['exit', 'SIGINT', 'SIGTERM', 'SIGHUP'].map((event) => process.listenerCount(event));
  const before = listeners();
  await Promise.all(['a', 'b'].map((name) => writeWhole(join(folder, 'listeners', name), name)));
  assert.equal(listeners(), before);
});

test.run();
