/** The balanced sampler: how often classes and pictures come, what repeats show, and that an epoch is gone on with anywhere. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBatches } from '../../src/data/in-thread.ts';
import type { LoaderOptions } from '../../src/data/loader.ts';
import type { Sample } from '../../src/data/sample.ts';
import { balancedOrder, repeatsIn } from '../../src/data/sampler.ts';

const test = suite('data/sampler');

/** Labels with so many pictures of each class, the classes mixed up. */
function labelsWith(counts: readonly number[]): number[] {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  return labels.map((_, i) => labels[(i * 7) % labels.length]);
}

const tally = (values: Iterable<number>, size: number): number[] => {
  const counts = Array<number>(size).fill(0);
  for (const value of values) counts[value]++;
  return counts;
};

const SETS: [what: string, counts: number[]][] = [
  ['30 and 3', [30, 3]],
  ['three classes, and a number that they do not divide', [17, 2, 4]],
  ['a class without pictures', [11, 0, 2]],
  ['one picture of one class', [9, 1]],
  ['one class', [5]],
];
for (const [what, counts] of SETS)
  test(`${what}: as many of each class an epoch, give or take one; pictures of a class equally often`, () => {
    const labels = labelsWith(counts);
    const n = labels.length;
    const present = counts.filter((count) => count > 0).length;
    const seen = Array<number>(n).fill(0);
    for (let epoch = 0; epoch < 40; epoch++) {
      const order = balancedOrder(labels, 3, epoch);
      assert.is(order.length, n);
      assert.equal(balancedOrder(labels, 3, epoch), order);
      for (const [label, count] of tally(
        [...order].map((i) => labels[i]),
        counts.length,
      ).entries())
        assert.ok(
          counts[label] === 0 ? count === 0 : Math.abs(count - n / present) < 1,
          `${label}: ${count}`,
        );
      for (const index of order) seen[index]++;
    }
    for (const [label] of counts.entries()) {
      const often = seen.filter((_, i) => labels[i] === label);
      if (often.length > 0) assert.ok(Math.max(...often) - Math.min(...often) <= 1, `${label}: ${often}`);
    }
  });

test('a class passes through its pictures without replacement; seeds, epochs and classes have orders of their own', () => {
  const labels = labelsWith([20, 4]);
  const rare = (order: Int32Array) => [...order].filter((i) => labels[i] === 1);
  const frequent = (order: Int32Array) => [...order].filter((i) => labels[i] === 0);
  const [one, two] = [0, 1].map((epoch) => balancedOrder(labels, 1, epoch));
  assert.is(new Set(frequent(one)).size, 12);
  assert.is(new Set([...frequent(one), ...frequent(two)]).size, 20, 'the rest comes in the next epoch');
  assert.equal(tally(rare(one), 24).filter(Boolean), [3, 3, 3, 3]);
  assert.not.equal(one, two);
  assert.not.equal(one, balancedOrder(labels, 2, 0));
  assert.equal(repeatsIn(Int32Array.of(4, 0, 4, 2, 4, 0)), Int32Array.of(0, 0, 1, 0, 2, 1));
});

const pictures: Sample[] = labelsWith([10, 2]).map((label, index) => ({
  file: `picture ${index}`,
  label,
  image: {
    width: 4,
    height: 4,
    pixels: Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + index * 11) % 256),
  },
}));

const common: LoaderOptions = {
  batchSize: 5,
  preprocessing: {
    inputSize: 4,
    resizeSize: 4,
    interpolation: 'bilinear',
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  },
  train: true,
  sampler: 'balanced',
};

/** [name, the bits of its pixels] of each picture of an epoch. */
async function load(options: Partial<LoaderOptions> = {}, samples = pictures): Promise<[string, string][]> {
  const shown: [string, string][] = [];
  for await (const { images, samples: own } of loadBatches(samples, { ...common, ...options }))
    for (const [n, { file }] of own.entries()) shown.push([file, `${images.subarray(n * 48, (n + 1) * 48)}`]);
  return shown;
}

test('a picture that comes again in an epoch is shown in another view; limited views take turns', async () => {
  const shown = await load();
  assert.is(shown.length, 12);
  assert.is(new Set(shown.map(([file]) => file)).size < 12, true, 'some come again');
  assert.is(new Set(shown.map(String)).size, 12);
  const two = await Promise.all([0, 1, 2, 3].map((epoch) => load({ epoch, views: 2 })));
  const views = new Map<string, Set<string>>();
  for (const [file, bits] of two.flat()) views.set(file, (views.get(file) ?? new Set()).add(bits));
  assert.ok([...views.values()].every(({ size }) => size <= 2));
  assert.ok([...views.values()].some(({ size }) => size === 2));
});

test('an epoch is gone on with anywhere, and what is not shuffled is not drawn', async () => {
  const whole = await load({ epoch: 2 });
  assert.equal(await load({ epoch: 2, startBatch: 1 }), whole.slice(5));
  const files = (await load({ shuffle: false })).map(([file]) => file);
  assert.equal(
    files,
    pictures.map(({ file }) => file),
  );
});

test('a class of which no picture can be read leaves its turns empty; the others come as often', async () => {
  const broken = pictures.map((sample) =>
    sample.label === 1 ? { ...sample, image: { width: 0, height: 4, pixels: new Uint8Array() } } : sample,
  );
  const told: string[] = [];
  const shown = await load({ onUnreadable: ({ message }) => told.push(message) }, broken);
  assert.is(shown.length, 6);
  assert.is(told.length, 6);
});

test('a sampler that there is not is a sentence', async () => {
  const sampler = 'weighted' as 'balanced';
  const error = await load({ sampler }).catch((reason: Error) => reason.message);
  assert.is(error, 'loadBatches: sampler is one of shuffled, balanced, not weighted');
});

test.run();
