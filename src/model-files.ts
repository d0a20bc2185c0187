/**
 * Models and files: `createModel`, `loadWeights`, `saveWeights`. The network itself comes from src/models, the formats
 * from src/weights; here they meet. Node's modules are only imported where a path is given, so that a browser can load
 * weights from bytes.
 */
import type { Device } from './gpu/index.ts';
import { buildModel, type ModelOptions } from './models/registry.ts';
import type { Model } from './nn/index.ts';
import { toTorch } from './nn/index.ts';
import { SHIPPED } from './weights/catalog.ts';
import { type ExpectedTensor, type LoadOptions, type LoadReport, planLoad } from './weights/load.ts';
import { readWeights } from './weights/read.ts';
import { writeSafetensors } from './weights/safetensors.ts';
import { fromFloat32, type StateDict, type WeightsFile } from './weights/state.ts';

/** Key of a file's metadata under which the architecture stands: its name and what the weights depend on, as JSON. */
const SPEC_KEY = 'tessera.model';

export interface CreateOptions extends Omit<ModelOptions, 'initialise'> {
  /** 'pretrained': the ImageNet weights that ship; else a path or the bytes of a .pth, .pt or .safetensors file. */
  weights?: string | Uint8Array;
  device?: Device;
  /** Told what became of every tensor of the file. */
  onReport?: (report: LoadReport) => void;
}

/**
 * A network with weights, on the device that `openDevice()` opened last or on `options.device`. Without `weights` it is
 * initialised from `seed`; without `numClasses` it has as many classes as the file. Where the file has another number
 * of classes than asked for, the last layer starts anew (the report says so).
 * @throws RangeError for unknown names, WeightsError for unreadable files, Error where the tensors do not fit
 */
export async function createModel(name: string, options: CreateOptions = {}): Promise<Model> {
  const { weights, onReport, ...modelOptions } = options;
  if (weights === undefined) return buildModel(name, modelOptions);
  const shipped = weights === 'pretrained' ? shippedWeights(name) : null;
  const file = shipped ? await openShipped(shipped.file) : await openWeights(weights);
  const { padding, normEps } = { ...shipped, ...specOf(file)?.options };
  const build = { padding, normEps, ...modelOptions } as ModelOptions;
  const model = buildModel(name, {
    numClasses: 1000,
    ...build,
    ...classesOf(name, file, build),
    initialise: false,
  });
  const report = loadFile(model, file, { replaceHead: true }, options.seed ?? 0);
  onReport?.(report);
  return model;
}

/**
 * Overwrites a model's parameters and running statistics with those of a .pth, .pt or .safetensors file.
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
  if (typeof source !== 'string') return readWeights(source, 'the file');
  const { readFile } = await import('node:fs/promises');
  return readWeights(await readFile(source), source);
}

/** Writes what fits into `model`. With a seed, what the file lacks is initialised; without, it stays as it is. */
function loadFile(model: Model, file: WeightsFile, options: LoadOptions, seed?: number): LoadReport {
  const expected = new Map<string, ExpectedTensor>();
  const tensors = new Map([...model.namedParameters(), ...model.namedBuffers()]);
  for (const [name, { shape }] of tensors)
    expected.set(name, { shape, layout: model.parameterLayout(name), head: model.isHead(name) });
  const { report, values } = planLoad(expected, file, options);
  for (const [name, { data }] of values) tensors.get(name)!.write(data as Float32Array<ArrayBuffer>);
  if (seed !== undefined) model.initialise(seed, (name) => !values.has(name));
  return report;
}

function shippedWeights(name: string): (typeof SHIPPED)[string] {
  const shipped = Object.hasOwn(SHIPPED, name) ? SHIPPED[name] : undefined;
  if (shipped) return shipped;
  const names = Object.keys(SHIPPED);
  const have = names.length > 0 ? `there are weights for ${names.join(', ')}` : 'no weights ship yet';
  throw new RangeError(
    `no pretrained weights of '${name}' ship with the project (${have}); give the path of a .pth or .safetensors file as weights`,
  );
}

async function openShipped(file: string): Promise<WeightsFile> {
  const url = new URL(`../weights/${file}`, import.meta.url);
  if (url.protocol === 'file:') {
    const { fileURLToPath } = await import('node:url');
    return openWeights(fileURLToPath(url));
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${answer.statusText}`);
  return readWeights(new Uint8Array(await answer.arrayBuffer()), file);
}

/** The architecture that a file of this project was saved from; null for other files. */
export function specOf(file: WeightsFile): Model['spec'] {
  const text = file.metadata[SPEC_KEY];
  if (text === undefined) return null;
  try {
    const spec = JSON.parse(text);
    return typeof spec?.name === 'string' && typeof spec?.options === 'object' ? spec : null;
  } catch {
    return null; // another program's idea of this key: the tensors still say what they are
  }
}

/** The number of classes of the file's last layer, where the caller names none. */
function classesOf(name: string, file: WeightsFile, options: ModelOptions): { numClasses?: number } {
  if (options.numClasses !== undefined) return {};
  const probe = buildModel(name, { ...options, numClasses: 1, initialise: false });
  const shape = file.tensors.get(`${probe.classifier}.weight`)?.shape;
  probe.dispose();
  return shape && shape.length === 2 ? { numClasses: shape[0] } : {};
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

/**
 * Saves a model as safetensors: to a temporary file beside `path` first, which then takes its place, so that a file
 * that is there is whole.
 */
export async function saveWeights(model: Model, path: string, options: SaveOptions = {}): Promise<void> {
  const bytes = await weightsBytes(model, options);
  const { rename, rm, writeFile } = await import('node:fs/promises');
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
