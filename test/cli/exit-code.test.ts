/** 64 where what was given is bad and trying again cannot help; 1 where another try may go well, or Tessera is at fault. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CommandEntry, exitCodeOf } from '../../src/cli/main.ts';
import { UserError } from '../../src/cli/ui.ts';
import { NotTrainable } from '../../src/data/node/layout.ts';
import { DeviceLost, NoAdapterError } from '../../src/gpu/index.ts';
import { bytesIfThere, makeFolder, reading, WriteError, writeWhole } from '../../src/node/files.ts';
import { FolderHeld, FolderLock } from '../../src/node/lock.ts';
import { DivergedError } from '../../src/train/fit.ts';
import { WeightsError } from '../../src/weights/formats/error.ts';
import { DownloadError, DownloadStopped } from '../../src/weights/node/download.ts';
import { tessera } from './in-process.ts';

const test = suite('cli: exit code');
let folder: string;
const at = (name: string): string => join(folder, name);
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-exit-'));
  await mkdir(at('one class/cats'), { recursive: true });
  await writeFile(at('text'), 'neither a picture nor weights\n');
  await writeFile(at('one class/cats/a.png'), 'no picture');
});
test.after(() => rm(folder, { recursive: true }));

const BAD: [command: string, ...args: string[]][] = [
  ['train', '--data', 'no such folder'],
  ['train', '--data', 'one class'],
  ['train', '--data', 'text'],
  ['train', '--weights', 'text'],
  ['train', '--model', 'resnet19'],
  ['train', '--resume', 'no such run'],
  ['train', '--epochs', 'many'],
  ['train', '--folds', '1'],
  ['train', '--fold', '2/1'],
  ['train', '--group-by', '(a'],
  ['train', '--group-by', 'folder'],
  ['search', '--group-by', ''],
  ['train', '--class-weights', 'auto', '--sampler', 'balanced'],
  ['search', '--data', 'one class'],
  ['search', '--space', 'text'],
  ['search', '--resume', 'no such search'],
  ['predict', 'no such picture'],
  ['predict', '--list', 'no such list'],
  ['predict', '--list', 'text', '--out', 'answers.txt'],
  ['predict', '--list', 'text', '--out', 'answers.csv', '--shard', '0/4'],
  ['predict', 'text', '--weights', 'text'],
  ['predict', 'text', '--checkpoint', 'text'],
  ['merge', 'text', '--out', 'answers.csv'],
  ['merge'],
  ['explain', 'no such picture'],
  ['explain', 'text', '--method', 'guess'],
  ['evaluate', '--checkpoint', 'text'],
  ['evaluate', '--checkpoint', 'no such run'],
  ['report', 'no such run', 'another'],
  ['summary', 'resnet19'],
  ['summary', 'resnet18', '--train-from', 'layer9'],
  ['weights', 'convert', 'text'],
  ['weights', 'inspect', 'no such file'],
  ['weights', 'fetch', 'resnet18', '--from', 'ftp://x/y.pth'],
  ['export', 'no such run', '--to', 'onnx'],
  ['bench', '--compare', 'text', 'text'],
  ['tune', 'resnet19'],
];
for (const [command, ...args] of BAD)
  test(`64: ${[command, ...args].join(' ')}`, async () => {
    const { code, err } = await tessera(command, ...args.map((arg) => (NAMES.test(arg) ? at(arg) : arg)));
    assert.is(code, 64, err);
    assert.match(err, /^error: /m);
    assert.not.match(err, /mistake in Tessera/);
  });
/** What stands for a path in the table. */
const NAMES = /^(?:no such|one class|text$|answers\.|another$)/;

const { commands } = (await import(new URL('../../bin/commands.mjs', import.meta.url).href)) as {
  commands: CommandEntry[];
};
for (const { name } of commands.filter(({ module }) => module.startsWith('src/cli/')))
  test(`64: ${name} with an option that it does not have`, async () => {
    const { code, err } = await tessera(name, '--no-such-option');
    assert.is(code, 64, err);
  });

const caught = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
};
const forever = (): number => forever() + 1;
const system = (code: string): Error => Object.assign(new Error(code), { code });
const refused = (code: string): Promise<unknown> =>
  reading('a.png', Promise.reject(system(code))).catch((error: unknown) => error);

const ERRORS: [what: string, code: number, error: () => unknown][] = [
  ['help', 0, () => new CommanderError(0, 'commander.helpDisplayed', '')],
  ['a wrong option', 64, () => new CommanderError(1, 'commander.unknownOption', '')],
  ['what somebody typed', 64, () => new UserError('no')],
  ['weights', 64, () => new WeightsError('sniff', 'no weights')],
  ['a data set', 64, () => new NotTrainable('one class')],
  ['a rate that is too high', 64, () => new DivergedError('NaN')],
  ['a setting that the engine does not take', 64, () => new RangeError("there is no model 'x'")],
  ['a file that is not there', 64, () => refused('ENOENT')],
  ['a file that may not be read', 64, () => refused('EACCES')],
  ['a pipe in place of a file', 64, () => bytesIfThere('/dev/null').catch((error: unknown) => error)],
  ['a folder in place of a file', 64, () => writeWhole(folder, '').catch((error: unknown) => error)],
  ['a file in place of a folder', 64, () => makeFolder(at('text/in')).catch((error: unknown) => error)],
  ['a disk that fails', 1, () => refused('EIO')],
  ['too many open files', 1, () => refused('EMFILE')],
  ['a full disk', 1, () => new WriteError('full', { cause: system('ENOSPC') })],
  ['a run that was not written', 1, () => new WriteError('run', { cause: new WriteError('file') })],
  ['a lost device', 1, () => new DeviceLost('gone')],
  ['no adapter', 1, () => new NoAdapterError('none')],
  ['a download', 1, () => new DownloadError('404')],
  ['a download that was stopped', 1, () => new DownloadStopped(0)],
  ['a fault of ours', 1, () => new Error('cannot be')],
  ['undefined is no function', 1, () => caught(() => (undefined as unknown as () => void)())],
  ['an endless recursion', 1, () => caught(forever)],
  ['an array of −1', 1, () => caught(() => new Array(-1))],
  ['a typed array of −1', 1, () => caught(() => new Float32Array(-1))],
  ['too much memory', 1, () => caught(() => new ArrayBuffer(2 ** 53))],
  ['a view beyond its buffer', 1, () => caught(() => new DataView(new ArrayBuffer(4)).getUint32(2))],
  ['a view that is not aligned', 1, () => caught(() => new Float32Array(new ArrayBuffer(8), 2))],
  ['numbers set beyond the end', 1, () => caught(() => new Float32Array(4).set([1, 2], 3))],
  ['too many digits', 1, () => caught(() => (1).toFixed(101))],
  ['a repeat of −1', 1, () => caught(() => 'x'.repeat(-1))],
  ['a code point of −1', 1, () => caught(() => String.fromCodePoint(-1))],
  ['a fraction as a big integer', 1, () => caught(() => BigInt(0.5))],
  ["Node's own", 1, () => caught(() => Buffer.alloc(-1))],
];
for (const [what, code, error] of ERRORS)
  test(`${code}: ${what}`, async () => {
    const thrown = await error();
    assert.instance(thrown, Error);
    assert.is(exitCodeOf(thrown), code, String(thrown));
  });

test('1: a folder that another process holds', async () => {
  const lock = await FolderLock.take(folder, 'tessera train');
  try {
    const held = await FolderLock.take(folder, 'tessera train').catch((error: unknown) => error);
    assert.instance(held, FolderHeld);
    assert.is(exitCodeOf(held), 1);
  } finally {
    lock.release();
  }
});

test.run();
