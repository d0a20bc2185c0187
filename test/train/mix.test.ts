/** Mixup and CutMix: the mixtures against a few lines of float64, what λ is drawn from, odd batches and single pictures. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Batch } from '../../src/data/loader.ts';
import { randomStream } from '../../src/tensor/random.ts';
import { symmetricBeta } from '../../src/tensor/random-beta.ts';
import { type Mixed, mixPictures } from '../../src/train/mix.ts';
import { pseudo } from '../../src/verify/pseudo.ts';

const test = suite('train/mix');

const SIDE = 6;
const VALUES = SIDE * SIDE * 3;
const CLASSES = 3;

function batchOf(size: number): Batch {
  return {
    images: Float32Array.from(pseudo('images', size * VALUES)),
    labels: Int32Array.from({ length: size }, (_, n) => n % CLASSES),
    size,
    samples: [],
    index: 0,
    skipped: 0,
  };
}

/** The share of its own that the targets give picture n, where it is mixed with one of another class; else undefined. */
function shareIn({ batch: { labels, size }, targets }: Mixed): number | undefined {
  const n = [...labels.keys()].find((k) => labels[k] !== labels[size - 1 - k]);
  return n === undefined ? undefined : targets[n * CLASSES + labels[n]];
}

/** What CutMix swaps of a picture of this height and width. */
function boxIn(
  height: number,
  width: number,
  index: number,
): { rows: Set<number>; columns: Set<number>; count: number } {
  const length = height * width * 3;
  const images = Float32Array.from({ length: 2 * length }, (_, i) => (i < length ? 0 : 1));
  const batch = { ...batchOf(2), images, inputSize: [height, width] as const };
  const mixed = mixPictures({ cutmix: 1 })!(batch, CLASSES, { epoch: 0, index });
  const taken = Array.from({ length: height * width }, (_, i) => i).filter(
    (i) => mixed.batch.images[3 * i] === 1,
  );
  const share = mixed.targets[0]!;
  assert.ok(Math.abs(share - (1 - taken.length / (height * width))) < 1e-6, 'the share of the area');
  return {
    rows: new Set(taken.map((i) => Math.floor(i / width))),
    columns: new Set(taken.map((i) => i % width)),
    count: taken.length,
  };
}

for (const [height, width] of [
  [4, 24],
  [24, 4],
  [10, 15],
] as const)
  test(`CutMix of ${height}×${width}: the box has the same share of either side, and reaches all of it`, () => {
    const [rows, columns] = [new Set<number>(), new Set<number>()];
    for (let index = 0; index < 200; index++) {
      const box = boxIn(height, width, index);
      assert.is(box.count, box.rows.size * box.columns.size, 'a rectangle');
      for (const row of box.rows) rows.add(row);
      for (const column of box.columns) columns.add(column);
    }
    assert.equal([rows.size, columns.size], [height, width]);
  });

const SIZES = [8, 7, 2];
for (const size of SIZES)
  test(`mixup of ${size} pictures: λ·x + (1 − λ)·x′ of picture and target, to the last bit`, () => {
    const batch = batchOf(size);
    const given = batch.images.slice();
    for (let index = 0; index < 20; index++) {
      const mixed = mixPictures({ mixup: 0.4, seed: 2 })!(batch, CLASSES, { epoch: 1, index });
      const lambda = symmetricBeta(0.4, (counter) => randomStream(2, 'mix', 1, index)(3 + counter));
      for (let n = 0; n < size; n++) {
        const other = size - 1 - n;
        for (let i = 0; i < VALUES; i++) {
          const [own, its] = [given[n * VALUES + i], given[other * VALUES + i]];
          const expected = n === other ? own : Math.fround(lambda * own + (1 - lambda) * its);
          assert.is(mixed.batch.images[n * VALUES + i], expected);
        }
        const target = Array<number>(CLASSES).fill(0);
        target[batch.labels[n]] += lambda;
        target[batch.labels[other]] += 1 - lambda;
        const got = [...mixed.targets.subarray(n * CLASSES, (n + 1) * CLASSES)];
        assert.ok(
          got.every((value, c) => Math.abs(value - target[c]) < 1e-7),
          `${got} for ${target}`,
        );
      }
    }
    assert.equal(batch.images, given, 'the batch itself stays');
  });

for (const size of SIZES)
  test(`CutMix of ${size} pictures: a box of the other picture, and its share of the area in the target`, () => {
    const batch = batchOf(size);
    const boxes = new Set<string>();
    for (let index = 0; index < 60; index++) {
      const mixed = mixPictures({ cutmix: 1 })!(batch, CLASSES, { epoch: 0, index });
      const { images } = mixed.batch;
      /** Which pixels of picture n are the other picture's. */
      const taken = (n: number): number[] =>
        Array.from({ length: SIDE * SIDE }, (_, pixel) => pixel).filter((pixel) => {
          const at = (k: number, from: Float32Array) =>
            `${from.subarray(k * VALUES + pixel * 3, k * VALUES + pixel * 3 + 3)}`;
          if (at(n, images) === at(n, batch.images)) return false;
          assert.is(at(n, images), at(size - 1 - n, batch.images));
          return true;
        });
      const box = taken(0);
      const rows = new Set(box.map((pixel) => Math.floor(pixel / SIDE)));
      const columns = new Set(box.map((pixel) => pixel % SIDE));
      assert.is(box.length, rows.size * columns.size, 'a rectangle');
      for (let n = 1; n < size; n++) assert.equal(taken(n), n === size - 1 - n ? [] : box);
      boxes.add(`${box}`);
      const share = shareIn(mixed);
      if (share !== undefined) assert.is(share, Math.fround(1 - box.length / SIDE ** 2));
    }
    assert.ok(boxes.size > 15, `${boxes.size} boxes`);
  });

test('one picture, and pairs of one class: nothing to answer but its class', () => {
  for (const options of [{ mixup: 1 }, { cutmix: 1 }]) {
    const single = batchOf(1);
    const mixed = mixPictures(options)!(single, CLASSES, { epoch: 0, index: 0 });
    assert.equal(mixed.batch.images, single.images);
    assert.equal([...mixed.targets], [1, 0, 0]);
    const same = { ...batchOf(4), labels: new Int32Array(4).fill(2) };
    const { targets } = mixPictures(options)!(same, CLASSES, { epoch: 0, index: 0 });
    assert.equal([...targets], Array(4).fill([0, 0, 1]).flat());
  }
});

test('with both, a batch has one or the other, about as often; places, not calls, decide', () => {
  const mix = mixPictures({ mixup: 1, cutmix: 1, seed: 1 })!;
  const [mixup, cutmix] = [mixPictures({ mixup: 1, seed: 1 })!, mixPictures({ cutmix: 1, seed: 1 })!];
  const batch = batchOf(2);
  let cuts = 0;
  for (let index = 0; index < 200; index++) {
    const place = { epoch: 0, index };
    const [got, ...either] = [mix, mixup, cutmix].map((one) => `${one(batch, CLASSES, place).batch.images}`);
    assert.ok(either.includes(got));
    cuts += Number(got === either[1]);
  }
  assert.ok(cuts > 75 && cuts < 125, `${cuts} of 200`);
  const again = (): Mixed => mix(batch, CLASSES, { epoch: 3, index: 4 });
  assert.equal(again().batch.images, again().batch.images);
});

test('Beta(α, α): mean 1/2, variance 1/(8α + 4), even for α = 1; finite however small or large α is', () => {
  for (const alpha of [0.001, 0.1, 0.2, 1, 3, 1000]) {
    const drawn = Array.from({ length: 4000 }, (_, i) => symmetricBeta(alpha, randomStream(0, 'b', 0, i)));
    assert.ok(drawn.every((value) => value >= 0 && value <= 1));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const variance = drawn.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / drawn.length;
    const expected = 1 / (8 * alpha + 4);
    assert.ok(Math.abs(mean - 0.5) < 4 * Math.sqrt(expected / drawn.length), `α ${alpha}: mean ${mean}`);
    assert.ok(Math.abs(variance / expected - 1) < 0.1, `α ${alpha}: ${variance} for ${expected}`);
    if (alpha !== 1) continue;
    for (const [i, value] of drawn.sort((a, b) => a - b).entries())
      assert.ok(Math.abs(value - i / drawn.length) < 0.03, 'Kolmogorov and Smirnov');
  }
});

test('features are not mixed', () => {
  const features = { values: new Float32Array(4), shape: [2], cut: { from: 'fc', pooled: true } };
  assert.throws(
    () => mixPictures({ mixup: 1 })!({ ...batchOf(2), features }, CLASSES, { epoch: 0, index: 0 }),
    /carries features of a FeatureCache, .*; load it without the cache$/,
  );
});

test('α of 0 mixes nothing; one that is none is a sentence', () => {
  assert.is(mixPictures({}), undefined);
  assert.is(mixPictures({ mixup: 0, cutmix: 0 }), undefined);
  assert.throws(() => mixPictures({ mixup: -1 }), /^mixPictures\.mixup is a number from 0 to 1,000, not -1$/);
  assert.throws(() => mixPictures({ cutmix: Number.NaN }), /cutmix is a number from 0 to 1,000, not NaN/);
});

test.run();
