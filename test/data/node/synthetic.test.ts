/** The data set that ships: the same each time, sides apart, fakes close to their originals but with a grid. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { generate, randomGenerator } from '../../../src/data/generator.ts';
import type { RgbImage } from '../../../src/data/image.ts';
import { openDemoData } from '../../../src/data/node/synthetic.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { formula } from '../reference.ts';

const test = suite('data/synthetic');

const small = { size: 48, train: 40, val: 24 };
const pixels = (samples: Sample[]) => samples.map(({ image }) => image!.pixels);
const photoOf = ({ file }: Sample) => file.split(' ')[0];

test('counts, sizes and labels are as asked; half of each side is fake', async () => {
  const set = await openDemoData(small);
  assert.equal(set.classes, ['fake', 'real']);
  assert.equal([set.train.length, set.val.length], [40, 24]);
  for (const side of [set.train, set.val]) {
    assert.is(side.filter(({ label }) => label === 0).length, side.length / 2);
    for (const { file, label, image } of side) {
      assert.equal([image?.width, image?.height, image?.pixels.length], [48, 48, 48 * 48 * 3]);
      assert.ok(file.includes(set.classes[label]), file);
    }
  }
});

test('the same pixels each time, others with another seed', async () => {
  const [one, two, other] = [
    await openDemoData(small),
    await openDemoData(small),
    await openDemoData({ ...small, seed: 1 }),
  ];
  assert.equal(pixels(one.train), pixels(two.train));
  assert.equal(pixels(one.val), pixels(two.val));
  assert.not.equal(pixels(one.train), pixels(other.train));
});

test('training and validation share no photograph and no decoder', async () => {
  const { train, val } = await openDemoData(small);
  const trained = new Set(train.map(photoOf));
  assert.is(trained.size + new Set(val.map(photoOf)).size, 7);
  assert.not(val.some((sample) => trained.has(photoOf(sample))));
  const decoders = (side: Sample[]) => new Set(side.flatMap(({ file }) => /decoder \d+/.exec(file) ?? []));
  const [ofTrain, ofVal] = [decoders(train), decoders(val)];
  assert.ok(ofTrain.size > 1 && ofVal.size > 1);
  assert.not([...ofVal].some((name) => ofTrain.has(name)));
});

test('a fake shows what its original shows, in nearly its colours, and a grid', async () => {
  const { train, val } = await openDemoData(small);
  for (const side of [train, val]) {
    const alike: number[] = [];
    const shifts: number[] = [];
    let [realGrid, fakeGrid] = [0, 0];
    for (let i = 0; i < side.length; i += 2) {
      const [real, fake] = [side[i].image!, side[i + 1].image!];
      assert.equal([side[i].label, side[i + 1].label], [1, 0]);
      alike.push(correlation(real, fake));
      shifts.push(Math.abs(meanDifference(real, fake)));
      realGrid += gridStrength(real);
      fakeGrid += gridStrength(fake);
    }
    assert.ok(median(alike) > 0.85 && Math.min(...alike) > 0.5, `correlations ${alike}`);
    assert.ok(median(shifts) < 3 && Math.max(...shifts) < 20, `shifts of the mean ${shifts}`);
    assert.ok(fakeGrid > 10 * realGrid, `grid of fakes ${fakeGrid}, of real crops ${realGrid}`);
  }
});

test('a decoder that is not bent and hands back all detail changes nothing', () => {
  const generator = randomGenerator(0, 0, { bend: [0, 0], mixing: 0, detail: [1, 1] });
  const image = formula(32, 24, 'noise');
  assert.equal(generate(image, generator).pixels, image.pixels);
});

test('decoders with other numbers are other decoders, and keep grey areas at their brightness', () => {
  const strength = { bend: [0.1, 0.1], mixing: 0.05, detail: [1, 1] } as const;
  const flat: RgbImage = { width: 32, height: 32, pixels: new Uint8Array(32 * 32 * 3).fill(120) };
  const [one, two] = [0, 1].map((n) => generate(flat, randomGenerator(0, n, strength)));
  assert.not.equal(one.pixels, two.pixels);
  for (const image of [one, two]) assert.ok(Math.abs(meanDifference(flat, image)) < 2);
});

test('sizes that no decoder can make are sentences', async () => {
  assert.throws(
    () =>
      generate(formula(20, 24, 'noise'), randomGenerator(0, 0, { bend: [0, 0], mixing: 0, detail: [1, 1] })),
    /20 × 24 is no multiple of 8/,
  );
  const error = await openDemoData({ size: 50 }).catch((e: Error) => e);
  assert.match((error as Error).message, /multiple of 8, at least 16, not 50/);
});

test('every photograph has a row in LICENSES.md, and all are under 2 MB', async () => {
  const folder = fileURLToPath(new URL('../../../data/photos/', import.meta.url));
  const notes = await readFile(join(folder, 'LICENSES.md'), 'utf8');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.jpg'));
  let bytes = 0;
  for (const name of files) {
    assert.match(notes, new RegExp(`\\| \`${name}\` \\|.*(CC0|public domain)`));
    bytes += (await stat(join(folder, name))).size;
  }
  assert.ok(files.length === 7 && bytes < 2e6, `${files.length} files, ${bytes} bytes`);
});

function meanDifference(a: RgbImage, b: RgbImage): number {
  return a.pixels.reduce((sum, v, i) => sum + b.pixels[i] - v, 0) / a.pixels.length;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function correlation(a: RgbImage, b: RgbImage): number {
  const mean = (x: RgbImage) => x.pixels.reduce((s, v) => s + v, 0) / x.pixels.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.pixels.forEach((v, i) => {
    const [da, db] = [v - ma, b.pixels[i] - mb];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Power at the frequencies of a grid of 2 pixels: the mean of the picture times (−1)ˣ, (−1)ʸ and (−1)ˣ⁺ʸ. */
function gridStrength({ width, height, pixels }: RgbImage): number {
  let power = 0;
  for (let c = 0; c < 3; c++) {
    const sums = [0, 0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const v = pixels[(y * width + x) * 3 + c];
        [x, y, x + y].forEach((parity, k) => {
          sums[k] += parity & 1 ? -v : v;
        });
      }
    }
    for (const sum of sums) power += (sum / (width * height)) ** 2;
  }
  return power;
}

test.run();
