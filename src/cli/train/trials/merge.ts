/** `merge` of the folders that `train --shard` wrote: one folder with all runs, and the table, the page and the summary of all. */
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeFolder, statOrNull, systemReason, WriteError, writeWhole } from '../../../node/files.ts';
import { temporaryFor } from '../../../node/leftovers.ts';
import { type FinishedTrials, readTrials } from '../../../report/trials/finished-trials.ts';
import type { TrialPlan } from '../../../runner/node/trial-plan.ts';
import { WHOLE } from '../../../runner/shard.ts';
import { TRIAL_PLAN, TRIAL_RUNS, TRIALS } from '../../../train/node/run-folder.ts';
import { commandLine } from '../../command-line.ts';
import { inOrder } from '../../shard.ts';
import { counted, progressBar, UserError } from '../../ui.ts';
import { trainCommand } from '../command.ts';
import { tell, writeSummary } from './write.ts';

/** What plans are compared by, in the words of a sentence. */
const WORDS: readonly (readonly [words: string, of: (plan: TrialPlan) => unknown])[] = [
  ['other settings', ({ settings }) => settings],
  ['other seeds', ({ seeds }) => seeds],
  ['other folds', ({ folds }) => folds],
  [
    'other options',
    ({ options }) => Object.entries(options).filter(([name]) => !OF_A_MACHINE.includes(name)),
  ],
  ['other pictures', ({ pictures }) => pictures],
];

/** Options that may be others on each machine, with the same runs. */
const OF_A_MACHINE = ['data', 'memory', 'adapter', 'untuned', 'tensorboard', 'cache'];

/** @returns the exit code: 1 where a run had failed */
export async function mergeTrials(paths: readonly string[], out: string): Promise<number> {
  const shards = await shardsOf(paths);
  if (await statOrNull(out)) throw new UserError(`${out} is there already; name another folder with --out`);
  await makeFolder(dirname(resolve(out)));
  const temporary = temporaryFor(resolve(out));
  try {
    await mkdir(temporary);
    await gather(shards, temporary);
    const plan: TrialPlan = {
      ...shards[0].plan,
      command: commandLine('merge', [...paths, '--out', out]),
      shard: WHOLE,
    };
    await writeWhole(join(temporary, TRIAL_PLAN), `${JSON.stringify(plan, null, 2)}\n`);
    const summary = await writeSummary(temporary);
    await rename(temporary, out);
    tell(summary, out, null);
    return summary.failed > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new WriteError(`${out} could not be written: ${systemReason(error)}`, { cause: error });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The shards in their order. @throws UserError, Error: sentences, where they are not all of one list, or not finished */
async function shardsOf(paths: readonly string[]): Promise<FinishedTrials[]> {
  const shards: FinishedTrials[] = [];
  for (const path of paths) shards.push(await readTrials(path));
  const [first, ...others] = shards;
  for (const { folder, plan } of others)
    for (const [words, of] of WORDS)
      if (JSON.stringify(of(plan)) !== JSON.stringify(of(first.plan)))
        throw new UserError(`${folder} is of ${words} than ${first.folder}`);
  const ordered = inOrder(
    shards.map((trials) => ({ path: trials.folder, shard: trials.plan.shard, trials })),
  );
  for (const { folder, trials, ended } of shards)
    if (ended.length < trials.length)
      // May be finished the next time, so it is no bad input.
      throw new Error(
        `${folder} is not finished (${ended.length} of ${counted(trials.length, 'run')}); go on with ${trainCommand({ resume: folder })}`,
      );
  return ordered.map(({ trials }) => trials);
}

/** Copies the runs of all shards, and writes what came of them in the order of the whole list. */
async function gather(shards: readonly FinishedTrials[], folder: string): Promise<void> {
  const all = shards.flatMap(({ folder: from, ended }) => ended.map((trial) => ({ from, ...trial })));
  all.sort((a, b) => a.index - b.index);
  const bar = progressBar('Copying runs', all.length);
  try {
    for (const [place, { from, name, report }] of all.entries()) {
      if (report) await cp(join(from, TRIAL_RUNS, name), join(folder, TRIAL_RUNS, name), { recursive: true });
      bar.update(place + 1);
    }
  } finally {
    bar.stop();
  }
  const lines = all.map(({ record }) => `${JSON.stringify(record)}\n`);
  await writeWhole(join(folder, TRIALS), lines.join(''));
}
