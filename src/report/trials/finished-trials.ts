/** The folder of many runs of `train`, as its summary is made of it: which runs there are, what came of each, its report. */
import { join } from 'node:path';
import { bytesIfThere } from '../../node/files.ts';
import { parsedLines } from '../../runner/node/record-lines.ts';
import { readTrialPlan, type TrialPlan } from '../../runner/node/trial-plan.ts';
import { recordsOf, type TrialRecord } from '../../runner/record.ts';
import { itemsOf } from '../../runner/shard.ts';
import { type Trial, trialsOf } from '../../runner/trials.ts';
import { fileOfRun, TRIAL_RUNS, TRIALS } from '../../train/node/run-folder.ts';
import { type FinishedRun, readReport, readSaid, type Said } from '../compare/finished-run.ts';

/** A trial that came to an end. */
export interface EndedTrial extends Trial {
  record: TrialRecord;
  /** Null where it failed. */
  report: FinishedRun['report'] | null;
}

export interface FinishedTrials {
  folder: string;
  plan: TrialPlan;
  /** All that the plan has in this folder. */
  trials: Trial[];
  ended: EndedTrial[];
  /** What a trial that finished said to each picture; read again each time, as all of them may be many. */
  said(trial: Trial): Promise<ReadonlyMap<string, Said>>;
}

const MOST_BYTES = 2 ** 28;

/** @throws Error, RangeError: sentences, where the folder holds no such runs or is damaged */
export async function readTrials(folder: string): Promise<FinishedTrials> {
  const plan = await readTrialPlan(folder);
  const trials = itemsOf(trialsOf(plan), plan.shard);
  const path = await fileOfRun(folder, TRIALS);
  const bytes = await bytesIfThere(path, MOST_BYTES);
  // A line that a kill cut in two is none yet.
  const whole = bytes?.subarray(0, bytes.lastIndexOf(0x0a) + 1) ?? new Uint8Array();
  const records = recordsOf(parsedLines(whole, path, 'their runs are looked at again'), trials, path);
  const runOf = ({ name }: Trial): string => join(folder, TRIAL_RUNS, name);
  const ended: EndedTrial[] = [];
  for (const trial of trials) {
    const record = records.get(trial.index);
    if (!record) continue;
    const report = record.state === 'finished' ? await readReport(runOf(trial)) : null;
    ended.push({ ...trial, record, report });
  }
  return { folder, plan, trials, ended, said: (trial) => readSaid(runOf(trial)) };
}
