/** `train --teacher`: what is said, kept and refused of a network that learns from another. */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { optionsOf } from '../../../src/cli/train/command.ts';
import type { Report } from '../../../src/report/report.ts';
import { readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { stripes } from '../../train/tiny.ts';
import { type Outcome, shareDevice, tessera } from '../in-process.ts';
import { saveTinyCheckpoint } from '../tiny-checkpoint.ts';

const test = suite('cli/train: a teacher');
const home = process.cwd();
const closeDevice = shareDevice();
let folder: string;
const CLASSES = ['across', 'down'];
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-taught-'));
  process.chdir(folder);
  for (const [side, count, seed] of [
    ['train', 16, 1],
    ['val', 8, 2],
  ] as const) {
    for (const name of CLASSES) await mkdir(join('data', side, name), { recursive: true });
    for (const [index, { image, label }] of stripes(count, seed, 32).entries())
      await sharp(image!.pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toFile(join('data', side, CLASSES[label]!, `${index}.png`));
  }
  await saveTinyCheckpoint('own.safetensors', CLASSES);
  // It knows a class more, in another order.
  await saveTinyCheckpoint('teacher.safetensors', ['down', 'dots', 'across'], { seed: 9 });
});
test.after(async () => {
  closeDevice();
  process.chdir(home);
  await rm(folder, { recursive: true });
});

const TRAIN = ['--data', 'data', '--weights', 'own.safetensors', '--batch', '8', '--lr', '0.01'];
const run = (...args: string[]): Promise<Outcome> => tessera('train', ...args);
const trained = async (...args: string[]): Promise<{ report: Report; err: string }> => {
  const { code, out, err } = await run(...TRAIN, '--epochs', '1', '--json', ...args);
  assert.is(code, 0, err);
  return { report: JSON.parse(out), err };
};
const lossOf = ({ epochs }: Report): number => epochs[0]!.trainLoss;

test('a teacher changes what is learnt; the run says so, and goes on with it alone', async () => {
  const { report, err } = await trained('--teacher', 'teacher.safetensors', '--out', 'taught');
  assert.match(
    err,
    /^It learns what teacher\.safetensors answers to its pictures; their labels count for a tenth/m,
  );
  assert.match(err, /^Those that train are not kept: a teacher answers to the pictures themselves/m);
  const { name, hash } = report.settings.teacher!;
  assert.is(name, 'teacher.safetensors');
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.is(optionsOf(report.settings).teacher, name);
  assert.equal((await readCheckpoint('taught', 'last.safetensors')).info.settings.teacher, { name, hash });
  assert.match(await readFile('taught/report.html', 'utf8'), /teacher\.safetensors taught it\./);
  // As often as with a teacher, pictures are shown in new crops, so that only the teacher differs.
  const alone = await trained('--views', '0', '--out', 'alone');
  assert.is(alone.report.settings.teacher, null);
  assert.not.equal(lossOf(report), lossOf(alone.report));

  // What it began with is there no more, or elsewhere.
  await cp('teacher.safetensors', 'moved.safetensors');
  await saveTinyCheckpoint('teacher.safetensors', CLASSES);
  const more = ['--resume', 'taught', '--epochs', '2'];
  const other = await run(...more);
  assert.is(other.code, 64);
  assert.match(
    other.err,
    /^error: the teacher teacher\.safetensors is not the one that the run began with .* --teacher/m,
  );
  const without = await run('--resume', 'alone', '--epochs', '2', '--teacher', 'moved.safetensors');
  assert.match(without.err, /^error: --teacher moved\.safetensors: the run began without a teacher/m);
  const again = await run('--resume', 'taught');
  assert.is(again.code, 0, again.err);
  const moved = await run(...more, '--teacher', 'moved.safetensors', '--json');
  assert.is(moved.code, 0, moved.err);
  assert.is(JSON.parse(moved.out).epochs.length, 2);
  await cp('moved.safetensors', 'teacher.safetensors');
});

test('it is asked about mixed pictures as the network sees them, with gradients that add up, from any stage on', async () => {
  const options = ['--mixup', '0.2', '--accumulate', '2', '--train-from', 'all', '--label-smoothing', '0.1'];
  const { report } = await trained('--teacher', 'teacher.safetensors', ...options, '--out', 'mixed');
  assert.ok(Number.isFinite(lossOf(report)));
});

// biome-ignore format: a table
const REFUSED: [args: string[], sentence: RegExp][] = [
  [['--teacher', 'none'], /^error: .*none/m],
  [['--teacher', 'pretrained'], /^error: the teacher pretrained does not know the classes across, down of these pictures/m],
  [['--teacher', 'teacher.safetensors', '--class-weights', 'auto'], /--class-weights weighs pictures by their labels.*--sampler balanced/],
  [['--teacher', 'teacher.safetensors', '--sanity'], /--sanity asks whether .* leave out --teacher/],
  [['--teacher', 'teacher.safetensors', '--memory', '0.0001'], /the run does not fit beside the teacher teacher\.safetensors: a step of/],
];
for (const [args, sentence] of REFUSED)
  test(`refused: ${args.join(' ')}`, async () => {
    const { code, err } = await run(...TRAIN, ...args);
    assert.is(code, 64, err);
    assert.match(err, sentence);
  });

test.run();
