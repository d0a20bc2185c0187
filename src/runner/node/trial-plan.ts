/** trials.json: what the runs of a folder of many are, so that they go on, and shards know each other. */
import { bytesIfThere } from '../../node/files.ts';
import {
  all,
  among,
  demand,
  list,
  object,
  orNull,
  parseBounded,
  record,
  rule,
  text,
  whole,
} from '../../text/rules.ts';
import { fileOfRun, TRIAL_PLAN } from '../../train/node/run-folder.ts';
import type { Shard } from '../shard.ts';
import { MOST_FOLDS, MOST_TRIALS, VALUE, type Value } from '../sweep.ts';
import type { TrialList } from '../trials.ts';

export interface TrialPlan extends TrialList {
  format: 1;
  /** What began it, as one types it. */
  command: string;
  /** Options that all trials have, by their names as typed; a list where one is given several times. */
  options: KeptOptions;
  /** Which of the trials are run in this folder: every `of`-th, from the `index`-th on, counted from 1. */
  shard: Shard;
  /** What stands for the pictures and their labels. */
  pictures: string;
}

export type KeptOptions = Readonly<Record<string, Value | readonly string[]>>;

const MOST_OPTIONS = 256;
const SETTING = record(VALUE, MOST_OPTIONS);
const OPTIONS = record(
  (value, place) => (Array.isArray(value) ? list(text(10_000), 1, 1000) : VALUE)(value, place),
  MOST_OPTIONS,
);

const PLAN = all(
  object({ format: among([1]) }),
  object({
    command: text(100_000),
    options: OPTIONS,
    settings: list(SETTING, 1, MOST_TRIALS),
    seeds: list(whole(0, Number.MAX_SAFE_INTEGER), 1, MOST_TRIALS),
    folds: orNull(whole(2, MOST_FOLDS)),
    shard: object({ index: whole(1, MOST_TRIALS), of: whole(1, MOST_TRIALS) }),
    pictures: text(1000),
  }),
  (value, place) => {
    const { settings, seeds, folds, shard } = value as TrialPlan;
    return (
      whole(1, MOST_TRIALS)(
        settings.length * seeds.length * (folds ?? 1),
        `the number of runs of ${place}`,
      ) ??
      rule(() => shard.index <= shard.of, `a number up to ${shard.of}`)(shard.index, `${place}.shard.index`)
    );
  },
);

/** Null where a folder holds no such plan. @throws RangeError, a sentence, where it is damaged */
export async function readTrialPlan(folder: string): Promise<TrialPlan> {
  const plan = await trialPlanIn(folder);
  if (!plan) throw new RangeError(`${folder} holds no ${TRIAL_PLAN}: it is no folder of many runs of train`);
  return plan;
}

export async function trialPlanIn(folder: string): Promise<TrialPlan | null> {
  const path = await fileOfRun(folder, TRIAL_PLAN);
  const bytes = await bytesIfThere(path, 2 ** 24);
  if (!bytes) return null;
  const plan = parseBounded(new TextDecoder().decode(bytes), path);
  demand(PLAN, plan, path);
  return plan as TrialPlan;
}
