/** Files: absence is null, every other failure is a sentence that names the path; what is written is whole. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openImageFolder } from '../src/data/folder.ts';
import { ifThere, readBytes, reading, statOrNull, writeWhole } from '../src/files.ts';
import { newestCheckpoint, readCheckpoint } from '../src/train/checkpoint.ts';
import { PartialFile } from '../src/weights/partial-file.ts';

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
    () => openImageFolder(loop),
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
  assert.match(below, /file\/below could not be written: a part of the path is a file.*untouched$/);
  assert.is(await readFile(join(folder, 'file'), 'utf8'), 'old');
  assert.match(
    await messageOf(() => writeWhole(join(folder, 'new', 'deep'), 'x')),
    /it is a folder; name a file/,
  );
  assert.equal(await readdir(join(folder, 'new')), ['deep']);
});

test.run();
