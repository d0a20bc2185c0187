/** `predict` with weights in place of a checkpoint, as people run it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { type Outcome, tessera } from './in-process.ts';

const test = suite('cli/predict');
const root = fileURLToPath(new URL('../../', import.meta.url));

/** What `predict` says of the cat. */
const predict = (...args: string[]): Promise<Outcome> =>
  tessera('predict', join(root, 'data/photos/cat.jpg'), '--top-k', '1', ...args);

const SPELLINGS: [args: string[], said: RegExp][] = [
  [['--weights', 'pretrained'], /^efficientnet_lite0 with the weights that ship$/m],
  [['--weights', 'weights/efficientnet_lite0.safetensors'], /^efficientnet_lite0 with weights\/eff/m],
  [['--weights', 'efficientnet_lite0.google_in1k'], /^efficientnet_lite0 with efficientnet_lite0\.google/m],
  [['--model', 'tf_efficientnet_lite0', '--weights', 'weights/efficientnet_lite0.safetensors'], /^tf_/m],
];
test('the weights that ship, by every name that they have: one answer', async () => {
  const answers: string[] = [];
  for (const [args, said] of SPELLINGS) {
    const { code, out, err } = await predict(...args);
    assert.is(code, 0, err);
    assert.match(err, said);
    answers.push(out);
  }
  assert.match(answers[0], /data\/photos\/cat\.jpg\n +tiger cat/);
  assert.is(new Set(answers).size, 1, answers.join('\n'));
});

test('what is assumed of a file that nobody describes is said once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-predict-'));
  const file = join(folder, 'bare.safetensors');
  const { tensors } = readSafetensors(await readFile(join(root, 'weights/efficientnet_lite0.safetensors')));
  await writeFile(file, writeSafetensors(tensors));
  const { code, err } = await predict('--model', 'efficientnet_lite0', '--weights', file);
  await rm(folder, { recursive: true });
  assert.is(code, 0, err);
  assert.is(err.split('it is assumed that pictures are prepared').length, 2, err);
  assert.match(err, /; and that convolutions pad as in PyTorch and batch norm's epsilon is 0\.00001, which/);
});

test('weights without a head answer nothing: what is missing, and the command that trains one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-predict-'));
  const file = join(folder, 'no head.safetensors');
  const { tensors } = readSafetensors(await readFile(join(root, 'weights/efficientnet_lite0.safetensors')));
  for (const name of [...tensors.keys()]) if (name.startsWith('classifier')) tensors.delete(name);
  await writeFile(file, writeSafetensors(tensors));
  const { code, out, err } = await predict('--model', 'efficientnet_lite0', '--weights', file);
  await rm(folder, { recursive: true });
  assert.is(code, 64, err);
  assert.is(out, '');
  assert.match(
    err,
    /^error: .*no head\.safetensors has no last layer that fits, .*; train a head first: npm run train -- --data PICTURES --model efficientnet_lite0 --weights '.*no head\.safetensors'$/m,
  );
});

test.run();
