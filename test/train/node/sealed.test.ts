/** Checkpoints carry a hash over themselves: a bit that changed anywhere is named; old ones without it are taken. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { BEFORE, type TrainSettings } from '../../../src/train/settings.ts';
import { readWeights } from '../../../src/weights/formats/read.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/formats/safetensors.ts';
import { seal, sealable } from '../../../src/weights/formats/seal.ts';
import { inspectFile } from '../../../src/weights/node/inspect.ts';
import { PREPROCESSING } from '../tiny.ts';

const test = suite('train/sealed');
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-sealed-'));
});
test.after(() => rm(folder, { recursive: true }));

const settings: TrainSettings = {
  ...BEFORE,
  data: 'd',
  model: 'resnet18',
  weights: null,
  phases: [{ trainFrom: 'all', epochs: 2, lr: 0.01, backboneFactor: 1 }],
  trainNorms: true,
  batch: 4,
  ...BEFORE,
  weightDecay: 0.01,
  decayNorms: false,
  labelSmoothing: 0,
  warmup: 0.05,
  size: 16,
  augmentation: {},
  seed: 0,
};
const info = {
  format: 1,
  model: 'resnet18',
  classes: ['a', 'b'],
  preprocessing: PREPROCESSING,
  epoch: 1,
  step: 3,
  seed: 0,
  metrics: null,
  settings,
  pictures: 'abc',
  sealed: true,
};
const tensors = new Map([
  ['fc.weight', { dtype: 'float32' as const, shape: [4], bytes: new Uint8Array(16).fill(63) }],
]);
const described = (description: object) => ({ format: 'pt', tessera: JSON.stringify(description) });
const file = () => join(folder, 'best.safetensors');
const sealedBytes = () => seal(writeSafetensors(tensors, sealable(described(info))));

test('the hash is SHA-256 of the file with zeros in its place', async () => {
  const bytes = await sealedBytes();
  const text = Buffer.from(bytes).toString('latin1');
  const [, digits] = /"tessera\.sha256":"([0-9a-f]{64})"/.exec(text)!;
  const zeroed = Buffer.from(text.replace(digits, '0'.repeat(64)), 'latin1');
  assert.is(digits, createHash('sha256').update(zeroed).digest('hex'));
  assert.is(readSafetensors(bytes).metadata.format, 'pt');
});

test('what was written is read', async () => {
  await writeFile(file(), await sealedBytes());
  assert.equal((await readCheckpoint(folder)).info.classes, ['a', 'b']);
});

test('a bit that changed in any byte is noticed, and the file named', async () => {
  const bytes = await sealedBytes();
  const accepted: number[] = [];
  for (const [at] of bytes.entries()) {
    const damaged = bytes.slice();
    damaged[at] ^= 1 << (at % 8);
    await writeFile(file(), damaged);
    await readCheckpoint(file()).then(
      () => accepted.push(at),
      (error: Error) => assert.ok(error.message.startsWith(file()), error.message),
    );
  }
  assert.equal(accepted, []);
});

test('so is a file that was cut off or went on, and damage in the weights of `--weights`', async () => {
  const bytes = await sealedBytes();
  for (const wrong of [bytes.slice(0, -1), Uint8Array.of(...bytes, 0)]) {
    await writeFile(file(), wrong);
    await readCheckpoint(file()).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /is damaged: .* SHA-256/),
    );
  }
  bytes[bytes.length - 1] ^= 1;
  await readWeights(bytes, 'best.safetensors').then(
    () => assert.unreachable(),
    (error: Error) =>
      assert.match(error.message, /^best\.safetensors is damaged: .* SHA-256 that it carries/),
  );
});

test('a look into a file finds the damage too, unless it is told to read no values', async () => {
  const bytes = await sealedBytes();
  bytes[bytes.length - 1] ^= 1;
  await writeFile(file(), bytes);
  await inspectFile(file()).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /^best\.safetensors is damaged: .* SHA-256/),
  );
  assert.is((await inspectFile(file(), { hashes: false })).tensors.length, 1);
});

test('a checkpoint from before there was a hash is taken as it is', async () => {
  const { sealed: _, ...older } = info;
  await writeFile(file(), writeSafetensors(tensors, described(older)));
  assert.equal((await readCheckpoint(file())).info, older);
  await writeFile(file(), writeSafetensors(tensors, described(info)));
  await readCheckpoint(file()).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /was written with a hash over itself, which is gone/),
  );
});

test.run();
