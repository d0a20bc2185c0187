/**
 * Many runs of `train` before the first of them: the list of trials from the options, each setting tried as far as it can be
 * without a device, and trials.json, with which the folder begins and a list that was stopped goes on.
 */
import { readBytes, statOrNull, writeWhole } from '../../../node/files.ts';
import { RecordLines } from '../../../runner/node/record-lines.ts';
import { type KeptOptions, readTrialPlan, type TrialPlan } from '../../../runner/node/trial-plan.ts';
import { itemsOf, shardText, WHOLE } from '../../../runner/shard.ts';
import { MOST_TRIALS, type PlaceOf, readSweep, type Setting, settingText } from '../../../runner/sweep.ts';
import { type Trial, type TrialList, trialsOf } from '../../../runner/trials.ts';
import { fileOfRun, type RunFolder, TRIAL_PLAN, TRIALS } from '../../../train/node/run-folder.ts';
import { flagOf } from '../../command-line.ts';
import { fingerprint, notesOf } from '../../data-source.ts';
import { type Input, inputs } from '../../inputs.ts';
import { claimed, newFolder, releasedOnFailure } from '../../run-place.ts';
import { counted, progressBar, say, UserError } from '../../ui.ts';
import { trainCommand } from '../command.ts';
import { checkResumeOptions, type TrainOptions, viewsByDefault } from '../settings.ts';
import { plannedRun } from '../setup.ts';
import { type Declare, OptionValues } from './values.ts';

/** Many runs before the first one. */
export interface TrialsSetup {
  folder: RunFolder;
  plan: TrialPlan;
  /** Those of this shard, in their order. */
  trials: Trial[];
  /** Options of a trial, as a command of its own would have them; without its folder. */
  optionsOf(trial: Trial): TrainOptions;
  /** Of this process, as they were typed. */
  options: TrainOptions;
  records: RecordLines;
}

/** Whether the options ask for many runs. */
export async function asksForMany({ seeds, folds, sweep, shard, resume }: TrainOptions): Promise<boolean> {
  if (resume !== undefined) return (await statOrNull(await fileOfRun(resume, TRIAL_PLAN))) !== null;
  return [seeds, folds, sweep, shard].some((option) => option !== undefined);
}

/** Options that say which runs there are, where they are and what this process prints: no run of the list has them. */
const OF_THE_LIST = [
  'seeds',
  'folds',
  'sweep',
  'shard',
  'out',
  'overwrite',
  'resume',
  'json',
  'debug',
] as const;

const without = (options: TrainOptions, names: readonly (keyof TrainOptions)[]): TrainOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name as keyof TrainOptions)));

/** The list that options ask for. @throws UserError, RangeError: sentences */
export async function newTrials(options: TrainOptions, declare: Declare): Promise<TrialsSetup> {
  if (options.profile !== undefined)
    throw new UserError('--profile is of a single run; leave it out of many');
  const values = new OptionValues(declare);
  const sweep = await sweepOf(options, values);
  if (options.fold && options.folds !== undefined)
    throw new UserError('--fold is one of --folds; leave one of them out');
  const { shard = WHOLE } = options;
  const seeds = once('seeds', options.seeds, sweep?.seeds, options.sweep) ?? 1;
  const folds = once('folds', options.folds, sweep?.folds, options.sweep) ?? null;
  const first = options.seed ?? 0;
  const list: TrialList = {
    settings: sweep?.settings ?? [{}],
    seeds: Array.from({ length: seeds }, (_, place) => first + place),
    folds,
  };
  const count = list.settings.length * seeds * (folds ?? 1);
  if (count > MOST_TRIALS)
    throw new UserError(
      `${[counted(list.settings.length, 'setting'), counted(seeds, 'seed'), ...(folds === null ? [] : [counted(folds, 'fold')])].join(' × ')} are ${counted(count, 'run')}, of at most ${MOST_TRIALS.toLocaleString('en-US')}`,
    );
  if (shard.of > count)
    throw new UserError(
      `--shard ${shardText(shard)}: there are ${counted(count, 'run')}, so N is ${count} at most, or a shard would have none`,
    );
  const shared = without(options, OF_THE_LIST);
  const draft = { ...list, options: values.keep(shared), shard };
  const planned = tried(draft, values);
  const { pictures, reads } = await checked(
    planned,
    list,
    sweep && { file: options.sweep!, placeOf: sweep.placeOf },
  );
  const command = trainCommand(options);
  const folder = await newFolder(options, {
    ...{ kind: 'trials', command },
    reads: [
      ...reads,
      ...inputs('the settings that are tried', options.sweep === undefined ? [] : [options.sweep]),
    ],
  });
  return releasedOnFailure(folder, async () => {
    const plan: TrialPlan = {
      format: 1,
      command: trainCommand({ ...options, overwrite: undefined, json: undefined }),
      ...draft,
      pictures,
    };
    await writeWhole(await folder.place(TRIAL_PLAN), `${JSON.stringify(withNames(plan), null, 2)}\n`);
    await folder.settle();
    return setupOf(folder, plan, planned, options);
  });
}

/** The plan with the names of its trials, for those who read the file. */
const withNames = (plan: TrialPlan): TrialPlan & { trials: string[] } => ({
  ...plan,
  trials: trialsOf(plan).map(({ name }) => name),
});

/** The options of each trial. */
function tried(list: TrialList & { options: KeptOptions }, values: OptionValues): TrialsSetup['optionsOf'] {
  const placeOf: PlaceOf = (name) => `${TRIAL_PLAN}: options.${name}`;
  const shared = values.take(list.options, placeOf);
  const settings = list.settings.map((setting) =>
    values.take(setting, (name) => `${TRIAL_PLAN}: settings, ${name}`),
  );
  return ({ setting, seed, fold }) => ({
    ...shared,
    ...settings[setting],
    seed,
    ...(fold !== null && { fold: { index: fold, of: list.folds! } }),
  });
}

/** The settings of `--sweep`, as far as they can be read; null without one. */
async function sweepOf(
  options: TrainOptions,
  values: OptionValues,
): Promise<ReturnType<typeof readSweep> | null> {
  if (options.sweep === undefined) return null;
  const json = new TextDecoder().decode(await readBytes(options.sweep, MOST_BYTES));
  const sweep = readSweep(json, values.tried, options.sweep);
  const placeOf: PlaceOf = (name, value) => `${options.sweep}: ${sweep.placeOf(name, value)}`;
  for (const name of Object.keys(sweep.settings[0]))
    if (options[values.attributeOf(name)] !== undefined)
      throw new UserError(`--${name} is given and tried by ${options.sweep} as well; leave one of them out`);
  for (const setting of sweep.settings) values.take(setting, placeOf);
  return sweep;
}

const MOST_BYTES = 2 ** 20;

function once(
  name: 'seeds' | 'folds',
  typed: number | undefined,
  read: number | null | undefined,
  file: string | undefined,
): number | undefined {
  if (typed !== undefined && read !== null && read !== undefined)
    throw new UserError(`${flagOf(name)} is given, and ${file} says "${name}" too; leave one of them out`);
  return typed ?? read ?? undefined;
}

/**
 * Plans a run of each setting as `train` would, so that what it would refuse is refused before anything runs.
 * @returns what stands for the pictures, and the files that runs begin with
 */
async function checked(
  optionsOf: TrialsSetup['optionsOf'],
  list: TrialList,
  sweep: { file: string; placeOf: PlaceOf } | null,
): Promise<{ pictures: string; reads: Input[] }> {
  const said = new Set<string>();
  const told = (sentence: string): void => {
    if (!said.has(sentence)) say(sentence);
    said.add(sentence);
  };
  const firsts = trialsOf(list).slice(0, list.settings.length);
  const bar = firsts.length > 1 ? progressBar('Checking settings', firsts.length) : null;
  const reads = new Map<string, Input>();
  let pictures = '';
  try {
    for (const trial of firsts) {
      const options = optionsOf(trial);
      const plan = await plannedRun(options, told).catch((error: unknown) => {
        throw sweep ? placed(error, list.settings[trial.setting], sweep) : error;
      });
      for (const read of plan.reads) reads.set(read.path, read);
      if (trial.index === 0) {
        pictures = fingerprint(plan.set, plan.settings.data);
        for (const note of notesOf(plan.set)) told(note);
      }
      bar?.update(trial.index + 1);
    }
  } finally {
    bar?.stop();
  }
  return { pictures, reads: [...reads.values()] };
}

/** What a run refuses, with the places in the file that it comes of. */
function placed(
  error: unknown,
  setting: Setting,
  { file, placeOf }: { file: string; placeOf: PlaceOf },
): unknown {
  if (!(error instanceof UserError || error instanceof RangeError)) return error;
  const places = Object.entries(setting).map(([name, value]) => `${placeOf(name, value)} (${value})`);
  return new UserError(`${file}: ${places.join(' with ')}: ${error.message}`, { cause: error });
}

function setupOf(
  folder: RunFolder,
  plan: TrialPlan,
  optionsOf: TrialsSetup['optionsOf'],
  options: TrainOptions,
): TrialsSetup {
  return {
    folder,
    plan,
    trials: itemsOf(trialsOf(plan), plan.shard),
    optionsOf,
    options,
    records: new RecordLines(() => folder.place(TRIALS), 'their runs are looked at again'),
  };
}

/**
 * A list that was stopped, or that is through and is to have its report.
 * @param signal ends a wait for the process that still writes into the folder
 */
export async function resumedTrials(
  options: TrainOptions,
  declare: Declare,
  signal: AbortSignal,
): Promise<TrialsSetup> {
  checkResumeOptions(options);
  if (options.epochs !== undefined)
    throw new UserError(
      '--resume of many runs goes on with their epochs; give --epochs with the folder of one of them',
    );
  const path = options.resume!;
  const folder = await claimed(path, TRIAL_PLAN, trainCommand(options), signal);
  return releasedOnFailure(folder, async () => {
    const plan = await readTrialPlan(path);
    const begun = tried(plan, new OptionValues(declare));
    const here = without(options, OF_THE_LIST);
    const optionsOf: TrialsSetup['optionsOf'] = (trial) => {
      const before = begun(trial);
      // Where features are kept is a matter of this process; in how many views pictures are shown is one of the runs.
      return { ...before, views: before.views ?? viewsByDefault(before), ...here };
    };
    const setup = setupOf(folder, plan, optionsOf, options);
    const { set, settings } = await plannedRun(optionsOf(trialsOf(plan)[0]), () => undefined);
    if (fingerprint(set, settings.data) !== plan.pictures)
      throw new UserError(
        `the pictures in ${settings.data ?? 'the demo data'} are not those that these runs began with, so they cannot go on; name with --data where they are now, or begin anew: ${plan.command}`,
      );
    return setup;
  });
}

/** `3 settings × 3 seeds`, and which shard of it. */
export function listText({ settings, seeds, folds, shard }: TrialPlan): string {
  const parts = [
    ...(settings.length > 1 ? [counted(settings.length, 'setting')] : []),
    ...(seeds.length > 1 ? [counted(seeds.length, 'seed')] : []),
    ...(folds === null ? [] : [counted(folds, 'fold')]),
  ];
  const whole = parts.length > 0 ? parts.join(' × ') : settingText(settings[0]) || counted(1, 'seed');
  return shard.of === 1 ? whole : `${whole}, shard ${shardText(shard)}`;
}
