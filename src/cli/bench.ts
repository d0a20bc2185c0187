/**
 * `npm run bench`: times kernels and networks on this adapter, beside the ceilings of the same run, so that a number
 * says by itself how much is left to gain. Each kernel is held against its reference before it is timed. The document
 * that a run makes is src/bench/result.ts; what is printed is made of it.
 */
import type { Command } from 'commander';
import { measureCeilings } from '../bench/ceilings.ts';
import type { WithRows } from '../bench/kernels.ts';
import { entryOf } from '../bench/limits.ts';
import { BENCH_VERSION, type BenchResult } from '../bench/result.ts';
import { ROWS } from '../bench/rows.ts';
import { type Chosen, chooseTasks, GROUPS, type Group } from '../bench/run.ts';
import { measureTasks } from '../bench/tasks.ts';
import type { Device } from '../gpu/index.ts';
import { modelNames } from '../models/table.ts';
import { memoryBudget, plannedBytes } from '../node/memory.ts';
import { openDevice } from '../node/open-device.ts';
import { unknownName } from '../text/suggest.ts';
import { benchHeader } from './bench/header.ts';
import { describeResult } from './bench/table.ts';
import { wholeNumber } from './command-line.ts';
import {
  announceSoftware,
  counted,
  onStop,
  type ProgressBar,
  printJson,
  progressBar,
  say,
  UserError,
} from './ui.ts';

export const description =
  'Times each distinct problem of the networks (convolutions, products, norms, pools, with their gradients), whole forward ' +
  'passes and training steps, and what this adapter reaches at best: median and spread in ms, GFLOP/s, GB/s, which limit binds ' +
  'and the share of it. A kernel whose result is wrong is not timed.';

export function options(command: Command): void {
  command
    .argument('[what...]', `what to measure, of ${GROUPS.join(', ')} (default: all)`)
    .option('--filter <text>', 'only what has this in its name, its op or its networks')
    .option(
      '--shape <spec...>',
      'problems of any shape, such as conv:56x56x64,64,k3,s1,p1,g1,n1 or matmul:512x512x512 (docs/bench.md)',
    )
    .option('--networks <names...>', 'the problems and passes of these networks')
    .option(
      '--variant <name>',
      `the row of the tables of kernels that computes what it can (${ROWS.join(', ')}), in place of the fastest`,
    )
    .option('--all-variants', 'every row that can compute a problem, side by side')
    .option('--samples <n>', 'samples of each', wholeNumber(3), 10)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

export interface BenchOptions {
  filter?: string;
  shape?: string[];
  networks?: string[];
  variant?: string;
  allVariants?: boolean;
  samples: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

export async function run(args: string[], given: BenchOptions): Promise<number> {
  const { samples, adapter, json, debug } = given;
  const groups = groupsOf(args, given);
  const rows = rowsOf(given);
  checkNetworks(given.networks);
  const device = await openDevice({ ...(adapter ? { adapter } : {}), ...(debug ? { debug } : {}) });
  announceSoftware(device);
  const memory = plannedBytes(await memoryBudget(device), device.software);
  const chosen = await choose(device, groups, rows, memory, given);
  const stop = onStop('Stopping after this one, with what was measured; once more stops at once.');
  const ceilings = await measureCeilings(device, memory);
  const { tasks } = chosen;
  let bar: ProgressBar | null = null;
  const measured = await measureTasks(device, tasks, {
    samples,
    stopped: () => stop.requested,
    onProgress: (done, total, name, left) => {
      bar ??= progressBar('Bench', total);
      bar.update(done, name, left);
    },
  });
  (bar as ProgressBar | null)?.stop();
  stop.dispose();
  const result: BenchResult = {
    format: 'tessera-bench',
    version: BENCH_VERSION,
    header: await benchHeader(device),
    ceilings,
    entries: measured.map((one) => entryOf(one, ceilings)),
    starts: [],
  };
  device.close();
  if (json) printJson(result);
  else process.stdout.write(`${describeResult(result)}\n`);
  if (stop.requested) return stop.exitCode;
  return result.entries.some(({ failed }) => failed !== null) ? 1 : 0;
}

function groupsOf(args: readonly string[], { shape }: BenchOptions): readonly Group[] {
  if (args.length === 0) return shape ? ['kernels'] : GROUPS;
  return args.map((arg) => {
    const group = GROUPS.find((one) => one === arg);
    if (!group)
      throw new UserError(`there is nothing called '${arg}' to measure; bench takes ${GROUPS.join(', ')}`);
    return group;
  });
}

function rowsOf({ variant, allVariants }: BenchOptions): WithRows {
  if (variant === undefined) return allVariants ? 'all' : 'chosen';
  if (allVariants)
    throw new UserError('--variant names one row and --all-variants means all; give one of them');
  if (!ROWS.includes(variant))
    throw new UserError(`--variant ${variant}: there is no such row; the rows are ${ROWS.join(', ')}`);
  return { row: variant };
}

function checkNetworks(names: readonly string[] | undefined): void {
  for (const name of names ?? [])
    if (!modelNames().includes(name)) throw new UserError(unknownName('network', name, modelNames()));
}

/** The works, none of them only where nothing but the ceilings was asked for. */
async function choose(
  device: Device,
  groups: readonly Group[],
  rows: WithRows,
  memory: number,
  { filter, shape: shapes, networks, variant }: BenchOptions,
): Promise<Chosen> {
  const chosen = await chooseTasks(device, {
    groups,
    rows,
    memory: memory / 2,
    ...(filter !== undefined && { filter }),
    ...(shapes && { shapes }),
    ...(networks && { networks }),
  });
  const { tasks, matching, leftOut } = chosen;
  if (tasks.length === 0 && groups.some((group) => group !== 'ceiling'))
    throw new UserError(
      matching === 0
        ? `--filter ${filter}: nothing has that in its name; try conv, matmul, norm, pool, resnet18 or models`
        : `--variant ${variant} computes none of these ${counted(matching, 'problem')}; leave it or --filter out`,
    );
  if (leftOut.length > 0)
    say(
      `Not computed by ${variant}, left out: ${counted(leftOut.length, 'problem')}, such as ${leftOut[0]}.`,
    );
  return chosen;
}
