/**
 * What a model expects of a weights file, without a GPU: names, shapes and layouts of its parameters and buffers.
 * Also the other way round: which of our models a file belongs to.
 */
import { boundless, dryDevice, PLAIN_DEVICE } from '../gpu/dry.ts';
import type { ModelOptions } from '../models/family.ts';
import { buildModel, type Network } from '../models/table.ts';
import { type Model, torchShape } from '../nn/index.ts';
import { readCard } from './card.ts';
import { listNames } from './formats/error.ts';
import type { StateDict, WeightsFile } from './formats/state.ts';
import { type ExpectedTensor, isRunState, type LoadWeightsOptions, planLoad } from './load.ts';
import { matchNames, namedLike } from './names.ts';

/** Builds models that have names and shapes, and neither values nor memory. PyTorch: `torch.device('meta')`. */
export type ShapeBuilder = (network: Network, options?: Omit<ModelOptions, 'device' | 'initialise'>) => Model;

export async function shapeBuilder(): Promise<ShapeBuilder> {
  const { device } = await dryDevice(boundless(PLAIN_DEVICE));
  return (network, options) => buildModel(network, { ...options, device, initialise: false });
}

/** A model's parameters and buffers as `planLoad` wants them. */
export function expectedTensors(model: Model): Map<string, ExpectedTensor> {
  const expected = new Map<string, ExpectedTensor>();
  for (const [name, { shape }] of [...model.namedParameters(), ...model.namedBuffers()])
    expected.set(name, { shape, layout: model.parameterLayout(name), head: model.isHead(name) });
  return expected;
}

/**
 * Whether the file, under the model's names, has exactly the model's tensors; counters and the state of an optimiser may
 * be there.
 * @param anyClasses leaves the number of classes open
 */
function fits(model: Model, file: StateDict, anyClasses: boolean): boolean {
  const expected = expectedTensors(model);
  const { tensors } = matchNames(file, model);
  let found = 0;
  for (const [name, { shape, layout, head }] of expected) {
    const stored = tensors.get(name)?.shape;
    if (!stored) return false;
    const wanted = torchShape(shape, layout);
    // The first dimension of the head is the number of classes.
    const from = head && anyClasses ? 1 : 0;
    if (stored.length !== wanted.length || wanted.slice(from).some((size, i) => size !== stored[i + from]))
      return false;
    found++;
  }
  const beside = [...tensors.keys()].filter(
    (name) => name.endsWith('num_batches_tracked') || isRunState(name),
  );
  return found + beside.length === tensors.size;
}

/**
 * Every network that a file's tensors fit, in the table's order: names lead to the families, shapes decide. There may be
 * two: an EfficientNet of ours has a twin with TensorFlow's padding (tf_…), which no name and no shape can tell.
 */
export async function detectModels(file: StateDict): Promise<string[]> {
  const build = await shapeBuilder();
  return namedLike(file.keys()).flatMap(({ networks }) =>
    networks.filter((name) => fits(build(name), file, true)),
  );
}

/** The number of classes of the file's last layer, or null where it has none under the model's names. */
export function classesIn(model: Model, tensors: StateDict): number | null {
  const shape = tensors.get(`${model.classifier}.weight`)?.shape;
  return shape && shape.length === 2 ? shape[0] : null;
}

/** The models that a file fits as a phrase: the one that its own header names, if it is among them. */
function showModels(fitting: readonly string[], { metadata }: WeightsFile): string {
  const own = readCard(metadata).model?.name;
  return own && fitting.includes(own) ? own : fitting.join(' or ');
}

/**
 * What a file holds instead of the weights of `name` with ImageNet's 1000 classes, as `holds …` goes on; null where it
 * holds them. Only names and shapes are looked at.
 */
export async function heldInstead(name: string, file: WeightsFile): Promise<string | null> {
  const model = (await shapeBuilder())(name);
  if (fits(model, file.tensors, false)) return null;
  const fitting = await detectModels(file.tensors);
  if (fitting.length === 0)
    return `the tensors of none of our models (${listNames([...file.tensors.keys()])}), not those of ${name}`;
  if (!fitting.includes(name)) return `weights of ${showModels(fitting, file)}, not of ${name}`;
  const { tensors } = matchNames(file.tensors, model);
  return `weights of ${name} for ${classesIn(model, tensors)} classes, not for ImageNet's 1000`;
}

/**
 * `planLoad` for a model, with the file's tensors under the model's names.
 * @throws Error where they do not fit; it says which of our models the file belongs to, if it is another one
 */
export async function planFor(
  model: Model,
  file: WeightsFile,
  options: LoadWeightsOptions = {},
): Promise<ReturnType<typeof planLoad>> {
  const expected = expectedTensors(model);
  const { tensors, notes } = matchNames(file.tensors, model);
  try {
    return planLoad(expected, { ...file, tensors, notes: [...(file.notes ?? []), ...notes] }, options);
  } catch (error) {
    const fitting = await detectModels(file.tensors);
    const wanted = model.spec?.name;
    if (fitting.length === 0 || wanted === undefined || fitting.includes(wanted)) throw error;
    throw new Error(
      `${file.name ?? 'the file'} holds weights of ${showModels(fitting, file)}, not of ${wanted}; name that model (--model of the commands)`,
      { cause: error },
    );
  }
}
