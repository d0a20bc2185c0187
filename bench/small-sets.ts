/**
 * Three small sets, for what is decided by trying: the demo data, faces (real or generated, 100 a class, all validate that
 * there are) and CIFAR-10 (20 a class, 20 others validate). TESSERA_DATA names the folder with images/faces/{train,val} and
 * images/cifar10/{train,test}, a folder a class in each.
 */
import { join } from 'node:path';
import { imageFolder } from '../src/data/node/folder.ts';
import { openDemoData } from '../src/data/node/synthetic.ts';
import type { DataSet, Sample } from '../src/data/sample.ts';

/** Pictures a class, as far as there are so many. */
const EACH = { faces: 100, cifar: 20 };
const IN = { faces: 'faces', cifar: 'cifar10' };
export const SETS = ['demo', 'faces', 'cifar'] as const;
export type SetName = (typeof SETS)[number];

const folder = (...path: string[]): string => {
  const data = process.env.TESSERA_DATA;
  if (data === undefined) throw new Error('TESSERA_DATA names no folder; see the head of this file');
  return join(data, 'images', ...path);
};

/** @param size of the demo's pictures */
export async function openSmallSet(name: SetName, size: number): Promise<DataSet> {
  if (name === 'demo') return openDemoData({ size });
  const [train, val] = name === 'faces' ? ['train', 'val'] : ['train', 'test'];
  const { classes, samples } = await firstOf(folder(IN[name], train), EACH[name]);
  const others = await firstOf(folder(IN[name], val), EACH[name]);
  return { classes, train: samples, val: others.samples, test: [], split: null, notes: [] };
}

/** The first pictures of each class, by their names. */
async function firstOf(dir: string, each: number): Promise<{ classes: string[]; samples: Sample[] }> {
  const { classes, train, val } = await imageFolder(dir);
  const sorted = [...train, ...val].sort((a, b) => (a.file < b.file ? -1 : 1));
  const samples = classes.flatMap((_, label) =>
    sorted.filter((sample) => sample.label === label).slice(0, each),
  );
  return { classes, samples };
}
