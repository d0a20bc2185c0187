/**
 * Every command with names that would forge lines, paint over others or turn letters round: of folders, classes, files,
 * weights and tensors. Nothing of it reaches a terminal, JSON gives the names back, and a report's page shows them.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLine } from '../../src/cli/command-line.ts';
import { evaluationPlace } from '../../src/cli/evaluation-place.ts';
import { shown } from '../../src/text/shown.ts';
import { writeSafetensors } from '../../src/weights/formats/safetensors.ts';
import { fromFloat32 } from '../../src/weights/formats/state.ts';
import { type Outcome, tessera } from './in-process.ts';

const test = process.platform === 'win32' ? suite('cli: names (not on Windows)') : suite('cli: names');

/** Forges a line, clears the screen, turns letters round, and is markup. */
const evil = (name: string): string => `${name}\nerror: forged\u001b[2J\u001b[1m\u202e\u0085<b>&'"`;
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-names-'));
});
test.after(() => rm(folder, { recursive: true }));

/** Only breaks between lines are left, and no line is one that a name made. */
function assertShown({ out, err }: Outcome, what: string): void {
  for (const text of [out, err]) {
    for (const line of text.split('\n')) {
      assert.is(shown(line), line, what);
      assert.not.match(line, /^error: forged/, what);
    }
  }
}

test('an error of every command shows the names in it', async () => {
  const none = join(folder, evil('none'));
  const weights = join(folder, evil('weights.safetensors'));
  await writeFile(
    weights,
    writeSafetensors(new Map([[evil('tensor'), fromFloat32(Float32Array.of(1), [1])]])),
  );
  const commands: [name: string, ...argv: string[]][] = [
    ['train', '--data', none],
    ['train', '--weights', none],
    ['train', '--weights', weights],
    ['train', '--resume', none],
    ['train', '--resume', weights],
    ['train', '--out', weights],
    ['train', '--model', evil('resnet18')],
    ['train', '--train-from', evil('stage')],
    ['search', '--data', none],
    ['search', '--space', none],
    ['search', '--resume', none],
    ['search', '--teacher', none],
    ['search', '--out', weights],
    ['predict', none],
    ['explain', none],
    ['explain', 'data/photos/cat.jpg', '--checkpoint', none],
    ['predict', `-${evil('x')}`],
    ['train', evil('stray')],
    ['train', '--epochs', evil('1')],
    ['predict', 'data/photos/cat.jpg', '--checkpoint', weights],
    ['predict', 'data/photos/cat.jpg', '--weights', weights],
    ['evaluate', '--checkpoint', none],
    ['evaluate', '--checkpoint', weights],
    ['weights', 'convert', weights],
    ['weights', 'inspect', none],
    ['weights', 'fetch', evil('name')],
    ['weights', 'list', evil('name')],
    ['summary', evil('resnet18')],
  ];
  for (const [name, ...argv] of commands) {
    const outcome = await tessera(name, ...argv);
    assert.is(outcome.code, 64, `${name} ${argv[0]}`);
    assert.match(outcome.err, /^error: /m, `${name} ${argv[0]}`);
    assertShown(outcome, `${name} ${argv[0]}`);
  }
  const inspected = await tessera('weights', 'inspect', weights);
  assert.is(inspected.code, 0);
  assert.match(inspected.out, /^tensor\\nerror: forged\\u001b/m);
  assertShown(inspected, 'inspect');
  const { out } = await tessera('weights', 'inspect', weights, '--json');
  assert.is(JSON.parse(out).tensors[0].name, evil('tensor'));
});

test('train, evaluate, predict and explain with such classes and files', async () => {
  const data = join(folder, evil('data'));
  const run = join(folder, evil('run'));
  const classes = ['across', 'down'].map(evil);
  for (const side of ['train', 'val'])
    for (const [label, name] of classes.entries()) {
      const place = join(data, side, name);
      await mkdir(place, { recursive: true });
      for (let n = 0; n < 3; n++) {
        const background = { r: 90 * label, g: 40 * n, b: side === 'val' ? 200 : 0 };
        const picture = sharp({ create: { width: 32, height: 32, channels: 3, background } }).png();
        await writeFile(join(place, `${evil(`${n}`)}.png`), await picture.toBuffer());
      }
      await writeFile(join(place, evil('notes.txt')), 'x');
      await writeFile(join(place, `${evil('broken')}.png`), `${side} ${label}`);
    }
  const settings = '--model resnet18 --weights none --size 32 --batch 4 --epochs 1'.split(' ');
  const trained = await tessera('train', '--data', data, '--out', run, ...settings);
  assert.is(trained.code, 0, trained.err);
  assert.match(trained.err, /broken\\nerror: forged/);
  assertShown(trained, 'train');
  const report = await readFile(join(run, 'report.json'), 'utf8');
  assert.equal(JSON.parse(report).classes, classes);
  assertShown({ code: 0, out: report, err: '' }, 'report.json');
  for (const file of ['report.html', 'predictions.csv']) {
    const text = (await readFile(join(run, file), 'utf8')).replaceAll('\r\n', '\n');
    assert.match(text, /across\\nerror: forged/, file);
    assert.not.match(file === 'report.html' ? text : '', /<b>&/);
    assertShown({ code: 0, out: text, err: '' }, file);
  }

  const evaluated = await tessera('evaluate', '--checkpoint', run, '--data', data);
  assert.is(evaluated.code, 0, evaluated.err);
  assert.match(evaluated.out, /across\\nerror/);
  const pages = (await readdir(run)).filter((name) => name.startsWith('evaluation')).sort();
  assert.equal(pages, [
    'evaluation-data_error_forged_2J_1m_b_.csv',
    'evaluation-data_error_forged_2J_1m_b_.html',
  ]);
  for (const name of pages) {
    const text = (await readFile(join(run, name), 'utf8')).replaceAll('\r\n', '\n');
    assert.match(text, /down\\nerror: forged/, name);
    assertShown({ code: 0, out: text, err: '' }, name);
  }
  // What cannot be answered costs no other answer.
  const predicted = await tessera('predict', evil('none'), data, '--checkpoint', run);
  assert.match(predicted.err, /^error: there is no picture none\\nerror/m);
  assert.is(predicted.code, 1, 'some pictures are broken');
  assert.match(predicted.out, /down\\nerror/);
  const sheets = join(folder, evil('sheets'));
  const drawn = await tessera('explain', join(data, 'val'), '--checkpoint', run, '--out', sheets);
  assert.match(drawn.out, /down\\nerror/);
  assert.equal((await readdir(sheets)).includes(`${evil('2')}.explain.png`), true);
  for (const outcome of [evaluated, predicted, drawn]) assertShown(outcome, outcome.out);

  const json = await tessera('predict', data, '--checkpoint', run, '--json');
  const [{ file, topK }] = JSON.parse(json.out);
  assert.ok(file.startsWith(data));
  assert.ok(classes.includes(topK[0].label));
  assertShown(json, 'predict --json');
});

const PLACES: [of: Parameters<typeof evaluationPlace>[1], name: string][] = [
  [{ checkpoint: 'runs/a/best.safetensors' }, 'runs/a/evaluation.html'],
  [{ checkpoint: 'runs/a/last.safetensors' }, 'runs/a/evaluation-last.html'],
  [{ checkpoint: 'b.safetensors', data: 'holiday/2024/' }, 'evaluation-b-2024.html'],
  [
    { checkpoint: 'runs/a/best.safetensors', data: 'cats', split: 'test' },
    'runs/a/evaluation-cats-test.html',
  ],
  [{ checkpoint: 'best.safetensors', data: `x/${'y'.repeat(200)}` }, `evaluation-${'y'.repeat(60)}.html`],
];
for (const [measured, place] of PLACES)
  test(`the report of an evaluation goes to ${place}, or where it is told to`, async () => {
    assert.is(await evaluationPlace(undefined, measured), place);
    assert.is(await evaluationPlace(join(folder, 'page.html'), measured), join(folder, 'page.html'));
    assert.is(await evaluationPlace(folder, measured), join(folder, basename(place)));
  });

test('a suggested command gives the shell the name that was meant', () => {
  const line = commandLine('train', ['--data', evil('data\\')]);
  assert.is(shown(line), line);
  const word = line.slice(line.indexOf('--data ') + 7);
  // bash reads such words back; where it is missing the quoting is still seen above.
  let said: string;
  try {
    said = execFileSync('bash', ['--norc', '-c', `printf %s ${word}`], {
      encoding: 'utf8',
      env: { LC_ALL: 'C.UTF-8' },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  assert.is(said, evil('data\\'));
});

test.run();
