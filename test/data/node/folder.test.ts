/** Folders: layouts that are read, splits, duplicates, and the sentences for those that are not. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FolderOptions, imageFolder, labelledFolder } from '../../../src/data/node/folder.ts';
import { splitNamed } from '../../../src/data/node/layout.ts';
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

for (const name of ['valid', 'validation', 'dev', 'Val', 'seg_val', 'val2017', 'ValidationSet']) {
  test(`${name}/ validates where there is no val/`, () =>
    withFiles(
      pair.map((path) => path.replace('val', name)),
      async (dir) => assert.is((await imageFolder(dir)).val.length, 2),
    ));
}

test('test/ is held out, with and without val/; a class may be absent there', () =>
  withFiles(
    [...pair, 'train/a/4.jpg', 'train/b/4.jpg', 'Testing/a/9.jpg', 'Testing/a/8.jpg'],
    async (dir) => {
      const set = await imageFolder(dir);
      assert.equal([set.train.length, set.val.length, set.test.length], [5, 2, 2]);
      assert.match(set.notes.join(), /2 pictures of .*Testing are held out: nothing is chosen on them/);
      assert.match(set.notes.join(), /Testing holds no picture of b/);
      await rm(join(dir, 'val'), { recursive: true });
      const split = await imageFolder(dir);
      assert.equal([split.train.length, split.val.length, split.test.length], [3, 2, 2]);
      assert.ok([...split.train, ...split.val].every(({ file }) => file.includes('train')));
    },
  ));

const NAMES: [name: string, split: string | null, surely?: boolean][] = [
  ['train', 'train', true],
  ['Training', 'train', true],
  ['train_images', 'train', true],
  ['trainData', 'train', true],
  ['seg_train', 'train', false],
  ['validation', 'val', true],
  ['dev', 'val', true],
  ['test', 'test', true],
  ['Testing-Set', 'test', true],
  ['seg test', 'test', false],
  ['train_val', null],
  ['trains', null],
  ['station', null],
  ['latest', null],
  ['a steam train in snow', null],
];
for (const [name, split, surely] of NAMES)
  test(`the name ${name} is ${split ? `that of a split, ${split}` : 'no split'}`, () =>
    assert.equal(splitNamed(name), split && { split, surely }));

test('splits in any spelling are splits, also a folder deeper', () =>
  withFiles(
    [
      'images/Training/cat/1.jpg',
      'images/Training/dog/1.jpg',
      'images/Testing/cat/2.jpg',
      'images/Testing/dog/2.jpg',
      'images/Training/cat/3.jpg',
      'images/Training/dog/3.jpg',
      'labels/x.txt',
    ],
    async (dir) => {
      const set = await imageFolder(dir);
      assert.equal(set.classes, ['cat', 'dog']);
      assert.equal([set.train.length + set.val.length, set.test.length], [4, 2]);
      assert.match(set.notes.join(), /the pictures lie in .*images; labels beside it holds no pictures/);
    },
  ));

test('a class called train is a class where its pictures lie in it', () =>
  withFiles(['car/1.jpg', 'car/2.jpg', 'train/1.jpg', 'train/2.jpg'], async (dir) =>
    assert.equal((await imageFolder(dir)).classes, ['car', 'train']),
  ));

test('a class beside train/ and val/, and a second training folder, are named', () =>
  withFiles(
    [...pair, 'bird/1.jpg', 'train_masks/a/1.jpg', 'train_masks/b/1.jpg', 'docs/x.txt'],
    async (dir) => {
      const { notes, train } = await imageFolder(dir);
      assert.is(train.length, 3);
      assert.match(
        notes.join('\n'),
        /bird\/ and train_masks\/ in .* hold pictures and are not used, since train\/ and val\/ are/,
      );
      assert.match(notes.join('\n'), /docs in .* holds no pictures/);
    },
  ));

test('one name in two Unicode forms is one class', () =>
  withFiles(
    [
      'train/caf\u00e9/1.jpg',
      'train/cafe\u0301/2.jpg',
      'train/dog/1.jpg',
      'val/cafe\u0301/3.jpg',
      'val/dog/2.jpg',
    ],
    async (dir) => {
      const { classes, train, notes } = await imageFolder(dir);
      assert.equal(classes, ['caf\u00e9', 'dog']);
      assert.is(train.filter(({ label }) => label === 0).length, 2);
      assert.match(notes.join(), /two Unicode spellings and counted as one class/);
    },
  ));

test('junk of systems is no class and no picture', () =>
  withFiles(
    [
      '@eaDir',
      '$RECYCLE.BIN',
      'lost+found',
      '#recycle',
      'System Volume Information',
      '__MACOSX',
      '.ipynb_checkpoints',
    ]
      .flatMap((junk) => [`${junk}/1.jpg`, `cat/${junk}/t.jpg`, `cat/${junk}/1.jpg/thumb.jpg`])
      .concat(['cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg']),
    async (dir) => {
      const { classes, train, val } = await imageFolder(dir);
      assert.equal(classes, ['cat', 'dog']);
      assert.is(train.length + val.length, 4);
    },
  ));

test('what cannot be looked at costs itself and is named: dead links, loops, pipes', () =>
  withFiles([...pair, 'train/a/x.txt'], async (dir) => {
    await symlink('nowhere', join(dir, 'train/a/dead.jpg'));
    await symlink('self.jpg', join(dir, 'train/a/self.jpg'));
    await symlink('elsewhere', join(dir, 'train/gone'));
    execFileSync('mkfifo', [join(dir, 'train/b/pipe.jpg')]);
    const { notes, train } = await imageFolder(dir);
    assert.is(train.length, 3);

    assert.match(notes.join('\n'), /train: 4 entries left out: gone is a link that leads nowhere, /);
    assert.match(notes.join('\n'), /a\/self\.jpg cannot be read: its symbolic links lead in a circle/);
  }));

test('a folder for a trained network: one class, absent classes, all pictures; the held-out side of splits', () =>
  withFiles(
    ['real/1.jpg', 'real/2.jpg', 'sets/train/real/1.jpg', 'sets/val/real/2.jpg', 'sets/val/fake/3.jpg'],
    async (dir) => {
      await rm(join(dir, 'sets'), { recursive: true });
      const all = await labelledFolder(dir, ['fake', 'real']);
      assert.equal(
        all.samples.map(({ label }) => label),
        [1, 1],
      );
      assert.match(all.notes.join(), /holds no picture of fake/);
      assert.match(
        await messageOf(labelledFolder(dir, ['a', 'b'])),
        /has the folder real, and the classes are a and b/,
      );
    },
  ));

test('a folder with splits: test/ before val/', () =>
  withFiles([...pair, 'test/a/7.jpg'], async (dir) => {
    const { samples, side } = await labelledFolder(dir, ['a', 'b']);
    assert.equal(paths(dir, samples), ['0 test/a/7.jpg']);
    assert.match(side!, /test are measured/);
    await rm(join(dir, 'test'), { recursive: true });
    assert.is((await labelledFolder(dir, ['a', 'b'])).samples.length, 2);
  }));

test('a trained network is measured on the split that is asked for, and where there is none a sentence says so', () =>
  withFiles([...pair, 'test/a/9.jpg'], async (dir) => {
    const sizes = async (split?: 'val' | 'test') =>
      (await labelledFolder(dir, ['a', 'b'], split)).samples.length;
    assert.equal([await sizes(), await sizes('val'), await sizes('test')], [1, 2, 1]);
    await rm(join(dir, 'test'), { recursive: true });
    assert.match(
      await messageOf(labelledFolder(dir, ['a', 'b'], 'test')),
      /holds no folder test\/ with class folders/,
    );
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
      assert.match(set.notes.join(), /train: \d files are no pictures and left out: readme, a\/notes\.txt/);
      assert.match(set.notes.join(), /pictures in folders within a class count to the class: a\/x\/y/);
    },
  ));

test('symbolic links to pictures and to class folders are followed', () =>
  withFiles([...pair, 'store/c/1.jpg', 'store/c/2.jpg'], async (dir) => {
    await symlink(join(dir, 'store/c'), join(dir, 'train/c'));
    await symlink(join(dir, 'store/c'), join(dir, 'val/c'));
    const set = await imageFolder(dir);
    assert.equal(set.classes, ['a', 'b', 'c']);
    assert.match(
      set.notes.join(),
      /2 of the \d+ pictures that validate are among those that train \(the same bytes\)/,
    );
  }));

test('a name that is no UTF-8 costs its picture or its class, not the set', () =>
  withFiles(pair, async (dir) => {
    if (process.platform !== 'linux') return;
    const bad = Buffer.from('caf\xe9', 'latin1');
    const below = (...names: string[]): Buffer =>
      Buffer.concat([Buffer.from(`${join(dir, ...names)}/`), bad]);
    await writeFile(Buffer.concat([below('train', 'a'), Buffer.from('.jpg')]), 'x');
    await mkdir(below('train'));
    await writeFile(Buffer.concat([below('train'), Buffer.from('/1.jpg')]), 'y');
    await writeFile(join(dir, 'train', 'a', 'well\ufffd.jpg'), 'z');
    const { classes, train, notes } = await imageFolder(dir);
    assert.equal(classes, ['a', 'b']);
    assert.ok(paths(dir, train).includes('0 train/a/well\ufffd.jpg'));
    assert.match(
      notes.join(),
      /train: 2 entries left out: caf\ufffd has a name that is no UTF-8; rename it, a\//,
    );
  }));

test('the same bytes in train and val: a note with the number and the first names', () =>
  withFiles(
    [
      ...pair,
      ['train/a/dup.jpg', 'same'],
      ['val/b/copy.jpg', 'same'],
      ['val/b/copy2.jpg', 'same'],
      ['val/a/other.jpg', 'sbme'],
    ],
    async (dir) => {
      const { notes } = await imageFolder(dir);
      assert.match(
        notes[0],
        /^2 of the \d pictures that validate are among those that train .*: train\/a\/dup\.jpg is val\/b\/copy\.jpg$/,
      );
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
    'names of splits without classes',
    ['Training/1.jpg', 'Training/2.jpg', 'Testing/1.jpg', 'Testing/2.jpg'],
    /holds Testing and Training, which are names of splits, and their pictures lie in no class folders/,
  ],
  [
    'val/ and test/ alone',
    ['val/a/1.jpg', 'val/b/1.jpg', 'test/a/2.jpg', 'test/b/2.jpg'],
    /holds val\/ and test\/ but no folder to train on; call that train\//,
  ],
  [
    'a data set beside another folder',
    ['dataset/a/1.jpg', 'dataset/b/1.jpg', 'docs/1.jpg'],
    /holds dataset\/, which looks like a data set of its own \(a and b\), beside docs; name .*dataset if/,
  ],
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
