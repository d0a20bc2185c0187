/** `bench --compare` and `--against`: files and revisions that are none, and trees that are measured in turns. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Comparison } from '../../../src/bench/compare.ts';
import { documentOf, headerOf } from '../../../src/bench/document.ts';
import { type AgainstOptions, runAgainst } from '../../../src/cli/bench/against.ts';
import { compareFiles } from '../../../src/cli/bench/compare.ts';
import { MARKER } from '../../../src/cli/bench/worker.ts';
import { dryDevice, PLAIN_DEVICE } from '../../../src/gpu/dry.ts';
import { madeRun, QUIET, resultOf } from '../../helpers/bench-runs.ts';

const test = suite('cli: bench --compare, --against');
// Paths with links in them are not what git calls a repository.
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tessera-compare-test-')));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What a command prints on stdout and says on stderr. */
async function printed(work: () => Promise<number>): Promise<{ code: number; out: string; err: string }> {
  const kept = { out: '', err: '' };
  const real = { stdout: process.stdout.write, stderr: process.stderr.write };
  const keep = (to: 'out' | 'err') => (text: string | Uint8Array) => {
    kept[to] += String(text);
    return true;
  };
  process.stdout.write = keep('out') as typeof process.stdout.write;
  process.stderr.write = keep('err') as typeof process.stderr.write;
  try {
    return { code: await work(), ...kept };
  } finally {
    process.stdout.write = real.stdout;
    process.stderr.write = real.stderr;
  }
}

async function sentence(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it went through');
}

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};
const old = write('old.json', JSON.stringify(madeRun(1, QUIET)));
const slower = write('slower.json', JSON.stringify(madeRun(2, QUIET, { factors: [1, 1.4] })));

test('two files: a table of all entries, what changed first, and exit code 0', async () => {
  const { code, out, err } = await printed(() => compareFiles(old, slower, { pairs: 8 }));
  assert.is(code, 0);
  const lines = out.trim().split('\n');
  assert.is(lines.length, 7);
  assert.match(lines[1]!, /^kernel 1 · tile +\S+ +\S+ +1\.\d+ +1\.\d+ \(1\.\d+–1\.\d+\) +slower$/);
  assert.match(err, /1 slower, 5 no difference shown/);
});

test('a document that the page saved: null for what a page cannot know, ceilings, and starts that are warm alone', async () => {
  const { device } = await dryDevice(PLAIN_DEVICE);
  const where = { commit: null, dawn: 'Mozilla/5.0', runtime: null, processor: null };
  const { entries } = madeRun(1, QUIET);
  const best = { value: 100, kernel: 'a', tried: [{ kernel: 'a', value: 100 }], doubt: null };
  const start = { name: 'n', coldMs: null, warmMs: 12, programs: [], dispatches: 3, javascriptUs: 2 };
  const found = documentOf(headerOf(device, where), {
    ceilings: { arithmetic: best, bandwidth: best },
    measured: entries,
    starts: [{ ...start, made: { buffers: 0, bindGroups: 0, pipelines: 0 } }],
  });
  device.close();
  assert.ok(found.entries.every(({ share }) => share! > 0));
  const page = write('page.json', JSON.stringify(found));
  const { code, out } = await printed(() => compareFiles(page, page, { pairs: 8, json: true }));
  assert.equal([code, (JSON.parse(out) as Comparison).entries.length], [0, entries.length]);
});

test('--fail-on is the exit code, --json one document', async () => {
  const failing = async (failOn: 'slower' | 'faster' | 'changed') =>
    (await printed(() => compareFiles(old, slower, { pairs: 8, failOn, json: true }))).code;
  assert.equal([await failing('slower'), await failing('faster'), await failing('changed')], [1, 0, 1]);
  const { out } = await printed(() => compareFiles(old, slower, { pairs: 8, json: true }));
  const document = JSON.parse(out) as Comparison;
  assert.is(document.format, 'tessera-bench-comparison');
  assert.is(document.entries[1]!.verdict, 'slower');
});

const FILES: readonly [what: string, text: string, wanted: RegExp][] = [
  ['no JSON', '{', /bad\.json is no JSON/],
  [
    'another version',
    JSON.stringify({ ...madeRun(1, QUIET), version: 2 }),
    /bad\.json\.version is one of 1, not 2/,
  ],
  ['no bench', '{"format":"x"}', /bad\.json\.format is one of tessera-bench, not 'x'/],
  ['too many brackets', '['.repeat(300_000), /bad\.json holds 300,000 brackets/],
  ['another adapter', JSON.stringify(resultOf([], { lanes: 4 })), /that compares adapters, not code/],
];
for (const [what, text, wanted] of FILES)
  test(`a file of ${what} gets a sentence`, async () => {
    const bad = write('bad.json', text);
    assert.match(await sentence(() => compareFiles(old, bad, { pairs: 8 })), wanted);
  });

test('files that are not there, and folders, get a sentence', async () => {
  assert.match(
    await sentence(() => compareFiles(join(folder, 'none'), old, { pairs: 8 })),
    /none cannot be read/,
  );
  assert.match(
    await sentence(() => compareFiles(folder, old, { pairs: 8 })),
    /it is a folder|cannot be read/,
  );
});

/** A tree whose bench prints a made-up run, in which the process number is the seed. */
const benchOf = (factor: number): string => `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
const log = process.env.BENCH_LOG;
const seed = existsSync(log) ? readFileSync(log, 'utf8').split('\\n').length : 1;
appendFileSync(log, '${factor} ' + process.argv.slice(2).join(' ') + '\\n');
const run = JSON.parse(readFileSync(process.env.BENCH_RUN, 'utf8'));
for (const [index, entry] of run.entries.entries())
  entry.timing.rounds = entry.timing.rounds.map((times) => times.map((ms) =>
    ms * (1 + 0.01 * Math.sin(17 * seed + 5 * index)) * (index === 1 ? ${factor} : 1)));
if (process.argv.includes('--filter=fails')) { console.error('error: no such work'); process.exit(1); }
if (process.argv.includes('--filter=waits')) setInterval(() => {}, 1000);
else console.log(JSON.stringify(run));
`;
const git = (root: string, ...args: string[]): string =>
  execFileSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    encoding: 'utf8',
  }).trim();

/** A repository of three revisions: one that cannot be asked, `base`, and a slower one with changes in the tree. */
const repository = ((): string => {
  const root = join(folder, 'repository');
  write('repository/package-lock.json', '{}');
  mkdirSync(join(root, 'node_modules'));
  git(root, 'init', '-q', '-b', 'main');
  const commit = (message: string, files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) write(`repository/${name}`, text);
    git(root, 'add', '-A');
    git(root, 'commit', '-q', '-m', message);
  };
  commit('early', { '.gitignore': 'node_modules/\n' });
  git(root, 'tag', 'early');
  commit('base', { [MARKER]: '', 'bin/tessera.mjs': benchOf(1) });
  git(root, 'tag', 'base');
  commit('slower', { 'bin/tessera.mjs': benchOf(1.2) });
  return root;
})();
process.env.BENCH_RUN = old;
process.env.BENCH_LOG = join(folder, 'log');

const ASKED = { groups: ['kernels'], filter: 'conv' };
const OPTIONS: AgainstOptions = { against: 'base', pairs: 6, samples: 9, json: true };
/** Folders of this process: others may be at work on this machine. */
const left = (): string[] =>
  readdirSync(tmpdir()).filter(
    (name) => name.startsWith('tessera-against-') && name.includes(`-${process.pid}-`),
  );

test('--against runs both trees in turns, finds the slower entry, and leaves nothing behind', async () => {
  const { code, out } = await printed(() => runAgainst(repository, ASKED, { ...OPTIONS, failOn: 'slower' }));
  const comparison = JSON.parse(out) as Comparison;
  assert.equal(
    comparison.entries.map(({ verdict }) => verdict.startsWith('slower')),
    [false, true, false, false, false, false],
  );
  assert.is(code, 1);
  assert.is(comparison.pairs, 6);
  const lines = readFileSync(process.env.BENCH_LOG!, 'utf8').trim().split('\n');
  const order = lines.map((line) => (line.startsWith('1 ') ? 'A' : 'B')).join('');
  assert.is(order, 'ABABBAABBAABBA');
  assert.ok(
    lines.every((line) => line.endsWith('bench kernels --filter=conv --rounds=3 --samples=9 --json')),
  );
  assert.equal(left(), []);
  assert.is(git(repository, 'worktree', 'list').split('\n').length, 1);
});

const REFUSED: readonly [
  what: string,
  root: string,
  options: Partial<AgainstOptions>,
  filter: string,
  wanted: RegExp,
][] = [
  ['a revision that is none', repository, { against: 'nowhere' }, 'conv', /there is no such revision here/],
  [
    'a revision that is an option',
    repository,
    { against: '--all' },
    'conv',
    /there is no such revision here/,
  ],
  [
    'a revision of before',
    repository,
    { against: 'early' },
    'conv',
    /the first revision whose can is [0-9a-f]+/,
  ],
  ['no repository', folder, {}, 'conv', /needs a git repository/],
  [
    'a bench that fails',
    repository,
    {},
    'fails',
    /the bench of base \([0-9a-f]{9}\) ended with 1: error: no such work/,
  ],
];
for (const [what, root, options, filter, wanted] of REFUSED)
  test(`--against: ${what} gets a sentence`, async () => {
    const work = () => printed(() => runAgainst(root, { ...ASKED, filter }, { ...OPTIONS, ...options }));
    assert.match(await sentence(work), wanted);
    assert.equal(left(), []);
  });

test('changes that are not committed are measured, and said', async () => {
  writeFileSync(join(repository, 'bin/tessera.mjs'), benchOf(1.5));
  const { out, err } = await printed(() => runAgainst(repository, ASKED, { ...OPTIONS, against: 'HEAD' }));
  assert.match(err, /This tree has changes that are not committed/);
  assert.is((JSON.parse(out) as Comparison).entries[1]!.verdict, 'slower');
  git(repository, 'checkout', '-q', '.');
});

test('other packages are installed anew, and that is said', async () => {
  writeFileSync(join(repository, 'package-lock.json'), '{ "a": 1 }');
  const { err } = await printed(() => runAgainst(repository, ASKED, OPTIONS));
  assert.match(err, /wants other packages than this tree: npm ci installs them/);
  git(repository, 'checkout', '-q', '.');
});

test('Ctrl-C ends the process that measures, and the folder goes', async () => {
  const stopped = printed(() => runAgainst(repository, { ...ASKED, filter: 'waits' }, OPTIONS));
  while (left().length === 0 || !existsSync(join(tmpdir(), left()[0]!, 'tree/bin')))
    await new Promise((resolve) => setTimeout(resolve, 20));
  process.emit('SIGINT', 'SIGINT');
  const { code, err } = await stopped;
  assert.is(code, 130);
  assert.match(err, /0 pairs of runs: nothing is compared below 6/);
  assert.equal(left(), []);
});

test.run();
