/** Features on a disk: what is found again, and what counts as not there. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run as cacheCommand } from '../../../src/cli/cache.ts';
import { markOf } from '../../../src/data/node/picture-file.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { freeze } from '../../../src/nn/index.ts';
import { FeatureCache } from '../../../src/train/feature-cache.ts';
import {
  type FeatureRoom,
  MemoryStore,
  memoryElse,
  type RoomPlan,
} from '../../../src/train/feature-store.ts';
import { infer } from '../../../src/train/infer.ts';
import {
  clearShelf,
  FeatureShelf,
  shelfFolder,
  shelvedRooms,
} from '../../../src/train/node/feature-shelf.ts';
import { testDevice } from '../../helpers/device.ts';
import { stripeBatches, tinyNet } from '../tiny.ts';

const test = suite('train/feature-shelf');
let folder: string;
let said: string[];
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-shelf-'));
  said = [];
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const LENGTH = 5;
const RECORD = 56 + 4 * LENGTH;
const shelf = (limit?: number) => new FeatureShelf(join(folder, 'shelf'), (line) => said.push(line), limit);
const slot = (index: number, view = 0, alone = false) => ({ index, view, alone });
const values = (n: number) => Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(n + i));

/** Three files that stand for pictures. */
function pictures(): Sample[] {
  return [0, 1, 2].map((n) => {
    const file = join(folder, `${n}.jpg`);
    writeFileSync(file, `picture ${n}`);
    return { file, label: 0 };
  });
}

const plan = (samples: Sample[], key = 'a'.repeat(64)): RoomPlan => ({
  key,
  about: 'a test',
  length: LENGTH,
  samples,
  views: 1,
});

const kept = async (room: FeatureRoom, index: number) => (await room.get(slot(index)))?.values;
const page = (name = '0'): string => {
  const [room] = readdirSync(join(folder, 'shelf'));
  return join(folder, 'shelf', room, name);
};

/** A room in which the features of the three pictures lie, closed. */
async function filled(samples: Sample[]): Promise<void> {
  const room = await shelf().open(plan(samples));
  for (const index of [0, 1, 2]) assert.ok(await room.put(slot(index), { values: values(index) }));
  room.close();
}

test('what one process has put another finds, mark and all; other slots and keys are other features', async () => {
  const samples = pictures();
  const [one, two] = [await shelf().open(plan(samples)), await shelf().open(plan(samples))];
  const mark = markOf(readFileSync(samples[1].file));
  assert.is(await two.get(slot(1)), undefined);
  assert.ok(await one.put(slot(1), { values: values(1), mark }));
  assert.ok(await two.put(slot(1), { values: values(1), mark }), 'both at once');
  assert.equal(await two.get(slot(1)), { values: values(1), mark: new Uint8Array(mark) });
  for (const other of [slot(0), slot(2), slot(1, 1), slot(1, 0, true)])
    assert.is(await two.get(other), undefined);
  for (const room of [one, two]) room.close();
  const other = await shelf().open(plan(samples, 'b'.repeat(64)));
  assert.is(await other.get(slot(1)), undefined);
  other.close();
  assert.equal(said, []);
});

/** [what happens to a page of three records, what is found of the three, whether it is said] */
const DAMAGES: [what: string, damage: (page: string) => void, found: boolean[], said: boolean][] = [
  ['a bit of the values turns', (path) => flip(path, RECORD + 60), [true, false, true], true],
  ['a bit of the hash turns', (path) => flip(path, 2 * RECORD + 40), [true, true, false], true],
  ['a bit of the mark turns', (path) => flip(path, 50), [false, true, true], true],
  ['a bit of the digest turns', (path) => flip(path, 3), [false, true, true], false],
  ['the last record is cut', (path) => truncateSync(path, 3 * RECORD - 7), [true, true, false], true],
  ['records are missing', (path) => truncateSync(path, RECORD), [true, false, false], false],
  ['it is empty', (path) => truncateSync(path, 0), [false, false, false], false],
  ['it is endless', (path) => truncateSync(path, 2 ** 42), [true, true, true], false],
  ['records change places', (path) => swap(path), [false, false, true], false],
  ['it is a folder', (path) => instead(path, mkdirSync), [false, false, false], true],
  [
    'it leads elsewhere',
    (path) => instead(path, (at) => symlinkSync('/dev/zero', at)),
    [false, false, false],
    true,
  ],
];

function instead(path: string, make: (path: string) => unknown): void {
  rmSync(path);
  make(path);
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] ^= 4;
  writeFileSync(path, bytes);
}

function swap(path: string): void {
  const bytes = readFileSync(path);
  writeFileSync(
    path,
    Buffer.concat([
      bytes.subarray(RECORD, 2 * RECORD),
      bytes.subarray(0, RECORD),
      bytes.subarray(2 * RECORD),
    ]),
  );
}

for (const [what, damage, found, tells] of DAMAGES)
  test(`what is damaged is computed again: ${what}`, async () => {
    const samples = pictures();
    await filled(samples);
    damage(page());
    const room = await shelf().open(plan(samples));
    for (const [index, there] of found.entries())
      assert.equal(await kept(room, index), there ? values(index) : undefined);
    assert.is(said.length > 0, tells, said.join());
    room.close();
  });

test('other bytes of a picture are another picture', async () => {
  const samples = pictures();
  await filled(samples);
  writeFileSync(samples[0].file, 'another');
  const room = await shelf().open(plan(samples));
  assert.is(await kept(room, 0), undefined);
  assert.equal(await kept(room, 1), values(1));
  const mark = markOf(Buffer.from('what was decoded meanwhile'));
  assert.not(await room.put(slot(1), { values: values(9), mark }), 'changed since it was hashed');
  room.close();
  assert.equal(said, []);
});

test('a disk that refuses is said once, and nothing is kept', async () => {
  const samples = pictures();
  writeFileSync(join(folder, 'shelf'), 'a file');
  const broken = shelf();
  assert.not(await broken.takes(plan(samples)));
  const room = await broken.open(plan(samples));
  assert.not(await room.put(slot(0), { values: values(0) }));
  assert.is(await kept(room, 0), undefined);
  assert.is(said.length, 1);
  assert.match(said[0], /cannot be kept in .*shelf: .*What is missing there is computed in every epoch/);
  if (process.platform !== 'linux') return;
  const full = new FeatureShelf('/dev/full', (line) => said.push(line));
  assert.not(await (await full.open(plan(samples))).put(slot(0), { values: values(0) }));
  assert.is(said.length, 2);
});

test('the rooms that were opened longest ago make way for a new one; what is too large goes to memory', async () => {
  const samples = pictures();
  for (const [age, key] of [
    [3, 'a'],
    [1, 'b'],
    [2, 'c'],
  ] as const) {
    const room = await shelf().open(plan(samples, key));
    for (const index of [0, 1, 2]) await room.put(slot(index), { values: values(index) });
    room.close();
    const [{ name }] = await shelvedRooms(join(folder, 'shelf'));
    utimesSync(join(folder, 'shelf', name), new Date(), new Date(Date.now() - 1e6 * age));
  }
  const bytes = async () => (await shelvedRooms(join(folder, 'shelf'))).map((room) => room.bytes);
  const [each] = await bytes();
  assert.equal(await bytes(), [each, each, each]);
  (await shelf(2 * each + 100).open(plan(samples, 'd'))).close();
  assert.is((await bytes()).length, 3, 'the oldest went, the new one is empty yet');
  const small = shelf(50);
  assert.not(await small.takes(plan(samples)));
  assert.is((await memoryElse(new MemoryStore(10), small).open(plan(samples))).where, 'memory');
  assert.is((await memoryElse(new MemoryStore(10), shelf()).open(plan(samples))).where, 'disk');
  assert.is((await memoryElse(new MemoryStore(1000), shelf()).open(plan(samples))).where, 'memory');
});

test('cache lists and clears what is there, and nothing else', async () => {
  const before = process.env.TESSERA_CACHE;
  process.env.TESSERA_CACHE = join(folder, 'shelf');
  try {
    await filled(pictures());
    writeFileSync(join(folder, 'shelf', 'mine.txt'), '');
    const [room] = await shelvedRooms(shelfFolder());
    assert.is(room.about, 'a test');
    assert.is(await cacheCommand([], {}), 0);
    assert.is(await cacheCommand(['clear'], {}), 0);
    assert.equal(readdirSync(join(folder, 'shelf')), ['mine.txt']);
    assert.is(await cacheCommand(['clear'], {}), 0);
  } finally {
    if (before === undefined) delete process.env.TESSERA_CACHE;
    else process.env.TESSERA_CACHE = before;
  }
});

test('another process computes nothing again and answers the same', async () => {
  const device = await testDevice();
  const { val } = stripeBatches();
  const answers = [];
  for (const computed of [22, 0]) {
    const model = tinyNet(device);
    freeze(model, { except: ['fc'] });
    const cache = new FeatureCache({ model, device, store: shelf() });
    answers.push((await infer(model, device, cache.of(val).load(0)))!.logits);
    assert.is(cache.counts.computed, computed);
    assert.is(cache.kept.where, 'disk');
    cache.close();
    await clearShelf(join(folder, 'shelf'), computed === 0 ? await shelvedRooms(join(folder, 'shelf')) : []);
    model.dispose();
  }
  assert.equal(answers[0], answers[1]);
  device.close();
});

test.run();
