/** Pictures that look the same: copies of real photographs that were saved anew are found, other photographs are not. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { differing, type Look, lookOf, MOST_BITS, similarPairs } from '../../../src/data/look.ts';
import { imageFolder } from '../../../src/data/node/folder.ts';
import { similarGroups } from '../../../src/data/node/similar.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { united } from '../../../src/data/units.ts';

const test = suite('data/similar');

const PHOTOS = new URL('../../../data/photos/', import.meta.url);
const photos = (await readdir(PHOTOS)).filter((name) => /\.(?:jpg|png)$/.test(name)).sort();
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-similar-'));
});
test.after(() => rm(folder, { recursive: true }));

const samplesOf = (files: readonly string[]): Sample[] => files.map((file) => ({ file, label: 0 }));
/** The names of the files of each group. */
const found = async (files: readonly string[]): Promise<string[][]> => {
  const samples = samplesOf(files);
  return united(samples, await similarGroups(samples)).map((group) =>
    group.map(({ file }) => relative(folder, file)),
  );
};

const CHANGES: [what: string, ending: string, change: (picture: Sharp) => Sharp][] = [
  ['as a JPEG of quality 50', 'jpg', (picture) => picture.jpeg({ quality: 50 })],
  ['as WebP', 'webp', (picture) => picture.webp({ quality: 60 })],
  ['at half the size', 'png', (picture) => picture.resize(100)],
  ['a little brighter', 'png', (picture) => picture.modulate({ brightness: 1.1 })],
  ['in grey', 'png', (picture) => picture.greyscale()],
  ['blurred', 'png', (picture) => picture.blur(1)],
];
test('a photograph that was saved anew is found, other photographs are not', async () => {
  const files: string[] = [];
  const wanted: string[][] = [];
  for (const [index, name] of photos.entries()) {
    const bytes = await readFile(new URL(name, PHOTOS));
    const own = join(folder, `${index}.${name.slice(-3)}`);
    await writeFile(own, bytes);
    files.push(own);
    const group = [`${index}.${name.slice(-3)}`];
    for (const [place, [, ending, change]] of CHANGES.entries()) {
      const file = join(folder, `${index}-${place}.${ending}`);
      await change(sharp(bytes)).toFile(file);
      files.push(file);
      group.push(`${index}-${place}.${ending}`);
    }
    wanted.push(group);
  }
  assert.equal(await found(files), wanted);
  const turned = await found([...files].reverse());
  assert.equal(turned.map((group) => group.sort()).sort(), wanted.map((group) => [...group].sort()).sort());
});

test('large JPEGs, which are decoded small, look as what is decoded whole', async () => {
  const large = join(folder, 'large.jpg');
  const whole = join(folder, 'large.png');
  await sharp(await readFile(new URL(photos[0]!, PHOTOS)))
    .resize(2000)
    .jpeg()
    .toFile(large);
  await sharp(large).png().toFile(whole);
  assert.equal(await found([large, whole]), [['large.jpg', 'large.png']]);
});

test('pictures without shape, and those that cannot be read, belong to nobody', async () => {
  const files: string[] = [];
  for (const [name, grey] of [
    ['black', 0],
    ['dark', 3],
    ['white', 255],
  ] as const) {
    files.push(join(folder, `${name}.png`));
    const background = { r: grey, g: grey, b: grey };
    await sharp({ create: { width: 40, height: 30, channels: 3, background } }).toFile(files.at(-1)!);
  }
  files.push(join(folder, 'broken.jpg'), join(folder, 'gone.jpg'));
  await writeFile(join(folder, 'broken.jpg'), 'no picture');
  assert.equal(await found(files), []);
  assert.is(lookOf(new Uint8Array(1024).fill(90)), null);
});

/** A generator of numbers from 0 to below `most`. */
const drawing = (seed: number) => {
  let state = seed;
  return (most: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
};
const withFlips = (look: Uint32Array, flips: number, draw: (most: number) => number): Uint32Array => {
  const other = look.slice();
  for (const bit of new Set(Array.from({ length: flips }, () => draw(192))))
    other[bit >> 5]! ^= 1 << (bit & 31);
  return other;
};
test('what the parts find is what comparing all with all finds', () => {
  const draw = drawing(7);
  const looks: Look[] = [null];
  for (let i = 0; i < 60; i++) {
    const first = Uint32Array.from({ length: 6 }, () => draw(2 ** 32));
    looks.push(first);
    for (let flips = 0; flips < 40; flips += 1 + draw(6)) looks.push(withFlips(first, flips, draw));
  }
  const samples = samplesOf(looks.map((_, index) => `${index}`));
  const grouped = (pairs: Iterable<[number, number]>): string[] =>
    united(
      samples,
      [...pairs].map((pair) => pair.map((index) => samples[index]!)),
    ).map((group) => group.map(({ file }) => file).join());
  const all: [number, number][] = [];
  for (const [b, look] of looks.entries())
    for (let a = 0; a < b; a++)
      if (look && looks[a] && differing(looks[a]!, look) <= MOST_BITS) all.push([a, b]);
  assert.ok(all.length > 200, `${all.length} pairs`);
  assert.equal(grouped(similarPairs(looks)), grouped(all));
});

test('differing counts the bits that differ', () => {
  const draw = drawing(3);
  for (let round = 0; round < 200; round++) {
    const [a, b] = [0, 1].map(() => Uint32Array.from({ length: 6 }, () => draw(2 ** 32))) as [
      Uint32Array,
      Uint32Array,
    ];
    const expected = [...a].reduce(
      (sum, word, i) => sum + [...((word ^ b[i]!) >>> 0).toString(2)].filter((digit) => digit === '1').length,
      0,
    );
    assert.is(differing(a, b), expected);
  }
});

test('by similar: what looks the same is on one side, counted and told of', async () => {
  const data = join(folder, 'set');
  for (const [index, name] of photos.slice(0, 12).entries()) {
    const dir = join(data, index % 2 === 0 ? 'a' : 'b');
    await mkdir(dir, { recursive: true });
    const bytes = await readFile(new URL(name, PHOTOS));
    for (const quality of [95, 80, 60])
      await writeFile(join(dir, `${quality}-${index}.jpg`), await sharp(bytes).jpeg({ quality }).toBuffer());
  }
  const personOf = ({ file }: Sample): string => /-(\d+)\.jpg$/.exec(file)![1]!;
  const count = Math.min(photos.length, 12);
  const told: string[] = [];
  for (const fold of [undefined, { index: 2, of: 2 }]) {
    const { train, val, notes } = await imageFolder(data, {
      ...{ groupBy: ['similar'], fold },
      onLooked: (done, total) => told.push(`${done}/${total}`),
    });
    const seen = new Set(train.map(personOf));
    assert.equal(
      val.map(personOf).filter((one) => seen.has(one)),
      [],
    );
    assert.ok(val.length > 0 && val.length % 3 === 0);
    assert.match(
      notes.join('\n'),
      new RegExp(`^by similar ${3 * count} of ${3 * count} pictures are in ${count} groups of up to 3`, 'm'),
    );
  }
  assert.is(told.at(-1), `${3 * count}/${3 * count}`);
});

test.run();
