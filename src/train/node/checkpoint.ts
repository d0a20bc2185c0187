/**
 * Checkpoints: a safetensors file that needs nothing beside it. The tensors have torchvision's names and layout, so
 * that PyTorch reads them; the metadata has the card of every weights file here (src/weights/card.ts), and in the field
 * `tessera` a JSON object with everything else (`CheckpointInfo`).
 *
 * `best.safetensors` holds the weights of the best epoch. `last.safetensors` also holds the optimiser's state, as
 * tensors named `optimizer.…`, the states of the run's callbacks (JSON in `CheckpointInfo.callbacks`, tensors named
 * `callback.NAME.…`), and the place where the run stopped: one file, so that weights and state can never be of
 * different steps. Files are written beside their place and then renamed; a crash leaves the old one. Each carries a hash over
 * itself (src/weights/formats/seal.ts), so that a damaged one is named and not gone on with.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PREPROCESSING, type Preprocessing } from '../../data/transforms.ts';
import { type Choices, choicesForFile, choicesFrom, type Device } from '../../gpu/index.ts';
import type { Network } from '../../models/table.ts';
import type { Model, Optimizer } from '../../nn/index.ts';
import { bytesIfThere, ifThere, statOrNull, writeWhole } from '../../node/files.ts';
import { InputError } from '../../text/input-error.ts';
import {
  all,
  among,
  demand,
  flag,
  isObject,
  list,
  object,
  optional,
  orNull,
  parseBounded,
  type Rule,
  rule,
  text,
  whole,
} from '../../text/rules.ts';
import { cardMetadata } from '../../weights/card.ts';
import { weightsBytes } from '../../weights/create-model.ts';
import { type KnownWeights, namedNetwork, readKnown } from '../../weights/door.ts';
import { readSafetensors, writeSafetensors } from '../../weights/formats/safetensors.ts';
import { isSealed, seal, sealable } from '../../weights/formats/seal.ts';
import { fromFloat32, type StateDict, toFloat32 } from '../../weights/formats/state.ts';
import { allFinite, CALLBACK, OPTIMIZER } from '../../weights/load.ts';
import { createModel } from '../../weights/node/create-model.ts';
import type { Use } from '../../weights/sound.ts';
import type { CallbackStates } from '../callback.ts';
import { CACHE_STATE } from '../callbacks/cache-figures.ts';
import { CHECKPOINTS_STATE } from '../callbacks/checkpoints.ts';
import { LOSS_TRACE } from '../callbacks/loss-trace.ts';
import { PACE_STATE } from '../callbacks/pace.ts';
import { RATE_TRACE } from '../callbacks/rate-trace.ts';
import { UNREADABLE_STATE } from '../callbacks/unreadable.ts';
import { WEIGHT_AVERAGE_STATE } from '../callbacks/weight-average.ts';
import { CHOICES } from '../choices.ts';
import { DECISION, type Decision } from '../evaluation/threshold.ts';
import { DECISIONS } from '../labels/thresholds.ts';
import { METRICS, type Metrics } from '../metrics.ts';
import { PROGRESS, type Progress } from '../progress.ts';
import { BEFORE, SETTINGS, type TrainSettings } from '../settings.ts';
import { BEST, checkpointOfRun, fileOfRun } from './run-folder.ts';
import { type TrainedOn, trainedOnIn, trainedOnMetadata } from './trained-on.ts';

/**
 * Goes up when the version before would misread the file. In 1, the best epoch and the trace of the loss lay in
 * `progress`; in 2 they are states of callbacks. In 3 a run has phases. In 4 its settings hold what `BEFORE` names, in 5 a teacher
 * too. Only a run that goes on asks for any of these, so a file without a place to go on says 1. What 6 is
 * for, several labels a picture and thresholds of the highest F1, all readers have to know of; files of neither are of the formats
 * before.
 */
const FORMAT = 6;
const OF_CLASSES = 5;
const WITHOUT_STATE = 1;
const KEY = 'tessera';

/** What a checkpoint says about itself. */
export interface CheckpointInfo {
  format: number;
  /** Name of the architecture, as `buildModel` knows it. */
  model: string;
  /** 'labels' where several of the classes may hold of a picture (src/train/task.ts); absent where one does. */
  task?: 'labels';
  /** Names of classes, or of labels, in the order of the outputs. */
  classes: string[];
  preprocessing: Preprocessing;
  /** Epochs that were finished, and steps that were taken. */
  epoch: number;
  step: number;
  seed: number;
  /** Of the last validation before it was saved; null before the first. */
  metrics: Metrics | null;
  settings: TrainSettings;
  /** A hash of the names and labels of the pictures. */
  pictures: string;
  /** From which probability a class is called; absent where the likeliest is. `predict` and `evaluate` follow it. */
  decision?: Decision;
  /** Of several labels: from which probability each is called that somebody decided on; the others from 0.5 on. */
  decisions?: Decision[];
  /** Whether the file was written with a hash over itself; absent where it was written before there was one. */
  sealed?: boolean;
  /** Of last.safetensors only: where the run goes on. */
  progress?: Progress;
  /**
   * Likewise: the rows of the tables of kernels that were chosen by measurement when it began, by the keys of problems. It goes
   * on with these, or without where there are none: other kernels add up in another order.
   */
  choices?: Record<string, string>;
  /** Of last.safetensors only: what the run's callbacks keep, as far as it is no tensor. */
  callbacks?: Record<string, unknown>;
}

/** What last.safetensors holds beside the weights. */
export interface RunState {
  optimizer: Optimizer;
  progress: Progress;
  callbacks: CallbackStates;
  /** Of the device that it runs on. */
  choices?: Choices | null;
}

export interface Checkpoint {
  path: string;
  info: CheckpointInfo;
  /** The file, opened; loading leaves the state of the run in it aside. */
  weights: KnownWeights;
  /** The pictures that the weights have learnt from, as far as the file says it. */
  trainedOn: TrainedOn;
  /** What `Optimizer.loadState` takes; empty in best.safetensors. */
  optimizer: [string, Float32Array][];
  /** What `fit` takes as `from.callbacks`; empty in best.safetensors. */
  callbacks: CallbackStates;
}

/** A weight or a running statistic is NaN or infinite, so that the state is not worth keeping. */
export class NonFiniteStateError extends Error {
  override name = 'NonFiniteStateError';
}

/** What is said of a checkpoint when it is saved. */
export interface SavedInfo
  extends Omit<CheckpointInfo, 'format' | 'sealed' | 'progress' | 'callbacks' | 'choices'> {
  /** The pictures that the weights have learnt from. */
  trainedOn?: TrainedOn;
}

/**
 * Writes a checkpoint of the model as it is now, with the state of its run where one is given.
 * @throws NonFiniteStateError, and writes nothing, where a weight is not finite
 */
export async function saveCheckpoint(
  path: string,
  model: Model,
  { trainedOn, ...info }: SavedInfo,
  state?: RunState,
): Promise<void> {
  const { tensors, metadata } = readSafetensors(await weightsBytes(model));
  checkFinite(tensors);
  const put = (name: string, values: ArrayLike<number>): unknown =>
    tensors.set(name, fromFloat32(Float32Array.from(values), [values.length]));
  const callbacks: Record<string, unknown> = {};
  for await (const [name, values] of state?.optimizer.stateTensors() ?? [])
    put(`${OPTIMIZER}${name}`, values);
  for (const [owner, { json, tensors: kept = {} }] of Object.entries(state?.callbacks ?? {})) {
    callbacks[owner] = json ?? null;
    for (const [name, values] of Object.entries(kept)) put(`${CALLBACK}${owner}.${name}`, values);
  }
  const { classes, preprocessing, task = null } = info;
  const card = cardMetadata({
    model: model.spec,
    weights: null,
    preprocessing,
    classes,
    task,
    licence: null,
    source: null,
  });
  const whole: CheckpointInfo = state
    ? {
        format: needsNewest(info) ? FORMAT : OF_CLASSES,
        ...info,
        sealed: true,
        progress: state.progress,
        callbacks,
        choices: choicesForFile(state.choices ?? null),
      }
    : { format: needsNewest(info) ? FORMAT : WITHOUT_STATE, ...info, sealed: true };
  const history = trainedOn ? trainedOnMetadata(trainedOn) : {};
  const described = sealable({ ...metadata, ...card, [KEY]: JSON.stringify(whole), ...history });
  await writeWhole(path, await seal(writeSafetensors(tensors, described)));
}

/** Whether an older version would take the file for another one. */
const needsNewest = ({ task, settings, decision }: Omit<SavedInfo, 'trainedOn'>): boolean =>
  task === 'labels' || settings.threshold === 'f1' || decision?.by === 'f1';

function checkFinite(tensors: StateDict): void {
  for (const [name, tensor] of tensors)
    if (!allFinite(toFloat32(tensor)))
      throw new NonFiniteStateError(`${name} holds values that are not finite, so nothing was saved`);
}

/**
 * Reads a checkpoint; `path` may also be the folder of a run, which means its best one.
 * @throws Error, a sentence, where there is none or the file is something else
 */
export async function readCheckpoint(path: string, inFolder: string = BEST): Promise<Checkpoint> {
  const found = await statOrNull(path);
  if (!found)
    throw new InputError(
      `there is no checkpoint ${path}; name a folder that \`train\` wrote, or a file in it`,
    );
  const file = found.isDirectory() ? await checkpointOfRun(path, inFolder) : path;
  const bytes = await bytesIfThere(file);
  if (!bytes)
    throw new InputError(`${path} holds no ${inFolder}; name a folder that \`train\` wrote, or a file in it`);
  const weights = await readKnown(bytes, file);
  const { tensors, metadata } = weights.file;
  const info = infoIn(file, metadata[KEY]);
  if (info.sealed && !isSealed(bytes))
    throw new InputError(
      `${file} is damaged: it was written with a hash over itself, which is gone; if another program has written it anew, train and predict take it as --weights`,
    );
  const under = (prefix: string): [string, Float32Array][] =>
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), toFloat32(tensor)]);
  const callbacks = Object.entries(info.callbacks ?? {}).map(([owner, json]) => [
    owner,
    { ...(json === null ? {} : { json }), tensors: Object.fromEntries(under(`${CALLBACK}${owner}.`)) },
  ]);
  return {
    path: file,
    info,
    weights,
    trainedOn: trainedOnIn(metadata),
    optimizer: under(OPTIMIZER),
    callbacks: Object.fromEntries(callbacks),
  };
}

/**
 * What a checkpoint says about itself, from the JSON in its header; older formats in the words of the present one.
 * @throws Error, a sentence that names the file and the field, where it is damaged or no checkpoint
 */
export function infoIn(file: string, json: string | undefined): CheckpointInfo {
  if (json === undefined)
    throw new InputError(
      `${file} holds weights but no classes and preprocessing, so it is no checkpoint of \`train\`; train and predict take it as --weights`,
    );
  try {
    const info = parseBounded(json, 'its description');
    refuseNewer(file, info);
    return checkedInfo(info);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(
      `${file} is damaged: ${error.message}. Take the other checkpoint of its run, a copy of it, or train anew`,
      { cause: error },
    );
  }
}

function refuseNewer(file: string, info: unknown): void {
  if (isObject(info) && typeof info.format === 'number' && info.format > FORMAT)
    throw new InputError(
      `${file} was written by a newer version (format ${info.format}, this one reads ${FORMAT}); update Tessera`,
    );
}

/** @throws RangeError, a sentence that names the field, where it describes no checkpoint */
function checkedInfo(given: unknown): CheckpointInfo {
  demand(object({}), given, 'its description');
  const info = given as Record<string, unknown>;
  demand(whole(1, FORMAT), info.format, 'format');
  demand(object({}), info.settings, 'settings');
  const known = (info.format as number) >= OF_CLASSES ? info.settings : migratedSettings(info);
  const { groupBy = BEFORE.groupBy, fold = BEFORE.fold } = known as Partial<TrainSettings>;
  // In the order of the file, so that a run that goes on writes what one that was never stopped writes.
  const settings = { ...(known as object), groupBy, fold };
  const current: Record<string, unknown> = { ...migrated(info), settings };
  demand(INFO, current, '');
  return current as unknown as CheckpointInfo;
}

const count = whole(0, Number.MAX_SAFE_INTEGER);

/** `CheckpointInfo` out of a file of the present format. Callbacks of others look after their own states. */
const INFO: Rule = all(
  object({
    format: count,
    model: text(256),
    task: optional(among(['labels'])),
    classes: list(text(1000), 1, 65_536),
    preprocessing: PREPROCESSING,
    epoch: count,
    step: count,
    seed: count,
    metrics: orNull(METRICS),
    decision: optional(DECISION),
    decisions: optional(DECISIONS),
    sealed: optional(flag),
    settings: SETTINGS,
    pictures: text(1000),
    progress: optional(PROGRESS),
    choices: optional(CHOICES),
    callbacks: optional(
      object({
        checkpoints: optional(CHECKPOINTS_STATE),
        'feature-cache': optional(CACHE_STATE),
        'loss-trace': optional(LOSS_TRACE),
        pace: optional(PACE_STATE),
        'rate-trace': optional(RATE_TRACE),
        unreadable: optional(UNREADABLE_STATE),
        'weight-average': optional(WEIGHT_AVERAGE_STATE),
      }),
    ),
  } satisfies Record<keyof CheckpointInfo, Rule>),
  (value, place) => {
    const { classes, decision, decisions = [] } = value as CheckpointInfo;
    const known = rule((name) => classes.includes(name as string), 'the name of one of its classes');
    const unknown = decision ? known(decision.positive, `${place}decision.positive`) : null;
    return decisions.reduce(
      (found, { positive }, index) => found ?? known(positive, `${place}decisions[${index}].positive`),
      unknown,
    );
  },
);

/** What was in `progress` in format 1 as the states of the callbacks that keep it now. */
function migrated(info: Record<string, unknown>): Record<string, unknown> {
  if (info.format !== 1 || !isObject(info.progress)) return info;
  const { best, trace, ...progress } = info.progress;
  return { ...info, progress, callbacks: { checkpoints: { best }, 'loss-trace': trace } };
}

/**
 * The settings of a run that an older version began. One from before there were phases is of one, its norms train, and
 * all decays; of more than two classes the best epoch was the one of the highest accuracy. A file without a place to go on
 * says 1 whatever wrote it, so its settings may be whole.
 */
function migratedSettings({ settings: given, classes, progress }: Record<string, unknown>): unknown {
  const settings = given as Record<string, unknown>;
  const several = progress !== undefined && Array.isArray(classes) && classes.length > 2;
  const before = { ...BEFORE, ...(several && { best: 'accuracy' }) };
  if ('phases' in settings) return { ...before, ...settings };
  const { trainFrom, epochs, lr, backboneFactor, ...rest } = settings;
  const phases = [{ trainFrom, epochs, lr, backboneFactor }];
  return { ...before, ...rest, phases, trainNorms: true, decayNorms: true };
}

/** The choices of kernels that a run was begun with: null where there were none. */
export const choicesIn = ({ choices }: CheckpointInfo): Choices | null => choicesFrom(choices);

/** What `work` gives; what it finds out of range is the checkpoint's fault, whose name stands before it. */
export function ofCheckpoint<Result>({ path }: Pick<Checkpoint, 'path'>, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof RangeError
      ? new RangeError(`${path} cannot be used: ${error.message}`, { cause: error })
      : error;
  }
}

/**
 * What was trained: the name of a network, or the table that the file carries.
 * @throws RangeError where it is a network of somebody's own, which only its own code can build
 */
export const networkIn = (checkpoint: Checkpoint): Network =>
  ofCheckpoint(checkpoint, () => namedNetwork(checkpoint.info.model, checkpoint.weights));

/**
 * The network of a checkpoint, in evaluation mode.
 * @param use 'train' where a run goes on, which may not have trained its head yet
 * @throws WeightsError where the weights are no good for it
 */
export async function modelOf(checkpoint: Checkpoint, device: Device, use: Use = 'answer'): Promise<Model> {
  const { info, weights } = checkpoint;
  const { classes, seed } = info;
  return (
    await createModel(networkIn(checkpoint), { weights, device, numClasses: classes.length, seed, use })
  ).eval();
}

/** The best checkpoint of the run under `runs` that was written to last; null where there is none. */
export async function newestCheckpoint(runs: string): Promise<string | null> {
  const names = (await ifThere(runs, readdir(runs))) ?? [];
  let newest: { path: string; time: number } | null = null;
  for (const name of names) {
    const path = await fileOfRun(join(runs, name), BEST);
    const found = await statOrNull(path);
    if (found?.isFile() && (!newest || found.mtimeMs > newest.time)) newest = { path, time: found.mtimeMs };
  }
  return newest?.path ?? null;
}
