/** Several labels a picture through the commands: train, resume, evaluate, predict, merge, explain, export, and what is refused. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TINY } from '../../../bench/kills.ts';
import type { Report } from '../../../src/report/report.ts';
import { randomUniform } from '../../../src/tensor/random.ts';
import type { LabelEvaluation } from '../../../src/train/labels/evaluation.ts';
import { readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { createModel, saveWeights } from '../../../src/weights/node/create-model.ts';
import { testDevice } from '../../helpers/device.ts';
import { type Outcome, shareDevice, tessera } from '../in-process.ts';

const test = suite('cli/train/labels');
const home = process.cwd();
let folder: string;
let closeDevice: () => void;
let trained: Outcome;

/** Stripes across, stripes down, both, or none of them; 4 × `each` rows of a list. */
async function pictures(split: string, each: number): Promise<string[]> {
  const side = 32;
  const rows: string[] = [];
  for (let index = 0; index < 4 * each; index++) {
    const [across, down] = [index % 2 === 1, index % 4 > 1];
    const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
      const stripes = (across && y % 4 < 2 ? 60 : 0) + (down && x % 4 < 2 ? 60 : 0);
      return 60 + stripes + 40 * randomUniform(each, `noise ${split}`, index, i);
    });
    const file = `pictures/${split}-${index}.png`;
    await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(file);
    rows.push(`${file},${[across && 'across', down && 'down'].filter(Boolean).join(';')},${split}`);
  }
  return rows;
}

const TRAIN = [
  'train',
  '--data',
  'list.csv',
  '--weights',
  'tiny.safetensors',
  '--train-from',
  'all',
  '--train-norms',
];
const SIZE = ['--epochs', '6', '--batch', '16', '--size', '32', '--lr', '0.02'];

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-labels-'));
  process.chdir(folder);
  await mkdir('pictures');
  const rows = [
    ...(await pictures('train', 16)),
    ...(await pictures('val', 5)),
    ...(await pictures('test', 4)),
  ];
  await writeFile(
    'list.csv',
    ['file;labels;split', ...rows.map((row) => row.replace(/,(.*),/, ';"$1";')), ''].join('\n'),
  );
  await writeFile(
    'classes.csv',
    [
      'file,label,split',
      ...rows.map((row) => row.replace(/,.*,/, ',a,').replace(/(\d*[02468]\.png),a/, '$1,b')),
      '',
    ].join('\n'),
  );
  const device = await testDevice({ poison: false });
  await saveWeights(await createModel(TINY, { device, numClasses: 2, seed: 1 }), 'tiny.safetensors');
  device.close();
  closeDevice = shareDevice();
  const [name, ...argv] = [
    ...TRAIN,
    ...SIZE,
    '--threshold',
    'f1',
    '--class-weights',
    'auto',
    '--label-smoothing',
    '0.05',
  ];
  trained = await tessera(name!, ...argv, '--out', 'run', '--json');
});
test.after(async () => {
  closeDevice();
  process.chdir(home);
  await rm(folder, { recursive: true });
});

const run = (...argv: string[]): Promise<Outcome> => tessera(argv[0]!, ...argv.slice(1));
/** What a command of `--json` printed. */
async function json<Value>(...argv: string[]): Promise<Value> {
  const { code, out, err } = await run(...argv, '--json');
  assert.is(code, 0, err);
  return JSON.parse(out) as Value;
}

test('a run learns both labels, chooses thresholds on val and is measured on test', async () => {
  assert.is(trained.code, 0, trained.err);
  assert.match(
    trained.err,
    /Pictures with each label, of 64 \(and of 20 to validate\): across 32 \(10\), down 32 \(10\); 16 \(5\) have none, the others 1\.3 on average\./,
  );
  assert.match(trained.err, /Labels are ranked with a mean average precision of .* on the 16 test pictures/);
  const report: Report = JSON.parse(trained.out);
  const [of, val] = [report.evaluation, report.validation] as LabelEvaluation[];
  assert.equal(
    [of!.task, of!.scored, of!.chosen, val!.chosen],
    ['labels', 'test', [], ['epoch', 'thresholds']],
  );
  assert.ok(of!.metrics.map! > 0.9, `${of!.metrics.map}`);
  assert.equal(
    of!.perLabel.map(({ name, count }) => [name, count]),
    [
      ['across', 8],
      ['down', 8],
    ],
  );
  assert.is(report.confusion, null);
  const { info } = await readCheckpoint('run');
  assert.equal([info.format, info.task, info.classes], [6, 'labels', ['across', 'down']]);
  assert.equal(
    info.decisions!.map(({ positive, by, on }) => [positive, by, on]),
    [
      ['across', 'f1', 'val'],
      ['down', 'f1', 'val'],
    ],
  );
  const page = await readFile('run/report.html', 'utf8');
  for (const title of ['Labels', 'Thresholds', 'Labels that come together'])
    assert.match(page, `>${title}</h2>`);
  assert.not.match(page, 'Confusion matrix');
  const predictions = (await readFile('run/predictions.csv', 'utf8')).split('\r\n');
  assert.is(predictions[0], 'path,true,predicted,right,probability,p(across),p(down)');
  assert.match(predictions[4]!, /^pictures\/test-3\.png,across\|down,/);
});

test('a finished run goes on with more epochs; its thresholds are asked for again', async () => {
  const { code, err } = await run('train', '--resume', 'run', '--epochs', '7');
  assert.is(code, 0, err);
  const { info } = await readCheckpoint('run', 'last.safetensors');
  assert.equal([info.epoch, info.task, info.decisions?.length], [7, 'labels', 2]);
});

test('evaluate: the figures of each label, of the run’s pictures and of others; under stress', async () => {
  const own = await json<Record<string, unknown> & { labels: { name: string; f1: number }[] }>(
    'evaluate',
    '--checkpoint',
    'run',
  );
  assert.equal([own.count, own.labels.map(({ name }) => name)], [16, ['across', 'down']]);
  await writeFile('other.csv', 'file,down,across\npictures/test-1.png,0,1\npictures/test-2.png,1,0\n');
  const other = await json<{ count: number; evaluation: LabelEvaluation }>(
    'evaluate',
    '--checkpoint',
    'run',
    '--data',
    'other.csv',
    '--threshold',
    '0.4',
  );
  assert.equal(
    other.evaluation.perLabel.map(({ count, threshold }) => [count, threshold]),
    [
      [1, 0.4],
      [1, 0.4],
    ],
  );
  const text = await run(
    'evaluate',
    '--checkpoint',
    'run',
    '--stress',
    '--target-recall',
    '1',
    '--report',
    'page.html',
  );
  assert.is(text.code, 0, text.err);
  assert.match(
    text.out,
    /Each label is called from the probability that gives it a recall of at least 100\.0 % on the 16 test pictures/,
  );
  assert.match(text.out, /label +pictures +AP +AUC +called from/);
  assert.match(text.out, /as they are/);
  assert.match(await readFile('page.html', 'utf8'), /--target-recall 1/);
});

interface Answer {
  file: string;
  called: string[];
  labels: { label: string; probability: number; logit: number; called: boolean }[];
}

test('predict names every label from its threshold on; files of answers, shards and their merge', async () => {
  const files = [0, 1, 2, 3].map((n) => `pictures/test-${n}.png`);
  const answers = await json<Answer[]>('predict', ...files, '--checkpoint', 'run');
  for (const { called, labels } of answers) {
    assert.equal(
      called,
      labels.filter((one) => one.called).map(({ label }) => label),
    );
    for (const { probability, logit } of labels)
      assert.ok(Math.abs(probability - 1 / (1 + Math.exp(-logit))) < 1e-12);
  }
  const { out } = await run('predict', ...files, '--checkpoint', 'run');
  assert.match(out, /pictures\/test-0\.png: none of the labels; the likeliest is\n {2}\w+ +\d/);
  assert.match(out, /pictures\/test-3\.png\n {2}\w+ +\d+\.\d %\n {2}\w+ +\d+\.\d %\n/);
  const shards = ['one.csv', 'two.csv'];
  for (const [index, name] of ['whole.csv', ...shards].entries())
    assert.is(
      (
        await run(
          'predict',
          ...files,
          '--checkpoint',
          'run',
          '--out',
          name,
          ...(index ? ['--shard', `${index}/2`] : []),
        )
      ).code,
      0,
    );
  assert.is((await run('merge', ...shards, '--out', 'merged.csv')).code, 0);
  const [whole, merged] = [await readFile('whole.csv', 'utf8'), await readFile('merged.csv', 'utf8')];
  const [head, ...lines] = whole.trimEnd().split('\n');
  assert.is(merged.split('\n')[0], head);
  assert.is(head, 'index,file,error,called,p(across),logit(across),p(down),logit(down)');
  assert.equal(
    lines.map((line) => line.split(',')[3]),
    answers.map(({ called }) => called.join('|')),
  );
  assert.is((await run('predict', ...files, '--checkpoint', 'run', '--out', 'lines.jsonl')).code, 0);
  const first: Answer = JSON.parse((await readFile('lines.jsonl', 'utf8')).split('\n')[0]!);
  assert.equal(
    first.labels.map(({ label }) => label),
    ['across', 'down'],
  );
  const [byWeights] = await json<Answer[]>('predict', files[3]!, '--weights', 'run/best.safetensors');
  assert.equal(
    byWeights!.labels.map(({ logit }) => logit),
    answers[3]!.labels.map(({ logit }) => logit),
  );
});

test('explain draws the map of a label; its probability is the sigmoid', async () => {
  const [answer] = await json<Answer[]>('predict', 'pictures/test-3.png', '--checkpoint', 'run');
  for (const method of ['grad-cam', 'occlusion']) {
    const [map] = await json<{ class: string; probability: number }[]>(
      'explain',
      'pictures/test-3.png',
      '--checkpoint',
      'run',
      '--class',
      'down',
      '--method',
      method,
      '--out',
      `${method}.png`,
    );
    assert.is(map!.class, 'down');
    assert.ok(Math.abs(map!.probability - answer!.labels[1]!.probability) < 1e-6);
    assert.ok(existsSync(`${method}.png`));
  }
});

test('export says that outputs are sigmoids of labels, with their thresholds; what comes back knows it', async () => {
  const { decisions } = (await readCheckpoint('run')).info;
  const thresholds = decisions!.map(({ threshold }) => threshold);
  for (const to of ['onnx', 'safetensors']) assert.is((await run('export', 'run', '--to', to)).code, 0);
  const beside = JSON.parse(await readFile('run.onnx.json', 'utf8'));
  assert.equal([beside.task, beside.classes, beside.thresholds], ['labels', ['across', 'down'], thresholds]);
  assert.match(await readFile('run.onnx.py', 'utf8'), /y = 1 \/ \(1 \+ np\.exp\(-y\)\)/);
  assert.match(await readFile('run.onnx.mjs', 'utf8'), /shares\[i\] >= thresholds\[i\]/);
  assert.match((await readFile('run.onnx')).toString('latin1'), /thresholds.*sigmoid|sigmoid.*thresholds/s);
  const [back] = await json<Answer[]>('predict', 'pictures/test-3.png', '--weights', 'run.safetensors');
  assert.equal(
    back!.labels.map(({ label }) => label),
    ['across', 'down'],
  );
});

const REFUSED: [what: string, argv: string[], sentence: RegExp][] = [
  [
    'a balanced sampler',
    [...TRAIN, '--sampler', 'balanced'],
    /--sampler balanced draws classes equally often, and pictures of list\.csv have several labels/,
  ],
  ['one positive class', [...TRAIN, '--positive', 'down'], /--positive is for classes of which one is found/],
  ['two targets', [...TRAIN, '--threshold', 'f1', '--target-recall', '1'], /each decide on the threshold/],
  [
    'more classes',
    ['train', '--data', 'list.csv', '--weights', 'run/best.safetensors', '--add-classes'],
    /--add-classes adds to the classes of a network that tells one/,
  ],
  ['a batch by heart', [...TRAIN, '--sanity'], /--sanity learns one class a picture by heart/],
  ['a weight of no label', [...TRAIN, '--class-weights', 'up=2'], /up/],
  [
    'a search',
    ['search', '--data', 'list.csv', '--minutes', '1'],
    /a search ranks networks by one class a picture/,
  ],
  [
    'map for classes',
    ['train', '--data', 'classes.csv', '--weights', 'tiny.safetensors', '--best', 'map'],
    /--best map is a figure of several labels/,
  ],
  [
    'a softmax',
    ['export', 'run', '--to', 'onnx', '--softmax', '--out', 'soft.onnx'],
    /--softmax makes shares of classes of which one is right/,
  ],
  [
    'a folder of classes',
    ['evaluate', '--checkpoint', 'run', '--data', 'pictures'],
    /name a list of pictures with their labels/,
  ],
  [
    'a list of classes',
    ['evaluate', '--checkpoint', 'run', '--data', 'classes.csv'],
    /one class, and the network tells which of several/,
  ],
  [
    'a teacher of labels',
    ['train', '--data', 'classes.csv', '--weights', 'tiny.safetensors', '--teacher', 'run'],
    /the teacher run tells which of several labels hold of a picture, and one class is taught/,
  ],
];
for (const [what, argv, sentence] of REFUSED)
  test(`refused with a sentence: ${what}`, async () => {
    const { code, err } = await run(
      ...argv,
      ...(argv[0] === 'train' ? ['--size', '32', '--out', 'refused'] : []),
    );
    assert.is(code, 64, err);
    assert.match(err, sentence);
    assert.not.ok(existsSync('refused/best.safetensors'));
  });

test.run();
