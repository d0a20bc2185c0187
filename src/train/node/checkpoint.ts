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
import { type Choices, choicesForFile, choicesFrom, type Device } from '../../gpu/index.ts';
import type { Network } from '../../models/table.ts';
import type { Model, Optimizer } from '../../nn/index.ts';
import { bytesIfThere, ifThere, statOrNull, writeWhole } from '../../node/files.ts';
import { InputError } from '../../text/input-error.ts';
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
import { type CheckpointInfo, formatFor, INFO_KEY, infoIn } from '../checkpoint-info.ts';
import type { Progress } from '../progress.ts';
import { BEST, checkpointOfRun, fileOfRun } from './run-folder.ts';
import { type TrainedOn, trainedOnIn, trainedOnMetadata } from './trained-on.ts';

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
        format: formatFor(info, true),
        ...info,
        sealed: true,
        progress: state.progress,
        callbacks,
        choices: choicesForFile(state.choices ?? null),
      }
    : { format: formatFor(info, false), ...info, sealed: true };
  const history = trainedOn ? trainedOnMetadata(trainedOn) : {};
  const described = sealable({ ...metadata, ...card, [INFO_KEY]: JSON.stringify(whole), ...history });
  await writeWhole(path, await seal(writeSafetensors(tensors, described)));
}

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
  const info = infoIn(file, metadata[INFO_KEY]);
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
