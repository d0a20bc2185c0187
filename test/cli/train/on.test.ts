/** Runs that go on: what was stopped, what is finished and lacks its report, what is to have more epochs. */
import fs from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TINY, writePictures } from '../../../bench/kills.ts';
import type { TrainOptions } from '../../../src/cli/train/settings.ts';
import * as train from '../../../src/cli/train.ts';
import { Device } from '../../../src/gpu/index.ts';
import type { Model } from '../../../src/nn/index.ts';
import { statOrNull } from '../../../src/node/files.ts';
import { FolderLock } from '../../../src/node/lock.ts';
import type { Report } from '../../../src/report/report.ts';
import { noGrad, tensor } from '../../../src/tensor/index.ts';
import { readCheckpoint } from '../../../src/train/node/checkpoint.ts';
import { pseudo } from '../../../src/verify/pseudo.ts';
import { cardMetadata } from '../../../src/weights/card.ts';
import { createModel, saveWeights } from '../../../src/weights/node/create-model.ts';
import { testDevice } from '../../helpers/device.ts';
import { tessera } from '../in-process.ts';

/** A dispatch in the second epoch of the runs here. */
const LATE = 650;

const test = suite('cli/train/on');
let root: string;
let options: TrainOptions;
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-on-'));
  await writePictures(join(root, 'data'));
  const device = await testDevice({ poison: false });
  const weights = join(root, 'tiny.safetensors');
  const model = await createModel(TINY, { device, numClasses: 2, seed: 1 });
  await saveWeights(model, weights);
  for (const classes of [
    ['gone', 'down'],
    ['across', 'down'],
  ])
    await saveWeights(model, weightsOf(classes), { metadata: cardMetadata({ classes }) });
  device.close();
  options = {
    data: join(root, 'data'),
    weights,
    trainFrom: 'all',
    trainNorms: true,
    epochs: 2,
    batch: 8,
    size: 32,
    lr: 0.02,
  };
});
test.after(() => rm(root, { recursive: true }));

/**
 * Runs `work` with devices that are lost: the first at its dispatch of that number, and so on; those after the last are
 * left alone. @returns how many were opened
 */
async function losing<Result>(dispatches: number[], work: () => Promise<Result>) {
  const open = Device.open;
  let opened = 0;
  Device.open = async (...given) => {
    const device = await open.apply(Device, given);
    if (!given[1]?.collect) return device; // A dry one.
    let left = dispatches[opened++] ?? Number.POSITIVE_INFINITY;
    device.observe({ dispatch: () => void (--left === 0 && device.gpu.destroy()) });
    return device;
  };
  try {
    return { result: await work(), opened };
  } finally {
    Device.open = open;
  }
}

/** Weights that know these classes. */
const weightsOf = (classes: string[]): string => join(root, `${classes.join('-')}.safetensors`);

/** What the command says on stderr, and its exit code; `onText` sees what was said so far. */
async function run(given: TrainOptions, onText: (text: string) => void = () => undefined) {
  const { stderr } = process;
  const { write } = stderr;
  let said = '';
  stderr.write = ((text: string) => {
    said += text;
    onText(said);
    return true;
  }) as typeof write;
  try {
    return { code: await train.run([], given), said };
  } finally {
    stderr.write = write;
  }
}

const reportIn = async (out: string): Promise<Report> =>
  JSON.parse(await readFile(join(out, 'report.json'), 'utf8'));

/** Everything that a run has computed: tensors, and records without their times. */
async function computed(out: string) {
  const { info, weights } = await readCheckpoint(join(out, 'last.safetensors'));
  return {
    tensors: [...weights.file.tensors]
      .map(([name, { bytes }]): [string, string] => [name, Buffer.from(bytes).toString('base64')])
      .sort(),
    history: info.progress!.history.map(({ epoch, trainLoss, val }) => ({ epoch, trainLoss, val })),
  };
}

/** A run that is asked to stop when it has said `text`. */
function stoppedAt(text: string, given: TrainOptions) {
  let sent = false;
  return run(given, (said) => {
    if (sent || !said.includes(text)) return;
    sent = true;
    process.emit('SIGTERM', 'SIGTERM');
  });
}

test('a finished run whose report was not written has it made, of the best epoch’s network', async () => {
  const out = join(root, 'finished');
  assert.is((await run({ ...options, out })).code, 0);
  const before = await reportIn(out);
  for (const file of ['report.json', 'report.html', 'predictions.csv']) await rm(join(out, file));
  const { code, said } = await run({ resume: out });
  assert.is(code, 0, said);
  assert.match(said, /is finished \(2 epochs\); its report is made again/);
  const after = await reportIn(out);
  const same = ({ epochs, best, last, confusion, pictures, firstStepSeconds, imagesPerSecond }: Report) => ({
    ...{ epochs, best, last, confusion, pictures, firstStepSeconds, imagesPerSecond },
  });
  assert.equal(same(after), same(before));
  // This process trained nothing; what the first took between its last save and its end is not known to it.
  assert.ok(after.seconds > before.seconds / 2, 'the time of the run is that of all its processes');
  assert.ok(after.peakBytes >= before.peakBytes);
  // What the confusion matrix counts right is what the best epoch's accuracy says.
  const right = after.confusion!.reduce((sum, row, i) => sum + row[i], 0);
  assert.is(right / after.best!.val.count, after.best!.val.accuracy);
  assert.equal((await readdir(out)).sort(), [
    'best.safetensors',
    'last.safetensors',
    'metrics.jsonl',
    'predictions.csv',
    'report.html',
    'report.json',
  ]);
});

test('added epochs have a schedule of their own, are said aloud, and can be stopped and gone on with to the bit', async () => {
  const outs = ['whole', 'stopped'].map((name) => join(root, name));
  for (const out of outs) await cp(join(root, 'finished'), out, { recursive: true });
  const [whole, stopped] = outs;
  const added = await run({ resume: whole, epochs: 4 });
  assert.is(added.code, 0, added.said);
  assert.match(
    added.said,
    /Adding epochs 3 to 4 to the run .*: the learning rate rises to 0\.\d+ again and falls to 0/,
  );
  assert.match(added.said, /Epoch 4\/4: training loss/);
  assert.equal(
    (await reportIn(whole)).settings.phases.map(({ epochs }) => epochs),
    [2, 2],
  );
  const cut = await stoppedAt('Epoch 3/4', { resume: stopped, epochs: 4 });
  assert.is(cut.code, 143, cut.said);
  assert.match(cut.said, /Stopped after \d of 3 steps of epoch 4 of 4|before the validation of epoch 4/);
  const [, command] = /npm run train -- (--resume .*)$/m.exec(cut.said)!;
  assert.is(command, `--resume ${stopped}`);
  assert.is((await run({ resume: stopped })).code, 0);
  assert.equal(await computed(stopped), await computed(whole));
});

test('a batch that is split, and all that goes beside a step: stopped amid gradients that wait, and gone on with to the bit', async () => {
  const all: TrainOptions = {
    ...options,
    epochs: 3,
    batch: 16,
    memory: 0.00125, // of 5 pictures: 16 are split
    clip: 0.5,
    average: 0.9,
    patience: 3,
    best: 'loss',
    schedule: 'plateau',
  };
  const [whole, stopped] = ['beside', 'beside-stopped'].map((name) => join(root, name));
  const first = await run({ ...all, out: whole });
  assert.is(first.code, 0, first.said);
  assert.match(
    first.said,
    /Steps of 16 pictures do not fit \(.*\), so the gradients of 4 batches of 4 make an update; norms that train take the statistics of 4\.\n.*in steps of 4 × 4,/s,
  );
  const cut = await stoppedAt('Epoch 1/3', { ...all, out: stopped });
  assert.is(cut.code, 143, cut.said);
  // 6 batches an epoch: updates after the fourth and the last.
  assert.match(cut.said, /Stopped (after 4 of 6 steps|before the validation) of epoch 2/);
  assert.is((await run({ resume: stopped })).code, 0);
  const bits = await computed(stopped);
  assert.equal(bits, await computed(whole));
  const { info } = await readCheckpoint(stopped);
  const losses = bits.history.map(({ val }) => val!.loss);
  assert.is(info.metrics!.loss, Math.min(...losses), 'best.safetensors is of the epoch of the smallest loss');
  // What the network of best.safetensors says is what validated then: it is the average.
  const [, ...rows] = (await readFile(join(stopped, 'predictions.csv'), 'utf8')).trim().split('\r\n');
  const told = rows
    .map((row) => row.split(','))
    .map(([, truth, , , , across, down]) => (truth === 'across' ? across : down));
  const loss = told.reduce((sum, probability) => sum - Math.log(Number(probability)), 0) / told.length;
  assert.ok(Math.abs(loss - info.metrics!.loss) < 1e-4, `${loss}, not ${info.metrics!.loss}`);
});

const CHECKS: [what: string, given: TrainOptions, code: number, said: RegExp][] = [
  [
    'a learning rate is proposed, with its curve and the command',
    { findLr: true },
    0,
    /└─+\n.*\nProposed: (\d[\d.e-]*), .*\n {2}npm run train -- .*--lr \1( |$)/m,
  ],
  [
    'one batch is not learnt where nothing can be',
    { sanity: true, lr: 1e-9 },
    1,
    /What is suspicious:\n {2}the loss hardly moved/,
  ],
];
for (const [what, given, code, said] of CHECKS)
  test(`${what}; nothing is written`, async () => {
    const before = await readdir(root);
    const outcome = await run({ ...options, out: join(root, 'none'), ...given });
    assert.is(outcome.code, code, outcome.said);
    assert.match(outcome.said, said);
    assert.equal(await readdir(root), before);
  });

const REFUSED: [what: string, given: TrainOptions, message: RegExp][] = [
  ['fewer epochs than there are', { epochs: 2 }, /has \d epochs already; --epochs \d or more adds to them/],
  ['other settings', { lr: 1 }, /leave out --lr, or start a new run/],
  ['a folder that is none', { resume: 'nowhere' }, /there is no run nowhere; name the folder/],
];
for (const [what, given, message] of REFUSED)
  test(`a finished run is not gone on with for ${what}`, async () => {
    await run({ resume: join(root, 'finished'), ...given }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    );
  });

test('the suggestion for more epochs goes on with the run', async () => {
  const { said } = await run({ resume: join(root, 'finished') });
  for (const [, line] of said.matchAll(/^ {2}(npm run train -- .*--epochs.*)$/gm))
    assert.match(line, `--resume ${join(root, 'finished')} --epochs 4`);
});

test('a device that is lost before anything was saved is replaced, and the run ends with the same bits', async () => {
  const out = join(root, 'lost');
  const { result, opened } = await losing([40], () => run({ ...options, out }));
  assert.is(result.code, 0, result.said);
  assert.is(opened, 2);
  assert.match(
    result.said,
    /the GPU device was lost \(destroyed\).* Another one is opened, and the run goes on from its beginning: nothing had/,
  );
  assert.equal(await computed(out), await computed(join(root, 'finished')));
});

test('a device that is lost twice ends the run, with what goes on from the last state to the same bits', async () => {
  const out = join(root, 'lost twice');
  let heard = '';
  const listen = (said: string): void => {
    heard = said;
  };
  await losing([LATE, 40], () => run({ ...options, out }, listen)).then(
    () => assert.unreachable(),
    ({ message }: Error) => {
      assert.match(message, /lost .*, for the second time in this run; what was saved last is whole/);
      assert.ok(message.endsWith(`--resume '${out}'`), message);
    },
  );
  assert.match(heard, /Another one is opened, and the run goes on from what was saved last\./);
  assert.is((await run({ resume: out })).code, 0);
  assert.equal(await computed(out), await computed(join(root, 'finished')));
});

/** Runs `work` on a disk that is full for the file of that name, from its `nth` writing on. */
async function withFullDisk<Result>(file: string, nth: number, work: () => Promise<Result>): Promise<Result> {
  const { open, appendFile } = fs.promises;
  let writings = 0;
  const isFull = (path: unknown): boolean => String(path).includes(file) && ++writings >= nth;
  const full = () =>
    Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
  fs.promises.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    if (isFull(path)) handle.writeFile = full;
    return handle;
  };
  fs.promises.appendFile = async (path, ...rest) => (isFull(path) ? full() : appendFile(path, ...rest));
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    Object.assign(fs.promises, { open, appendFile });
    syncBuiltinESMExports();
  }
}

const SAVED = ['best.safetensors', 'last.safetensors', 'metrics.jsonl'];
const FULL: [file: string, nth: number, left: string[], sentence: RegExp][] = [
  ['metrics.jsonl', 1, [], /ENOSPC\).*; nothing of this run had been saved before$/],
  ['last.safetensors', 2, SAVED, /untouched\. When that is mended, this goes on from what was saved last: /],
  ['report.json', 1, SAVED, /untouched\. When that is mended, this goes on from what was saved last: /],
];
for (const [file, nth, left, sentence] of FULL)
  test(`a disk that is full for ${file} is reported, and what was saved before stays whole`, async () => {
    const out = join(root, `full-${left.length}-${nth}`);
    const { data, weights, batch, size } = options;
    const epochs = nth;
    await withFullDisk(file, nth, () => run({ data, weights, batch, size, epochs, out })).then(
      () => assert.unreachable(),
      ({ message }: Error) => {
        assert.match(message, new RegExp(`${file} could not be written: there is no room left on the disk`));
        assert.match(message, sentence);
      },
    );
    const found = (await statOrNull(out)) ? await readdir(out) : [];
    assert.equal(found.filter((name) => name !== '.lock').sort(), left);
    if (left.length === 0) return;
    await readCheckpoint(out); // The best one is whole, too.
    assert.is((await readCheckpoint(join(out, 'last.safetensors'))).info.epoch, 1);
    if (file !== 'last.safetensors') return;
    assert.is((await run({ resume: out })).code, 0);
    assert.is((await reportIn(out)).epochs.length, 2);
  });

test('--add-classes: new folders are appended, and what was learnt keeps its bits, added epochs included', async () => {
  const weights = weightsOf(['gone', 'down']); // The data have one of them, and a new one.
  const out = join(root, 'added');
  const { data, batch, size } = options;
  const added = await run({ data, batch, size, epochs: 1, weights, out, addClasses: true });
  assert.is(added.code, 0, added.said);
  assert.match(added.said, /Pictures a class .*gone 0 \(0\), down 12 \(4\), across 12 \(4\)/);
  assert.match(added.said, /\nclassifier +99 +0\.003 \(33\)/);
  assert.is((await run({ resume: out, epochs: 2 })).code, 0);
  const { info, weights: last } = await readCheckpoint(out, 'last.safetensors');
  assert.equal(info.classes, ['gone', 'down', 'across']);

  const device = await testDevice({ poison: false });
  const old = await createModel(TINY, { device, numClasses: 2, weights });
  const fresh = (await createModel(TINY, { device, numClasses: 2, weights })).addClasses(1);
  const trained = await createModel(TINY, { device, numClasses: 3, weights: last });
  const x = tensor(pseudo('x', 2 * 32 * 32 * 3), [2, 32, 32, 3], { device });
  const [before, start, after] = await Promise.all(
    [old, fresh, trained].map((model) => noGrad(() => model.eval().forward(x)).data()),
  );
  const ofOld = (logits: ArrayLike<number>) => [0, 1, 3, 4].map((i) => logits[i]);
  assert.equal(ofOld(after), ofOld(start), 'logits');
  assert.equal(ofOld(after), [...before], 'logits of the network without the new class');
  assert.ok([2, 5].every((i) => start[i] === 0 && after[i] !== 0));
  const rows = async (model: Model) => {
    const [weight, bias] = [...model.namedParameters()].filter(([name]) => model.isHead(name));
    const outputs = model.numClasses;
    const kept = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => i % outputs < 2);
    return [kept(await weight[1].data()), kept(await bias[1].data())];
  };
  assert.equal(await rows(trained), await rows(old), 'rows');
  device.close();

  const evaluated = await tessera('evaluate', '--checkpoint', out, '--json');
  assert.is(JSON.parse(evaluated.out).count, 8, evaluated.err);
  const predicted = await tessera('predict', join(data!, 'val/down'), '--checkpoint', out, '--json');
  assert.is(JSON.parse(predicted.out)[0].topK.length, 3);
});

test('a list gives the bits of the folders that it lists; a run on it goes on with the same list alone', async () => {
  const list = join(root, 'list.csv');
  const rows = [];
  for (const side of ['train', 'val'])
    for (const name of ['across', 'down'])
      for (const file of (await readdir(join(root, 'data', side, name))).sort())
        rows.push(`data/${side}/${name}/${file},${name},${side}`);
  const write = (lines: string[]) => writeFile(list, ['file,label,split', ...lines, ''].join('\n'));
  await write(rows);
  const outs = [join(root, 'by-list'), join(root, 'by-folder')];
  const data = [list, options.data];
  for (const [i, out] of outs.entries())
    assert.is((await run({ ...options, epochs: 1, data: data[i], out })).code, 0);
  assert.equal(await computed(outs[0]), await computed(outs[1]));
  const evaluated = await tessera('evaluate', '--checkpoint', outs[1], '--data', list, '--json');
  assert.is(JSON.parse(evaluated.out).count, 8, evaluated.err);
  const [first, ...others] = rows;
  for (const changed of [
    others,
    [first.replace('across,', 'down,'), ...others],
    rows.map((row) => row.replace(',down,', ',up,')),
  ]) {
    await write(changed);
    await run({ resume: outs[0], epochs: 2 }).then(
      () => assert.unreachable(),
      (error: Error) =>
        assert.match(error.message, /the pictures in .*list\.csv are not those that the run began with/),
    );
  }
  await write(rows);
  assert.is((await run({ resume: outs[0], epochs: 2 })).code, 0);
});

const NOT_ADDED: [what: string, given: () => TrainOptions, message: RegExp][] = [
  ['no data', () => ({ data: undefined }), /--add-classes needs --data DIR with a folder for each new/],
  ['no weights', () => ({ weights: 'none' }), /adds to the classes of a network that has learnt some/],
  [
    'weights without names of classes',
    () => ({ weights: options.weights! }),
    /does not say which classes its outputs are; take a checkpoint/,
  ],
  [
    'nothing new',
    () => ({ weights: weightsOf(['across', 'down']) }),
    /has no class beside those of .* \(across, down\)/,
  ],
  [
    'a stage that would change the answers',
    () => ({ weights: weightsOf(['gone', 'down']), trainFrom: 'all' }),
    /only new rows of the last layer train; leave out --train-from/,
  ],
];
for (const [what, given, message] of NOT_ADDED)
  test(`--add-classes is refused with ${what}`, async () => {
    const { data, size } = options;
    await run({ data, size, addClasses: true, out: join(root, 'refused'), ...given() }).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, message),
    );
  });

test('--resume waits for a process that is just ending, and names one that is not', async () => {
  const out = join(root, 'finished');
  const lock = await FolderLock.take(out, 'another run');
  await run({ resume: out }).then(
    () => assert.unreachable(),
    (error: Error) =>
      assert.match(error.message, `is being written by another process: number ${process.pid}`),
  );
  lock.announceEnd();
  const { code, said } = await run({ resume: out }, (text) => {
    if (text.includes('waiting for it to end')) lock.release();
  });
  assert.is(code, 0, said);
  assert.match(said, `is still being saved by process ${process.pid}; waiting for it to end.`);
});

test.run();
