/** A folder has one writer; the lock of a dead one is taken over; what killed writers left is removed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeWhole } from '../../src/node/files.ts';
import { removeLeftovers, temporaryFor } from '../../src/node/leftovers.ts';
import { FolderHeld, FolderLock, type LockOwner } from '../../src/node/lock.ts';
import { isAlive, markName, ownMark, parseMark } from '../../src/node/processes.ts';

const test = suite('node/lock');
const folders: string[] = [];
async function fresh(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-lock-'));
  folders.push(folder);
  return folder;
}
test.after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const linux = process.platform === 'linux' ? test : test.skip;
/** The number of a process that has ended. */
const ended = spawnSync(process.execPath, ['-e', '']).pid;
const mine = ownMark();
const dead = { ...mine, pid: ended };
const elsewhere = { ...mine, machine: '0123456789ab' };

const ownerOf = (folder: string): LockOwner => JSON.parse(readFileSync(join(folder, '.lock'), 'utf8'));

async function heldBy(take: Promise<FolderLock>): Promise<FolderHeld> {
  try {
    (await take).release();
  } catch (error) {
    assert.instance(error, FolderHeld);
    return error as FolderHeld;
  }
  return assert.unreachable('the folder was taken') as never;
}

test('a process lives, has ended, or is another one’s to know', () => {
  assert.is(isAlive(mine), process.platform === 'linux' ? true : null);
  assert.is(isAlive(dead), false);
  assert.is(isAlive(elsewhere), null);
  assert.equal(parseMark(markName(mine)), mine);
  for (const text of ['', '1234', 'x-1-2', '0123456789ab-1']) assert.is(parseMark(text), null, text);
});

linux('a process that got the number of a dead one is not taken for it', () => {
  assert.is(isAlive({ ...mine, started: '1' }), false);
});

test('a folder that is taken says by whom; it is free again after release', async () => {
  const folder = await fresh();
  const lock = await FolderLock.take(folder, 'npm run train');
  const { message, owner } = await heldBy(FolderLock.take(folder, 'another'));
  assert.match(message, `${folder} is being written by another process: number ${process.pid}, since 20`);
  assert.match(message, `kill ${process.pid}`);
  assert.equal([owner.command, owner.ending], ['npm run train', false]);
  lock.announceEnd();
  assert.is((await heldBy(FolderLock.take(folder, 'another'))).owner.ending, true);
  lock.release();
  assert.equal(await readdir(folder), []);
  (await FolderLock.take(folder, 'another')).release();
});

/** Seconds since the lock of `owner` was written, and whether the folder can be had all the same. */
const OWNERS: [what: string, owner: object | string, age: number, free: boolean][] = [
  ['has ended', dead, 0, true],
  ['is on another machine and has written just now', elsewhere, 0, false],
  ['is on another machine and silent for a minute', elsewhere, 60, false],
  ['is on another machine and silent for three minutes', elsewhere, 180, true],
  ['was killed while it wrote the file', '', 0, true],
  ['wrote something else', '{"pid":1}', 0, true],
];
for (const [what, owner, age, free] of OWNERS)
  test(`a lock whose owner ${what} ${free ? 'is taken over' : 'holds'}`, async () => {
    const folder = await fresh();
    const whole = { ...mine, host: hostname(), since: 'then', command: 'c', ending: false };
    const path = join(folder, '.lock');
    const text = typeof owner === 'string' ? owner : JSON.stringify({ ...whole, ...owner });
    writeFileSync(path, text);
    const time = Date.now() / 1000 - age;
    utimesSync(path, time, time);
    if (!free) {
      const { message } = await heldBy(FolderLock.take(folder, 'mine'));
      assert.match(message, /on .*, which gave a sign of life within two minutes, since then; wait/);
      assert.not.match(message, /kill/);
      await FolderLock.leftBy(folder).then(
        () => assert.unreachable(),
        (error) => assert.instance(error, FolderHeld),
      );
      assert.is(readFileSync(path, 'utf8'), text);
      assert.equal(await readdir(folder), ['.lock']);
      return;
    }
    assert.is((await FolderLock.leftBy(folder))?.command, typeof owner === 'string' ? undefined : 'c');
    const lock = await FolderLock.take(folder, 'mine');
    assert.is(ownerOf(folder).pid, process.pid);
    lock.release();
  });

test('who has lost the folder finds out before the next write, and leaves the other’s lock alone', async () => {
  const folder = await fresh();
  const lock = await FolderLock.take(folder, 'mine');
  await lock.check();
  const other = { ...ownerOf(folder), pid: process.ppid, started: 'x' };
  writeFileSync(join(folder, '.lock'), JSON.stringify(other));
  try {
    await lock.check();
    assert.unreachable('nothing was noticed');
  } catch (error) {
    assert.instance(error, FolderHeld);
  }
  lock.announceEnd();
  lock.release();
  assert.is(ownerOf(folder).pid, process.ppid);
});

test('a folder that was removed is made again, and taken', async () => {
  const folder = join(await fresh(), 'run');
  await writeWhole(join(folder, 'file'), '');
  const lock = await FolderLock.take(folder, 'mine');
  await rm(folder, { recursive: true });
  await lock.check();
  assert.is(ownerOf(folder).pid, process.pid);
  lock.release();
});

test('temporary files of killed writers go, those of living ones and of other machines stay', async () => {
  const folder = await fresh();
  const names = [dead, elsewhere, mine].map((mark) => `.model.${markName(mark)}.tmp`);
  const others = ['.model.123.tmp', '.tmp', 'a.tmp', `.${'n'.repeat(9)}.x.tmp`];
  for (const name of [...names, ...others]) writeFileSync(join(folder, name), '');
  await removeLeftovers(folder);
  assert.equal((await readdir(folder)).sort(), [...names.slice(1), ...others].sort());
  await writeWhole(join(folder, 'file'), 'x');
  assert.ok(existsSync(join(folder, names[1])));
  // Whoever has the folder to itself knows that nobody writes; numbers alone were the names once.
  await removeLeftovers(folder, true);
  assert.equal((await readdir(folder)).sort(), ['file', ...others.slice(1)].sort());
  assert.ok(temporaryFor(join(folder, 'n'.repeat(255))).length - folder.length < 200);
});

test.run();
