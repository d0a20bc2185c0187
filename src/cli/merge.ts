/** `npm run merge`: puts the files of `predict --shard` together, in the order of the list, and the folders of `train --shard`. */
import { createWriteStream, type Stats } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { statOrNull, systemReason, WriteError, writeWhole } from '../node/files.ts';
import { temporaryFor } from '../node/leftovers.ts';
import { type Line, linesOfFile } from '../node/lines.ts';
import { shardText, WHOLE } from '../runner/shard.ts';
import { commandLine } from './command-line.ts';
import { inputs, refuseOverInputs } from './inputs.ts';
import { type AnswersPlan, differenceOf, planPath, readPlan } from './predict/answers-file.ts';
import { formatOf } from './predict/answers-format.ts';
import { inOrder } from './shard.ts';
import { mergeTrials } from './train/trials/merge.ts';
import { counted, progressBar, say, UserError } from './ui.ts';

export const description =
  'Puts the files of `predict --shard` together into one, in the order of the list, and the folders of `train --shard` into one ' +
  'with the table of all runs. Shards that are missing, that are there twice, that are not finished, or that are of another ' +
  'network, list or setting are refused.';

export function options(command: Command): void {
  command
    .argument('<shard...>', 'what --out FILE (predict) or DIR (train) --shard I/N wrote, all N of them')
    .requiredOption('--out <file>', 'where the answers go, ending as the shards do; or the runs');
}

interface MergeOptions {
  out: string;
}

/** A shard's file, and what its plan says. */
interface Part {
  path: string;
  plan: AnswersPlan;
}

export async function run(paths: string[], { out }: MergeOptions): Promise<number> {
  const found = await Promise.all(paths.map(statOrNull));
  const of = (kind: (one: Stats | null) => boolean | undefined): string | undefined =>
    paths.find((_, index) => kind(found[index]));
  const missing = of((one) => one === null);
  if (missing !== undefined)
    throw new UserError(`there is no ${missing}; name what predict or train wrote with --shard`);
  const [folder, file] = [of((one) => one?.isDirectory()), of((one) => !one?.isDirectory())];
  if (folder !== undefined && file !== undefined)
    throw new UserError(
      `${folder} is a folder, ${file} a file: shards are all folders of train, or all files of predict`,
    );
  if (folder !== undefined) return mergeTrials(paths, out);
  const parts = await partsOf(paths, out);
  await refuseOverInputs(
    [out, planPath(out)],
    [...inputs('a shard', paths), ...inputs('the plan of a shard', paths.map(planPath))],
  );
  if ((await statOrNull(out)) !== null)
    throw new UserError(`${out} is there already; name another file with --out, or remove it`);
  const { plan } = parts[0];
  const temporary = temporaryFor(out);
  const bar = progressBar('Merging', plan.list.count);
  try {
    await pipeline(Readable.from(mergedLines(parts, bar.update)), createWriteStream(temporary)).catch(
      sentence(out),
    );
    await writeWhole(planPath(out), `${JSON.stringify({ ...plan, shard: WHOLE }, null, 2)}\n`);
    await rename(temporary, out).catch(sentence(out));
  } finally {
    await rm(temporary, { force: true });
    bar.stop();
  }
  say(`${out}: ${counted(plan.list.count, 'answer')} of ${counted(parts.length, 'shard')}.`);
  return 0;
}

/** A refusal of the system, as a sentence; all other errors are sentences already. */
const sentence = (out: string) => (error: unknown) => {
  if (!(error instanceof Error && 'code' in error)) throw error;
  throw new WriteError(`${out} could not be written: ${systemReason(error)}`, { cause: error });
};

/** The shards in their order. @throws UserError where they are not all shards of one whole, each once */
async function partsOf(paths: readonly string[], out: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const path of paths) {
    const plan = await readPlan(path);
    if (!plan)
      throw new UserError(
        `there is no ${planPath(path)}, which predict writes beside its answers: keep the two together`,
      );
    parts.push({ path, plan });
  }
  const [first, ...others] = parts;
  for (const { path, plan } of others) {
    const other = differenceOf(first.plan, plan, ['shard']);
    if (other) throw new UserError(`${path} is of ${other} than ${first.path}`);
  }
  for (const path of [...paths, out])
    if (extname(path).toLowerCase() !== extname(paths[0]).toLowerCase())
      throw new UserError(
        `${path} ends in another way than ${paths[0]}; shards and --out are all .jsonl or all .csv`,
      );
  return inOrder(parts.map((part) => ({ ...part, shard: part.plan.shard })));
}

/** The lines of all shards in turn. @throws UserError where a shard has not all its answers, or more */
async function* mergedLines(parts: readonly Part[], told: (done: number) => void): AsyncGenerator<string> {
  const { plan } = parts[0];
  const { list } = plan;
  const { head } = formatOf(parts[0].path, plan);
  const readers = parts.map(({ path }) => linesOfFile(path));
  const take = async (part: number): Promise<Line | null> => {
    const next = await readers[part].next();
    if (next.done) return null;
    if (!next.value.whole) throw unfinished(parts[part], 'its last line is not whole');
    return next.value;
  };
  try {
    if (head !== null) {
      for (const [part, { path }] of parts.entries())
        if ((await take(part))?.text !== head)
          throw new UserError(`${path} does not begin as predict's files do`);
      yield `${head}\n`;
    }
    for (let place = 0; place < list.count; place++) {
      const part = place % parts.length;
      const line = await take(part);
      if (!line)
        throw unfinished(parts[part], `the answer for picture ${place + 1} of ${list.count} is missing`);
      if (placeIn(line.text) !== place)
        throw new UserError(
          `${parts[part].path} has another answer where that for picture ${place + 1} should be`,
        );
      yield `${line.text}\n`;
      told(place + 1);
    }
    for (const [part, { path }] of parts.entries())
      if (await take(part)) throw new UserError(`${path} holds more answers than its shard has pictures`);
  } finally {
    for (const reader of readers) await reader.return();
  }
}

/** The place in the list that a line tells of, −1 where it tells none. */
function placeIn(line: string): number {
  const digits = /^(?:\{"index":)?(\d+),/.exec(line)?.[1];
  return digits === undefined ? -1 : Number(digits);
}

/** May be finished the next time, so it is no bad input. */
function unfinished({ path, plan }: Part, why: string): Error {
  const again = commandLine('predict', ['…', '--out', path, '--shard', shardText(plan.shard)]);
  return new Error(`${path} is not finished (${why}); go on with the command that wrote it: ${again}`);
}
