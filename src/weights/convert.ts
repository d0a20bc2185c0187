/**
 * Any weights file → safetensors under the names of one of our models, with everything in its header that a program
 * needs to use it (card.ts): architecture, padding and epsilon, preprocessing, classes, licence, source.
 *
 * In float16, weights of two dimensions and more are rounded; norms, statistics and biases stay as they are: they are
 * one part in fifty of a network, and a variance below float16's range would become 0.
 */
import { type Model, torchShape } from '../nn/index.ts';
import { cardMetadata, readCard, type WeightsCard } from './card.ts';
import { modelOptions, type WeightsEntry } from './catalog.ts';
import { listNames } from './error.ts';
import { classesIn, detectModels, expectedTensors, planFor, shapeBuilder } from './expected.ts';
import { IMAGENET_CLASSES } from './imagenet-classes.ts';
import { optimizerNote } from './load.ts';
import { detectFamily, impliedOptions, matchNames } from './names.ts';
import { readWeights } from './read.ts';
import { writeSafetensors } from './safetensors.ts';
import { fromFloat32, type StateDict, type StoredTensor, toFloat32, type WeightsFile } from './state.ts';

export interface ConvertOptions {
  /** Name of the architecture; told from the file otherwise. */
  model?: string;
  /** Round weights to float16. */
  half?: boolean;
  /** What the catalog knows of the file. */
  entry?: WeightsEntry | null;
}

export interface Converted {
  bytes: Uint8Array;
  card: WeightsCard;
  tensors: number;
  /** What was renamed, rounded or left out, in sentences. */
  notes: string[];
}

/**
 * Converts the bytes of a .pth, .pt or .safetensors file.
 * @param name of the file, for sentences
 * @throws WeightsError for unreadable files, Error where the tensors fit no model or not the one that was asked for
 */
export async function convertWeights(
  bytes: Uint8Array,
  name: string,
  options: ConvertOptions = {},
): Promise<Converted> {
  const file = await readWeights(bytes, name);
  const own = readCard(file.metadata);
  const { entry = null } = options;
  const modelName =
    options.model ?? own.model?.name ?? entry?.model ?? (await guessModel(file.tensors, name));
  const modelOptionsOfFile = {
    ...impliedOptions(file.tensors.keys()),
    ...(entry && modelOptions(entry)),
    ...own.model?.options,
  };

  const build = await shapeBuilder();
  const probe = build(modelName, { numClasses: 1 });
  const renamed = matchNames(file.tensors, expectedTensors(probe).keys());
  const numClasses = classesIn(probe, renamed.tensors) ?? 1000;
  const notes = [...(file.notes ?? []), ...renamed.notes];
  const { ordered, problems } = await inModelOrder(build(modelName, { numClasses }), {
    ...file,
    tensors: renamed.tensors,
  });
  const tensors = options.half ? halved(ordered, notes) : ordered;
  const card: WeightsCard = {
    model: { name: modelName, options: modelOptionsOfFile },
    weights: own.weights ?? entry?.name ?? null,
    preprocessing: own.preprocessing ?? entry?.preprocessing ?? null,
    classes: own.classes ?? (entry && numClasses === 1000 ? IMAGENET_CLASSES : null),
    licence: own.licence ?? entry?.licence ?? null,
    source: own.source ?? entry?.source ?? null,
  };
  if (!card.preprocessing)
    notes.push(
      'The catalog does not know this file, so its header says nothing of preprocessing, licence and classes.',
    );
  const written = writeSafetensors(tensors, { format: 'pt', ...cardMetadata(card) });
  return { bytes: written, card, tensors: tensors.size, notes: [...notes, ...problems] };
}

/** The one model that the file fits. Names of timm fit two, with PyTorch's padding and with TensorFlow's. */
async function guessModel(tensors: StateDict, name: string): Promise<string> {
  const models = await detectModels(tensors);
  const style = detectFamily(tensors.keys())?.style;
  if (models.length === 1) return models[0];
  const twin = models.find((model) => model.startsWith('tf_') === (style === 'lukemelas'));
  if (twin && style !== 'timm') return twin;
  const remedy =
    models.length > 1
      ? `it fits ${models.join(' and ')}, which differ in padding and batch norm's epsilon only: say which with --model`
      : `its tensors (${listNames([...tensors.keys()])}) are those of none of our models; --model names one, and then says what does not fit`;
  throw new Error(`${name} does not say which model it is for: ${remedy}`);
}

/** The model's tensors in the model's order, counters of batch norms behind them. Refuses what does not fit. */
async function inModelOrder(model: Model, file: WeightsFile) {
  const expected = expectedTensors(model);
  const { report } = await planFor(model, { ...file, notes: [] });
  const ordered: StateDict = new Map();
  for (const [name, { shape, layout }] of expected) {
    ordered.set(name, { ...file.tensors.get(name)!, shape: torchShape(shape, layout) });
    const counter = name.replace(/running_var$/, 'num_batches_tracked');
    const counted = counter === name ? undefined : file.tensors.get(counter);
    if (counted) ordered.set(counter, counted);
  }
  // What planLoad says of conversions to float32 does not happen here.
  const problems = report.notes.filter((note) => note.startsWith('NaN'));
  return { ordered, problems: [...optimizerNote(report.leftAside), ...problems] };
}

/** Rounds what has two dimensions or more, where float16 can hold it. */
function halved(tensors: StateDict, notes: string[]): StateDict {
  const result: StateDict = new Map();
  const kept: string[] = [];
  let rounded = 0;
  for (const [name, tensor] of tensors) {
    const half = tensor.shape.length > 1 && tensor.dtype !== 'float16' ? toHalf(tensor) : tensor;
    if (half && half !== tensor) rounded++;
    if (!half) kept.push(name);
    result.set(name, half ?? tensor);
  }
  notes.push(`Rounded ${rounded} tensors to float16; norms, statistics and biases stay as they were.`);
  if (kept.length > 0) notes.push(`Left as it was, because float16 ends at 65,504: ${listNames(kept)}.`);
  return result;
}

/** As float16, or null where a number is too large for it. */
function toHalf(tensor: StoredTensor): StoredTensor | null {
  const data = toFloat32(tensor);
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest >= 65_520 ? null : fromFloat32(data, tensor.shape, 'float16');
}
