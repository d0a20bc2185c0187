/** The pictures of a search: parts that share none, an order in which classes are mixed, and a course without an end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromSamples } from '../../src/data/in-thread.ts';
import type { DataSet, Sample } from '../../src/data/sample.ts';
import { UnreadableImageError } from '../../src/data/unreadable.ts';
import { classMixed, courseOf, inMemory, picturesOf, sourcesOf } from '../../src/search/pictures.ts';
import { stripes } from '../train/tiny.ts';

const test = suite('pictures of a search');

/** Class by class, as a folder lists them: so many of each. */
const listed = (...counts: number[]): Sample[] =>
  counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ file: `${label}/${i}`, label })),
  );
const names = (samples: readonly Sample[]): string[] => samples.map(({ file }) => file).sort();
const dataSet = (val: Sample[], test: Sample[]): DataSet => ({
  classes: ['a', 'b', 'c'],
  train: listed(6, 6, 6),
  val,
  test,
  split: null,
  notes: [],
});

test('fresh pictures are test/, else half of the held ones, with the shares of their classes', () => {
  const val = listed(40, 20, 4);
  const withTest = picturesOf(dataSet(val, listed(5)), 1);
  assert.equal(names(withTest.held), names(val));
  assert.equal([withTest.fresh.length, withTest.freshIs], [5, 'test/']);
  const without = picturesOf(dataSet(val, []), 1);
  assert.equal(names([...without.held, ...without.fresh]), names(val));
  for (const part of [without.held, without.fresh])
    assert.equal(
      [0, 1, 2].map((label) => part.filter((sample) => sample.label === label).length),
      [20, 10, 2],
    );
  assert.match(without.freshIs, /half of the 64 pictures/);
  assert.equal(picturesOf(dataSet(val, []), 1), without);
  assert.not.equal(names(picturesOf(dataSet(val, []), 2).held), names(without.held));
});

test('of very many, as many as a search can measure with the shares of their classes', () => {
  const shares = (samples: readonly Sample[]): number[] =>
    [0, 1].map((label) => samples.filter((sample) => sample.label === label).length);
  const { held, fresh, freshIs } = picturesOf(dataSet(listed(6000, 2000), listed(9000, 3000)), 1);
  assert.equal(
    [shares(held), shares(fresh)],
    [
      [1500, 500],
      [7500, 2500],
    ],
  );
  assert.is(freshIs, '10,000 of test/');
  const alone = picturesOf(dataSet(listed(30_000, 10_000), []), 1);
  assert.equal([alone.held.length, alone.fresh.length], [2000, 10_000]);
  assert.match(alone.freshIs, /^10,000 of half of the 40,000 pictures/);
  assert.is(new Set([...names(alone.held), ...names(alone.fresh)]).size, 12_000);
});

test('too few to rank by are refused', () => {
  assert.throws(() => picturesOf(dataSet(listed(3), listed(3)), 0), /there are 3 of these; a search needs 4/);
  assert.throws(() => picturesOf(dataSet(listed(4, 3), []), 0), /there are 7 of these; a search needs 8/);
});

test('any run of class-mixed pictures has the shares of the whole', () => {
  const mixed = classMixed(listed(60, 30, 10), 3);
  assert.equal(names(mixed), names(listed(60, 30, 10)));
  for (let i = 0; i + 20 <= mixed.length; i += 5)
    for (const [label, wanted] of [12, 6, 2].entries()) {
      const found = mixed.slice(i, i + 20).filter((sample) => sample.label === label).length;
      assert.ok(Math.abs(found - wanted) <= 1, `${found} of class ${label} from ${i} on`);
    }
});

test('pictures are kept in memory as far as they fit; unreadable ones are told and left out', async () => {
  const pixels = new Uint8Array(100).subarray(10, 58);
  const told: string[] = [];
  const decode = async ({ file }: { file: string }) => {
    if (file === '0/1') throw new UnreadableImageError(file, 'is none');
    return { image: { width: 4, height: 4, pixels } };
  };
  const pictures = { train: listed(3), held: listed(2), fresh: listed(1) };
  const found = await inMemory(pictures, decode, { most: 100, onUnreadable: ({ file }) => told.push(file) });
  assert.equal(
    [found.train, found.held, found.fresh].map((part) =>
      part.map(({ file, image }) => [file, Boolean(image)]),
    ),
    [
      [
        ['0/0', true],
        ['0/2', true],
      ],
      [['0/0', false]],
      [['0/0', false]],
    ],
  );
  assert.equal(told, ['0/1', '0/1']);
  // A worker is sent no more than the picture.
  assert.is(found.train[0]!.image!.pixels.buffer.byteLength, 48);
});

test('step n takes batch n of the course, wherever chunks are cut and training begins', async () => {
  const samples = stripes(14, 1, 8);
  const { train } = sourcesOf(
    { source: fromSamples, train: samples, held: samples, fresh: samples },
    { inputSize: 8 },
    { batch: 4, seed: 0 },
  );
  const seen = async (chunk: number, from: number, end: number): Promise<string[]> => {
    const course = courseOf(train, chunk, end);
    const files: string[] = [];
    for (
      let epoch = Math.floor(from / chunk), start = from % chunk;
      epoch * chunk < end;
      epoch++, start = 0
    ) {
      let index = start;
      for await (const batch of course.load(epoch, start)) {
        assert.is(batch.index, index++);
        assert.is(batch.size, 4);
        files.push(batch.samples.map(({ file }) => file).join());
      }
    }
    return files;
  };
  const whole = await seen(10, 0, 8);
  assert.is(whole.length, 8);
  assert.is(new Set(whole).size, 8);
  for (const chunk of [1, 3, 25]) assert.equal(await seen(chunk, 0, 8), whole, `chunks of ${chunk}`);
  assert.equal(await seen(3, 4, 8), whole.slice(4));
});

test.run();
