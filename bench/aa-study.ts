/**
 * Does the comparison of the bench cry wolf, and does it see one? Processes measure this tree against itself, all in the same
 * way: kernels by the bench's own runner, and one of them a second time with a fifth of its work repeated in each run (two more
 * pictures after ten): real work, not a figure that is multiplied.
 *
 *   node --import tsx bench/aa-study.ts OUT.jsonl [--processes 40] [--minutes 20]     measures, then reads
 *   node --import tsx bench/aa-study.ts OUT.jsonl --read                              reads what was measured
 *
 * OUT.jsonl gets a document a line; a run that is stopped goes on where it was. From the processes 20 comparisons are made in
 * each of three ways:
 *   stored       a process and the next one, two after two; where there are less than 40, some of them overlap
 *   far apart    a process and one that was measured half of the study later
 *   interleaved  sixteen pairs of neighbours drawn from all, each turned at random: series share pairs, and are not independent
 * Of each: how many flag anything; how often the slower kernel is found, put into the second run in the place of the kernel;
 * how often one is found whose recorded samples are multiplied by 1.2, any entry (a simulation).
 */
import { existsSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Comparison, comparePairs, compareRuns } from '../src/bench/compare.ts';
import { entryOf } from '../src/bench/limits.ts';
import { timingOf } from '../src/bench/measure.ts';
import { BENCH_VERSION, type BenchEntry, type BenchResult, benchResultOf } from '../src/bench/result.ts';
import { chooseTasks } from '../src/bench/run.ts';
import { measureTasks, type Task } from '../src/bench/tasks.ts';
import { benchHeader } from '../src/cli/bench/header.ts';
import { measureSide } from '../src/cli/bench/worker.ts';
import { onStop, progressBar, say, table } from '../src/cli/ui.ts';
import { openDevice } from '../src/node/open-device.ts';
import { bitsAt, randomKey, shuffled } from '../src/tensor/random.ts';
import { median } from '../src/train/evaluation/intervals.ts';

const SHAPES = [
  'conv:14x14x64,64,k3,s1,p1,g1,n10',
  'conv:28x28x64,128,k1,s1,p0,g1,n4',
  'conv:28x28x96,96,k3,s1,p1,g96,n4',
];
/** What comes on top of the first entry, and what the two together are called. */
const FIFTH = 'conv:14x14x64,64,k3,s1,p1,g1,n2';
const SLOWER = 'the first with a fifth of its work twice';

const COMPARISONS = 20;
const PAIRS = 16;
const MEMORY = 2 ** 30;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    processes: { type: 'string', default: '40' },
    minutes: { type: 'string', default: '20' },
    samples: { type: 'string', default: '15' },
    read: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
  },
});

/** One process: the document of the kernels and the slower one. */
async function work(samples: number): Promise<void> {
  const device = await openDevice({});
  const tasksOf = async (shapes: readonly string[]): Promise<readonly Task[]> =>
    (await chooseTasks(device, { groups: ['kernels'], shapes, rows: 'chosen', memory: MEMORY })).tasks;
  const tasks = await tasksOf(SHAPES);
  const [[whole], [fifth]] = [tasks, await tasksOf([FIFTH])];
  const measured = await measureTasks(device, [...tasks, both(whole!, fifth!)], { samples });
  const result: BenchResult = {
    format: 'tessera-bench',
    version: BENCH_VERSION,
    header: await benchHeader(device),
    ceilings: null,
    entries: measured.map((one) => entryOf(one, null)),
    starts: [],
  };
  process.stdout.write(JSON.stringify(result));
  device.close();
}

/** Runs `whole`, then `fifth`. */
function both(whole: Task, fifth: Task): Task {
  return {
    facts: { ...whole.facts, name: SLOWER },
    async prepare() {
      const [first, second] = [await whole.prepare(), await fifth.prepare()];
      return {
        sets: Math.max(first.sets, second.sets),
        run(index) {
          first.run(index);
          second.run(index);
        },
        dispose() {
          first.dispose();
          second.dispose();
        },
      };
    },
    check: async () => null,
  };
}

async function measureAll(path: string, processes: number, minutes: number): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const side = { name: 'this tree', argv: ['--import', 'tsx', self, '--worker'], cwd: process.cwd() };
  const stop = onStop('Stopping; what was measured is kept.');
  const bar = progressBar('Processes', processes);
  const end = performance.now() + 60_000 * minutes;
  try {
    // The first compiles.
    await measureSide(side, ['--samples', '3'], stop.signal);
    for (let done = linesOf(path).length; done < processes && performance.now() < end; ) {
      const result = await measureSide(side, ['--samples', values.samples], stop.signal);
      await appendFile(path, `${JSON.stringify(result)}\n`);
      bar.update(++done);
    }
  } catch (error) {
    if (!stop.requested) throw error;
  } finally {
    bar.stop();
    stop.dispose();
  }
}

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean) : [];

const without = (result: BenchResult): BenchResult => ({
  ...result,
  entries: result.entries.filter(({ name }) => name !== SLOWER),
});

/** The run with the slower kernel in the place of the kernel. */
function slowed(result: BenchResult): BenchResult {
  const { timing } = result.entries.find(({ name }) => name === SLOWER)!;
  const entries = without(result).entries.map((entry, index) => (index === 0 ? { ...entry, timing } : entry));
  return { ...result, entries };
}

/** The run with the samples of one entry multiplied. */
function multiplied(result: BenchResult, chosen: number): BenchResult {
  const longer = (entry: BenchEntry): BenchEntry => {
    const { rounds, repeats } = entry.timing!;
    return {
      ...entry,
      timing: timingOf(
        rounds.map((times) => times.map((ms) => 1.2 * ms)),
        repeats,
      ),
    };
  };
  const { entries } = without(result);
  return { ...result, entries: entries.map((entry, index) => (index === chosen ? longer(entry) : entry)) };
}

type Pair = readonly [before: BenchResult, after: BenchResult];

/** Of 20 series of pairs: what is flagged in them as they are, with the slower kernel, and with one made slower on paper. */
function study(name: string, series: readonly (readonly Pair[])[]): string[] {
  const compared = (pairs: readonly Pair[], change: (after: BenchResult) => BenchResult): Comparison => {
    const changed = pairs.map(([before, after]) => ({ before: without(before), after: change(after) }));
    return changed.length === 1 ? compareRuns(changed[0]!.before, changed[0]!.after) : comparePairs(changed);
  };
  const flagged = ({ entries, together, kind }: Comparison): boolean =>
    entries.some(({ verdict }) => verdict === 'slower' || verdict === 'faster') ||
    (kind === 'interleaved' && (together?.shown ?? false));
  const share = (found: readonly boolean[]): string => `${found.filter(Boolean).length} of ${found.length}`;
  const entries = without(series[0]![0]![0]).entries.length;
  const same = series.map((pairs) => compared(pairs, without));
  const seen = same.flatMap((one) =>
    one.entries.flatMap(({ judged }) => (judged ? [judged.high / judged.value] : [])),
  );
  const slower = series.map((pairs) => compared(pairs, slowed).entries[0]!);
  return [
    name,
    share(same.map(flagged)),
    share(slower.map(({ verdict }) => verdict === 'slower')),
    median(slower.map(({ ratio }) => ratio!)).toFixed(2),
    share(
      series.flatMap((pairs) =>
        Array.from(
          { length: entries },
          (_, chosen) =>
            compared(pairs, (after) => multiplied(after, chosen)).entries[chosen]!.verdict === 'slower',
        ),
      ),
    ),
    `${Math.round(100 * (median(seen) - 1))} %`,
  ];
}

function read(path: string): void {
  const runs = linesOf(path).map((line, index) => benchResultOf(line, `line ${index + 1} of ${path}`));
  if (runs.length < 2 * PAIRS)
    throw new RangeError(`${runs.length} processes: 32 at least make a study, 40 a good one`);
  const at = (index: number): BenchResult => runs[index % runs.length]!;
  const half = Math.floor(runs.length / 2);
  const step = runs.length >= 2 * COMPARISONS ? 2 : 1;
  const every = (work: (index: number) => readonly Pair[]): (readonly Pair[])[] =>
    Array.from({ length: COMPARISONS }, (_, index) => work(index));
  const key = randomKey(0, 'aa-study', 0);
  const drawn = (index: number): Pair[] =>
    [...shuffled(half, 0, index).slice(0, PAIRS)].map((pair, place): Pair => {
      const [first, second] = [at(2 * pair), at(2 * pair + 1)];
      return bitsAt(key, index, place) % 2 === 0 ? [first, second] : [second, first];
    });
  const spread = without(runs[0]!).entries.map((entry, index) => {
    const medians = runs.map((run) => run.entries[index]!.timing!.median);
    return `${entry.name}: ${median(medians).toFixed(2)} ms, ${Math.min(...medians).toFixed(2)}–${Math.max(...medians).toFixed(2)}`;
  });
  say(
    `${runs.length} processes, ${runs[0]!.header.date} to ${runs.at(-1)!.header.date}; medians of them:`,
    ...spread,
  );
  const rows = [
    [
      '20 comparisons',
      'flag anything',
      'slower kernel found',
      'its ratio',
      'found of 1.2 × on paper',
      'seen from',
    ],
    study(
      'stored',
      every((index) => [[at(step * index), at(step * index + 1)]]),
    ),
    study(
      'far apart',
      every((index) => [[at(index), at(index + half)]]),
    ),
    study('interleaved', every(drawn)),
  ];
  process.stdout.write(`${table(rows)}\n`);
}

if (values.worker) await work(Number(values.samples));
else {
  const [path] = positionals;
  if (path === undefined) throw new Error('which file? node --import tsx bench/aa-study.ts OUT.jsonl');
  if (!values.read) await measureAll(path, Number(values.processes), Number(values.minutes));
  read(path);
}
