/** What train and evaluate say of pictures that the weights have learnt from: other splits, copies, moved and renamed data. */
import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { type Outcome, tessera } from './in-process.ts';

const test = suite('cli: history');
let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const SETTINGS = '--model resnet18 --size 32 --batch 6 --epochs 1 --json'.split(' ');
const CLASSES = ['red', 'blue'];
const EACH = 6;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-history-'));
  for (const name of CLASSES) {
    await mkdir(at('data', name), { recursive: true });
    for (let n = 0; n < EACH; n++) {
      const background = { r: name === 'red' ? 255 : 0, g: 30 * n, b: name === 'red' ? 0 : 255 };
      const picture = sharp({ create: { width: 32, height: 32, channels: 3, background } }).png();
      await writeFile(at('data', name, `${n}.png`), await picture.toBuffer());
    }
  }
});
test.after(() => rm(folder, { recursive: true }));

async function ok(name: string, ...argv: string[]): Promise<Outcome & { json: Record<string, unknown> }> {
  const outcome = await tessera(name, ...argv);
  assert.is(outcome.code, 0, outcome.err);
  return { ...outcome, json: JSON.parse(outcome.out) };
}
const evaluate = (data: string, run = 'run') =>
  ok('evaluate', '--checkpoint', at(run), '--data', data, '--json');

test('a run from random weights knows all that it has learnt from, and says so of what validates it', async () => {
  const { err, json } = await ok(
    'train',
    '--data',
    at('data'),
    '--weights',
    'none',
    '--out',
    at('run'),
    ...SETTINGS,
  );
  assert.equal(json.trainedOn, { pictures: 10, complete: true, ofValidation: 0 });
  assert.match(err, /on 2 pictures\. It has trained on none of the 2 pictures\./);
  for (const file of ['best.safetensors', 'last.safetensors']) {
    const { trainedOn } = await readCheckpoint(at('run', file));
    assert.is(trainedOn.pictures.size, 10);
    assert.is(trainedOn.complete, true);
  }
});

test('evaluate: the data of the run under its path, moved, renamed, and with pictures of its own', async () => {
  const own = await evaluate(at('data'));
  assert.is(own.json.count, 2);
  assert.is(own.json.trainedOn, 0);
  assert.match(own.err, /It has trained on none of the 2 pictures\./);

  await cp(at('data'), at('moved'), { recursive: true });
  const moved = await evaluate(at('moved'));
  assert.is(moved.json.count, 2);
  assert.is(moved.json.trainedOn, 0);
  assert.match(moved.err, /moved holds the pictures of the run; those that validated it are measured/);

  // Under other names nobody knows which of them validated; their bytes say which trained.
  for (const name of CLASSES)
    for (const file of await readdir(at('moved', name)))
      await rename(at('moved', name, file), at('moved', name, `x${file}`));
  const renamed = await evaluate(at('moved'));
  assert.is(renamed.json.count, 12);
  assert.is(renamed.json.trainedOn, 10);
  assert.match(renamed.err, /It has trained on 10 of the 12 pictures \(the same bytes\), which flatters/);
});

test('train: pictures that its starting weights have learnt from are among those that validate', async () => {
  const weights = at('run', 'best.safetensors');
  const more = [
    '--seed',
    '1',
    '--train-from',
    'head',
    '--weights',
    weights,
    '--out',
    at('second'),
    ...SETTINGS,
  ];
  const { err, json } = await ok('train', '--data', at('data'), ...more);
  const { ofValidation, ...trainedOn } = json.trainedOn as Record<string, number>;
  assert.equal(trainedOn, { pictures: 12, complete: true });
  assert.ok(ofValidation! > 0, 'another seed, another split');
  assert.match(
    err,
    /It has trained on [12] of the 2 pictures \(the same bytes\), which flatters the figures\./,
  );
});

test('of weights that others have trained only what is known is claimed', async () => {
  const own = '--data DATA --model efficientnet_lite0 --size 32 --batch 6 --epochs 1 --json'.replace(
    'DATA',
    at('data'),
  );
  const { err, json } = await ok('train', ...own.split(' '), '--out', at('third'));
  assert.equal(json.trainedOn, { pictures: 10, complete: false, ofValidation: 0 });
  assert.match(
    err,
    /none of the 2 pictures as far as is known; what the weights that it began with had learnt/,
  );
});

test.run();
