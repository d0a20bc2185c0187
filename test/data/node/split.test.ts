/** Folds and what a split must not part: whole groups, equal shares of every class, the same for the same pictures. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FolderOptions, imageFolder } from '../../../src/data/node/folder.ts';
import { imageList } from '../../../src/data/node/list/image-list.ts';
import { splitFold, splitLabels } from '../../../src/data/node/split.ts';
import type { Sample } from '../../../src/data/sample.ts';
import { InputError } from '../../../src/text/input-error.ts';

const test = suite('data/split');

const CLASSES = ['a', 'b', 'c'];
const whole = (samples: readonly Sample[]) => ({ path: '/d', classes: CLASSES, samples, root: '/d' });
/** `counts[label]` pictures of each class. */
const pictures = (counts: readonly number[]): Sample[] =>
  counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ file: `/d/${CLASSES[label]}/${i}.jpg`, label })),
  );
/** Pictures `i` to `i + size - 1` of each class as a group, for every `i` that is a multiple of size. */
const people = (samples: readonly Sample[], size: number): Sample[][] => {
  const groups = new Map<number, Sample[]>();
  for (const sample of samples) {
    const person = Math.floor(Number(/(\d+)\.jpg$/.exec(sample.file)![1]) / size);
    groups.set(person, [...(groups.get(person) ?? []), sample]);
  }
  return [...groups.values()];
};
const filesOf = (samples: readonly Sample[]): string[] => samples.map(({ file }) => file);
const counted = (samples: readonly Sample[]): number[] =>
  CLASSES.map((_, label) => samples.filter((one) => one.label === label).length);
const foldsOf = (samples: readonly Sample[], groups: Sample[][], of: number, seed = 0) =>
  Array.from({ length: of }, (_, place) => splitFold(whole(samples), groups, { index: place + 1, of }, seed));

const SETS: [name: string, samples: Sample[], size: number, of: number, within: number][] = [
  ['single pictures', pictures([50, 23, 11]), 1, 5, 1],
  ['as few as folds', pictures([5, 5, 5]), 1, 5, 0],
  [
    'people in one class each',
    pictures([60, 60, 0]).map((s) => ({ ...s, file: s.file.replace(/\d+/, (n) => `${s.label}${n}`) })),
    6,
    5,
    6,
  ],
  ['people in all classes', pictures([60, 40, 20]), 4, 5, 4],
  ['ten folds', pictures([100, 31, 12]), 1, 10, 1],
];
for (const [name, samples, size, of, within] of SETS)
  test(`folds of ${name}: each picture validates once, groups whole, equal shares of every class`, () => {
    const groups = people(samples, size).filter((group) => group.length > 1);
    const folds = foldsOf(samples, groups, of);
    assert.equal(folds.flatMap(({ val }) => filesOf(val)).sort(), filesOf(samples).sort());
    for (const { train, val } of folds) {
      assert.equal([...filesOf(train), ...filesOf(val)].sort(), filesOf(samples).sort());
      const inside = new Set(val);
      for (const group of groups)
        assert.ok(
          [0, group.length].includes(group.filter((one) => inside.has(one)).length),
          'a group is parted',
        );
      for (const [label, count] of counted(val).entries()) {
        const total = counted(samples)[label]!;
        if (total === 0) continue;
        assert.ok(count > 0 && Math.abs(count - total / of) <= within, `${count} of ${total}`);
      }
    }
    assert.ok(
      Math.max(...folds.map(({ val }) => val.length)) - Math.min(...folds.map(({ val }) => val.length)) <=
        Math.max(within, 1),
    );
  });

test('folds do not depend on the order of the list, and do on the seed', () => {
  const samples = pictures([40, 30, 20]);
  const groups = people(samples, 3);
  const said = (list: readonly Sample[], of: Sample[][], seed = 0): string[][] =>
    foldsOf(list, of, 4, seed).map(({ val }) => filesOf(val).sort());
  const turned = [...samples].reverse();
  assert.equal(said(turned, groups.map((group) => [...group].reverse()).reverse()), said(samples, groups));
  assert.not.equal(said(samples, groups, 1), said(samples, groups));
});

const REFUSED: [samples: Sample[], groups: Sample[][], of: number, said: RegExp][] = [
  [
    pictures([9, 3, 9]),
    [],
    5,
    /^\/d: class b has 3 pictures, and each of 5 folds needs one; take 3 folds at most, or add some$/,
  ],
  [pictures([9, 1, 9]), [], 5, /^\/d: class b has 1 picture, and each of 5 folds needs one; add some$/],
  [pictures([10, 12, 10]), people(pictures([0, 12, 0]), 6), 5, /class b has 2 groups of pictures/],
];
for (const [samples, groups, of, said] of REFUSED)
  test(`refused: ${said.source}`, () => {
    const byFile = new Map(samples.map((sample) => [sample.file, sample]));
    const own = groups.map((group) => group.map(({ file }) => byFile.get(file)!));
    try {
      splitFold(whole(samples), own, { index: 1, of }, 0);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InputError);
      assert.match((error as Error).message, said);
    }
  });

test('a share of groups of all classes: near to what is asked for, no group parted, a class on each side', () => {
  for (const [size, least, most] of [
    [1, 28, 28],
    [5, 15, 40],
    [20, 20, 60],
  ] as const) {
    const samples = pictures([60, 40, 40]);
    const groups = people(samples, size).filter((group) => group.length > 1);
    const { train, val } = splitLabels(whole(samples), groups, 0.2, 3);
    assert.ok(val.length >= least && val.length <= most, `${val.length} with groups of ${size}`);
    assert.is(train.length + val.length, samples.length);
    assert.ok(counted(val).every((count) => count > 0) && counted(train).every((count) => count > 0));
    const inside = new Set(val);
    for (const group of groups)
      assert.ok([0, group.length].includes(group.filter((one) => inside.has(one)).length));
  }
});

/** Files that hold their own paths, in a temporary folder. */
async function withFiles(files: readonly string[], use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-split-'));
  try {
    for (const file of files) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), file);
    }
    await use(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}
const PEOPLE = ['ann', 'bob', 'cid', 'dan', 'eva', 'fay'];
/** Three pictures of each person in each class, in folders and by names. */
const inFolders = ['x', 'y'].flatMap((name) =>
  PEOPLE.flatMap((person) => [1, 2, 3].map((i) => `${name}/${person}/2024/${i}.jpg`)),
);
const byNames = inFolders.map((path) => path.replace(/(\w+)\/(\w+)\/2024\/(\d)/, '$1/$2_$3'));
const peopleIn = (samples: readonly Sample[]): string[] =>
  [...new Set(samples.map(({ file }) => /\/([a-z]{3})[/_]\w+(?:\/\d)?\.jpg$/.exec(file)?.[1] ?? ''))].sort();

const GROUPED: [what: string, files: string[], groupBy: string[], parted: boolean, note: RegExp][] = [
  ['nothing', inFolders, [], true, /^$/],
  [
    'folder',
    inFolders,
    ['folder'],
    false,
    /by folder 36 of 36 pictures are in 6 groups of up to 6, which no split parts/,
  ],
  [
    'a pattern with a group',
    byNames,
    ['^(\\w+)_'],
    false,
    /by '\^\(\\w\+\)_' 36 of 36 pictures are in 6 groups/,
  ],
  ['a pattern without one', byNames, ['^[a-z]+'], false, /in 6 groups of up to 6/],
  ['two that overlap', byNames, ['^(ann|bob)', '^(cid|bob|dan)|ann'], false, /of up to/],
  [
    'names that do not match',
    [...byNames, 'x/1.jpg', 'y/2.jpg'],
    ['^(\\w+)_'],
    false,
    /2 of 38 pictures do not match '.*': each is a group of its own/,
  ],
  [
    'folder, where some lie in none',
    [...inFolders, 'x/1.jpg', 'y/2.jpg'],
    ['folder'],
    false,
    /2 of 38 pictures lie in no folder below that of their class/,
  ],
];
for (const [what, files, groupBy, parted, note] of GROUPED)
  test(`by ${what}: ${parted ? 'people are parted' : 'nobody is on both sides'}, in a share and in folds`, () =>
    withFiles(files, async (dir) => {
      for (const fold of [undefined, { index: 1, of: 3 }]) {
        const { train, val, notes, split } = await imageFolder(dir, { groupBy, fold });
        const both = peopleIn(train).filter(
          (person) => peopleIn(val).includes(person) && what !== 'two that overlap',
        );
        assert.is(both.filter(Boolean).length > 0, parted);
        assert.match(notes.join('\n').replace(/.*count to the class.*\n?/, ''), note);
        assert.match(
          split!,
          fold
            ? /^fold 1 of 3: \d+ of \d+ pictures, drawn from every class by seed 0, validate/
            : /no validation folder/,
        );
      }
    }));

test('train/ and val/: folds are of both together, test/ is left alone; groups on both sides are said', () =>
  withFiles(
    [...byNames.map((file, i) => `${i % 3 === 0 ? 'val' : 'train'}/${file}`), 'test/x/ann_9.jpg'],
    async (dir) => {
      const given = await imageFolder(dir, { groupBy: ['^([a-z]+)_'] });
      assert.is(given.val.length, 12);
      const notes = given.notes.join('\n');
      assert.match(
        notes,
        /^6 groups have pictures among those that validate and among those that train, which flatters/m,
      );
      assert.match(
        notes,
        /^1 group has pictures among those that are held out and among those that train or validate/m,
      );
      const folds = await Promise.all(
        [1, 2, 3].map((index) => imageFolder(dir, { groupBy: ['^([a-z]+)_'], fold: { index, of: 3 } })),
      );
      const seen = folds.flatMap(({ val }) => val.map(({ file }) => relative(dir, file))).sort();
      assert.is(new Set(seen).size, 36);
      assert.ok(seen.every((file) => !file.startsWith('test')));
      for (const { train, val, test: held, split } of folds) {
        assert.is(held.length, 1);
        assert.equal(
          peopleIn(train).filter((person) => peopleIn(val).includes(person)),
          [],
        );
        assert.match(split!, /those of train\/ and val\/ are taken together for that$/);
      }
    },
  ));

test('a list has folds and groups as well: of its column, and of names', () =>
  withFiles(byNames, async (dir) => {
    const row = (file: string): string => `${file},${file[0]},${file.slice(2, 5)}`;
    for (const [head, lines, groupBy] of [
      ['file,label,group', byNames.map(row), []],
      ['file,label', byNames.map((file) => `${file},${file[0]}`), ['/(\\w+)_']],
    ] as [string, string[], string[]][]) {
      const list = join(dir, 'list.csv');
      await writeFile(list, `${head}\n${lines.join('\n')}\n`);
      const folds = await Promise.all(
        [1, 2].map((index) => imageList(list, { fold: { index, of: 2 }, groupBy })),
      );
      assert.is(new Set(folds.flatMap(({ val }) => filesOf(val))).size, 36);
      for (const { train, val } of folds)
        assert.equal(
          peopleIn(train).filter((person) => peopleIn(val).includes(person)),
          [],
        );
      assert.match(folds[0]!.split!, /^fold 1 of 2: 18 of 36 pictures/);
    }
  }));

const BAD: [options: FolderOptions, said: RegExp][] = [
  [
    { groupBy: ['(a'] },
    /'\(a' names no groups: folder, similar or a regular expression .*, which it is not \(.*Unterminated group/,
  ],
  [{ groupBy: ['x'.repeat(2000)] }, /a pattern of groups has 1 to 1000 characters, not 2000/],
  [{ groupBy: [''] }, /a pattern of groups has 1 to 1000 characters, not 0/],
  [{ fold: { index: 4, of: 3 } }, /a fold of 3 is 1 to 3, not 4/],
  [{ fold: { index: 1, of: 1 } }, /folds are 2 at least, not 1/],
  [
    { fold: { index: 1, of: 40 } },
    /class x has 18 pictures, and each of 40 folds needs one; take 18 folds at most/,
  ],
];
for (const [options, said] of BAD)
  test(`refused: ${said.source}`, () =>
    withFiles(byNames, async (dir) => {
      const error = await imageFolder(dir, options).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.instance(error, InputError);
      assert.match((error as Error).message, said);
    }));

test('a pattern that finds no end is refused in time', () =>
  withFiles([...byNames, `x/${'a'.repeat(60)}!.jpg`], async (dir) => {
    const began = performance.now();
    const error = await imageFolder(dir, { groupBy: ['(a+)+$'] }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.instance(error, InputError);
    assert.match((error as Error).message, /the pattern of groups '\(a\+\)\+\$' finds no end/);
    assert.ok(performance.now() - began < 30_000);
  }));

test.run();
