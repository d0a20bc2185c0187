/** Many runs of `train`: each is what the command alone makes, one that fails ends no other, and a list that is stopped goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TrialsSummary } from '../../../src/report/trials/figures.ts';
import { stripes } from '../../train/tiny.ts';
import { type Outcome, shareDevice, tessera } from '../in-process.ts';

const test = suite('cli/train/trials');
const launcher = fileURLToPath(new URL('../../../bin/tessera.mjs', import.meta.url));
let folder: string;
let close: () => void;

test.before(async () => {
  close = shareDevice();
  folder = await mkdtemp(join(tmpdir(), 'tessera-trials-'));
  process.chdir(folder);
  await mkdir('src');
  await writeFile('package.json', '{}');
  for (const [side, count, seed] of [
    ['train', 24, 1],
    ['val', 12, 2],
  ] as const) {
    const names = ['across', 'down'];
    for (const name of names) await mkdir(join('data', side, name), { recursive: true });
    for (const [index, { image, label }] of stripes(count, seed, 32).entries())
      await sharp(image!.pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toFile(join('data', side, names[label], `${index}.png`));
  }
  await writeFile('sweep.json', JSON.stringify({ settings: { lr: [0.002, 0.01] }, seeds: 2 }));
});
test.after(async () => {
  close();
  process.chdir(tmpdir());
  await rm(folder, { recursive: true });
});

const BASE = ['--data', 'data', '--model', 'mobilenetv2_050', '--weights', 'none', '--size', '32'];
const OPTIONS = [...BASE, '--batch', '8', '--epochs', '2'];
const NAMES = ['lr=0.002,seed=0', 'lr=0.01,seed=0', 'lr=0.002,seed=1', 'lr=0.01,seed=1'];

const train = (...args: string[]): Promise<Outcome> => tessera('train', ...OPTIONS, ...args);
const best = (run: string): Promise<Buffer> => readFile(join(run, 'best.safetensors'));
const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const lines = async (run: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(run, 'trials.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
/** A summary without what the clock says. */
async function summary(run: string): Promise<TrialsSummary> {
  const found: TrialsSummary = JSON.parse(await readFile(join(run, 'summary.json'), 'utf8'));
  return { ...found, trials: found.trials.map((trial) => ({ ...trial, seconds: null })) };
}

/** A command in a process of its own; `onText` sees stderr as it grows. */
function started(args: string[], onText: (text: string, child: ChildProcess) => void): Promise<Outcome> {
  const child = spawn(process.execPath, [launcher, 'train', ...args], { cwd: folder });
  const outcome: Outcome = { code: -1, out: '', err: '' };
  child.stderr.on('data', (data) => {
    outcome.err += data;
    onText(outcome.err, child);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...outcome, code: code ?? -1 }));
  });
}

test('a sweep: each run is what train makes alone; a table, a page, a summary', async () => {
  const { code, out, err } = await train('--sweep', 'sweep.json', '--out', 'many', '--json');
  assert.is(code, 0, err);
  assert.equal((await readdir('many/trials')).sort(), [...NAMES].sort());
  assert.is((await train('--lr', '0.01', '--seed', '1', '--out', 'alone')).code, 0);
  assert.ok((await best('many/trials/lr=0.01,seed=1')).equals(await best('alone')), 'other bits');
  assert.equal(
    (await lines('many')).map(({ name }) => name),
    NAMES,
  );
  const found: TrialsSummary = JSON.parse(out);
  assert.equal([found.planned, found.done, found.failed, found.finished], [4, 4, 0, true]);
  assert.equal(
    found.settings.map(({ name, finished }) => [name, finished]),
    [
      ['lr=0.002', 2],
      ['lr=0.01', 2],
    ],
  );
  const accuracies = found.trials
    .filter(({ setting }) => setting === 1)
    .map(({ figures }) => figures!.accuracy!);
  assert.is(found.settings[1].figures.accuracy!.mean, (accuracies[0] + accuracies[1]) / 2);
  assert.match(err, /setting +runs +accuracy/);
  const page = await readFile('many/report.html', 'utf8');
  for (const name of NAMES) assert.match(page, `trials/${encodeURIComponent(name)}/report.html`);
  assert.not.match(page, /NaN|undefined|\[object/);
});

test('a folder of runs that are done makes its report again and runs nothing', async () => {
  const [before, of] = [await best(`many/trials/${NAMES[0]}`), await summary('many')];
  await rm('many/summary.json');
  const { code, err } = await tessera('train', '--resume', 'many');
  assert.is(code, 0, err);
  assert.match(err, /4 are done already/);
  assert.ok((await best(`many/trials/${NAMES[0]}`)).equals(before));
  assert.equal(await summary('many'), of);
});

test('a run that fails is recorded with its sentence, the others are run, and the end is 1', async () => {
  await writeFile('bad.json', JSON.stringify({ settings: { lr: [900_000, 0.002] } }));
  const { code, err } = await train('--sweep', 'bad.json', '--out', 'bad');
  assert.is(code, 1, err);
  const [first, second] = await lines('bad');
  assert.match(String(first.error), /not finite|no number/);
  assert.equal([first.state, first.diverged, second.state], ['failed', true, 'finished']);
  assert.match(err, /1 run of 2 failed: lr=900000/);
  // What diverged would diverge again.
  const again = await tessera('train', '--resume', 'bad');
  assert.is(again.code, 1);
  assert.is((await lines('bad')).length, 2);
});

for (const [signal, code, second] of [
  ['SIGINT', 130, /Go on with:\s+npm run train -- --resume stopped-SIGINT/],
  ['SIGKILL', -1, null],
] as const)
  test(`${signal} in the middle of the second run: what is done stays, the rest goes on, to the bits of a whole list`, async () => {
    const out = `stopped-${signal}`;
    let sent = false;
    const stopped = await started(
      [...OPTIONS, '--sweep', 'sweep.json', '--out', out],
      async (text, child) => {
        // Its first state is saved behind its first epoch.
        if (sent || !text.includes('Run 1 of 4, lr=0.002,seed=0: accuracy')) return;
        sent = true;
        if (signal === 'SIGKILL')
          while (!(await there(join(folder, out, 'trials', NAMES[1], 'last.safetensors'))))
            await new Promise((resolve) => setTimeout(resolve, 5));
        child.kill(signal);
      },
    );
    assert.is(stopped.code, code, stopped.err);
    if (second) assert.match(stopped.err, second);
    const done = (await lines(out)).length;
    assert.ok(done >= 1 && done < 4, `${done} were done`);
    const { code: end, err } = await tessera('train', '--resume', out);
    assert.is(end, 0, err);
    for (const name of NAMES)
      assert.ok((await best(`${out}/trials/${name}`)).equals(await best(`many/trials/${name}`)), name);
    assert.equal(await summary(out), await summary('many'));
  });

const REFUSED: [what: string, file: object | null, args: string[], sentence: RegExp][] = [
  [
    'an option that there is not',
    { settings: { rate: [1] } },
    [],
    /h\.json: settings: there is no setting 'rate'/,
  ],
  [
    'a value that the option refuses',
    { settings: { lr: [0.1, -1] } },
    [],
    /h\.json: settings\.lr\[1\], -1, is nothing for --lr: It must be a number above 0/,
  ],
  [
    'a number in quotes',
    { settings: { lr: ['0.1'] } },
    [],
    /settings\.lr\[0\] is a number, without quotes, not '0\.1'/,
  ],
  ['a number for a text', { settings: { schedule: [1] } }, [], /settings\.schedule\[0\]/],
  ['no flag', { settings: { 'train-norms': [1] } }, [], /settings\.train-norms\[0\] is true or false, not 1/],
  [
    'what train refuses',
    { settings: { positive: ['across', 'sideways'] } },
    [],
    /h\.json: settings\.positive\[1\] \(sideways\): /,
  ],
  ['a place', { settings: { out: ['a'] } }, [], /there is no setting 'out'/],
  ['seeds as a setting', { settings: { seed: [1] } }, [], /there is no setting 'seed'/],
  ['an option twice', { settings: { batch: [8] } }, [], /--batch is given and tried by h\.json as well/],
  [
    'seeds twice',
    { settings: { lr: [1] }, seeds: 2 },
    ['--seeds', '2'],
    /--seeds is given, and h\.json says "seeds" too/,
  ],
  [
    'too many',
    { settings: { lr: Array.from({ length: 300 }, (_, i) => i + 1) } },
    ['--seeds', '4'],
    /300 settings × 4 seeds are 1,200 runs, of at most 1,000/,
  ],
  ['a shard of nothing', null, ['--seeds', '2', '--shard', '3/3'], /there are 2 runs, so N is 2 at most/],
  ['a profile', null, ['--seeds', '2', '--profile'], /--profile is of a single run/],
  ['a test beside it', null, ['--seeds', '2', '--sanity'], /try one setting/],
];

for (const [what, file, args, sentence] of REFUSED)
  test(`refused before anything runs: ${what}`, async () => {
    await writeFile('h.json', JSON.stringify(file));
    const { code, err } = await train(...(file ? ['--sweep', 'h.json'] : []), ...args, '--out', 'refused');
    assert.not.equal(code, 0);
    assert.match(err, sentence);
    assert.not(await there('refused'));
  });

test('shards, each by itself, and merge: the runs, the lines and the summary of the whole list', async () => {
  for (const shard of ['1/3', '2/3', '3/3'])
    assert.is((await train('--sweep', 'sweep.json', '--shard', shard, '--out', `s${shard[0]}`)).code, 0);
  assert.equal(await readdir('s2/trials'), [NAMES[1]]);
  const { code, err } = await tessera('merge', 's3', 's1', 's2', '--out', 'merged');
  assert.is(code, 0, err);
  assert.match(err, /setting +runs +accuracy/);
  for (const name of NAMES)
    assert.ok((await best(`merged/trials/${name}`)).equals(await best(`many/trials/${name}`)), name);
  assert.equal(
    (await lines('merged')).map(({ name }) => name),
    NAMES,
  );
  assert.equal(await summary('merged'), await summary('many'));
  const again = await tessera('report', 'merged', '--json');
  assert.equal(JSON.parse(again.out), JSON.parse(await readFile('merged/summary.json', 'utf8')));
  assert.match((await tessera('report', 'merged')).out, /lr=0\.01 +2 /);
});

test('folds: each picture validates once, the table has all of them together, and a fold is a run by itself', async () => {
  const { code, out, err } = await train('--folds', '3', '--out', 'folds', '--json');
  assert.is(code, 0, err);
  assert.equal((await readdir('folds/trials')).sort(), ['fold=1', 'fold=2', 'fold=3']);
  const found: TrialsSummary = JSON.parse(out);
  const [together] = found.settings[0].pooled;
  assert.is(together.pictures, 36);
  const rows = (await readFile('folds/out-of-fold.csv', 'utf8')).trimEnd().split('\r\n').slice(1);
  assert.is(new Set(rows.map((row) => row.split(',')[3])).size, 36);
  assert.is(rows.filter((row) => row.split(',')[6] === '1').length, together.right);
  const right = found.trials.map(({ figures, count }) => Math.round(figures!.accuracy! * count));
  assert.is(
    right.reduce((sum, one) => sum + one),
    together.right,
  );
  assert.equal(
    together.classes.map(({ pictures }) => pictures),
    [18, 18],
  );
  assert.match(err, /over 3 folds/);
  assert.is((await train('--fold', '2/3', '--out', 'fold')).code, 0);
  assert.ok((await best('fold')).equals(await best('folds/trials/fold=2')));
  const measured = await tessera('evaluate', '--checkpoint', 'fold', '--json');
  assert.is(
    JSON.parse(measured.out).metrics?.count ?? JSON.parse(measured.out).evaluation.metrics.count,
    found.trials[1].count,
  );
  const mistaken = await tessera('train', '--folds', '3', '--out', 'refused');
  assert.match(mistaken.err, /folds are of your own pictures; name them with --data/);
});

test('where a network is wanted, a folder of many runs is refused with one of them', async () => {
  for (const [command, args] of [
    ['evaluate', '--checkpoint many'],
    ['predict', 'data/val --checkpoint many'],
    ['explain', 'data/val --checkpoint many'],
    ['summary', 'many'],
    ['export', 'many --to onnx --out many.onnx'],
  ] as const) {
    const { code, err } = await tessera(command, ...args.split(' '));
    assert.is(code, 64, `${command}: ${err}`);
    const sentence = `many holds many runs of train; name one of them, such as ${join('many/trials', NAMES[0])}`;
    assert.ok(err.includes(sentence), `${command}: ${err}`);
  }
});

test('merge refuses what is not all of one list', async () => {
  await rm('s4', { recursive: true, force: true });
  assert.is((await train('--seeds', '2', '--lr', '0.002', '--shard', '1/2', '--out', 's4')).code, 0);
  await writeFile('s3/trials.jsonl', '');
  for (const [parts, sentence] of [
    [['s1', 's2'], /of 3 shards one is missing: 3/],
    [['s1', 's2', 's2', 's3'], /s2 and s2 are both shard 2\/3/],
    [['s1', 's4'], /s4 is of other settings than s1/],
    [['s1', 's2', 's3'], /s3 is not finished \(0 of 1 run\); go on with npm run train -- --resume s3/],
    [['s1', 'data'], /data holds no trials\.json/],
    [['s1', 'nowhere'], /there is no nowhere; name what predict or train wrote with --shard/],
    [['s1', 's2/trials.json'], /s1 is a folder, s2\/trials\.json a file/],
  ] as const) {
    const { code, err } = await tessera('merge', ...parts, '--out', 'refused');
    assert.not.equal(code, 0);
    assert.match(err, sentence);
    assert.not(await there('refused'));
  }
  const beside = await tessera('report', 'many', 'alone');
  assert.match(beside.err, /many holds many runs; name it alone/);
});

test('a list goes on as it was begun', async () => {
  for (const [args, sentence] of [
    [['--seeds', '3'], /--resume goes on with the settings .* leave out --seeds/],
    [['--epochs', '9'], /--resume of many runs goes on with their epochs/],
  ] as const) {
    const { code, err } = await tessera('train', '--resume', 'many', ...args);
    assert.not.equal(code, 0);
    assert.match(err, sentence);
  }
  await rm('data/train/down/1.png');
  const { code, err } = await tessera('train', '--resume', 'many');
  assert.not.equal(code, 0);
  assert.match(err, /the pictures in data are not those that these runs began with/);
});

test.run();
