/** Lists of pictures: what columns mean, splits, what is left out, and the sentences for lists that are not clear. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FolderOptions } from '../../../src/data/node/folder.ts';
import { imageList, labelledList } from '../../../src/data/node/list/image-list.ts';
import type { DataSet, Sample } from '../../../src/data/sample.ts';
import { InputError } from '../../../src/text/input-error.ts';

const test = suite('data/list');

/** Twelve pictures, each with other bytes. */
const PICTURES = Array.from({ length: 12 }, (_, i) => `${i}.jpg`);

/** A list beside the twelve pictures and whatever else is to be there. */
async function withList(
  text: string | Uint8Array,
  use: (path: string, dir: string) => Promise<void>,
  more: readonly [path: string, content: string][] = [],
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'tessera-list-'));
  try {
    for (const [path, content] of [...PICTURES.map((name) => [name, name] as const), ...more]) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), content);
    }
    await writeFile(join(dir, 'list.csv'), text);
    await use(join(dir, 'list.csv'), dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

const rows = (...lines: string[]): string => `${lines.join('\n')}\n`;
const said = (dir: string, samples: readonly Sample[]): string[] =>
  samples.map(({ file, label, labels }) => `${relative(dir, file)} ${labels?.join('+') ?? label}`);

/** What ends up in which side, with the classes. */
const shape = (dir: string, { task, classes, train, val, test }: DataSet) => ({
  task,
  classes: classes.join(),
  train: said(dir, train),
  val: said(dir, val),
  test: said(dir, test),
});

const splitRows = (header: string, of: (i: number) => string): string =>
  rows(header, ...PICTURES.slice(0, 6).map((name, i) => `${name},${of(i)}`));

/** Three sides of one class a picture, in any writing. */
const classes = {
  task: 'classes',
  classes: 'cat,dog',
  train: ['0.jpg 1', '1.jpg 0'],
  val: ['2.jpg 0', '3.jpg 1'],
  test: ['4.jpg 0'],
};
const plain = rows(
  'file,label,split',
  '0.jpg,dog,train',
  '1.jpg,cat,train',
  '2.jpg,cat,val',
  '3.jpg,dog,val',
  '4.jpg,cat,test',
);
const WRITINGS: [what: string, text: string][] = [
  ['plain', plain],
  ['other names in capitals', plain.replace('file,label', 'Image_Path,CLASS')],
  ['CRLF', plain.replaceAll('\n', '\r\n')],
  ['CR alone', plain.replaceAll('\n', '\r')],
  ['line ends mixed', plain.replace('\n', '\r\n')],
  ['a byte order mark', `\ufeff${plain}`],
  ['semicolons', plain.replaceAll(',', ';')],
  ['tabs', plain.replaceAll(',', '\t')],
  ['quotes', plain.replace(/[^,\n]+/g, '"$&"')],
  ['spaces and empty lines', plain.replaceAll(',', ' , ').replaceAll('\n', '\n\n')],
  ['splits in other words', plain.replace('val', 'Validation').replace('test', 'TEST')],
];
for (const [what, text] of WRITINGS)
  test(`written with ${what}`, () =>
    withList(text, async (path, dir) => assert.equal(shape(dir, await imageList(path)), classes)));

const several = {
  task: 'labels',
  classes: 'cat,dog',
  train: ['0.jpg 0+1', '1.jpg ', '2.jpg 1', '3.jpg 0'],
  val: ['4.jpg 1', '5.jpg 0'],
  test: [],
};
const NAMES = ['dog|cat', '', 'dog', 'cat', 'dog', 'cat'];
const LABELS: [what: string, text: string][] = [
  ['| between names', splitRows('file,labels,is_valid', (i) => `${NAMES[i]},${i > 3}`)],
  [
    '; between names',
    splitRows('file,tags,split', (i) => `${NAMES[i]!.replace('|', '; ')},${i > 3 ? 'val' : 'train'}`),
  ],
  [
    'a name twice, and an empty one',
    splitRows('file,labels,is_valid', (i) => `${NAMES[i] && `${NAMES[i]}||${NAMES[i]}`},${Number(i > 3)}`),
  ],
  [
    'a column each, and others that are no labels',
    splitRows(
      'file,age,cat,dog,split',
      (i) => `${i * 20},${['1,1', '0,0', '0,1', '1.0,0', '0,1', '1,0.0'][i]},${i > 3 ? 'val' : 'train'}`,
    ),
  ],
];
for (const [what, text] of LABELS)
  test(`several labels: ${what}`, () =>
    withList(text, async (path, dir) => assert.equal(shape(dir, await imageList(path)), several)));

test('columns keep their order, known classes come first', async () => {
  const flags = splitRows('file,zebra,ape,is_valid', (i) => `1,1,${i > 2}`);
  await withList(flags, async (path) => {
    assert.equal((await imageList(path)).classes, ['zebra', 'ape']);
    assert.equal((await imageList(path, { classes: ['cow'] })).classes, ['cow', 'zebra', 'ape']);
  });
});

const all = (of: (i: number) => string, header = 'file,label'): string =>
  rows(header, ...PICTURES.map((name, i) => `${name},${of(i)}`));

test('without a split a share of each class validates, the same every time, and groups stay together', () =>
  withList(
    all((i) => `${i < 6 ? 'a' : 'b'},p${Math.floor(i / 2)}`, 'file,label,patient_id'),
    async (path, dir) => {
      const set = await imageList(path, { valFraction: 0.34 });
      assert.equal(shape(dir, set), shape(dir, await imageList(path, { valFraction: 0.34 })));
      assert.equal(
        set.val.map(({ label }) => label),
        [0, 0, 1, 1],
      );
      const pairs = new Set(
        set.val.map(({ file }) => Math.floor(Number.parseInt(relative(dir, file), 10) / 2)),
      );
      assert.is(pairs.size, 2);
      assert.match(
        set.split!,
        /no row of .*list\.csv validates: 4 of 12 pictures, drawn from every class by seed 0/,
      );
      const other = await imageList(path, { valFraction: 0.34, seed: 1 });
      assert.not.equal(said(dir, other.val), said(dir, set.val));
    },
  ));

test('of several labels a share of the rarest validates too, and groups stay together', () =>
  withList(
    all((i) => `${i < 2 ? 'rare|' : ''}${i < 10 ? 'often' : ''},${i > 5 ? 'one' : ''}`, 'file,labels,group'),
    async (path, dir) => {
      const { train, val } = await imageList(path, { valFraction: 0.25 });
      const labels = (samples: readonly Sample[]) => samples.filter((one) => one.labels!.includes(1)).length;
      assert.equal([labels(val), labels(train)], [1, 1]);
      const numbers = val.map(({ file }) => Number.parseInt(relative(dir, file), 10));
      assert.ok([0, 6].includes(numbers.filter((n) => n > 5).length));
      assert.is(train.length + val.length, 12);
    },
  ));

const notes = async (text: string, options?: FolderOptions): Promise<string> => {
  let found = '';
  await withList(text, async (path) => {
    found = (await imageList(path, options)).notes.join('\n');
  });
  return found;
};

const half = (i: number): string => (i % 2 ? 'a' : 'b');
const NOTES: [what: string, text: string, note: RegExp][] = [
  [
    'a file that is not there',
    `${all(half)}gone.jpg,a\n../no/../no.jpg,b\n`,
    /2 pictures are left out: line 14: .*gone\.jpg is not there; line 15: /,
  ],
  ['a folder', `${all(half)}.,a\n`, /1 picture is left out: line 14: .* is a folder/],
  [
    'the same row twice',
    `${all(half)}./0.jpg,b\n`,
    /1 row lists a file a second time and is left out: line 14/,
  ],
  [
    'columns without a meaning',
    all((i) => `${half(i)},x,7`, 'file,label,site,weight'),
    /columns site and weight are not used/,
  ],
  [
    'two Unicode forms',
    all((i) => ['cafe\u0301', 'caf\u00e9', 'b'][i % 3]!),
    /caf\u00e9 is there in two Unicode spellings and counted as one/,
  ],
  [
    'capitals',
    all((i) => ['Cat', 'cat', 'b'][i % 3]!),
    /Cat and cat differ in capitals alone, and are taken for different labels/,
  ],
  [
    'a class that looks like two',
    all((i) => ['a|b', 'c'][i % 2]!),
    /line 2: 'a\|b' is taken for one class; .* call the column 'labels'/,
  ],
  [
    'a group on two sides',
    all((i) => `${half(i)},${i > 7},one`, 'file,label,is_valid,group'),
    /the split parts group one, which flatters/,
  ],
  ['a label of no picture', all((i) => `${i % 2},1,0`, 'file,a,b,c'), /holds no picture of c/],
];
for (const [what, text, note] of NOTES)
  test(`a note tells of ${what}`, async () => assert.match(await notes(text), note));

test('copies are noted, stay together, and with other labels are named', () =>
  withList(
    `${all((i) => half(i).replace('b', 'b|c'), 'file,labels')}x/copy.jpg,c\n`,
    async (path) => {
      const { notes, train, val } = await imageList(path);
      assert.match(notes.join(), /2 pictures are more than once there \(the same bytes\)/);
      assert.match(notes.join(), /1 picture is there twice with different labels: 3\.jpg is x\/copy\.jpg/);
      assert.is(train.length + val.length, 13);
    },
    [['x/copy.jpg', '3.jpg']],
  ));

test('absolute paths and paths above the list are read, links too', () =>
  withList('', async (path, dir) => {
    await mkdir(join(dir, 'lists'));
    await symlink(join(dir, '1.jpg'), join(dir, 'link.jpg'));
    const list = join(dir, 'lists', 'list.csv');
    await writeFile(
      list,
      rows('file,label,split', `${join(dir, '0.jpg')},a,train`, '../link.jpg,b,train', '../2.jpg,a,val'),
    );
    const { train, val } = await imageList(list);
    assert.equal(said(dir, [...train, ...val]), ['0.jpg 0', 'link.jpg 1', '2.jpg 0']);
    assert.not.ok(path === list);
  }));

const head = 'file,label\n';
const REFUSED: [what: string, text: string | Uint8Array, sentence: RegExp][] = [
  ['nothing', '', /list\.csv is empty/],
  ['a header alone', head, /lists no picture/],
  ['no column of files', 'name,label\n0.jpg,a\n', /no column 'file' in its first line \(name and label\)/],
  ['no header', '0.jpg,a\n1.jpg,b\n', /no column 'file'/],
  [
    'two columns of files',
    'file,path,label\n0.jpg,0.jpg,a\n',
    /the columns 'file' and 'path' may both be the file/,
  ],
  ['a column twice', 'file,a,a\n0.jpg,1,1\n', /two columns 'a'/],
  ['no labels', 'file,age\n0.jpg,3\n', /says no labels: name the column with a picture's class 'label'/],
  ['a cell too many', `${head}0.jpg,a\n1.jpg,a,b\n`, /line 3: it has 3 cells, and the header has 2/],
  ['a cell too few', `${head}\n0.jpg\n`, /line 3: it has 1 cells/],
  [
    'an open quote',
    `${head}0.jpg,a\n"1.jpg,b\n2.jpg,a\n`,
    /line 3: here or below a quote is opened and never closed/,
  ],
  ['a quote within', `${head}0.jpg,a\n1.jpg,b"c\n`, /line 3: a quote stands within a cell/],
  ['a huge line', `${head}0.jpg,${'x'.repeat(2 ** 21)}\n`, /line 2: it is longer than 1,048,576 characters/],
  ['a long label', `${head}0.jpg,${'x'.repeat(2000)}\n`, /line 2: a label has 2000 characters/],
  ['bytes of Windows', Buffer.from(`${head}0.jpg,caf\u00e9\n`, 'latin1'), /no text in UTF-8/],
  ['UTF-16', Buffer.from(`\ufeff${head}`, 'utf16le'), /no text in UTF-8/],
  ['no class', `${head}0.jpg,a\n1.jpg,\n`, /line 3: 1\.jpg has no class/],
  ['no file', `${head},a\n`, /line 2: it names no file/],
  [
    'a split of no name',
    'file,label,split\n0.jpg,a,train\n1.jpg,a,left\n',
    /line 3: its split is 'left'; give train, val or test/,
  ],
  [
    'an empty split',
    'file,label,is_valid\n0.jpg,a,\n',
    /line 2: its is_valid is nothing; give true or false/,
  ],
  ['nothing to train on', 'file,label,split\n0.jpg,a,val\n1.jpg,b,test\n', /no row says train/],
  ['one class', `${head}0.jpg,a\n1.jpg,a\n`, /names one class, a; a network tells two apart/],
  [
    'one label',
    'file,labels\n0.jpg,a\n1.jpg,\n',
    /names one label, a; .*\(for yes and no, call the column 'label'/,
  ],
  ['one picture of a class', `${head}0.jpg,a\n1.jpg,a\n2.jpg,b\n`, /class b has only one picture/],
  ['one picture of a label', 'file,labels\n0.jpg,a\n1.jpg,a|b\n2.jpg,a\n', /label b is of only one picture/],
  [
    'a file in two classes',
    `${head}0.jpg,a\n1.jpg,b\n./0.jpg,b\n`,
    /lines 2 and 4 list .*0\.jpg with the labels a and b; keep one row/,
  ],
  [
    'a file on two sides',
    'file,label,split\n0.jpg,a,train\n0.jpg,a,val\n',
    /lines 2 and 3 list .* with the splits train and val/,
  ],
  ['both separators', 'file,labels\n0.jpg,a|b\n1.jpg,a;b\n', /'labels' holds \| \(line 2\) and ; \(line 3\)/],
  [
    "fastai's spaces",
    'file,labels\n0.jpg,clear road\n1.jpg,clear\n',
    /line 2: 'clear road' may be one label or several/,
  ],
  [
    'a gap among 0 and 1',
    'file,a,b\n0.jpg,1,0\n1.jpg,,1\n',
    /line 3: column 'a' says nothing, and 0 or 1 elsewhere/,
  ],
  ["CheXpert's -1", 'file,a,b\n0.jpg,1,0\n1.jpg,0,-1.0\n', /line 3: column 'b' says '-1\.0'/],
  [
    'files that are all elsewhere',
    `${head}/nowhere/0.jpg,a\n7,b\n`,
    /none of its 2 files is there \(line 2: \/nowhere\/0\.jpg is not there\)/,
  ],
  ['a name with NUL', `${head}a\0b,a\n`, /none of its 1 files is there \(line 2: .*a\\u0000b cannot be read/],
];
for (const [what, text, sentence] of REFUSED)
  test(`refused with a sentence: ${what}`, () =>
    withList(text, async (path) => {
      const error = await imageList(path).then(
        () => null,
        (reason: unknown) => reason,
      );
      assert.instance(error, InputError);
      assert.match((error as Error).message, sentence);
    }));

const MEASURED: [
  what: string,
  text: string,
  task: 'classes' | 'labels',
  wanted: 'val' | 'test' | undefined,
  expected: string[] | RegExp,
][] = [
  [
    'all of a list without a split',
    rows('file,label', '0.jpg,b', '1.jpg,a'),
    'classes',
    undefined,
    ['1.jpg 0', '0.jpg 1'],
  ],
  ['the test side', plain.replaceAll('cat', 'a').replaceAll('dog', 'b'), 'classes', undefined, ['4.jpg 0']],
  [
    'the side that was asked for',
    plain.replaceAll('cat', 'a').replaceAll('dog', 'b'),
    'classes',
    'val',
    ['2.jpg 0', '3.jpg 1'],
  ],
  [
    'several labels',
    rows('file,labels', '0.jpg,b|a', '1.jpg,'),
    'labels',
    undefined,
    ['0.jpg 0+1', '1.jpg '],
  ],
  [
    'another class',
    rows('file,label', '0.jpg,b', '1.jpg,c'),
    'classes',
    undefined,
    /line 3: the network knows no 'c', only a and b/,
  ],
  [
    'a column of another label',
    rows('file,a,c', '0.jpg,1,0', '1.jpg,0,0'),
    'labels',
    undefined,
    /the network knows no 'c'/,
  ],
  [
    'a side that is not there',
    rows('file,label', '0.jpg,b'),
    'classes',
    'test',
    /no row whose split is test/,
  ],
  [
    'labels for a network of classes',
    rows('file,labels', '0.jpg,a|b'),
    'classes',
    undefined,
    /several labels, and the network tells one class/,
  ],
  [
    'classes for a network of labels',
    rows('file,label', '0.jpg,a'),
    'labels',
    undefined,
    /one class, and the network tells which of several/,
  ],
];
for (const [what, text, task, wanted, expected] of MEASURED)
  test(`measured: ${what}`, () =>
    withList(text, async (path, dir) => {
      const found = labelledList(path, { classes: ['a', 'b'], task }, wanted);
      if (Array.isArray(expected)) assert.equal(said(dir, (await found).samples), expected);
      else assert.match(((await found.catch((error: Error) => error)) as Error).message, expected);
    }));

test.run();
