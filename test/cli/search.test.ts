/**
 * `search` as people run it, in this process: from a folder of 8×8 pictures to a checkpoint that the other commands take; what
 * it refuses; what a stopped one goes on to. Measuring takes longer than these searches, so one of them measures, and the
 * others go on from a plan whose paces are made up: they take the same few steps wherever they run.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCommand } from '../../src/cli/main.ts';
import { largeNumber, type SearchArgs } from '../../src/cli/search/options.ts';
import { SearchLines } from '../../src/cli/search/progress.ts';
import { networksOf } from '../../src/cli/search/scaling.ts';
import { newSearch, writePlan } from '../../src/cli/search/setup.ts';
import { adviseSpace, openSpace } from '../../src/cli/search/space.ts';
import { briefly } from '../../src/cli/search/text.ts';
import * as search from '../../src/cli/search.ts';
import { stepsWithin } from '../../src/search/finals.ts';
import { METHOD_NAMES } from '../../src/search/methods/table.ts';
import { checkResult, type GridTrial, type SearchResult } from '../../src/search/result.ts';
import { B0_SPACE, checkSpace, type SearchSpace, SMALL_SPACE } from '../../src/search/space.ts';
import { readCheckpoint } from '../../src/train/node/checkpoint.ts';
import { tinyPlan } from '../search/tiny.ts';
import { stripes } from '../train/tiny.ts';
import { type Outcome, shareDevice, tessera } from './in-process.ts';
import { saveTinyCheckpoint } from './tiny-checkpoint.ts';

const test = suite('cli/search');
const before = process.cwd();
let folder: string;

const TINY: SearchSpace = {
  name: 'tiny',
  stages: [{ stride: 1, kernels: [3], expandRatios: [1], widths: [4, 8], depths: [1, 2], squeezes: [0] }],
  stem: 4,
  head: 8,
  activation: 'relu',
  inputSize: 8,
};

const closeDevice = shareDevice();
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-search-'));
  process.chdir(folder);
  process.env.TESSERA_CACHE = join(folder, 'cache');
  const names = ['across', 'down'];
  for (const [side, count, seed] of [
    ['train', 24, 1],
    ['val', 12, 2],
    ['test', 8, 3],
  ] as const) {
    for (const name of names) await mkdir(join('data', side, name), { recursive: true });
    for (const [index, { image, label }] of stripes(count, seed, 8).entries())
      await sharp(image!.pixels, { raw: { width: 8, height: 8, channels: 3 } })
        .png()
        .toFile(join('data', side, names[label]!, `${index}.png`));
  }
  await writeFile('tiny.json', JSON.stringify(TINY));
});
test.after(async () => {
  closeDevice();
  process.chdir(before);
  delete process.env.TESSERA_CACHE;
  await rm(folder, { recursive: true });
});

const BASE = ['--data', 'data', '--space', 'tiny.json', '--batch', '8', '--target-mults', '100k'];
const run = (...args: string[]): Promise<Outcome> => tessera('search', ...args);

/** A search that has its plan and no trial yet: a step takes a second, a measurement half of one. `--resume` begins it. */
async function planned(
  seconds: number,
  args: readonly string[],
  choices?: Record<string, string>,
): Promise<ReturnType<typeof newSearch>> {
  const command = createCommand('search', search).parse(args, { from: 'user' });
  const setup = await newSearch(command.opts<SearchArgs>());
  const { target, batch } = setup.settings;
  await writePlan(setup, {
    plan: { ...tinyPlan(seconds), batch },
    target: { ...target, value: target.value ?? 1e9 },
    choices,
  });
  await setup.folder.release();
  return setup;
}

test('a search ends with a checkpoint that the other commands take, and its report is made again', async () => {
  await planned(30, [...BASE, '--out', 'out']);
  const { code, out, err } = await run('--resume', 'out', '--json');
  assert.is(code, 0, err);
  const result = checkResult(JSON.parse(out));
  assert.ok(result.finished);
  assert.is(result.data.freshIs, 'test/');
  assert.ok(result.trials.some(({ by }) => by === 'random'));
  assert.equal((await readdir('out')).sort(), [
    ...['best.safetensors', 'hand-made.safetensors', 'plan.json', 'random.safetensors', 'report.html'],
    ...['search.json', 'trials.jsonl', 'winner.safetensors'],
  ]);
  assert.match(err, /^1\. rung 0, \d+ steps: held loss \d\.\d{3}, [\d,.]+ k? ?multiply-adds {2}k3e/m);
  assert.match(
    err,
    /^Returned is .+ \([\d,.]+ multiply-adds, counted; the target is at most 100,000 multiply-adds\)/m,
  );
  assert.match(err, /accuracy +95 % interval$/m);

  const best = await readCheckpoint('out');
  assert.is(best.info.model, `searched-${result.returned.role}`);
  assert.ok(best.trainedOn.complete);
  assert.is(best.trainedOn.pictures.size, 24);
  const picture = join('data', 'test', 'down', '1.png');
  const start = ['--weights', 'out/best.safetensors', '--train-from', 'all', '--train-norms'];
  for (const [command, ...args] of [
    ['predict', picture, '--checkpoint', 'out'],
    ['summary', 'out', '--batch', '2'],
    ['evaluate', '--checkpoint', 'out', '--json'],
    ['train', ...start, '--data', 'data', '--epochs', '1', '--out', 'on'],
  ] as const) {
    const outcome = await tessera(command, ...args);
    assert.is(outcome.code, 0, `${command}: ${outcome.err}`);
    if (command === 'evaluate') {
      const { accuracy, trainedOn } = JSON.parse(outcome.out);
      assert.is(accuracy, result.finals.find(({ role }) => role === result.returned.role)!.fresh!.accuracy);
      assert.is(trainedOn, 0);
    }
  }

  await rm('out/report.html');
  const again = await run('--resume', 'out', '--json');
  assert.is(again.code, 0, again.err);
  assert.match(again.err, /^The search in out is finished; its report is made again\.$/m);
  assert.equal(JSON.parse(again.out), result);
  assert.match(await readFile('out/report.html', 'utf8'), /npm run search -- --data data/);
});

/** What stays the same whatever it took. */
function untimed({ time: _, ...result }: SearchResult): unknown {
  return result;
}

test('a search goes on with the kernels that were chosen when it began, and with no others', async () => {
  await planned(20, [...BASE, '--out', 'tuned'], { 'a problem that nobody has': 'plain' });
  const { code, err } = await run('--resume', 'tuned');
  assert.is(code, 0, err);
  assert.match(err, /^The kernels of 1 problem are those that were chosen when it began\.$/m);
  assert.match(
    (await run('--resume', 'tuned', '--untuned')).err,
    /--resume goes on .*; leave out --untuned, or/,
  );
});

test('a search whose process was ended goes on to the same result, and another folder is no search', async () => {
  await cp('out', 'cut', { recursive: true });
  for (const file of ['search.json', 'report.html', 'best.safetensors', 'winner.safetensors'])
    await rm(join('cut', file));
  const lines = (await readFile('out/trials.jsonl', 'utf8')).split('\n');
  await writeFile('cut/trials.jsonl', `${lines[0]}\n${lines[1]!.slice(0, 20)}`);
  const { code, err } = await run('--resume', 'cut');
  assert.is(code, 0, err);
  const result = async (of: string): Promise<SearchResult> =>
    checkResult(JSON.parse(await readFile(join(of, 'search.json'), 'utf8')));
  assert.equal(untimed(await result('cut')), untimed(await result('out')));
  assert.is(await readFile('cut/trials.jsonl', 'utf8'), lines.join('\n'));
  for (const file of ['best.safetensors', 'winner.safetensors'])
    assert.ok((await readFile(join('cut', file))).equals(await readFile(join('out', file))), file);

  assert.match(
    (await run('--resume', 'on')).err,
    /on holds no plan\.json: it is a run of `train`, which --resume/,
  );
  assert.match(
    (await tessera('train', '--resume', 'out')).err,
    /out holds no last\.safetensors: it is a run of `search`/,
  );
});

test('a network of another search teaches, and the winner is trained without it too', async () => {
  await planned(20, [...BASE, '--method', 'random', '--teacher', 'out', '--out', 'taught']);
  await refusesOtherTeachers('taught');
  const { code, out, err } = await run('--resume', 'taught', '--json');
  assert.is(code, 0, err);
  const { teacher, finals } = checkResult(JSON.parse(out));
  assert.is(teacher, 'out');
  assert.ok(finals[0]!.untaught!.loss > 0);
});

/** A search goes on with the teacher that it began with, to the byte; which may have moved. */
async function refusesOtherTeachers(taught: string): Promise<void> {
  const best = join('out', 'best.safetensors');
  const bytes = await readFile(best);
  await cp(best, 'moved.safetensors');
  await saveTinyCheckpoint(best, ['across', 'down']);
  const changed = await run('--resume', taught);
  assert.is(changed.code, 64, changed.err);
  assert.match(
    changed.err,
    /^error: the teacher out is not the one that the search began with .* --teacher/m,
  );
  await rm(best);
  assert.match((await run('--resume', taught)).err, /^error: .*out/m);
  const [begun, plan] = [join(taught, 'plan.json'), await readFile(join(taught, 'plan.json'), 'utf8')];
  await writeFile(begun, plan.replace('"teacher": "out"', '"teacher": null'));
  const none = await run('--resume', taught, '--teacher', 'moved.safetensors');
  assert.match(none.err, /^error: --teacher moved\.safetensors: the search began without a teacher/m);
  await writeFile(begun, plan);
  const memory = await run('--resume', taught, '--teacher', 'moved.safetensors', '--memory', '0.00001');
  assert.match(memory.err, /does not fit beside the teacher moved\.safetensors: a step of 8 pictures/);
  await writeFile(best, bytes);
}

/** Of the grid in the folder, whose base is the network that `out` returned, all networks but the last are known. */
test('the grid of a network that was found goes on where it was, and gives the factors that the network is scaled by', async () => {
  const common = ['--data', 'data', '--batch', '8'];
  const { settings } = await planned(12, [...common, '--network', 'out', '--grid', '--out', 'grid']);
  const networks = networksOf(settings.scaling!, 2);
  const pace = { step: 1, scores: 0.5 * (1 + 8 / 12) };
  const steps = stepsWithin(
    12,
    networks.map(() => pace),
  );
  const lines = networks.slice(0, -1).map(({ table, multiplyAdds }, index): GridTrial => {
    // The second, a compound one, is the best of them.
    const figures = { loss: index === 1 ? 0.125 : 8 + index, accuracy: 0.5 };
    const place = { index, by: 'method', network: table.name, rung: 0, steps } as const;
    const halves: [number, number] = [figures.loss, figures.loss];
    return { ...place, ...figures, cost: multiplyAdds, halves, fresh: { ...figures, pictures: 8 } };
  });
  await writeFile('grid/trials.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const grid = await run('--resume', 'grid', '--json');
  assert.is(grid.code, 0, grid.err);
  const { method, grid: found } = checkResult(JSON.parse(grid.out));
  assert.is(method, 'grid');
  const losses = found!.points.map(({ held }) => held!.loss);
  assert.equal(
    losses.slice(0, -1),
    lines.map(({ loss }) => loss),
  );
  assert.ok(losses.length === networks.length && losses.at(-1)! > 0.125);
  assert.match(grid.err, /halves of the held pictures agree with τ -?\d\.\d\d/);
  const best = found!.points[found!.best!]!;
  assert.equal([found!.best, found!.points[0]!.kind, best.kind], [1, 'base', 'compound']);
  const { info } = await readCheckpoint('grid');
  assert.equal([info.model, info.preprocessing.inputSize], [best.table.name, best.table.inputSize]);
  assert.match(await readFile('grid/report.html', 'utf8'), /channels only/);

  // Measured, and taught with pictures of another size than the teacher's.
  const args = ['--network', 'grid', '--scale', '2', '--teacher', 'out', '--minutes', '0.01'];
  const scaled = await run(...common, ...args, '--out', 'scaled', '--json');
  assert.is(scaled.code, 0, scaled.err);
  const { teacher, plan, grid: one } = checkResult(JSON.parse(scaled.out));
  assert.is(teacher, 'out');
  assert.ok(plan.seconds === 0.6 && plan.stepError! >= 0 && one!.steps > 0);
  const [point] = one!.points;
  assert.ok(Math.abs(point!.alpha - best.alpha ** 2) < 1e-9);
  assert.is((await readCheckpoint('scaled')).info.preprocessing.inputSize, point!.table.inputSize);
  const written = JSON.parse(await readFile('scaled/plan.json', 'utf8'));
  assert.equal(written.plan, plan);
});

test('what is wrong is said in a sentence that names it, and nothing is left behind', async () => {
  await writeFile('broken.json', '{"name": "x"');
  await writeFile('deep.json', '['.repeat(300_000));
  await writeFile('odd.json', JSON.stringify({ ...TINY, stages: [{ ...TINY.stages[0], widths: [8, 4] }] }));
  await writeFile('misspelt.json', JSON.stringify({ ...TINY, wdths: [4] }));
  await mkdir('nothing');
  const small = ['--data', 'data', '--space', 'tiny.json', '--minutes', '0.02'];
  const cases: [args: string[], sentence: RegExp][] = [
    [
      ['--space', 'smal'],
      /^error: --space: there is no file smal, and there is no space 'smal'; did you mean small\?$/m,
    ],
    [['--space', 'broken.json'], /^error: --space broken\.json: the space is no JSON .*docs\/search\.md/m],
    [['--space', 'deep.json'], /^error: --space deep\.json: the space holds 300,000 brackets/m],
    [
      ['--space', 'odd.json'],
      /^error: --space odd\.json: the space\.stages\[0\]\.widths is a list of ascending numbers/m,
    ],
    [['--space', 'misspelt.json'], /^error: --space misspelt\.json: the space has a field 'wdths'/m],
    [['--space', 'nothing'], /^error: nothing cannot be read: it is a folder/m],
    [['--target-ms', '5', '--target-mults', '5M'], /^error: --target-ms and --target-mults each say what/m],
    [
      ['--target-params', '5k', '--latency-batch', '4'],
      /^error: --latency-batch is for a target in milliseconds/m,
    ],
    [['--target-mults', 'many'], /number above 0, such as 300k/m],
    [['--minutes', '0'], /--minutes.*must be a number above 0/m],
    [['--method', 'best'], /--method.*It is one of halving, supernet, random/m],
    [
      ['--resume', 'out', '--seed', '1', '--minutes', '3'],
      /^error: --resume goes on .*; leave out --(seed|minutes), --(seed|minutes), or/m,
    ],
    [['--resume', 'none'], /^error: there is no search none; name the folder/m],
    [
      [...small, '--teacher', 'pretrained'],
      /^error: the teacher pretrained does not know the classes across, down of these pictures/m,
    ],
    [[...small, '--teacher', 'none'], /^error: .*none/m],
    [['--grid'], /^error: --grid is of a network; name a checkpoint/m],
    [['--network', 'out'], /^error: --network is what --grid and --scale are of/m],
    [['--network', 'out', '--grid', '--scale', '1'], /^error: --grid finds the factors, --scale takes them/m],
    [['--network', 'out', '--grid', '--space', 'b0'], /^error: --grid searches nothing; leave out --space/m],
    [['--alpha', '2'], /^error: --alpha: factors are of --scale/m],
    [['--network', 'out', '--scale', '9', '--alpha', '4'], /^error: --scale 9: .* take a smaller one/m],
    [
      ['--network', 'pretrained', '--grid'],
      /^error: --network pretrained: efficientnet_lite0 is no network of MBConv stages that the file says/m,
    ],
    [['--overwrite'], /^error: --overwrite is for the folder that --out names/m],
    [[...small, '--teacher', 'none.pth'], /^error: there is no weights file none\.pth/m],
    [['--data', 'none'], /^error: there is no folder none/m],
    [[...small, '--out', 'out'], /^error: out holds best\.safetensors.* already; --overwrite replaces/m],
    [
      [...small, '--target-params', '10', '--out', 'new'],
      /^error: --target-params: no network of the space tiny takes as little as 10 parameters; the smallest \(k3e1w4d1\) takes \d+ parameters/m,
    ],
    [
      [...small, '--memory', '0.0001', '--out', 'new'],
      /^error: the largest network of the space tiny does not fit/m,
    ],
  ];
  for (const [args, sentence] of cases) {
    const { code, out, err } = await run(...args);
    assert.is(code, 64, args.join(' '));
    assert.is(out, '');
    assert.match(err, sentence, args.join(' '));
  }
  assert.not((await readdir('.')).includes('new'));
});

test('what is in the files of a search is hostile', async () => {
  const plan = JSON.parse(await readFile('out/plan.json', 'utf8'));
  const found = JSON.parse(await readFile('out/search.json', 'utf8'));
  const { settings } = plan;
  const write = (file: string, value: unknown) =>
    writeFile(join('hostile', file), typeof value === 'string' ? value : JSON.stringify(value));
  const cases: [file: string, value: unknown, sentence: RegExp][] = [
    ['plan.json', '{', /plan\.json is damaged: it is no JSON/],
    ['plan.json', { ...plan, format: 2 }, /plan\.json is damaged: the plan\.format is one of 1, not 2/],
    [
      'plan.json',
      { ...plan, settings: { ...settings, batch: 1e9 } },
      /damaged: settings\.batch is a whole number/,
    ],
    [
      'plan.json',
      { ...plan, settings: { ...settings, space: { ...TINY, stem: 0 } } },
      /damaged: the space\.stem is/,
    ],
    [
      'plan.json',
      { ...plan, pictures: 'others' },
      /the pictures in data are not those that the search began with/,
    ],
    [
      'search.json',
      { ...found, trials: [{}] },
      /search\.json is damaged: the result\.trials\[0\]\.index is a whole/,
    ],
    ['search.json', { ...found, space: SMALL_SPACE }, /damaged: '.*' is no network of the space small/],
  ];
  for (const [file, value, sentence] of cases) {
    await cp('out', 'hostile', { recursive: true, force: true });
    await write(file, value);
    const { code, err } = await run('--resume', 'hostile');
    assert.is(code, 64);
    assert.match(err, sentence);
    await rm('hostile', { recursive: true });
  }
});

test('the help is a screen or two', () => {
  const help = createCommand('search', search)
    .configureOutput({ getOutHelpWidth: () => 80 })
    .helpInformation();
  const lines = help.split('\n');
  assert.ok(lines.length <= 75, `${lines.length} lines`);
  assert.ok(lines.every((line) => line.length <= 80));
  const method = `${METHOD_NAMES.join(', ')} (default: halving, from 60 minutes on supernet)`;
  assert.ok(help.replace(/\s+/g, ' ').includes(method), help);
});

test('the space that docs/search.md shows is one', async () => {
  const page = await readFile(new URL('../../docs/search.md', import.meta.url), 'utf8');
  const [, json] = /```json\n(.*?)```/s.exec(page)!;
  assert.is(checkSpace(JSON.parse(json!)).name, 'mine');
});

test('where pictures are much larger than what networks see of them, that is said once', async () => {
  const samples = [300, 20, 400].map((side) => ({
    file: `${side}`,
    label: 0,
    image: { width: side, height: side + 1, pixels: new Uint8Array() },
  }));
  assert.match(
    (await adviseSpace({}, SMALL_SPACE, samples))!,
    /^Half of 3 pictures .* at least 300 pixels .* see 32×32: --size 64 .* about 4 and 49 times the pixels\.$/,
  );
  for (const given of [{ size: 32 }, { space: 'small' }])
    assert.is(await adviseSpace(given, SMALL_SPACE, samples), null);
  assert.is(await adviseSpace({}, SMALL_SPACE, samples.slice(1, 2)), null);
});

test('numbers, spaces and networks in few letters', async () => {
  assert.equal(['300k', '5M', '1.2G', '7', '2e6'].map(largeNumber), [3e5, 5e6, 1.2e9, 7, 2e6]);
  for (const text of ['', '0', '-5', '5 M', '1e400', '5MB'])
    assert.throws(() => largeNumber(text), /number above 0/, text);
  assert.is(await openSpace({}), SMALL_SPACE);
  assert.is((await openSpace({ size: 96 })).name, 'b0');
  assert.equal(await openSpace({ space: 'b0', size: 160 }), { ...B0_SPACE, inputSize: 160 });
  assert.is(briefly('k3e1w16d1s0-k5e6w24d2s0.25-k5e6w24d2s0.5'), 'k3e1w16d1 k5e6w24d2s k5e6w24d2s0.5');
});

test('progress says what is known from before once, and how long the rest takes at the pace so far', () => {
  const written: string[] = [];
  let now = 0;
  const lines = new SearchLines(
    { unit: 'ms', value: 5, exponent: null, batch: 1 },
    { stream: { write: (text: string) => written.push(text) }, now: () => now },
  );
  const { onProgress, onTrial } = lines.hooks;
  const trial = { by: 'method', network: 'k3e1w4d1s0', rung: 1, steps: 20, cost: 4.5, loss: 1.25 } as const;
  const score = { halves: [1, 1.5], accuracy: 0.5 } as const;
  onProgress!({ phase: 'method', what: 'k3e1w4d1s0', done: 0, total: 100, known: 0, loss: 1 });
  onTrial!({ ...trial, ...score, index: 0 }, true);
  onTrial!({ ...trial, ...score, index: 1 }, false);
  onTrial!({ ...trial, ...score, index: 2, loss: 99, diverged: true }, false);
  now = 20_000;
  onProgress!({ phase: 'method', what: 'k3e1w4d1s0', done: 50, total: 100, known: 40, loss: Number.NaN });
  lines.stop();
  assert.equal(written, [
    '1 measurement is known from before.\n',
    '2. rung 1, 20 steps: held loss 1.250, 4.5 ms  k3e1w4d1\n',
    '3. rung 1, 20 steps: diverged, 4.5 ms  k3e1w4d1\n',
    'Searching 50.0 s/1 min 40 s (50 %)  k3e1w4d1  1 min 40 s left\n',
  ]);
});

test.run();
