/**
 * The commands as people run them: train on a small folder, stop it with a signal and go on, evaluate, predict. Those that
 * are stopped or lose their reader have a process of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as evaluate from '../../src/cli/evaluate.ts';
import { type CommandModule, createCommand } from '../../src/cli/main.ts';
import * as predict from '../../src/cli/predict.ts';
import {
  checkResumeOptions,
  phasesFor,
  settingsOf,
  type TrainOptions,
} from '../../src/cli/train/settings.ts';
import * as train from '../../src/cli/train.ts';
import { PERTURBATIONS } from '../../src/data/stress.ts';
import type { Report } from '../../src/report/report.ts';
import type { Evaluation } from '../../src/train/evaluation/evaluation.ts';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { stripes } from '../train/tiny.ts';
import { tessera as inProcess, type Outcome } from './in-process.ts';

const test = suite('cli/train');
const launcher = fileURLToPath(new URL('../../bin/tessera.mjs', import.meta.url));
let folder: string;
let whole: Report;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
  process.chdir(folder);
  // What is no picture, no folder and no weights.
  await mkdir('src');
  await writeFile('package.json', '{}');
  for (const [side, count, seed] of [
    ['train', 44, 1],
    ['val', 12, 2],
  ] as const) {
    const names = ['across', 'down'];
    for (const name of names) await mkdir(join(folder, 'data', side, name), { recursive: true });
    for (const [index, { image, label }] of stripes(count, seed, 32).entries())
      await sharp(image!.pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toFile(join(folder, 'data', side, names[label], `${index}.png`));
  }
});
test.after(() => rm(folder, { recursive: true }));

/** Runs a command in the temporary folder, in this process. */
const tessera = ([name, ...args]: string[]): Promise<Outcome> => inProcess(name, ...args);

/** The same in a process of its own, as the launcher starts it. `onText` sees stderr as it grows. */
function started(args: string[], onText: (text: string, child: ChildProcess) => void): Promise<Outcome> {
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder });
  const outcome: Outcome = { code: -1, out: '', err: '' };
  child.stdout.on('data', (data) => {
    outcome.out += data;
  });
  child.stderr.on('data', (data) => {
    outcome.err += data;
    onText(outcome.err, child);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...outcome, code: code ?? -1 }));
  });
}

const TRAIN = [
  'train',
  '--data',
  'data',
  '--model',
  'mobilenetv2_050', // Small files: most of the time of such a run is that of writing them.
  '--weights',
  'none',
  '--size',
  '32',
  '--batch',
  '8',
  '--epochs',
  '2',
  '--lr',
  '0.002',
];

/** A run that is told to stop once in its first epoch. */
function stoppedBy(signal: NodeJS.Signals, out: string): Promise<Outcome> {
  let sent = false;
  return started([...TRAIN, '--out', out], (text, child) => {
    if (!sent && text.includes('A step takes')) sent = child.kill(signal);
  });
}

const exists = (path: string): Promise<boolean> =>
  access(join(folder, path)).then(
    () => true,
    () => false,
  );
/** The arguments of the command with `option` among those that `text` prints. */
const printed = (text: string, option: string): string[] =>
  [...text.matchAll(/npm run (train) -- (.*)$/gm)]
    .map(([, name, args]) => [name, ...args.split(' ')])
    .find((args) => args.includes(option))!;
/** Records without their times. */
const numbers = ({ epochs }: Report) =>
  epochs.map(({ epoch, trainLoss, val }) => ({ epoch, trainLoss, val }));

test('train: a report on stdout, everything else on stderr, checkpoints and pictures in the folder', async () => {
  const { code, out, err } = await tessera([...TRAIN, '--out', 'run', '--json']);
  assert.is(code, 0, err);
  whole = JSON.parse(out);
  assert.is(whole.epochs.length, 2);
  const perClass = { train: [22, 22], val: [6, 6] };
  assert.equal(whole.pictures, { train: 44, val: 12, unreadable: 0, perClass });
  assert.equal(whole.classes, ['across', 'down']);
  assert.is(
    whole.confusion!.flat().reduce((sum, count) => sum + count, 0),
    12,
  );
  assert.equal(JSON.parse(await readFile(join(folder, 'run/report.json'), 'utf8')), whole);
  for (const file of [
    'best.safetensors',
    'last.safetensors',
    'report.html',
    'predictions.csv',
    'metrics.jsonl',
  ])
    assert.ok(await exists(`run/${file}`), file);
  assert.match(err, /A step takes .*images\/s.*are left, validation included/);
  assert.match(err, /Epoch 2\/2: training loss .*AUC/);
  assert.match(err, /\nclassifier +[\d,]+ +0\.00\d+\nmultiply-adds +\d/);
  assert.match(err, /npm run predict -- PICTURE --checkpoint run/);
});

test('a folder that holds a run is not overwritten unasked', async () => {
  const { code, err } = await tessera([...TRAIN, '--out', 'run']);
  assert.is(code, 64);
  assert.match(err, /error: run holds best\.safetensors.* already; --overwrite replaces a run there/);
  assert.not.match(err, /\n {4}at /, 'a stack trace');
});

test('--overwrite removes a run only when its successor can start', async () => {
  await writeFile(join(folder, 'broken.pth'), 'no weights');
  const broken = ['--weights', 'broken.pth', '--overwrite', '--out', 'run'];
  const { code, err } = await tessera([...TRAIN, ...broken]);
  assert.is(code, 64);
  assert.match(err, /error: broken\.pth is no weights file that can be read/);
  assert.ok(await exists('run/best.safetensors'));
});

test('weights that do not fit leave no folder behind', async () => {
  const weights = fileURLToPath(new URL('../../weights/efficientnet_lite0.safetensors', import.meta.url));
  const { code, err } = await tessera([...TRAIN, '--weights', weights, '--out', 'fresh']);
  assert.is(code, 64);
  assert.match(err, /holds weights of efficientnet_lite0, not of mobilenetv2_050; name that model/);
  assert.not(await exists('fresh'));
});

test('Ctrl-C saves and names the command that goes on, which gives the numbers of an uninterrupted run', async () => {
  const stopped = await stoppedBy('SIGINT', 'stopped');
  assert.is(stopped.code, 130, stopped.err);
  assert.match(stopped.err, /Stopped (after \d of 6 steps|before the validation) of epoch \d of 2/);
  const [, resume] = /npm run train -- (--resume \S+)/.exec(stopped.err)!;
  const { code, out, err } = await tessera(['train', ...resume.split(' '), '--json']);
  assert.is(code, 0, err);
  assert.equal(numbers(JSON.parse(out)), numbers(whole));

  // What is printed works as it stands, with the settings of the run that prints it.
  const weights = ['--data', 'data', '--weights', 'stopped/best.safetensors', '--size', '32'];
  const short = ['--epochs', '1', '--batch', '8', '--train-from', 'head', '--out', 'head'];
  const head = await tessera(['train', ...weights, ...short]);
  assert.is(head.code, 0, head.err);
  const next = printed(head.err, '--train-from');
  assert.match(next.join(' '), /--epochs 1 --batch 8 --size 32 --train-from conv_head --out head-conv_head$/);
  const deeper = await tessera(next);
  assert.is(deeper.code, 0, deeper.err);
  assert.match(
    deeper.err,
    /mobilenetv2_050 on 44 pictures .*\nPictures a class .*across 22 \(6\), down 22 \(6\); .*\nstage +parameters +rate +everything\nconv_stem +[\d,]+ +frozen\nblocks\.0 .*frozen/,
  );
});

test('SIGTERM does the same, and pictures that changed are not gone on with', async () => {
  const stopped = await stoppedBy('SIGTERM', 'terminated');
  assert.is(stopped.code, 143, stopped.err);
  const extra = join(folder, 'data/train/down/new.png');
  await writeFile(extra, '');
  const { code, err } = await tessera(['train', '--resume', 'terminated']);
  await rm(extra);
  assert.is(code, 64);
  assert.match(err, /the pictures in data are not those that the run began with/);
  assert.match(
    err,
    /--weights terminated\/last\.safetensors --unfreeze-schedule all:2 --train-norms --lr-decay-per-stage 1 --lr 0\.002 --batch 8 --size 32 --crop 0\.08$/m,
  );
});

test('a reader that leaves ends no run: it goes on in silence, saving', async () => {
  const { code } = await started([...TRAIN, '--epochs', '1', '--out', 'unread'], (text, child) => {
    if (!text.includes('A step takes')) return;
    child.stdout!.destroy();
    child.stderr!.destroy();
  });
  assert.is(code, 0);
  const report = JSON.parse(await readFile(join(folder, 'unread/report.json'), 'utf8'));
  assert.is(report.epochs.length, 1);
  assert.equal(report.finished, true);
});

test('predict answers as it goes, so that a reader may leave after the first line', async () => {
  const line = '"$@" predict data/val --checkpoint run --batch 1 | head -1';
  const child = spawn('bash', ['-c', `set -o pipefail; ${line}`, 'bash', process.execPath, launcher], {
    cwd: folder,
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0, err);
  assert.is(out, 'data/val/across/0.png\n');
  assert.not.match(err, /error|EPIPE/);
});

test('evaluate: the run’s own figures on its validation pictures; a threshold moves the confusion matrix', async () => {
  const { code, out, err } = await tessera(['evaluate', '--checkpoint', 'run', '--json']);
  assert.is(code, 0, err);
  const result = JSON.parse(out);
  assert.is(result.count, 12);
  // The batch of the validation was another one, so that sums were rounded otherwise.
  assert.ok(Math.abs(result.loss - whole.best!.val.loss) < 1e-4, `${result.loss} ${whole.best!.val.loss}`);
  assert.equal(
    result.classes.map(({ name, count }: { name: string; count: number }) => [name, count]),
    [
      ['across', 6],
      ['down', 6],
    ],
  );
  const all = await tessera(['evaluate', '--checkpoint', 'run', '--threshold', '0', '--data', 'data/train']);
  assert.is(all.code, 0, all.err);
  assert.match(
    all.out,
    /22 of the 44 pictures are answered rightly: accuracy 50\.0 %, 95 % interval 35\.\d–/,
  );
  assert.match(all.out, /not surely better than always answering 'across', which is right for 50\.0 %/);
  assert.match(all.out, /across +0 +22\ndown +0 +22\n/);
});

test('evaluate --stress: a row a perturbation; where no threshold reaches a target, a sentence', async () => {
  const { code, out, err } = await tessera([
    ...[
      'evaluate',
      '--checkpoint',
      'run',
      '--stress',
      '--positive',
      'across',
      '--target-precision',
      '1',
      '--json',
    ],
  ]);
  assert.is(code, 0, err);
  const { stress, evaluation, count } = JSON.parse(out);
  assert.equal(
    stress.rows.map(({ perturbation }: { perturbation: string }) => perturbation),
    PERTURBATIONS,
  );
  assert.is(stress.count, count);
  assert.is(evaluation.positive, 0);
  const { threshold } = evaluation;
  if (threshold) assert.is(threshold.at.precision, 1);
  else assert.match(err, /No threshold gives 'across' a precision of 100\.0 % on the 12 validation pictures/);
  assert.equal(evaluation.chosen.slice(0, 2), threshold ? ['epoch', 'threshold'] : ['epoch', 'temperature']);
});

test('test pictures are the headline; a threshold that was chosen lies in the checkpoint, and predict follows it', async () => {
  await cp('data', 'held', { recursive: true });
  await cp('data/val/down', 'held/test/down', { recursive: true });
  const trained = await tessera([
    ...TRAIN.map((word) => (word === 'data' ? 'held' : word)),
    ...['--epochs', '1', '--out', 'decided', '--positive', 'down', '--target-recall', '1', '--json'],
  ]);
  assert.is(trained.code, 0, trained.err);
  assert.match(trained.err, /6 of the 6 pictures that are held out are among those that train or validate/);
  const { evaluation, validation, notChosen }: Report & Record<'evaluation' | 'validation', Evaluation> =
    JSON.parse(trained.out);
  assert.is(notChosen, null);
  assert.equal([evaluation!.scored, evaluation!.metrics.count], ['test', 6]);
  assert.equal([validation!.scored, validation!.metrics.count], ['val', 12]);
  assert.is(validation!.threshold!.at.recall, 1);
  assert.equal(evaluation!.chosen, []);
  assert.match(
    trained.err,
    /6 of the 6 test pictures are answered rightly: accuracy 100\.0 %, 95 % interval 61\.0–100\.0 %/,
  );
  assert.match(
    trained.err,
    /'down' is called from a probability of [\d.]+: of all thresholds with a recall of at least/,
  );

  const { decision } = (await readCheckpoint('decided')).info;
  assert.equal(decision, evaluation!.threshold!.decision);
  const held = JSON.parse((await tessera(['evaluate', '--checkpoint', 'decided', '--json'])).out);
  assert.equal([held.evaluation.scored, held.threshold, held.count], ['test', decision!.threshold, 6]);
  assert.equal(held.confusion, evaluation!.confusion);
  const other = await tessera([
    'evaluate',
    '--checkpoint',
    'decided',
    '--split',
    'val',
    '--positive',
    'across',
    '--json',
  ]);
  assert.match(other.err, /The checkpoint's threshold is for down; it is left aside/);
  assert.is(JSON.parse(other.out).evaluation.threshold, null);
  const predicted = await tessera(['predict', 'held/test/down', '--checkpoint', 'decided', '--json']);
  assert.equal(
    JSON.parse(predicted.out).map(({ called }: { called: string }) => called),
    Array(6).fill('down'),
  );
});

test('predict --json: one object a picture with exactly these fields; what cannot be read is named at the end', async () => {
  await writeFile(join(folder, 'broken.jpg'), 'no picture');
  const { code, out, err } = await tessera([
    'predict',
    'data/val/across/0.png',
    'broken.jpg',
    'nowhere.png',
    'data/val/down',
    '--checkpoint',
    'run',
    '--json',
  ]);
  assert.is(code, 1);
  assert.match(err, /error: there is no picture nowhere\.png/);
  assert.match(err, /error: .*broken\.jpg/);
  const predictions = JSON.parse(out);
  assert.is(predictions.length, 7);
  assert.is(predictions[0].file, 'data/val/across/0.png');
  for (const prediction of predictions) {
    assert.equal(Object.keys(prediction), ['file', 'topK']);
    const { topK } = prediction;
    assert.is(topK.length, 2);
    for (const answer of topK) assert.equal(Object.keys(answer), ['index', 'label', 'probability', 'logit']);
    assert.ok(Math.abs(topK[0].probability + topK[1].probability - 1) < 1e-9);
    assert.ok(topK[0].logit >= topK[1].logit);
    assert.is(topK[0].label, ['across', 'down'][topK[0].index]);
  }
});

const REFUSED: [args: string[], message: RegExp][] = [
  [['train', '--data', 'nowhere'], /there is no folder nowhere/],
  [['train', '--data', 'data', '--weights', 'gone.pth'], /there is no weights file gone\.pth/],
  [['train', '--model', 'resnet19'], /there is no model 'resnet19'; did you mean resnet18\?/],
  [['train', '--data', 'data', '--weights', 'resnet18.a1_in1'], /did you mean resnet18\.a1_in1k\?/],
  [
    ['train', '--data', 'data', '--weights', 'src'],
    /src is no file; name a \.pth, \.pt or \.safetensors file/,
  ],
  [['train', '--data', 'data', '--train-from', 'heads'], /there is no stage 'heads'; did you mean head\?/],
  [['train', '--data', 'data', '--out', 'package.json'], /package\.json is a file; name a folder/],
  [['predict', 'package.json', '--weights', 'gone.pth'], /there is no weights file gone\.pth/],
  [
    ['predict', 'package.json', '--model', 'resnet81'],
    /there is no model 'resnet81'; did you mean resnet18\?/,
  ],
  [['train', '--epochs', '0'], /must be a whole number of at least 1/],
  [['train', '--lr', '-1'], /must be a number above 0/],
  [['evaluate', '--threshold', '2'], /must be a number from 0 to 1/],
  [['evaluate', '--split', 'train'], /Allowed choices are val, test/],
  [
    ['evaluate', '--checkpoint', 'run', '--split', 'test'],
    /data has no folder test\/ beside train\/ and val\//,
  ],
  [
    ['evaluate', '--checkpoint', 'run', '--positive', 'accross'],
    /there is no class 'accross'; did you mean across\?/,
  ],
  [
    ['evaluate', '--checkpoint', 'run', '--threshold', '0.4', '--target-recall', '0.9'],
    /--threshold and --target-recall each decide on the threshold; leave out all but one/,
  ],
  [
    ['train', '--data', 'data', '--positive', 'up'],
    /--positive: there is no class 'up'; the classes are across, down/,
  ],
  [['predict', 'gone.png'], /there is no picture gone\.png/],
  [['predict', 'data', '--model', 'resnet18'], /--model resnet18 needs --weights FILE/],
  [
    ['train', '--data', 'data', '--weights', 'none', '--size', '32', '--batch', '1'],
    /norms that train take statistics .* --batch 1 leaves them too few; take --batch 2 or more$/,
  ],
  [
    ['train', '--data', 'data', '--weights', 'none', '--size', '32', '--memory', '0.1'],
    /the run does not fit: a step of 32 pictures takes .* MiB, and 102 MiB may be used; (--batch \d+ fits|nor do smaller)/,
  ],
];
for (const [args, message] of REFUSED)
  test(`refused: ${args.join(' ')}`, async () => {
    const [name, ...rest] = args.map((arg) => (arg === 'data' ? join(folder, 'data') : arg));
    const module: CommandModule = { train, evaluate, predict }[name]!;
    const command = createCommand(name, module).configureOutput({ writeErr: () => undefined });
    try {
      command.parse(rest, { from: 'user' });
      await module.run(command.args, command.opts());
    } catch (error) {
      assert.match((error as Error).message, message);
      return;
    }
    assert.unreachable('nothing was refused');
  });

const SETTINGS: [what: string, options: TrainOptions, weights: string | null, expected: object][] = [
  ['nothing: the demo', {}, 'pretrained', { data: null, weights: 'pretrained', trainNorms: false, size: 96 }],
  ['a folder', { data: 'd' }, 'pretrained', { trainNorms: false, decayNorms: false, size: 224 }],
  ['a folder, and no cache', { data: 'd', cache: 'off' }, 'pretrained', { views: 0 }],
  ['norms that train', { data: 'd', trainNorms: true }, 'w', { trainNorms: true }],
  ['no weights', { data: 'd' }, null, { weights: null, trainNorms: true, augmentation: {} }],
  ['what is asked for', { data: 'd', batch: 7, seed: 3, size: 65 }, 'w', { batch: 7, seed: 3, size: 65 }],
];
for (const [what, options, weights, expected] of SETTINGS)
  test(`settings with ${what}`, () => {
    const start = { model: 'resnet18', weights };
    const settings = settingsOf(options, start, { inputSize: 224 }) as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(expected)) assert.equal(settings[name], value, name);
  });

const PHASES: [
  what: string,
  options: TrainOptions,
  weights: string | null,
  newHead: boolean,
  expected: [trainFrom: string, epochs: number, lr: number][],
][] = [
  ['the demo', {}, 'w', true, [['head', 4, 3e-3]]],
  ['a folder', { data: 'd' }, 'w', true, [['head', 10, 3e-3]]],
  ['the head, asked for', { data: 'd', trainFrom: 'head', epochs: 9, lr: 1 }, 'w', true, [['head', 9, 1]]],
  ['random weights', { data: 'd', epochs: 2 }, null, true, [['all', 2, 1e-3]]],
  [
    'a stage: the new head first',
    { data: 'd', trainFrom: 'layer4' },
    'w',
    true,
    [
      ['head', 5, 3e-3],
      ['layer4', 3, 1e-3],
    ],
  ],
  [
    'a stage, more epochs, another rate',
    { data: 'd', trainFrom: 'all', epochs: 16, lr: 0.3 },
    'w',
    true,
    [
      ['head', 10, 0.3],
      ['all', 6, 0.1],
    ],
  ],
  [
    'a stage and two epochs: one each',
    { data: 'd', trainFrom: 'all', epochs: 2 },
    'w',
    true,
    [
      ['head', 1, 3e-3],
      ['all', 1, 1e-3],
    ],
  ],
  ['a stage and one epoch', { data: 'd', trainFrom: 'all', epochs: 1 }, 'w', true, [['all', 1, 1e-3]]],
  [
    'a stage behind a head that has learnt',
    { data: 'd', trainFrom: 'layer4' },
    'w',
    false,
    [['layer4', 3, 1e-3]],
  ],
];
for (const [what, options, weights, newHead, expected] of PHASES)
  test(`phases: ${what}`, () => {
    const phases = phasesFor(options, weights, newHead);
    assert.equal(
      phases.map(({ trainFrom, epochs, lr }) => [trainFrom, epochs, lr]),
      expected,
    );
  });

test('options that contradict are refused', () => {
  assert.throws(() => phasesFor({ data: 'd', trainFrom: 'head' }, null, true), /would freeze random weights/);
  assert.throws(
    () => checkResumeOptions({ resume: 'r', lr: 1, trainFrom: 'all' }),
    /leave out --train-from, --lr/,
  );
  assert.is(checkResumeOptions({ resume: 'r', json: true, adapter: 'a' }), undefined);
});

test.run();
