/**
 * `npm run bench`: times kernels and networks on this adapter, beside the ceilings of the same run, so that a number
 * says by itself how much is left to gain.
 */
import type { Command } from 'commander';
import { CASES, type Case, VARIANTS } from '../../bench/cases.ts';
import { measureCeilings } from '../bench/ceilings.ts';
import { measure } from '../bench/measure.ts';
import type { Ceilings, Timing } from '../bench/result.ts';
import type { Device } from '../gpu/index.ts';
import { memoryBudget, plannedBytes } from '../node/memory.ts';
import { openDevice } from '../node/open-device.ts';
import { wholeNumber } from './command-line.ts';
import {
  adapterName,
  announceSoftware,
  formatNumber,
  onStop,
  printJson,
  progressBar,
  say,
  table,
  UserError,
} from './ui.ts';

export const description =
  'Times matrix products, convolutions of ResNet-18 and EfficientNet-B0 with both gradients, batch norm, pooling, and forward ' +
  'passes and training steps of three networks: median and spread in ms, GFLOP/s, and the share of what this adapter reaches at best.';

export function options(command: Command): void {
  command
    .option('--filter <text>', 'only the cases whose name or group contains this')
    .option(
      '--variant <name>',
      `the row of the tables of kernels that computes what it can (${VARIANTS.join(', ')}), in place of the fastest`,
    )
    .option('--samples <n>', 'samples per case', wholeNumber(3), 15)
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print one JSON document on stdout');
}

interface BenchOptions {
  filter?: string;
  variant?: string;
  samples: number;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

interface Result extends Timing {
  name: string;
  group: Case['group'];
  gflops: number | null;
  gbytes: number | null;
  /** Percentage of the ceiling that this work hits first. */
  ceiling: number | null;
}

export async function run(
  _args: string[],
  { filter, variant, samples, adapter, json, debug }: BenchOptions,
): Promise<number> {
  const wanted = filter?.toLowerCase() ?? '';
  const named = CASES.filter(({ name, group }) => `${group} ${name}`.toLowerCase().includes(wanted));
  if (named.length === 0)
    throw new UserError(
      `--filter ${filter}: no case has that in its name; try conv, matmul, norm, pool or model`,
    );
  if (variant !== undefined && !VARIANTS.includes(variant))
    throw new UserError(`--variant ${variant}: there is no such row; the rows are ${VARIANTS.join(', ')}`);

  const device = await openDevice({ ...(adapter ? { adapter } : {}), ...(debug ? { debug } : {}) });
  announceSoftware(device);
  const cases = variant === undefined ? named : forced(device, variant, named);
  const stop = onStop('Stopping after this case; once more stops at once.');
  const bar = progressBar('Bench', cases.length + 1);
  const ceilings = await measureCeilings(device, plannedBytes(await memoryBudget(device), device.software));
  bar.update(1);
  const results: Result[] = [];
  for (const benchCase of cases) {
    if (stop.requested) break;
    results.push(await runCase(device, benchCase, ceilings, samples));
    bar.update(results.length + 1);
  }
  bar.stop();
  stop.dispose();
  const report = {
    variant: variant ?? null,
    adapter: { description: adapterName(device.info), device: device.info.device, software: device.software },
    ceilings,
    results,
  };
  if (json) printJson(report);
  else print(device, ceilings, results);
  device.close();
  return stop.exitCode;
}

/**
 * Has the row `variant` compute whatever it supports on `device`. Returns the cases to run: not those of a single kernel
 * that another row would compute, which are named. Networks take the row where they can.
 */
function forced(device: Device, variant: string, cases: readonly Case[]): readonly Case[] {
  device.choices = { get: () => variant };
  const able = cases.filter(({ supports, group }) => supports?.(variant, device.traits) ?? group === 'model');
  const left = cases.filter((benchCase) => !able.includes(benchCase));
  if (able.length === 0)
    throw new UserError(
      `--variant ${variant} computes none of these ${cases.length} cases; leave it or --filter out`,
    );
  if (left.length > 0)
    say(`Not computed by ${variant}, left out: ${left.map(({ name }) => name).join('; ')}`);
  return able;
}

async function runCase(
  device: Device,
  benchCase: Case,
  ceilings: Ceilings,
  samples: number,
): Promise<Result> {
  const work = benchCase.prepare(device);
  const timing = await measure(device, work.run, { samples });
  const perSecond = (amount: number | undefined): number | null =>
    amount ? amount / timing.median / 1e6 : null;
  const gflops = perSecond(work.flops);
  const gbytes = perSecond(work.bytes);
  const shares = [(gflops ?? 0) / ceilings.arithmetic.value, (gbytes ?? 0) / ceilings.bandwidth.value];
  return {
    name: benchCase.name,
    group: benchCase.group,
    ...timing,
    gflops,
    gbytes,
    ceiling: 100 * Math.max(...shares),
  };
}

function print(device: Device, ceilings: Ceilings, results: readonly Result[]): void {
  say(
    `${adapterName(device.info)}: at best ${formatNumber(ceilings.arithmetic.value)} GFLOP/s from registers, ${formatNumber(ceilings.bandwidth.value)} GB/s copying`,
  );
  const rows = [
    ['case', 'ms', 'p10–p90', 'GFLOP/s', 'GB/s', '% of ceiling'],
    ...results.map((result) => [
      result.name,
      formatNumber(result.median),
      `${formatNumber(result.p10)}–${formatNumber(result.p90)}`,
      result.gflops ? formatNumber(result.gflops) : '',
      result.gbytes ? formatNumber(result.gbytes) : '',
      result.ceiling ? String(Math.round(result.ceiling)) : '',
    ]),
  ];
  process.stdout.write(`${table(rows)}\n`);
}
