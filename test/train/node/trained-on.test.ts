/** What weights have learnt from: marks of the loader, sets of them, and the field of a checkpoint's header. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBatches as loadInThread } from '../../../src/data/in-thread.ts';
import { watched } from '../../../src/data/loader.ts';
import { closeLoader, fromSamples } from '../../../src/data/node/loader.ts';
import { PICTURE_MARK, PictureSet } from '../../../src/data/picture-set.ts';
import { trainedOnIn, trainedOnMetadata, trainedOnNothing } from '../../../src/train/node/trained-on.ts';
import { formula } from '../../data/reference.ts';
import { PREPROCESSING } from '../tiny.ts';

const test = suite('train/trained-on');
test.after(closeLoader);

const sha = (bytes: Uint8Array): Buffer =>
  createHash('sha256').update(bytes).digest().subarray(0, PICTURE_MARK);
/** Marks that differ in their highest and in their lowest bytes. */
const marksOf = (count: number, from = 0): Uint8Array =>
  Buffer.concat(Array.from({ length: count }, (_, i) => sha(Buffer.from(`${from + i}`))));

test('a set holds each picture once, gives its marks in one order, and counts those that it knows', () => {
  const [one, other] = [new PictureSet(), new PictureSet()];
  const extremes = Uint8Array.from([255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1]);
  for (const marks of [marksOf(300), extremes, marksOf(100, 200)]) one.add(marks);
  for (const marks of [extremes, marksOf(150, 150), marksOf(200)]) other.add(marks);
  assert.is(one.size, 303);
  assert.equal(one.marks(), other.marks());
  assert.is(one.count(marksOf(10, 295)), 5);
  assert.is(one.count(Buffer.concat([marksOf(1), marksOf(1)])), 2, 'copies count each');
  const again = new PictureSet();
  again.add(one.marks());
  assert.equal(again.marks(), one.marks());
  assert.is(again.count(extremes), 3);
});

test('the loader marks what it reads: files by their bytes, pictures in memory by their pixels', async () => {
  const file = fileURLToPath(new URL('../../reference/pictures/rgb.jpg', import.meta.url));
  const image = formula(20, 24, 'noise');
  const samples = [
    { file, label: 0 },
    { file: 'no such file', label: 0 },
    { file: 'in memory', label: 0, image },
    { file: 'a blob', label: 0, blob: new Blob([readFileSync(file)]) },
  ];
  const options = { batchSize: 4, preprocessing: PREPROCESSING, onUnreadable: () => undefined };
  const marks: Uint8Array[] = [];
  const source = watched(fromSamples(samples, options), (batch) => marks.push(batch.marks!));
  for await (const { size } of source.load(0)) assert.is(size, 3);
  const jpeg = sha(readFileSync(file));
  assert.equal(marks, [Uint8Array.from(Buffer.concat([jpeg, sha(image.pixels), jpeg]))]);
  // A page has no such hash at hand, and no checkpoints.
  for await (const batch of loadInThread([samples[2]!], options)) assert.is(batch.marks?.length ?? 0, 0);
});

test('a header gives back what was written, and anything else is a history that is not known', () => {
  const trainedOn = trainedOnNothing();
  trainedOn.pictures.add(marksOf(50));
  for (const complete of [true, false]) {
    const read = trainedOnIn(trainedOnMetadata({ ...trainedOn, complete }));
    assert.is(read.complete, complete);
    assert.equal(read.pictures.marks(), trainedOn.pictures.marks());
  }
  const [[key, text]] = Object.entries(trainedOnMetadata(trainedOn));
  for (const damaged of ['', 'all', 'none AAAA', `${text!}AAAA`, text!.replace('all ', 'all *'), '{}']) {
    const read = trainedOnIn({ [key!]: damaged });
    assert.is(read.complete, false, damaged);
    assert.is(read.pictures.size, 0, damaged);
  }
  assert.is(trainedOnIn({}).complete, false);
});

test('a picture takes 8 bytes of a checkpoint: 8 MB for a million; of too many a sample is kept', () => {
  const trainedOn = trainedOnNothing();
  trainedOn.pictures.add(marksOf(1000));
  const [text] = Object.values(trainedOnMetadata(trainedOn));
  assert.is(text!.length, 'all '.length + 8 * 1000);
  const sampled = trainedOnIn(trainedOnMetadata(trainedOn, 100));
  assert.is(sampled.complete, false);
  assert.is(sampled.pictures.size, 100);
  assert.is(trainedOn.pictures.count(sampled.pictures.marks()), 100);
});

test.run();
