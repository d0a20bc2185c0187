/**
 * `train`, killed: runs that are ended by SIGKILL at random moments and then taken up again, or begun again where nothing
 * was saved, against one that nobody disturbed. They have all that a run can have: phases, gradients that are gathered,
 * a clipped norm, a moving average, patience, and the feature cache on a disk. A fifth of the kills each comes in the
 * first save, in a later one, in the middle of a step, over an older run (--overwrite), and anywhere from the start of the
 * process to its end.
 *
 *   node --import tsx bench/kills.ts [KILLS = 25] [SEED = 1]
 *
 * Prints what became of each, and ends with 1 where bits differ, an older run is lost, or anything else stays in a folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import type { MBConvTable } from '../src/models/mbconv-table.ts';
import { openDevice } from '../src/node/open-device.ts';
import { randomUniform } from '../src/tensor/random.ts';
import { readCheckpoint } from '../src/train/node/checkpoint.ts';
import { BEST, LAST, REPORT } from '../src/train/node/run-folder.ts';
import { createModel, saveWeights } from '../src/weights/node/create-model.ts';

const launcher = fileURLToPath(new URL('../bin/tessera.mjs', import.meta.url));
const KINDS = ['first save', 'later save', 'step', 'overwrite', 'anywhere'] as const;
type Kind = (typeof KINDS)[number];

/** A network whose training takes no time. */
export const TINY: MBConvTable = {
  name: 'tiny',
  rows: [
    [1, 3, 1, 8, 1, 0.25],
    [4, 3, 2, 16, 1, 0.25],
  ],
  stem: 8,
  head: 32,
  activation: 'relu',
  inputSize: 32,
};
const SETTINGS = [
  ...[
    '--unfreeze-schedule',
    'head:2,blocks.1:4',
    '--batch',
    '4',
    '--size',
    '32',
    '--views',
    '2',
    '--cache',
    'disk',
  ],
  ...['--accumulate', '5', '--clip', '1', '--average', '0.9', '--patience', '6', '--best', 'loss'],
];

/** What came of a kill. */
export interface Outcome {
  kind: Kind;
  /** What the run had come to, and the milliseconds after that. */
  place: string;
  wait: number;
  /** Whether a file was being written, which its beginning shows that lies there. */
  writing: boolean;
  /** What went on: a saved state, or the command once more. */
  how: 'resumed' | 'repeated' | 'ended before';
  /** What is wrong; empty where nothing is. */
  faults: string[];
}

/** Kills `count` runs, the kinds in turn. */
export async function kills(
  count: number,
  seed: number,
  onOutcome: (outcome: Outcome) => void = () => undefined,
): Promise<Outcome[]> {
  const root = await mkdtemp(join(tmpdir(), 'tessera-kills-'));
  try {
    const trial = await Trial.prepare(root);
    const outcomes: Outcome[] = [];
    for (let index = 0; index < count; index++) {
      const draw = randomUniform(seed, 'kills', 0, index);
      const outcome = await trial.kill(KINDS[index % KINDS.length], index, draw);
      outcomes.push(outcome);
      onOutcome(outcome);
    }
    return outcomes;
  } finally {
    await rm(root, { recursive: true });
  }
}

class Trial {
  private constructor(
    private readonly root: string,
    /** Of the run that nobody disturbs. */
    private readonly whole: string,
    /** Its files. */
    private readonly files: string[],
    /** Every file of an older run. */
    private readonly older: string,
  ) {}

  static async prepare(root: string): Promise<Trial> {
    await writePictures(join(root, 'data'));
    const device = await openDevice();
    await saveWeights(await createModel(TINY, { numClasses: 2, seed: 1 }), join(root, 'tiny.safetensors'));
    device.close();
    const older = await ended(start(root, ['--out', 'older', '--seed', '5']));
    const whole = await ended(start(root, ['--out', 'whole']));
    if (older.code !== 0 || whole.code !== 0) throw new Error(`a run failed:\n${older.err}\n${whole.err}`);
    const folder = join(root, 'whole');
    return new Trial(root, await bitsOf(folder), await filesOf(folder), await bytesOf(join(root, 'older')));
  }

  async kill(kind: Kind, index: number, draw: number): Promise<Outcome> {
    const out = `run-${index}`;
    const folder = join(this.root, out);
    const options = ['--out', out, ...(kind === 'overwrite' ? ['--overwrite'] : [])];
    if (kind === 'overwrite') await cp(join(this.root, 'older'), folder, { recursive: true });
    const child = start(this.root, options, [], out);
    const end = ended(child);
    // Of those that overwrite every second one is killed about its first save, the moment that matters.
    const first = kind === 'first save' || (kind === 'overwrite' && index % 2 === 0);
    const places = PLACES_OF[kind] ?? PLACES;
    const at = Math.floor(draw * places.length);
    const place = first ? 'in its first save' : `at '${places[at]}'`;
    const wait = (draw * places.length - at) * (first ? SAVING.first : (WITHIN[kind] ?? BETWEEN));
    if (!first) await saying(child, places[at]);
    if (first || kind === 'later save') until(() => beingWritten(folder), first ? 120_000 : 1000);
    else if (kind === 'step' && places[at] !== FIRST_STEPS) await nextSteps(folder);
    if (wait >= 1) await sleepExactly(wait);
    child.kill('SIGKILL');
    const { signal } = await end;
    const writing = beingWritten(folder);

    const faults: string[] = [];
    const untouched = kind === 'overwrite' && (await bytesOf(folder)) === this.older;
    const saved = existsSync(join(folder, LAST)) || existsSync(join(folder, '.whole'));
    const goesOn = saved && !untouched;
    const next = await ended(
      goesOn
        ? start(this.root, null, ['--resume', out, '--cache', 'disk'], out)
        : start(this.root, options, [], out),
    );
    if (next.code !== 0) faults.push(`ended with ${next.code}: ${next.err.trim().split('\n').at(-1)}`);
    else {
      if ((await bitsOf(folder)) !== this.whole) faults.push('other bits');
      const left = await filesOf(folder);
      if (`${left}` !== `${this.files}`) faults.push(`the folder holds ${left}`);
    }
    if (kind === 'overwrite' && !goesOn && !untouched) faults.push('the older run is lost');
    const how = signal !== 'SIGKILL' ? 'ended before' : goesOn ? 'resumed' : 'repeated';
    await rm(folder, { recursive: true });
    return { kind, place, wait, writing, how, faults };
  }
}

/** What a run says on its way; a kill comes after one of these. Times would say less: a busy machine stretches them. */
const PLACES = ['', 'parameters', 'A step takes', 'Epoch 1/', 'Epoch 2/', 'Epoch 3/', 'Epoch 5/', 'Trained'];
/** Said after the fifth of twelve steps of the first epoch. */
const FIRST_STEPS = 'A step takes';
const PLACES_OF: Partial<Record<Kind, string[]>> = {
  // What an epoch comes to is said before its state is saved, and the next one's steps follow.
  'later save': ['Epoch 1/', 'Epoch 2/', 'Epoch 3/', 'Epoch 4/', 'Epoch 5/'],
  step: [FIRST_STEPS, 'Epoch 1/', 'Epoch 2/', 'Epoch 4/'],
};
/** Milliseconds of the way to the next place, with something to spare, and of what the two files of a state take on an idle machine. */
const BETWEEN = 400;
const SAVING = { first: 8, later: 4 };
const WITHIN: Partial<Record<Kind, number>> = { 'later save': SAVING.later, step: 50 };

/** Resolves when the process has said `text`, or is over. */
function saying(child: ChildProcess, text: string): Promise<void> {
  let said = '';
  return new Promise((resolve) => {
    if (text === '') resolve();
    child.on('close', () => resolve());
    child.stderr!.on('data', (data) => {
      said += data;
      if (said.includes(text)) resolve();
    });
  });
}

/** A run in `root`; `options` null: `rest` says all. `cache` names the folder of its features. */
function start(
  root: string,
  options: string[] | null,
  rest: string[] = [],
  cache = 'features',
): ChildProcess {
  const common = options ? ['--data', 'data', '--weights', 'tiny.safetensors', ...SETTINGS, ...options] : [];
  const env = { ...process.env, TESSERA_CACHE: join(root, 'caches', cache) };
  return spawn(process.execPath, [launcher, 'train', ...common, ...rest], { cwd: root, env });
}

function ended(
  child: ChildProcess,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }> {
  let err = '';
  child.stderr!.on('data', (data) => {
    err += data;
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, err })));
}

/** Whether a file of a run is being written: until it is whole it has a name of its own (src/node/leftovers.ts). */
const beingWritten = (folder: string): boolean =>
  [folder, join(folder, '.new')].some(
    (place) => existsSync(place) && readdirSync(place).some((name) => name.endsWith('.tmp')),
  );

/**
 * Waits until something is so, `patience` milliseconds at most. A save takes some milliseconds, so nothing else may happen
 * here meanwhile: a timer might come too late.
 */
function until(isSo: () => boolean, patience: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + patience;
  while (!isSo() && performance.now() < end) Atomics.wait(pause, 0, 0, 0.3);
}

/** Waits until the state of an epoch is saved and the next steps come. */
async function nextSteps(folder: string): Promise<void> {
  const written = (): number => statSync(join(folder, LAST), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const before = written();
  until(() => written() !== before, 300);
  await sleepExactly(10);
}

const sleepExactly = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A hash of all that a run computed: weights, optimiser, and what it measured but for the times. */
async function bitsOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [BEST, LAST]) {
    const { info, weights } = await readCheckpoint(join(folder, file));
    for (const [name, { bytes }] of [...weights.file.tensors].sort()) hash.update(name).update(bytes);
    const history = info.progress?.history.map(({ trainLoss, val }) => ({ trainLoss, val }));
    hash.update(JSON.stringify([info.epoch, history ?? info.metrics]));
  }
  const { epochs, best, confusion } = JSON.parse(await readFile(join(folder, REPORT), 'utf8'));
  return hash.update(JSON.stringify([epochs.length, best.epoch, best.val, confusion])).digest('hex');
}

/** The names in a folder. */
const filesOf = async (folder: string): Promise<string[]> => (await readdir(folder)).sort();

/** A hash of the files of a run, hidden ones left out. */
async function bytesOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const files = (await filesOf(folder)).filter((name) => !name.startsWith('.'));
  for (const file of files) hash.update(file).update(await readFile(join(folder, file)));
  return hash.digest('hex');
}

/** 24 pictures to train on and 8 to validate with: noise with stripes across or down. */
export async function writePictures(folder: string): Promise<void> {
  const side = 32;
  for (const [part, count] of [
    ['train', 24],
    ['val', 8],
  ] as const)
    for (let index = 0; index < count; index++) {
      const label = index % 2;
      const target = join(folder, part, ['across', 'down'][label]);
      await mkdir(target, { recursive: true });
      const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
        const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
        const stripe = (label === 0 ? y : x) % 4 < 2 ? 25 : -25;
        return 128 + stripe + 80 * (randomUniform(count, 'noise', index, i) - 0.5);
      });
      await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toFile(join(target, `${index}.png`));
    }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count = '25', seed = '1'] = process.argv.slice(2);
  const outcomes = await kills(Number(count), Number(seed), ({ kind, place, wait, writing, how, faults }) => {
    const verdict = faults.length === 0 ? 'the same bits' : faults.join('; ');
    process.stdout.write(
      `${kind.padEnd(10)}  ${how.padEnd(12)}  ${verdict.padEnd(14)}  killed ${place}, ${wait.toFixed(0)} ms on${writing ? ', while writing' : ''}\n`,
    );
  });
  for (const kind of KINDS) {
    const of = outcomes.filter((outcome) => outcome.kind === kind);
    const count = (how: Outcome['how']) => of.filter((outcome) => outcome.how === how).length;
    process.stdout.write(
      `${kind}: ${of.length} kills, ${of.filter(({ writing }) => writing).length} while a file was written, ` +
        `${count('resumed')} resumed, ${count('repeated')} repeated, ` +
        `${of.filter(({ faults }) => faults.length > 0).length} faults\n`,
    );
  }
  process.exit(outcomes.some(({ faults }) => faults.length > 0) ? 1 : 0);
}
