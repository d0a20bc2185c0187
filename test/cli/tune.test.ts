/**
 * `tune` as people run it: what it prints and remembers, that the other commands use it and are told not to, that a run goes on
 * with what it was begun with, and what becomes of records that are stale, foreign or damaged.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, truncateSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rowsOf } from '../../src/bench/rows.ts';
import type { Device } from '../../src/gpu/index.ts';
import { plain } from '../../src/kernels/conv/plain.ts';
import { tile } from '../../src/kernels/conv/tile.ts';
import { openDevice } from '../../src/node/open-device.ts';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { readTuning, saveTuning, tunedOn } from '../../src/tune/node/shelf.ts';
import { tunables } from '../../src/tune/problems.ts';
import type { Won } from '../../src/tune/record.ts';
import { formsOf } from '../../src/tune/tune.ts';
import { stripes } from '../train/tiny.ts';
import { inTable } from '../tune/table.ts';
import { shareDevice, tessera } from './in-process.ts';

const test = suite('cli/tune');
const launcher = fileURLToPath(new URL('../../bin/tessera.mjs', import.meta.url));
const PHOTO = fileURLToPath(new URL('../../data/photos/cat.jpg', import.meta.url));
const before = process.cwd();
const closeDevice = shareDevice();
let folder: string;
let device: Device;
const tuning = () => join(folder, 'cache', 'tuning');

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-tune-'));
  process.chdir(folder);
  process.env.TESSERA_CACHE = join(folder, 'cache');
  device = await openDevice();
  for (const [side, count, seed] of [
    ['train', 24, 1],
    ['val', 8, 2],
  ] as const) {
    const names = ['across', 'down'];
    for (const name of names) await mkdir(join('data', side, name), { recursive: true });
    for (const [index, { image, label }] of stripes(count, seed, 32).entries())
      await sharp(image!.pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toFile(join('data', side, names[label]!, `${index}.png`));
  }
});
test.after(async () => {
  closeDevice();
  process.chdir(before);
  delete process.env.TESSERA_CACHE;
  await rm(folder, { recursive: true });
});

const NETWORK = 'mobilenetv2_050';
const SIZE = ['--size', '32'];
const LINE = /^Tuned: the kernels of (\d+) problems? are those that measured fastest here/m;

/** A record of this device in which `row` computes what it can of a network's problems. */
async function forced(row: string): Promise<number> {
  const forms = formsOf({ networks: [{ name: NETWORK, size: 32 }], batch: 8, train: true });
  const won: Won = { row, against: 'tile', ratio: 2, measured: '2026-01-01' };
  const found = (await tunables(device, forms))
    .filter(({ posed }) => rowsOf(posed, device)!.able.includes(row))
    .map(({ key }): [string, Won] => [key, won]);
  await saveTuning(tunedOn(device), new Map(found));
  return found.length;
}

test('it says what won and what is wrong, remembers it beside what was there, and the other commands use it', async () => {
  const older: Won = { row: 'plain', against: 'tile', ratio: 2, measured: '' };
  await saveTuning(tunedOn(device), new Map([['of another network', older]]));
  // Of some problems only: most of the time is that of races.
  const misled: typeof plain.estimate = (problem, traits) =>
    (problem.window.stride[0] === 2 ? 0.9 : 100) * tile.estimate(problem, traits);
  const wrong = { ...plain, name: 'wrong', estimate: misled, record: () => undefined };
  const { code, out, err } = await inTable(
    [[plain, { estimate: misled }]],
    () => tessera('tune', '--model', 'resnet18', ...SIZE, '--batch', '2'),
    [wrong],
  );
  assert.is(code, 1, err);
  assert.match(out, /^problem +estimated +ms +best other +ms +times as fast +taken$/m);
  assert.match(
    out,
    /^conv 3×3\/2 1×8² 64→128 norm relu forward +plain +\S+ +tile +\S+ +\S+ \(\S+–\S+\) +tile$/m,
  );
  assert.match(out, /^resnet18 forward 1×32² +\d+ +\S+ +\S+ +\S+ \(\S+–\S+\)$/m);
  assert.match(out, /^resnet18 forward 2×32² /m);
  assert.match(err, /^WRONG {2}conv .* by wrong: wrong: off by/m);
  const [, counted, path] = /^(\d+) problems of \d+ will be computed .* estimate: (.*)$/m.exec(err)!;
  const { choices } = JSON.parse(readFileSync(path!, 'utf8'));
  assert.is(Object.keys(choices).length, Number(counted) + 1);
  assert.equal(choices['of another network'], older);
  assert.equal(await readdir(tuning()), [basename(path!)]);

  const photo = [
    'predict',
    PHOTO,
    '--model',
    'efficientnet_lite0',
    '--weights',
    'pretrained',
    '--size',
    '32',
  ] as const;
  const tuned = await tessera(...photo);
  assert.is(tuned.code, 0, tuned.err);
  assert.is(Number(LINE.exec(tuned.err)?.[1]), Number(counted) + 1);
  assert.not.match((await tessera(...photo, '--untuned')).err, LINE);
  const doctor = JSON.parse((await tessera('doctor', '--json')).out);
  assert.match(doctor.uses.choices.choice, /^tuned for \d+ problems$/);
  const few = ['kernels', '--shape', 'relu:8x8x4', '--rounds', '1', '--samples', '3', '--json'];
  assert.is(JSON.parse((await tessera('bench', ...few)).out).header.tuned, Number(counted) + 1);
});

test('Ctrl-C ends it after a problem, and what was measured is kept', async () => {
  setTimeout(() => process.emit('SIGINT', 'SIGINT'), 2000);
  const { code, out, err } = await tessera(
    'tune',
    '--model',
    'efficientnet_b0',
    ...SIZE,
    '--train',
    '--json',
  );
  assert.is(code, 130, err);
  const { problems, networks } = JSON.parse(out);
  assert.ok(problems.length > 0 && problems.length < 100, String(problems.length));
  assert.equal(networks, []);
});

test('cache lists records and clears them; --delete removes them', async () => {
  await forced('plain');
  assert.equal(JSON.parse((await tessera('cache', '--json')).out).tuning.length, 1);
  assert.match((await tessera('cache')).err, /^1 tuning record in .*tuning\.$/m);
  assert.is((await tessera('cache', 'clear')).code, 0);
  assert.equal(await readdir(tuning()), []);
  await forced('plain');
  assert.match((await tessera('tune', '--delete')).err, /^Removed 1 tuning record from /m);
  assert.equal(await readdir(tuning()), []);
  assert.match(
    (await tessera('tune', '--delete', '--train')).err,
    /^error: --delete removes all .*; give it alone$/m,
  );
});

test('a record that is stale, foreign, huge or damaged is not used, and that is said', async () => {
  await forced('plain');
  const [name] = await readdir(tuning());
  const path = join(tuning(), name!);
  const good = JSON.parse(await readFile(path, 'utf8'));
  const notes = async (): Promise<string> => {
    const said: string[] = [];
    assert.is(await readTuning(device, (sentence) => said.push(sentence)), null);
    return said.join('\n');
  };
  const other = { ...good, of: { ...good.of, kernels: 'of last year' } };
  for (const [text, sentence] of [
    [JSON.stringify(other), /^The tuning record .* is not used: it is of another source of the kernels$/],
    ['{"format"', /is not used: it is no JSON/],
    [JSON.stringify({ ...good, choices: { k: { row: 7 } } }), /is not used: it\.choices\.k\.row is one of/],
    ['[]', /is not used: it is an object, not a list of 0/],
  ] as const) {
    await writeFile(path, text);
    assert.match(await notes(), sentence);
  }
  truncateSync(path, 2 ** 40);
  assert.match(await notes(), /is not used: .*(large|bytes|GiB|MiB)/);
  await rm(path);
  await mkdir(path);
  assert.match(await notes(), /is not used: .* is a folder/);
  await rm(path, { recursive: true });
  assert.is(await notes(), '', 'none at all is no matter');
  await writeFile(join(tuning(), `${'0'.repeat(64)}.json`), JSON.stringify(other));
  assert.is(await notes(), '', 'nor is one of other kernels');
  const { err } = await tessera('tune', '--model', 'nothing');
  assert.match(err, /^error: .*nothing/m);
});

const TRAIN = [
  '--data',
  'data',
  '--model',
  NETWORK,
  '--weights',
  'none',
  ...SIZE,
  '--batch',
  '8',
  '--epochs',
  '2',
  '--lr',
  '0.002',
];

/** All tensors of the last checkpoint of a run, those of the optimiser too. */
async function bits(run: string): Promise<[string, Uint8Array][]> {
  const { weights } = await readCheckpoint(run, 'last.safetensors');
  return [...weights.file.tensors].map(([name, { bytes }]) => [name, bytes.slice()]);
}

/** A run in a process of its own that is killed as soon as its first epoch is saved. */
async function killed(out: string, ...args: string[]): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [launcher, 'train', ...TRAIN, '--out', out, ...args], {
    stdio: 'ignore',
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('close', (_, signal) => resolve(signal)),
  );
  const watch = setInterval(() => existsSync(join(out, 'last.safetensors')) && child.kill('SIGKILL'), 5);
  assert.is(await ended, 'SIGKILL', 'it was over before it was killed');
  clearInterval(watch);
}

test('a run goes on with the kernels that it was begun with, bit for bit, whatever became of the record', async () => {
  const untuned = await tessera('train', ...TRAIN, '--out', 'untuned', '--untuned');
  assert.is(untuned.code, 0, untuned.err);
  const count = await forced('plain');
  const whole = await tessera('train', ...TRAIN, '--out', 'whole');
  assert.is(whole.code, 0, whole.err);
  assert.is(Number(LINE.exec(whole.err)![1]), count);
  assert.not.equal(await bits('whole'), await bits('untuned'), 'the rows add up in different orders');

  await killed('cut');
  await tessera('tune', '--delete');
  const on = await tessera('train', '--resume', 'cut');
  assert.is(on.code, 0, on.err);
  assert.match(
    on.err,
    new RegExp(`^The kernels of ${count} problems are those that were chosen when it began\\.$`, 'm'),
  );
  assert.equal(await bits('cut'), await bits('whole'));

  await killed('plainly');
  await forced('plain');
  const without = await tessera('train', '--resume', 'plainly');
  assert.is(without.code, 0, without.err);
  assert.not.match(without.err, LINE);
  assert.equal(await bits('plainly'), await bits('untuned'));
  assert.match((await tessera('train', '--resume', 'cut', '--untuned')).err, /leave out --untuned/);
});

test.run();
