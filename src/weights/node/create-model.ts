/** `createModel`, `loadWeights` and `saveWeights` in Node, where weights are paths and names of the folder weights/. */

import type { Network } from '../../models/table.ts';
import type { Model } from '../../nn/index.ts';
import { writeWhole } from '../../node/files.ts';
import {
  type CreateOptions,
  createModelFrom,
  loadWeightsFrom,
  type PlannedModel,
  plannedModelFrom,
  type SaveOptions,
  weightsBytes,
} from '../create-model.ts';
import { type KnownWeights, openWeightsFrom, type WeightsSource } from '../door.ts';
import { readWeights } from '../formats/read.ts';
import type { WeightsFile } from '../formats/state.ts';
import type { LoadReport, LoadWeightsOptions } from '../load.ts';
import { openStartFrom, type Start } from '../start.ts';
import { NODE_FILES } from './weights-files.ts';

/** `createModelFrom` with paths, and with the folder weights/ of this project. */
export function createModel(network: Network, options: CreateOptions = {}): Promise<Model> {
  return createModelFrom(network, options, NODE_FILES);
}

/** `plannedModelFrom` with paths, and with the folder weights/ of this project. */
export function plannedModel(
  network: Network,
  options: CreateOptions & { weights: WeightsSource },
): Promise<PlannedModel> {
  return plannedModelFrom(network, options, NODE_FILES);
}

/** `loadWeightsFrom` with a path, the file's bytes, or a file opened already. */
export function loadWeights(
  model: Model,
  source: WeightsSource,
  options: LoadWeightsOptions & { seed?: number } = {},
): Promise<LoadReport> {
  return loadWeightsFrom(model, source, options, NODE_FILES);
}

/** Reads a weights file of any kind from a path or from bytes. */
export async function openWeights(source: string | Uint8Array): Promise<WeightsFile> {
  return typeof source === 'string' ? openAt(source) : readWeights(source, 'the file');
}

async function openAt(path: string): Promise<WeightsFile> {
  const file = await NODE_FILES.file(path);
  return readWeights(await NODE_FILES.read(file), file);
}

/**
 * Opens weights of any kind, with what is known of them (`KnownWeights`): 'pretrained', a name of the catalog, a path or
 * bytes. `createModel` takes the result, so that a file is read once.
 * @param network what 'pretrained' means the weights of
 */
export function openNamed(weights: string | Uint8Array, network: Network): Promise<KnownWeights> {
  return openWeightsFrom(weights, network, NODE_FILES);
}

/** `openStartFrom` with paths, and with the folder weights/ of this project. */
export function openStart(given: { model?: string; weights?: string }): Promise<Start> {
  return openStartFrom(given, NODE_FILES);
}

/** Saves a model as safetensors; `path` holds the old content or the new one at any time (src/node/files.ts). */
export async function saveWeights(model: Model, path: string, options: SaveOptions = {}): Promise<void> {
  await writeWhole(path, await weightsBytes(model, options));
}
