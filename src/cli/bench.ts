/**
 * `npm run bench`: times kernels and networks on this adapter, beside the ceilings of the same run, so that a number
 * says by itself how much is left to gain. Each kernel is held against its reference before it is timed. The document
 * that a run makes is src/bench/result.ts; what is printed and written is made of it.
 */
import { type Command, Option } from 'commander';
import { LADDERS } from '../../bench/ladder/ladders.ts';
import { modelCases } from '../bench/models.ts';
import type { BenchResult } from '../bench/result.ts';
import { ROWS } from '../bench/rows.ts';
import { GROUPS } from '../bench/run.ts';
import { wgslOf } from '../bench/wgsl.ts';
import type { Device } from '../gpu/index.ts';
import { bytesIfThere, writeWhole } from '../node/files.ts';
import { benchReportHtml } from '../report/bench/page.ts';
import { runAgainst } from './bench/against.ts';
import {
  type CompareOptions,
  compareFiles,
  compareOptions,
  comparisonOf,
  demandSameAdapter,
  readBench,
  showComparison,
} from './bench/compare.ts';
import { benchHeader, ROOT } from './bench/header.ts';
import { measureRequest } from './bench/measuring.ts';
import { type MeasureOptions, requestOf } from './bench/options.ts';
import { profileModels } from './bench/profiles.ts';
import { describeResult, failedLine } from './bench/table.ts';
import { wholeNumber } from './command-line.ts';
import { openCommandDevice, UNTUNED } from './device.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { type ProfileOption, profileOption } from './profile-option.ts';
import { announceSoftware, printJson, say, UserError } from './ui.ts';

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
    .addOption(
      new Option('--ladder <ops...>', 'an op from its naive kernel to the shipped one, rung by rung').choices(
        LADDERS,
      ),
    )
    .option('--samples <n>', 'samples of each', wholeNumber(3), 10)
    .option(
      '--rounds <n>',
      'rounds over all works, which share the samples; without ceilings and starts',
      wholeNumber(1),
    )
    .option(
      '--wgsl <what>',
      'print the shaders of an op (conv2d), a network or a layer of it (resnet18/layer1.0.conv1), and measure nothing',
    )
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option(...UNTUNED)
    .option('--html <file>', 'write a page: roofline, bars, a filter')
    .option('--json', 'print one JSON document on stdout');
  profileOption(command, 'profile/, of networks, and nothing else is measured');
  compareOptions(command);
}

export interface BenchOptions extends MeasureOptions, CompareOptions {
  html?: string;
  wgsl?: string;
  profile?: ProfileOption;
  debug?: boolean;
}

export async function run(args: string[], given: BenchOptions): Promise<number> {
  const { compare, against, html, wgsl, profile } = given;
  const [file] = args;
  if (compare !== undefined && against !== undefined)
    throw new UserError('--compare takes a stored run and --against measures both; give one of them');
  if (compare !== undefined && file !== undefined && !(GROUPS as readonly string[]).includes(file))
    return compareFiles(compare, file, given);
  const request = requestOf(args, given);
  if (against !== undefined) return runAgainst(ROOT, { ...given, groups: args }, { ...given, against });
  const before = compare === undefined ? null : await readBench(compare);
  if (html !== undefined) {
    await refuseOverInputs(
      [html],
      inputs('the run to compare with', before ? [compare!] : []),
      'name another page',
    );
    await checkPlace(html);
  }
  const device = await openCommandDevice(given, { profile: profile !== undefined });
  try {
    if (wgsl !== undefined) return await printShaders(device, wgsl, given);
    announceSoftware(device);
    if (profile !== undefined)
      return await profileModels(device, modelCases(given.networks), { ...given, profile });
    if (before) demandSameAdapter(before, await benchHeader(device));
    const { result, exitCode } = await measureRequest(device, request);
    const comparison = before && comparisonOf(before, result);
    const verdict = comparison ? showComparison(comparison, given) : show(result, given);
    if (html !== undefined) {
      await writeWhole(html, await benchReportHtml(result, comparison));
      say(`The page to look at: ${html}`);
    }
    return exitCode || verdict;
  } finally {
    device.close();
  }
}

async function printShaders(device: Device, what: string, { variant }: BenchOptions): Promise<number> {
  process.stdout.write(await wgslOf(device, what, variant === undefined ? {} : { variant }));
  return 0;
}

/** Prints what was found. In a document nobody looks for what is wrong, so it is said as well. */
function show(result: BenchResult, { json }: BenchOptions): number {
  if (json) {
    printJson(result);
    for (const entry of result.entries) if (entry.failed !== null) say(failedLine(entry));
  } else process.stdout.write(`${describeResult(result)}\n`);
  return 0;
}

/** Writes what is there already, if only to learn before a long run that the page will find its place. */
const checkPlace = async (path: string): Promise<void> => writeWhole(path, (await bytesIfThere(path)) ?? '');
