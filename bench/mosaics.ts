/**
 * A set of pictures with several labels, for trials: mosaics of 2 × 2 pictures of CIFAR-10, with those of six of its classes for
 * labels that are in them; the other four classes are in some too and have no label. Writes OUT/labels.csv and its pictures:
 *
 *   TESSERA_DATA=… node --import tsx bench/mosaics.ts OUT [train] [val] [test]
 *
 * Those that validate and those that are held out are made of pictures of CIFAR-10's test set.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { shuffled } from '../src/tensor/random.ts';

const LABELS = ['automobile', 'cat', 'dog', 'frog', 'horse', 'ship'];
const SIDE = 32;

const [out, ...counts] = process.argv.slice(2);
const data = process.env.TESSERA_DATA;
if (out === undefined || data === undefined)
  throw new Error('name a folder to write into, and TESSERA_DATA; see the head of this file');
const [train = 400, val = 200, test = 200] = counts.map(Number);

await mkdir(join(out, 'pictures'), { recursive: true });
const rows = [
  ...(await mosaics('train', 'train', train)),
  ...(await mosaics('test', 'val', val)),
  ...(await mosaics('test', 'test', test, val)),
];
await writeFile(join(out, 'labels.csv'), ['file,labels,split', ...rows, ''].join('\n'));

/** @param skip mosaics whose pictures are taken already */
async function mosaics(from: string, split: string, count: number, skip = 0): Promise<string[]> {
  const folder = join(data!, 'images', 'cifar10', from);
  const all: { file: string; name: string }[] = [];
  for (const name of (await readdir(folder)).sort())
    for (const file of (await readdir(join(folder, name))).sort())
      all.push({ file: join(folder, name, file), name });
  const order = shuffled(all.length, 0, 0, `mosaics ${from}`);
  const rows: string[] = [];
  for (let n = skip; n < skip + count; n++) {
    const cells = [0, 1, 2, 3].map((cell) => all[order[(4 * n + cell) % order.length]!]!);
    const file = `pictures/${split}-${n}.png`;
    await sharp({ create: { width: 2 * SIDE, height: 2 * SIDE, channels: 3, background: 'black' } })
      .composite(
        cells.map((cell, i) => ({ input: cell.file, left: SIDE * (i % 2), top: SIDE * Math.floor(i / 2) })),
      )
      .png()
      .toFile(join(out!, file));
    const labels = LABELS.filter((label) => cells.some(({ name }) => name === label));
    rows.push(`${file},${labels.join('|')},${split}`);
  }
  return rows;
}
