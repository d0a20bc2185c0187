/**
 * Pictures with the same bytes: finding them, and splitting a data set so that copies stay on one side. A
 * copy in both the training and the validation set is learnt by heart and then counted as a success.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { InputError } from '../../text/input-error.ts';
import type { ClassFolders, Sample } from '../sample.ts';
import { hashPicture } from './picture-file.ts';

/**
 * Groups of two samples or more whose files hold the same bytes, in the order of the samples. Only files of
 * the same length are read. A file that cannot be read is in no group: it is left out of the run, and the loader says
 * why when it comes to it, so that one bad picture does not stop a run.
 */
export async function contentGroups(samples: readonly Sample[]): Promise<Sample[][]> {
  const bySize = await groupBy(samples, async ({ file }) => `${(await stat(file)).size}`);
  const groups: Sample[][][] = [];
  for (const sameSize of bySize) groups.push(await groupBy(sameSize, ({ file }) => hashPicture(file)));
  return groups.flat();
}

async function groupBy(samples: readonly Sample[], key: (s: Sample) => Promise<string>): Promise<Sample[][]> {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const k = await key(sample).catch(() => undefined);
    if (k === undefined) continue;
    const group = groups.get(k);
    if (group) group.push(sample);
    else groups.set(k, [sample]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

/**
 * Splits each class: its pictures are sorted by a hash of seed and path below the root, and the first ones
 * validate, so that the split survives moving the folder and mostly survives adding pictures. Copies move
 * together; copies in two classes that would be torn apart go to the training side.
 * @returns the two sides in sorted order, and how many pictures have a copy
 * @throws where a class cannot give a picture to each side
 */
export function splitGroups(
  { classes, samples, root }: ClassFolders,
  groups: Sample[][],
  valFraction: number,
  seed: number,
): { train: Sample[]; val: Sample[]; held: number } {
  const groupOf = new Map<Sample, Sample[]>();
  for (const group of groups) for (const sample of group) groupOf.set(sample, group);
  const inVal = new Set<Sample>();
  for (const [label, name] of classes.entries()) {
    const own = samples.filter((sample) => sample.label === label);
    if (own.length === 0) continue;
    const wanted = Math.max(1, Math.round(own.length * valFraction));
    const units = [...new Set(own.map((sample) => groupOf.get(sample) ?? [sample]))]
      .map((unit) => ({
        unit: unit.filter((s) => s.label === label),
        rank: rankOf(unit[0].file, root, seed),
      }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1));
    if (units.length < 2) {
      throw new InputError(
        `${root}: class ${name} has ${units.length === own.length ? 'only one picture' : 'only copies of one picture'}; ` +
          `at least two are needed, one to train and one to validate`,
      );
    }
    let taken = 0;
    for (const { unit } of units.slice(0, -1)) {
      if (taken >= wanted) break;
      taken += unit.length;
      for (const sample of unit) inVal.add(sample);
    }
  }
  for (const group of groups) {
    if (!group.every((sample) => inVal.has(sample))) for (const sample of group) inVal.delete(sample);
  }
  const [train, val] = [samples.filter((s) => !inVal.has(s)), samples.filter((s) => inVal.has(s))];
  return { train, val, held: groups.reduce((n, group) => n + group.length, 0) };
}

function rankOf(file: string, root: string, seed: number): string {
  const path = relative(root, file).split(sep).join('/');
  return createHash('sha256').update(`${seed} ${path}`).digest('hex');
}
