/** `predict --out`, its resumption, `--shard` and `merge`, as people run them. */
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { placeOf } from '../../src/runner/shard.ts';
import { type Outcome, shareDevice, tessera } from './in-process.ts';
import { saveTinyCheckpoint } from './tiny-checkpoint.ts';

const test = suite('cli/predict-out');
const photo = fileURLToPath(new URL('../../data/photos/cat.jpg', import.meta.url));
let folder = '';
let close = (): void => undefined;
const at = (name: string): string => join(folder, name);
const text = (name: string): Promise<string> => readFile(at(name), 'utf8');

/** Names that a spreadsheet or a terminal would take for something else, and two that are no pictures. */
const NAMES = ['a, "b".jpg', '=1+1.jpg', 'é\u202e.jpg', 'none.jpg', 'no picture.jpg', 'f.jpg', 'g.jpg'];

test.before(async () => {
  close = shareDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-out-'));
  await saveTinyCheckpoint(at('tiny.safetensors'), ['=cat', 'dog, "small"']);
  for (const name of NAMES) if (name !== 'none.jpg') await copyFile(photo, at(name));
  await writeFile(at('no picture.jpg'), 'text');
  await writeFile(at('list'), `${NAMES.map(at).join('\n')}\n\n`);
});
test.after(async () => {
  await rm(folder, { recursive: true });
  close();
});

const predict = (out: string, ...more: string[]): Promise<Outcome> =>
  tessera(
    'predict',
    '--checkpoint',
    at('tiny.safetensors'),
    '--list',
    at('list'),
    '--batch',
    '2',
    '--out',
    at(out),
    ...more,
  );
const merge = (out: string, ...shards: string[]): Promise<Outcome> =>
  tessera('merge', '--out', at(out), ...shards.map(at));

test('a line a picture in the order of the list, those that are no pictures with the reason', async () => {
  const { code, out, err } = await predict('whole.jsonl');
  assert.is(code, 1, err);
  assert.is(out, '');
  assert.match(err, /whole\.jsonl says of 2 of them why there is no answer$/m);
  assert.match(err, /at most \d+\.\d % of the time the GPU waited for decoding\./);
  const lines = (await text('whole.jsonl')).trimEnd().split('\n');
  assert.not.match(lines.join(''), /\u202e/);
  const answers = lines.map((line) => JSON.parse(line));
  assert.equal(
    answers.map(({ index, file }) => [index, file]),
    NAMES.map((name, index) => [index, at(name)]),
  );
  assert.equal(
    answers.map(({ error }) => error !== undefined),
    NAMES.map((name) => name.startsWith('no')),
  );
  assert.is(answers[0].topK.length, 2);
  assert.ok(Math.abs(answers[0].topK[0].probability + answers[0].topK[1].probability - 1) < 1e-6);
});

test('as a spreadsheet reads it: a record a line, no formulas, numbers as numbers', async () => {
  const { code, err } = await predict('whole.csv');
  assert.is(code, 1, err);
  const lines = (await text('whole.csv')).trimEnd().split('\n');
  assert.is(lines[0], 'index,file,error,called,class 1,probability 1,logit 1,class 2,probability 2,logit 2');
  assert.is(lines.length, 1 + NAMES.length);
  assert.match(lines[1], /^0,".*a, ""b""\.jpg",,/);
  assert.match(lines[1], /,'=cat,0\.\d+,-?\d/);
  assert.match(lines[5], /^4,.*no picture\.jpg,"is not a PNG.*",,,,,,,$/);
});

test('the same command goes on after any end, and the file is to the byte that of a run that nobody ended', async () => {
  for (const name of ['whole.jsonl', 'whole.csv']) {
    const whole = await text(name);
    const bytes = Buffer.byteLength(whole);
    // Nothing, half a head, a whole line, the middle of a batch, half a line, all but the last break, everything.
    const firstLine = whole.indexOf('\n') + 1;
    for (const kept of [0, 5, firstLine, Math.floor(bytes / 2), bytes - 3, bytes - 1, bytes]) {
      await truncate(at(name), kept);
      const { code, err } = await predict(name);
      assert.is(code, 1, 'two pictures are refused, whenever that was written');
      assert.is(await text(name), whole, `${name} from ${kept} bytes: ${err}`);
      if (kept === bytes) assert.match(err, /holds all 7 answers already/);
    }
  }
});

test('a file of something else is not gone on with', async () => {
  const cases: [args: string[], change: () => Promise<void>, said: RegExp][] = [
    [['--top-k', '1'], async () => undefined, /other\.jsonl is of another --top-k; name another file/],
    [['--shard', '1/2'], async () => undefined, /is of another shard/],
    [[photo], async () => undefined, /is of another list of pictures/],
    [
      [],
      () => saveTinyCheckpoint(at('tiny.safetensors'), ['=cat', 'dog, "small"'], { seed: 4 }),
      /is of another network/,
    ],
  ];
  const network = await readFile(at('tiny.safetensors'));
  await predict('other.jsonl');
  const before = await text('other.jsonl');
  for (const [args, change, said] of cases) {
    await change();
    const { code, err } = await predict('other.jsonl', ...args);
    assert.is(code, 64);
    assert.match(err, said);
    assert.is(await text('other.jsonl'), before);
  }
  await writeFile(at('tiny.safetensors'), network);
  await writeFile(at('other.jsonl'), before.replace('\n{"index":1', '\n{"index":9'));
  assert.match(
    (await predict('other.jsonl')).err,
    /^error: line 2 of .*other\.jsonl is not what predict wrote/m,
  );
  await writeFile(at('mine.csv'), 'my table\n');
  assert.match((await predict('mine.csv')).err, /mine\.csv is there and no file of predict's/);
  assert.is(await text('mine.csv'), 'my table\n');
});

test('shards together are the whole, to the byte', async () => {
  for (const ending of ['jsonl', 'csv']) {
    const parts = [1, 2, 3].map((index) => `part ${index}.${ending}`);
    for (const [place, part] of parts.entries()) await predict(part, '--shard', `${place + 1}/3`);
    const { code, err } = await merge(`merged.${ending}`, ...parts.toReversed());
    assert.is(code, 0, err);
    assert.is(await text(`merged.${ending}`), await text(`whole.${ending}`));
    assert.is(await text(`merged.${ending}.plan.json`), await text(`whole.${ending}.plan.json`));
  }
});

test('merge refuses gaps, doubles, what is unfinished and what is not of one whole', async () => {
  const [one, two, three] = [1, 2, 3].map((index) => `part ${index}.jsonl`);
  await predict('half.jsonl', '--shard', '1/2');
  await predict('top.jsonl', '--shard', '3/3', '--top-k', '1');
  const cases: [shards: string[], said: RegExp][] = [
    [[one, three], /of 3 shards one is missing: 2$/m],
    [[one], /of 3 shards 2 are missing: 2, 3$/m],
    [[one, two, two, three], /part 2\.jsonl and .*part 2\.jsonl are both shard 2\/3/],
    [
      [one, two, 'half.jsonl'],
      /half\.jsonl is shard 1\/2 and .*part 1\.jsonl is shard 1\/3: not of one division/,
    ],
    [[one, two, 'top.jsonl'], /top\.jsonl is of another --top-k than .*part 1\.jsonl/],
    [[one, two, 'part 3.csv'], /part 3\.csv ends in another way/],
    [[one, two, 'list'], /there is no .*list\.plan\.json/],
  ];
  for (const [shards, said] of cases) {
    const { code, err } = await merge('refused.jsonl', ...shards);
    assert.is(code, 64, err);
    assert.match(err, said);
  }
  const whole = await text(two);
  const lines = whole.split('\n');
  for (const [content, said] of [
    [whole.slice(0, -1), /part 2\.jsonl is not finished \(its last line is not whole\)/],
    [
      whole.slice(0, whole.indexOf('\n') + 1),
      /is not finished \(the answer for picture 5 of 7 is missing\); go on with .*--shard 2\/3/,
    ],
    [`${whole}${lines[0]}\n`, /holds more answers than its shard has pictures/],
    [`${lines[1]}\n${lines[0]}\n`, /has another answer where that for picture 2 should be/],
  ] as const) {
    await writeFile(at(two), content);
    const { code, err } = await merge('refused.jsonl', one, two, three);
    assert.is(code, /is not finished/.test(err) ? 1 : 64, err);
    assert.match(err, said);
  }
  await writeFile(at(two), whole);
  assertAbsent('refused.jsonl');
  assert.match((await merge('whole.jsonl', one, two, three)).err, /whole\.jsonl is there already/);
  assert.match((await merge(one, one, two, three)).err, /is a shard and would be written over/);
});

function assertAbsent(name: string): void {
  assert.not.ok(existsSync(at(name)), `${name} was left behind`);
}

test('what is asked wrongly is refused before anything is computed', async () => {
  await writeFile(at('empty'), '\n\n');
  await writeFile(at('zeros'), 'a.jpg\0b.jpg\n');
  const cases: [args: string[], said: RegExp][] = [
    [['--out', at('a.txt')], /a\.txt names no format: let it end in \.jsonl .* or \.csv/],
    [['--out', at('a.csv'), '--json'], /leave one out/],
    [['--shard', '1/2'], /--shard needs --out FILE/],
    [['--out', at('a.csv'), '--shard', '3/2'], /It is I\/N/],
    [['--out', at('a.csv'), '--shard', '0/2'], /It is I\/N/],
    [['--list', at('gone')], /gone cannot be read/],
    [['--list', at('empty')], /empty names no pictures: it is empty/],
    [['--list', at('zeros')], /holds a zero byte/],
  ];
  for (const [args, said] of cases) {
    const list = args.includes('--list') ? [] : [photo];
    const { code, err } = await tessera('predict', '--checkpoint', at('tiny.safetensors'), ...list, ...args);
    assert.is(code, 64, err);
    assert.match(err, said);
  }
  assert.match((await tessera('predict')).err, /name pictures or folders of pictures, or a list/);
  const over = await tessera(
    'predict',
    '--list',
    at('list'),
    '--checkpoint',
    at('tiny.safetensors'),
    '--out',
    at('list'),
  );
  assert.match(over.err, /names no format/);
});

test('places of shards: every one once', () => {
  const places = [1, 2, 3].flatMap((index) => [0, 1, 2].map((nth) => placeOf(nth, { index, of: 3 })));
  assert.equal(
    places.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
});

test.run();
