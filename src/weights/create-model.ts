/**
 * Models and files: `createModel`, `loadWeights`, `saveWeights`. The network itself comes from src/models, the formats
 * from src/weights; here they meet. Node's modules are only imported where a path is given, so that a browser can load
 * weights from bytes.
 */
import type { Device } from '../gpu/index.ts';
import { buildModel, checkModel, type ModelOptions } from '../models/registry.ts';
import type { Model } from '../nn/index.ts';
import { toTorch } from '../nn/index.ts';
import { readCard, SPEC_KEY } from './card.ts';
import { classesIn, expectedTensors, planFor, shapeBuilder } from './expected.ts';
import { readWeights } from './formats/read.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import { fromFloat32, type StateDict, type WeightsFile } from './formats/state.ts';
import { type KnownWeights, propertiesIn } from './known.ts';
import type { LoadOptions, LoadReport } from './load.ts';
import { matchNames } from './names.ts';
import { openNamed, weightsAt } from './open-weights.ts';

export interface CreateOptions extends Omit<ModelOptions, 'initialise'> {
  /**
   * 'pretrained': the catalog's ImageNet weights of this model, from the folder weights/ (those of efficientnet_lite0
   * ship, others are put there by `npm run weights -- fetch`). The name of other weights in the catalog, such as
   * 'resnet18.a1_in1k', does the same. Else a path or the bytes of a .pth, .pt or .safetensors file, the checkpoints of
   * `train` included, or such a file opened already (`openNamed`).
   */
  weights?: string | Uint8Array | KnownWeights;
  device?: Device;
  /** Told what became of every tensor of the file. */
  onReport?: (report: LoadReport) => void;
}

/**
 * A network with weights, on the device that `openDevice()` opened last or on `options.device`. Without `weights` it is
 * initialised from `seed`; without `numClasses` it has as many classes as the file. Where the file has another number
 * of classes than asked for, the last layer starts anew, from zero (`Model.zeroHead`); the report says so.
 * @throws RangeError for unknown names, WeightsError for unreadable files, Error where the tensors do not fit
 */
export async function createModel(name: string, options: CreateOptions = {}): Promise<Model> {
  const { weights, onReport, ...given } = options;
  if (weights === undefined) return buildModel(name, given);
  checkModel(name, given); // Before a large file is read.
  const known = typeof weights === 'object' && 'card' in weights ? weights : await openNamed(weights, name);
  const { file } = known;
  const { padding, normEps } = propertiesIn(name, known) as ModelOptions;
  const build = { ...given, padding: given.padding ?? padding, normEps: given.normEps ?? normEps };
  const model = buildModel(name, {
    numClasses: 1000,
    ...build,
    ...(await classesOf(name, file, build)),
    initialise: false,
  });
  const report = await loadFile(model, file, { replaceHead: true }, options.seed ?? 0);
  onReport?.(report);
  return model;
}

/**
 * Overwrites a model's parameters and running statistics with those of a .pth, .pt or .safetensors file, the checkpoints of
 * `train` included.
 * @param source a path or the file's bytes
 * @throws WeightsError for unreadable files; Error, unless `strict: false`, where a tensor is missing, unexpected or of
 * another shape (its message names them)
 */
export async function loadWeights(
  model: Model,
  source: string | Uint8Array,
  options: LoadOptions & { seed?: number } = {},
): Promise<LoadReport> {
  return loadFile(model, await openWeights(source), options, options.seed);
}

/** Reads a weights file of any kind from a path or from bytes. */
export async function openWeights(source: string | Uint8Array): Promise<WeightsFile> {
  return typeof source === 'string'
    ? readWeights(await weightsAt(source), source)
    : readWeights(source, 'the file');
}

/**
 * Writes what fits into `model`. With a seed, what the file lacks is initialised, and a head that the file does not fit
 * starts at zero; without, both stay as they are.
 */
async function loadFile(
  model: Model,
  file: WeightsFile,
  options: LoadOptions,
  seed?: number,
): Promise<LoadReport> {
  const { report, values } = await planFor(model, file, options);
  const targets = new Map([...model.namedParameters(), ...model.namedBuffers()]);
  for (const [name, { data }] of values) targets.get(name)!.write(data as Float32Array<ArrayBuffer>);
  if (seed !== undefined) {
    model.initialise(seed, (name) => !values.has(name));
    model.zeroHead((name) => report.replacedHead.includes(name));
  }
  return report;
}

/** The architecture that a file of this project was saved from; null for other files. */
export function specOf(file: WeightsFile): Model['spec'] {
  return readCard(file.metadata).model;
}

/** The number of classes of the file's last layer, where the caller names none. */
async function classesOf(name: string, file: WeightsFile, options: ModelOptions) {
  if (options.numClasses !== undefined) return {};
  const probe = (await shapeBuilder())(name, { ...options, numClasses: 1 });
  const { tensors } = matchNames(file.tensors, expectedTensors(probe).keys());
  const numClasses = classesIn(probe, tensors);
  return numClasses === null ? {} : { numClasses };
}

export interface SaveOptions {
  /** Stored beside the tensors; values are strings (safetensors). */
  metadata?: Record<string, string>;
  /** float16 and bfloat16 halve the file and round to nearest even. */
  dtype?: 'float32' | 'float16' | 'bfloat16';
}

/**
 * The bytes of a safetensors file with torchvision's names and PyTorch's layout, which `load_state_dict` takes as it is,
 * batch norms' `num_batches_tracked` included. One tensor after the other is read from the GPU.
 */
export async function weightsBytes(model: Model, { metadata, dtype }: SaveOptions = {}): Promise<Uint8Array> {
  const tensors: StateDict = new Map();
  for (const { name, tensor } of model.tensors()) {
    const data = (await tensor.data()) as Float32Array;
    const torch = toTorch(data, tensor.shape, model.parameterLayout(name));
    tensors.set(name, fromFloat32(torch.data, torch.shape, dtype));
    // The last tensor of a batch norm. PyTorch uses the counter only where momentum is None.
    if (name.endsWith('running_var'))
      tensors.set(name.replace(/running_var$/, 'num_batches_tracked'), {
        dtype: 'int64',
        shape: [],
        bytes: new Uint8Array(8),
      });
  }
  const spec: Record<string, string> = model.spec ? { [SPEC_KEY]: JSON.stringify(model.spec) } : {};
  return writeSafetensors(tensors, { format: 'pt', ...spec, ...metadata });
}

/** Saves a model as safetensors; `path` holds the old content or the new one at any time (src/node/files.ts). */
export async function saveWeights(model: Model, path: string, options: SaveOptions = {}): Promise<void> {
  const bytes = await weightsBytes(model, options);
  const { writeWhole } = await import('../node/files.ts');
  await writeWhole(path, bytes);
}
