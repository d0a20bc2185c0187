/** Folders: layouts that are read, splits, duplicates, and the sentences for those that are not. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FolderOptions, imageFolder } from '../../../src/data/node/folder.ts';
import type { DataSet } from '../../../src/data/sample.ts';

const test = suite('data/folder');

/** Files of a data set: a path, or a path with its content; without one a file holds its own path. */
type Files = (string | [path: string, content: string])[];

/** Makes the files in a temporary folder, hands it over, and removes it. */
async function withFiles(files: Files, use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-folder-'));
  try {
    for (const file of files) {
      const [path, content] = typeof file === 'string' ? [file, file] : file;
      await mkdir(dirname(join(dir, path)), { recursive: true });
      if (!path.endsWith('/')) await writeFile(join(dir, path), content);
      else await mkdir(join(dir, path), { recursive: true });
    }
    await use(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const paths = (dir: string, samples: DataSet['train']) =>
  samples.map(({ file, label }) => `${label} ${relative(dir, file)}`);

const pair = ['train/b/1.jpg', 'train/a/2.PNG', 'train/a/1.webp', 'val/a/3.jpg', 'val/b/2.jpeg'];

test('train/ and val/: sorted classes and files, labels by class', () =>
  withFiles(pair, async (dir) => {
    const set = await imageFolder(dir);
    assert.equal(set.classes, ['a', 'b']);
    assert.equal(paths(dir, set.train), ['0 train/a/1.webp', '0 train/a/2.PNG', '1 train/b/1.jpg']);
    assert.equal(paths(dir, set.val), ['0 val/a/3.jpg', '1 val/b/2.jpeg']);
    assert.equal(set.notes, []);
  }));

for (const name of ['valid', 'validation', 'test', 'Val']) {
  test(`${name}/ validates where there is no val/`, () =>
    withFiles(
      pair.map((path) => path.replace('val', name)),
      async (dir) => assert.is((await imageFolder(dir)).val.length, 2),
    ));
}

test('val/ wins over test/, and the note says so', () =>
  withFiles([...pair, 'test/a/9.jpg', 'test/b/9.jpg'], async (dir) => {
    const set = await imageFolder(dir);
    assert.is(set.val.length, 2);
    assert.match(set.notes.join(), /val\/ is used for validation; test\/ is not used/);
  }));

test('nested folders are walked; hidden files, foreign files and dead links are not pictures', () =>
  withFiles(
    [
      ...pair,
      'train/a/x/y/5.jpg',
      'train/a/.hidden.jpg',
      '.git/c/1.jpg',
      'train/a/notes.txt',
      'train/readme',
    ],
    async (dir) => {
      await symlink(join(dir, 'nowhere'), join(dir, 'train/a/dead.jpg'));
      await symlink(join(dir, 'train/a/x'), join(dir, 'train/a/x/y/loop'));
      await symlink(join(dir, 'train'), join(dir, 'train/b/up'));
      const set = await imageFolder(dir);
      assert.ok(paths(dir, set.train).includes('0 train/a/x/y/5.jpg'));
      assert.is(set.train.filter(({ label }) => label === 0).length, 3);
      assert.match(set.notes.join(), /train: \d other files ignored \(\.txt, no ending\)/);
    },
  ));

test('symbolic links to pictures and to class folders are followed', () =>
  withFiles([...pair, 'store/c/1.jpg', 'store/c/2.jpg'], async (dir) => {
    await symlink(join(dir, 'store/c'), join(dir, 'train/c'));
    await symlink(join(dir, 'store/c'), join(dir, 'val/c'));
    const set = await imageFolder(dir);
    assert.equal(set.classes, ['a', 'b', 'c']);
    assert.match(set.notes.join(), /2 pictures are in both training and validation \(the same bytes\)/);
  }));

test('the same bytes in train and val: a note with the number and the first names', () =>
  withFiles(
    [...pair, ['train/a/dup.jpg', 'same'], ['val/b/copy.jpg', 'same'], ['val/a/other.jpg', 'sbme']],
    async (dir) => {
      const { notes } = await imageFolder(dir);
      assert.match(notes[0], /^1 picture is in both training .*: train\/a\/dup\.jpg is val\/b\/copy\.jpg$/);
      assert.match(notes[1], /^1 picture is in more than one class/);
    },
  ));

/** Two classes of n pictures each. */
const classes = (n: number, prefix = ''): Files =>
  ['a', 'b'].flatMap((name) => Array.from({ length: n }, (_, i) => `${prefix}${name}/${i}.jpg`));

test('one folder of classes: split per class, the same each time, another with another seed', () =>
  withFiles(classes(20), async (dir) => {
    const open = async (options?: FolderOptions) => imageFolder(dir, options);
    const set = await open();
    for (const label of [0, 1]) {
      assert.is(set.val.filter((s) => s.label === label).length, 4);
      assert.is(set.train.filter((s) => s.label === label).length, 16);
    }
    assert.equal(new Set([...paths(dir, set.train), ...paths(dir, set.val)]).size, 40);
    assert.equal(paths(dir, (await open()).val), paths(dir, set.val));
    assert.not.equal(paths(dir, (await open({ seed: 1 })).val), paths(dir, set.val));
    assert.is((await open({ valFraction: 0.5 })).val.length, 20);
    assert.match(set.split!, /no validation folder .*: 8 of 40 pictures, drawn .* by seed 0/);
  }));

test('the split does not depend on where the folder lies', () =>
  withFiles(classes(20), async (one) =>
    withFiles(classes(20), async (two) => {
      const [a, b] = [await imageFolder(one), await imageFolder(two)];
      assert.equal(paths(one, a.val), paths(two, b.val));
    }),
  ));

test('train/ without a validation folder is split as well', () =>
  withFiles(classes(5, 'train/'), async (dir) => assert.is((await imageFolder(dir)).val.length, 2)));

test('a split keeps copies on one side, across classes too', () => {
  const files: Files = [...classes(12)];
  for (const [i, name] of ['a', 'a', 'a', 'b'].entries()) {
    for (const content of ['P', 'Q', 'R']) files.push([`${name}/copy-${content}-${i}.jpg`, content]);
  }
  return withFiles(files, async (dir) => {
    for (let seed = 0; seed < 8; seed++) {
      const set = await imageFolder(dir, { seed, valFraction: 0.4 });
      for (const content of ['P', 'Q', 'R']) {
        const inVal = set.val.filter(({ file }) => file.includes(`copy-${content}`)).length;
        assert.ok(inVal === 0 || inVal === 4, `seed ${seed}: ${inVal} copies of ${content} validate`);
      }
      assert.match(set.notes.join(), /12 pictures are more than once there/);
      assert.match(set.notes.join(), /3 pictures are in more than one class/);
    }
  });
});

const refused: [string, Files, RegExp][] = [
  [
    'no class folders',
    ['1.jpg', '2.jpg'],
    /holds no class folders; put the pictures of each class into a folder/,
  ],
  ['only one class', ['cats/1.jpg', 'cats/2.jpg'], /holds only one class folder, cats; put/],
  [
    'classes that differ',
    [...pair, 'train/c/1.jpg', 'train/d/1.jpg', 'val/e/1.jpg'],
    /differ: only the first has c, d, only the second has e; both need/,
  ],
  [
    'a class that val lacks',
    [...pair, 'train/c/1.jpg'],
    /only the first has c, only the second has nothing more/,
  ],
  [
    'an empty class in train',
    [...pair, 'train/c/', 'val/c/1.jpg'],
    /train: no picture .* in class c; add some or/,
  ],
  ['an empty class in val', [...pair, 'val/c/x.txt', 'train/c/1.jpg'], /val: no picture .* in class c/],
  ['an empty class to split', ['a/1.jpg', 'a/2.jpg', 'b/'], /no picture .* in class b/],
  [
    'a class of one picture to split',
    ['a/1.jpg', 'a/2.jpg', 'b/1.jpg'],
    /class b has only one picture; at least two/,
  ],
  [
    'a class of copies to split',
    ['a/1.jpg', 'a/2.jpg', ['b/1.jpg', 'same'], ['b/2.jpg', 'same']],
    /class b has only copies of one picture/,
  ],
];
for (const [name, files, message] of refused) {
  test(`${name}: a sentence`, () =>
    withFiles(files, async (dir) => assert.match(await messageOf(imageFolder(dir)), message)));
}

test('no such folder, a file, a share that is none: sentences', () =>
  withFiles(['a.jpg'], async (dir) => {
    assert.match(
      await messageOf(imageFolder(join(dir, 'none'))),
      /^there is no folder .*none; name one that holds a folder for each class$/,
    );
    assert.match(await messageOf(imageFolder(join(dir, 'a.jpg'))), /a\.jpg is a file; name a folder/);
    assert.match(await messageOf(imageFolder(dir, { valFraction: 1 })), /between 0 and 1, not 1/);
  }));

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.unreachable('it was accepted') as never,
    (error: Error) => error.message,
  );
}

test.run();
