/**
 * `createModel`, `loadWeights` and `saveWeights` in a browser: weights are bytes, addresses, or names of the catalog, whose
 * files lie in a folder that is handed in by its address. Node's forms, with paths, are in node/create-model.ts.
 */
import type { Network } from '../models/table.ts';
import type { Model } from '../nn/index.ts';
import {
  type CreateOptions,
  createModelFrom,
  loadWeightsFrom,
  type SaveOptions,
  weightsBytes,
} from './create-model.ts';
import { type KnownWeights, openWeightsFrom, type WeightsSource } from './door.ts';
import { readWeights } from './formats/read.ts';
import type { WeightsFile } from './formats/state.ts';
import type { LoadReport, LoadWeightsOptions } from './load.ts';
import { webFiles } from './web-files.ts';

/** Where a page keeps the catalog's weights. */
export interface WeightsFolder {
  /** Address of the folder, relative to the page. Default 'weights/'. */
  folder?: string | URL;
}

/** `createModelFrom` with addresses, and with the catalog's files in `folder`. */
export function createModel(
  network: Network,
  { folder = 'weights/', ...options }: CreateOptions & WeightsFolder = {},
): Promise<Model> {
  return createModelFrom(network, options, webFiles(folder));
}

/** `loadWeightsFrom` with an address, the file's bytes, or a file opened already. */
export function loadWeights(
  model: Model,
  source: WeightsSource,
  { folder = 'weights/', ...options }: LoadWeightsOptions & WeightsFolder & { seed?: number } = {},
): Promise<LoadReport> {
  return loadWeightsFrom(model, source, options, webFiles(folder));
}

/**
 * Opens weights of any kind, with what is known of them (`KnownWeights`): 'pretrained', a name of the catalog, an address
 * or bytes. `createModel` takes the result, so that a file is read once.
 * @param network what 'pretrained' means the weights of
 */
export function openNamed(
  weights: string | Uint8Array,
  network: Network,
  { folder = 'weights/' }: WeightsFolder = {},
): Promise<KnownWeights> {
  return openWeightsFrom(weights, network, webFiles(folder));
}

/** Reads a weights file of any kind from an address or from bytes. */
export async function openWeights(source: string | Uint8Array): Promise<WeightsFile> {
  return typeof source === 'string'
    ? readWeights(await webFiles('weights/').read(source), source)
    : readWeights(source, 'the file');
}

/**
 * Saves a model as safetensors into a file that the user chose (`showSaveFilePicker`) or of the page's own storage
 * (`navigator.storage.getDirectory`); it holds the old content or the new one at any time. For a link to download, make a
 * Blob of `weightsBytes`.
 */
export async function saveWeights(
  model: Model,
  file: FileSystemFileHandle,
  options: SaveOptions = {},
): Promise<void> {
  const bytes = await weightsBytes(model, options);
  // What is written lands in the file when the stream closes, and not at all where it fails before.
  const stream = await file.createWritable();
  try {
    await stream.write(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    await stream.abort();
    throw error;
  }
  await stream.close();
}
