/**
 * Any weights file → safetensors under the names of one of our models, with everything in its header that a program
 * needs to use it (card.ts): architecture, padding and epsilon, preprocessing, classes, licence, source.
 *
 * In float16, weights of two dimensions and more are rounded; norms, statistics and biases stay as they are: they are
 * one part in fifty of a network, and a variance below float16's range would become 0.
 */
import type { Network } from '../../models/table.ts';
import { type Model, torchShape } from '../../nn/index.ts';
import { InputError } from '../../text/input-error.ts';
import { cardMetadata, type WeightsCard } from '../card.ts';
import type { WeightsConfig } from '../config.ts';
import { factsOf, modelFor, namedNetwork, readKnown } from '../door.ts';
import { classesIn, expectedTensors, planFor, shapeBuilder, weightsFor } from '../expected.ts';
import { listNames } from '../formats/error.ts';
import { writeSafetensors } from '../formats/safetensors.ts';
import {
  fromFloat32,
  type StateDict,
  type StoredTensor,
  toFloat32,
  type WeightsFile,
} from '../formats/state.ts';
import { notFiniteNote, runStateNotes, unexpectedNote } from '../load.ts';
import { matchNames } from '../names.ts';

export interface ConvertOptions {
  /** What timm's config.json beside the file says. */
  config?: WeightsConfig | null;
  /** Name of the architecture; told from the file otherwise. */
  model?: string;
  /** Round weights to float16. */
  half?: boolean;
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
  const known = await readKnown(bytes, name, { config: options.config });
  const { card: own } = known;
  const network: Network = namedNetwork(options.model ?? (await modelFor(known)), known);

  const build = await shapeBuilder();
  const probe = build(network, { numClasses: 1 });
  const file = weightsFor(probe, known.file);
  const renamed = matchNames(file.tensors, probe);
  const numClasses = classesIn(probe, renamed.tensors) ?? 1000;
  const notes = [...(file.notes ?? []), ...renamed.notes];
  const shapes = build(network, { numClasses });
  const { ordered, problems } = await inModelOrder(shapes, {
    ...file,
    tensors: renamed.tensors,
  });
  const tensors = options.half ? halved(ordered, notes) : ordered;
  const card: WeightsCard = {
    ...own,
    model: { ...shapes.spec!, options: factsOf(known, network).properties },
    classes: own.classes?.length === numClasses ? own.classes : null,
  };
  if (!card.preprocessing)
    notes.push(
      'Neither the catalog nor a config.json knows this file, so its header says nothing of preprocessing, licence and classes.',
    );
  const written = writeSafetensors(tensors, { format: 'pt', ...cardMetadata(card) });
  return { bytes: written, card, tensors: tensors.size, notes: [...notes, ...problems] };
}

/** The model's tensors in the model's order, counters of batch norms behind them. Refuses what does not fit. */
async function inModelOrder(model: Model, file: WeightsFile) {
  const expected = expectedTensors(model);
  const { report } = await planFor(model, { ...file, notes: [] }, { body: true });
  if (report.replacedHead.length > 0)
    throw new InputError(
      `${file.name} has the body of ${model.spec!.name} and not its last layer (${listNames(report.replacedHead)}), so there ` +
        'is no whole network to convert; train takes the file as it is (--weights)',
    );
  const ordered: StateDict = new Map();
  for (const [name, { shape, layout }] of expected) {
    ordered.set(name, { ...file.tensors.get(name)!, shape: torchShape(shape, layout) });
    const counter = name.replace(/running_var$/, 'num_batches_tracked');
    const counted = counter === name ? undefined : file.tensors.get(counter);
    if (counted) ordered.set(counter, counted);
  }
  // What planLoad says of conversions to float32 does not happen here.
  const problems = [
    ...unexpectedNote(report.unexpected),
    ...runStateNotes(report.leftAside),
    ...notFiniteNote(report.notFinite),
  ];
  return { ordered, problems };
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
