/**
 * `npm run tune`: measures which rows of the tables of kernels are the fastest for the problems of networks on this adapter,
 * and remembers them for every other command. What is measured and when a row wins: src/tune/race.ts.
 */
import type { Command } from 'commander';
import type { InputSize } from '../data/input-size.ts';
import { modelNames } from '../models/table.ts';
import { memoryBudget, plannedBytes } from '../node/memory.ts';
import { openDevice } from '../node/open-device.ts';
import { unknownName } from '../text/suggest.ts';
import {
  clearTuning,
  emptyTuning,
  readTuning,
  saveTuning,
  staleTuning,
  tunedOn,
  tuningFolder,
} from '../tune/node/shelf.ts';
import type { Race } from '../tune/race.ts';
import type { Ratio } from '../tune/ratio.ts';
import type { TunedOn } from '../tune/record.ts';
import { type Tuned, type TunedNetwork, type TunedProblem, tune } from '../tune/tune.ts';
import { shapeBuilder } from '../weights/expected.ts';
import { wholeNumber } from './command-line.ts';
import { sizeOption } from './size-options.ts';
import {
  announceSoftware,
  counted,
  formatNumber,
  onStop,
  printJson,
  progressBar,
  say,
  table,
  UserError,
} from './ui.ts';

export const description =
  'Measures which kernels are the fastest for the convolutions and matrix products of networks on this adapter, and remembers ' +
  'them: every command uses what won, until driver or kernels change. What is wrong is out, and what wins by less than 5 % ' +
  'changes nothing. Without --model it tunes those that most people start from.';

/** What is tuned where nobody names networks: what `train` starts from, and the classic one. */
const MODELS = ['efficientnet_lite0', 'resnet18'];

interface TuneCommandOptions {
  model?: string[];
  size?: InputSize;
  batch: number;
  train?: boolean;
  delete?: boolean;
  adapter?: string;
  json?: boolean;
  debug?: boolean;
}

export function options(command: Command): void {
  command
    .option('--model <names...>', `networks to tune for (default: ${MODELS.join(', ')})`)
    .addOption(sizeOption("side of the pictures (default: each network's own)"))
    .option(
      '--batch <n>',
      'pictures of a batch; what wins is used for every number above one',
      wholeNumber(2),
      8,
    )
    .option('--train', 'the gradients of training steps as well')
    .option('--delete', 'remove all that was remembered, of every adapter')
    .option('--adapter <name>', "the adapter: a part of its name or backend, its number, or 'software'")
    .option('--json', 'print what was found as one JSON document on stdout');
}

/** Share of the memory to plan with that the inputs of one problem may take. */
const SHARE = 1 / 4;

export async function run(_args: string[], given: TuneCommandOptions): Promise<number> {
  if (given.delete) return remove(given);
  const names = given.model ?? MODELS;
  for (const name of names)
    if (!modelNames().includes(name)) throw new UserError(unknownName('network', name, modelNames()));
  const { adapter, debug, batch, train = false } = given;
  const device = await openDevice({ adapter, debug });
  const stop = onStop('Stopping after this problem, with what was measured; once more stops at once.');
  try {
    announceSoftware(device);
    const of = tunedOn(device);
    for (const stale of await staleTuning(of, say)) say(staleSentence(stale, of));
    const bar = progressBar('Tune', 1);
    const shapes = await shapeBuilder();
    let begun = false;
    const tuned = await tune(device, {
      networks: names.map((name) => ({ name, size: given.size ?? shapes(name).inputSize })),
      ...{ batch, train },
      before: (await readTuning(device, say)) ?? emptyTuning(of),
      memory: SHARE * plannedBytes(await memoryBudget(device), device.software),
      now: new Date().toISOString(),
      stopped: () => stop.requested,
      onProgress: (done, total, name) => {
        if (!begun) bar.turnTo('Tune', total);
        begun = true;
        bar.update(done, name);
      },
    });
    bar.stop();
    const path = await saveTuning(of, tuned.found);
    if (given.json) printJson({ format: 'tessera-tune', version: 1, of, path, ...documentOf(tuned) });
    else process.stdout.write(`${textOf(tuned)}\n`);
    say(...lastWords(tuned, path));
    const wrong = tuned.problems.some(({ race }) => race?.runners.some((runner) => runner.wrong !== null));
    return stop.requested ? stop.exitCode : wrong ? 1 : 0;
  } finally {
    stop.dispose();
    device.close();
  }
}

async function remove({ json, model, train, size }: TuneCommandOptions): Promise<number> {
  if (model !== undefined || train || size !== undefined)
    throw new UserError('--delete removes all that was remembered and measures nothing; give it alone');
  const removed = await clearTuning();
  if (json) printJson({ removed });
  else say(`Removed ${counted(removed, 'tuning record')} from ${tuningFolder()}.`);
  return 0;
}

function staleSentence(stale: TunedOn, of: TunedOn): string {
  const other = (['kernels', 'driver', 'dawn'] as const).find((name) => stale[name] !== of[name]);
  const what = { kernels: 'other kernels than these', driver: 'another driver', dawn: 'another Dawn' };
  return `A record of this adapter is of ${other ? what[other] : 'other settings of it'} and is not used; tune -- --delete removes it.`;
}

/** What `--json` prints: all that was measured. */
const documentOf = ({ problems, networks, found }: Tuned) => ({
  problems,
  networks,
  chosen: Object.fromEntries([...found].filter(([, won]) => won !== null)),
});

function textOf({ problems, networks }: Tuned): string {
  const raced = problems.filter((problem) => problem.race !== null);
  const parts = [
    ...(raced.length > 0 ? [table([PROBLEM_HEAD, ...raced.map(problemRow)], { left: isWord })] : []),
    ...(networks.length > 0 ? [table([NETWORK_HEAD, ...networks.map(networkRow)])] : []),
  ];
  return parts.join('\n\n') || 'Nothing was measured.';
}

const PROBLEM_HEAD = ['problem', 'estimated', 'ms', 'best other', 'ms', 'times as fast', 'taken'];
const isWord = (column: number): boolean => [0, 1, 3, 6].includes(column);

function problemRow({ name, race }: TunedProblem): string[] {
  const { estimated, chosen, runners, final } = race!;
  const inHeats = (row: string): number | null => runners.find((runner) => runner.row === row)?.ms ?? null;
  const other = final?.row ?? bestOther(race!);
  const [before, after] = final?.ratio.ms ?? [inHeats(estimated), other === null ? null : inHeats(other)];
  const times = final ? ratioText(final.ratio) : before && after ? formatNumber(before / after) : '';
  return [
    name,
    estimated,
    before === null ? 'wrong' : formatNumber(before),
    other ?? '',
    after === null ? '' : formatNumber(after),
    times,
    chosen === estimated ? '' : chosen,
  ];
}

/** The fastest row beside the table's; null where no other ran. */
function bestOther({ estimated, runners }: Race): string | null {
  const others = runners.filter(({ row, ms }) => row !== estimated && ms !== null);
  return others.length > 0 ? others.reduce((a, b) => (a.ms! <= b.ms! ? a : b)).row : null;
}

const NETWORK_HEAD = ['network', 'chosen', 'before, ms', 'after, ms', 'times as fast'];

function networkRow({ name, chosen, ratio, givenUp }: TunedNetwork): string[] {
  if (!ratio) return [name, '0', '', '', 'as before'];
  const [before, after] = ratio.ms.map(formatNumber);
  return [name, String(chosen), before!, after!, `${ratioText(ratio)}${givenUp ? ', given up' : ''}`];
}

const ratioText = ({ median, low, high }: Ratio): string =>
  `${formatNumber(median)} (${formatNumber(low)}–${formatNumber(high)})`;

/** What is said in the end: what could not be measured, what is wrong, and what will be used. */
function lastWords({ problems, networks, found }: Tuned, path: string): string[] {
  const wrong = problems.flatMap(({ name, race }) =>
    (race?.runners ?? []).flatMap(({ row, wrong }) => (wrong ? [`WRONG  ${name} by ${row}: ${wrong}`] : [])),
  );
  const failed = problems.flatMap(({ name, failed }) =>
    failed ? [`${name} was not measured: ${failed}`] : [],
  );
  const slower = networks.flatMap(({ name, chosen, givenUp }) =>
    givenUp
      ? [`${name}: the ${counted(chosen, 'choice')} together made it slower, and they are given up.`]
      : [],
  );
  const alone = problems.filter(({ race, failed }) => !race && !failed).length;
  const taken = [...found.values()].filter((won) => won !== null).length;
  return [
    ...wrong,
    ...failed,
    ...slower,
    ...(alone > 0 ? [`Of ${counted(alone, 'problem')} no other row was worth a try.`] : []),
    taken > 0
      ? `${counted(taken, 'problem')} of ${found.size} will be computed by another row than the tables estimate: ${path}`
      : `The tables' estimates stand for ${counted(found.size, 'problem')}.`,
  ];
}
