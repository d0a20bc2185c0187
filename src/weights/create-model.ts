/**
 * Models and files: `createModelFrom`, `loadWeightsFrom`, `weightsBytes`. The network itself comes from src/models, the
 * weights through the front door (door.ts); here they meet. Node's forms with paths are in node/create-model.ts.
 */
import type { Device } from '../gpu/index.ts';
import type { ModelOptions } from '../models/family.ts';
import { buildModel, checkModel, modelNames, type Network, nameOf } from '../models/table.ts';
import type { Model, ModelSpec } from '../nn/index.ts';
import { toTorch } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { readCard, SPEC_KEY } from './card.ts';
import {
  factsOf,
  type KnownWeights,
  namedNetwork,
  openWeightsFrom,
  type WeightsFiles,
  type WeightsSource,
} from './door.ts';
import { classesIn, planFor, shapeBuilder, weightsFor } from './expected.ts';
import { writeSafetensors } from './formats/safetensors.ts';
import { fromFloat32, type StateDict, type WeightsFile } from './formats/state.ts';
import type { LoadReport, LoadValues, LoadWeightsOptions } from './load.ts';
import { matchNames } from './names.ts';
import { demandSound, type Use } from './sound.ts';

export interface CreateOptions extends Omit<ModelOptions, 'initialise'> {
  /**
   * 'pretrained': the catalog's ImageNet weights of this model, from the folder weights/ (those of efficientnet_lite0
   * ship, others are put there by `npm run weights -- fetch`). The name of other weights in the catalog, such as
   * 'resnet18.a1_in1k', does the same. Else a path (an address in browsers) or the bytes of a .pth, .pt or .safetensors
   * file, the checkpoints of `train` included, or such a file opened already (`openNamed`).
   */
  weights?: WeightsSource;
  /**
   * What the weights are for: to 'answer' with the head that they bring, or to 'train', perhaps with a new one. Weights
   * that are no good for it are refused (src/weights/sound.ts); without it the report says what is strange.
   */
  use?: Use;
  device?: Device;
  /** Told what became of every tensor of the file, before anything is allocated: where it throws, nothing is. */
  onReport?: (report: LoadReport) => void;
}

/**
 * A network with weights, on the device that `openDevice()` opened last or on `options.device`. Without `weights` it is
 * initialised from `seed`; without `numClasses` it has as many classes as the file. A file is taken whose body fits whole;
 * where its last layer is another one or missing, that starts anew, from zero (`Model.zeroHead`), and what lies beside the
 * network is left: the report names both. What does not fit is refused before anything is allocated.
 * @param network a name (`modelNames`), a table of MBConv stages, or the name of the table that the weights carry
 * @throws RangeError for unknown names, WeightsError for unreadable files and weights that are no good for their `use`,
 * Error where the tensors do not fit
 */
export async function createModelFrom(
  network: Network,
  options: CreateOptions,
  files: WeightsFiles,
): Promise<Model> {
  const { weights, use, onReport, seed = 0, ...given } = options;
  if (weights === undefined) return buildModel(network, { ...given, seed });
  const {
    network: named,
    build,
    values,
    report,
  } = await plannedModelFrom(network, { ...given, weights, use, onReport }, files);
  const model = buildModel(named, { ...build, seed, initialise: false });
  write(model, values, report, seed);
  return model;
}

/** A network with what weights hold for it, before there is a device: what needs names and numbers alone takes it so. */
export interface PlannedModel {
  network: Network;
  /** What builds it. */
  build: ModelOptions;
  /** The network without memory. */
  shapes: Model;
  /** In the engine's layout, by name. */
  values: LoadValues;
  report: LoadReport;
  known: KnownWeights;
}

/** What `createModelFrom` builds from weights, with the same options and the same errors. */
export async function plannedModelFrom(
  network: Network,
  { weights, use, onReport, ...given }: CreateOptions & { weights: WeightsSource },
  files: WeightsFiles,
): Promise<PlannedModel> {
  const known = await openFor(network, weights, given, files);
  const named = namedNetwork(network, known);
  checkModel(named, given);
  const { properties } = factsOf(known, named);
  const build = { ...given, ...properties, ...asGiven(given) };
  const { file, shapes, numClasses } = await shapesFor(named, known.file, build);
  const { report, values } = await planFor(shapes, file, {
    body: true,
    ...(use !== 'train' && { halves: isLargeMatrix }),
  });
  if (use) demandSound(report, use, nameOf(named), file.name);
  onReport?.(report);
  return { network: named, build: { ...build, numClasses }, shapes, values, report, known };
}

/** Opens the weights; a name or options that are wrong whatever the file says are refused before a large file is read. */
async function openFor(
  network: Network,
  weights: WeightsSource,
  given: ModelOptions,
  files: WeightsFiles,
): Promise<KnownWeights> {
  const inFile = typeof network === 'string' && !modelNames().includes(network);
  if (!inFile) checkModel(network, given);
  try {
    return await openWeightsFrom(weights, network, files);
  } catch (error) {
    if (inFile) checkModel(network, given); // Nobody knows the name, which is the fault to mend first.
    throw error;
  }
}

/** Properties that the caller gives go before the weights' own. */
function asGiven({ padding, normEps }: ModelOptions): ModelOptions {
  return { ...(padding && { padding }), ...(normEps !== undefined && { normEps }) };
}

/** The network without memory, with as many classes as asked for, else as the file has, else ImageNet's. */
async function shapesFor(network: Network, opened: WeightsFile, options: ModelOptions) {
  const build = await shapeBuilder();
  const { device: _, ...rest } = options;
  const shapes = build(network, { ...rest, numClasses: options.numClasses ?? 1000 });
  const file = weightsFor(shapes, opened);
  const inFile = classesIn(shapes, matchNames(file.tensors, shapes).tensors);
  const numClasses = options.numClasses ?? inFile ?? 1000;
  return {
    file,
    numClasses,
    shapes: numClasses === shapes.numClasses ? shapes : build(network, { ...rest, numClasses }),
  };
}

/**
 * Overwrites a model's parameters and running statistics with those of a .pth, .pt or .safetensors file, the checkpoints of
 * `train` included.
 * @param source what `createModel` takes as weights
 * @throws WeightsError for unreadable files; Error, unless `strict: false`, where a tensor is missing, unexpected or of
 * another shape (its message names them)
 */
export async function loadWeightsFrom(
  model: Model,
  source: WeightsSource,
  options: LoadWeightsOptions & { seed?: number },
  files: WeightsFiles,
): Promise<LoadReport> {
  const { file } = await openWeightsFrom(source, model.spec?.name ?? '', files);
  const { report, values } = await planFor(model, weightsFor(model, file), {
    ...options,
    halves: isLargeMatrix,
  });
  write(model, values, report, options.seed);
  return report;
}

/**
 * Whether 16 bits a value make products of one row with a matrix of this shape faster: that of 512 × 1000 and larger ones are
 * read so (src/kernels/matmul/vector.ts).
 */
const isLargeMatrix = (shape: readonly number[]): boolean =>
  shape.length === 2 && shape[0]! * shape[1]! >= 500_000 && shape.every((length) => length % 4 === 0);

/**
 * Writes what fits into `model`. With a seed, what the file lacks is initialised, and a head that the file does not fit
 * starts at zero; without, both stay as they are.
 */
function write(model: Model, values: LoadValues, report: LoadReport, seed?: number): void {
  const targets = new Map([...model.namedParameters(), ...model.namedBuffers()]);
  for (const [name, loaded] of values) {
    const target = targets.get(name)!;
    if (loaded.halves) target.writeHalves(loaded.halves);
    else target.write(loaded.data as Float32Array<ArrayBuffer>);
  }
  if (seed === undefined) return;
  model.initialise(seed, (name) => !values.has(name));
  model.zeroHead((name) => report.replacedHead.includes(name));
}

/** The architecture that a file of this project was saved from; null for other files. */
export function specOf(file: WeightsFile): ModelSpec | null {
  return readCard(file.metadata, file.name).model;
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
  const read = async (_name: string, tensor: Tensor) => (await tensor.data()) as Float32Array;
  const spec: Record<string, string> = model.spec ? { [SPEC_KEY]: JSON.stringify(model.spec) } : {};
  return writeSafetensors(await torchState(model, read, dtype), { format: 'pt', ...spec, ...metadata });
}

/**
 * A model's tensors as `state_dict()` has them: PyTorch's layout, batch norms' `num_batches_tracked` included.
 * @param read the values of a tensor, in the engine's layout
 */
export async function torchState(
  model: Model,
  read: (name: string, tensor: Tensor) => Float32Array | Promise<Float32Array>,
  dtype?: SaveOptions['dtype'],
): Promise<StateDict> {
  const tensors: StateDict = new Map();
  for (const { name, tensor } of model.tensors()) {
    const data = await read(name, tensor);
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
  return tensors;
}
