/** What `train` does before it touches the GPU: settings, pictures, the folder of the run, or the checkpoint of one. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DataSet } from '../data/sample.ts';
import type { Preprocessing } from '../data/transforms.ts';
import type { Network } from '../models/table.ts';
import { reading, statOrNull, systemReason } from '../node/files.ts';
import { BEST, type Checkpoint, LAST, networkIn, readCheckpoint } from '../train/node/checkpoint.ts';
import { epochsOf, freezeFor, type TrainSettings } from '../train/settings.ts';
import type { KnownWeights } from '../weights/door.ts';
import { classesIn, shapeBuilder } from '../weights/expected.ts';
import { matchNames } from '../weights/names.ts';
import { openStart } from '../weights/node/create-model.ts';
import { commandLine, RUNS } from './command-line.ts';
import { fingerprint, openData, preprocessingFor } from './data-source.ts';
import { adviseSize } from './size-advice.ts';
import {
  checkResumeOptions,
  phasesFor,
  settingsOf,
  type TrainOptions,
  trainFromOf,
} from './train-settings.ts';
import { say, UserError } from './ui.ts';

/** A run before its first step. */
export interface Setup {
  settings: TrainSettings;
  network: Network;
  /** The weights of a new run, until its model has them. */
  known: KnownWeights | null;
  out: string;
  set: DataSet;
  preprocessing: Preprocessing;
  /** Where it goes on; null for a new run. */
  resumed: Checkpoint | null;
  /** Whether the files of another run in `out` go. */
  overwrite: boolean;
  /** As it was asked for. */
  adapter: string | undefined;
}

/** A new run. */
export async function newRun(options: TrainOptions): Promise<Setup> {
  const start = await openStart(options);
  const { model, network, known, preprocessing: natural, assumed } = start;
  if (assumed) say(assumed);
  const common = settingsOf(options, start, natural.inputSize);
  const { weights, trainNorms } = common;
  // A stage that does not exist is named before the pictures are looked through.
  freezeFor((await shapeBuilder())(network), { trainFrom: trainFromOf(options, weights), trainNorms });
  const out = options.out ?? (await freshName(join(RUNS, `${model}-${timestamp(new Date())}`)));
  await checkFree(out, options.overwrite);
  const set = await openData(common);
  const newHead = !known || !(await bringsHead(network, known, set.classes));
  const settings = { ...common, phases: phasesFor(options, weights, newHead) };
  const advice = options.size === undefined ? await adviseSize(set.train, settings.size) : null;
  if (advice) say(advice);
  const preprocessing = preprocessingFor(settings, natural);
  return {
    settings,
    network,
    known,
    out,
    set,
    preprocessing,
    resumed: null,
    overwrite: options.overwrite ?? false,
    adapter: options.adapter,
  };
}

/** Whether weights bring a last layer for these classes along, as far as their file says. */
async function bringsHead(
  network: Network,
  { file, card }: KnownWeights,
  classes: string[],
): Promise<boolean> {
  const model = (await shapeBuilder())(network);
  const outputs = classesIn(model, matchNames(file.tensors, model).tensors);
  return outputs === classes.length && (card.classes ?? classes).every((name, i) => name === classes[i]);
}

/** A run that was stopped. */
export async function resumedRun(options: TrainOptions): Promise<Setup> {
  checkResumeOptions(options);
  const resumed = await readCheckpoint(options.resume!, LAST);
  const { info, path } = resumed;
  const { progress, preprocessing, pictures } = info;
  if (!progress)
    throw new UserError(`${path} holds no place to go on from; name the folder of the run, or its ${LAST}`);
  const settings = { ...info.settings, data: options.data ?? info.settings.data };
  const epochs = epochsOf(settings);
  if (progress.finished !== undefined || progress.epoch >= epochs)
    throw new UserError(
      `the run in ${dirname(path)} is finished (${progress.finished ?? `${epochs} epochs`}); to train further, start a new one: ` +
        commandLine('train', [
          ...dataArgs(settings),
          '--weights',
          path,
          '--train-from',
          settings.phases.at(-1)!.trainFrom,
        ]),
    );
  const set = await openData(settings);
  if (fingerprint(set, settings.data) !== pictures)
    throw new UserError(
      `the pictures in ${settings.data ?? 'the demo data'} are not those that the run began with, so it cannot go on; start a new one from its weights: ` +
        commandLine('train', [...dataArgs(settings), '--weights', path]),
    );
  say(
    `Going on with ${dirname(path)} in epoch ${progress.epoch + 1} of ${epochs}, step ${progress.batch + 1}.`,
  );
  return {
    settings,
    network: networkIn(resumed),
    known: null,
    out: dirname(path),
    set,
    preprocessing,
    resumed,
    overwrite: false,
    adapter: options.adapter,
  };
}

/** Files of a run; `--overwrite` removes them and nothing else. */
const RUN_FILES = [BEST, LAST, 'report.json', 'report.svg'];

async function checkFree(folder: string, overwrite = false): Promise<void> {
  const found = await statOrNull(folder);
  if (!found) return;
  if (!found.isDirectory()) throw new UserError(`${folder} is a file; name a folder for the run with --out`);
  const entries = await reading(folder, readdir(folder));
  if (entries.length > 0 && !overwrite)
    throw new UserError(
      `${folder} holds ${entries.slice(0, 3).join(', ')} already; --overwrite replaces a run there`,
    );
}

/** Makes the folder of a run; with `overwrite` the files of another run in it go. */
export async function claimFolder(folder: string, overwrite: boolean): Promise<void> {
  if (overwrite) for (const file of RUN_FILES) await rm(join(folder, file), { force: true });
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new UserError(`the folder ${folder} cannot be made: ${systemReason(error)}`, { cause: error });
  });
}

async function freshName(folder: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? folder : `${folder}-${n}`;
    if (!(await statOrNull(name))) return name;
  }
}

/** `2025-03-31-1405`, local time. */
function timestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}

const dataArgs = ({ data }: TrainSettings): string[] => (data === null ? [] : ['--data', data]);
