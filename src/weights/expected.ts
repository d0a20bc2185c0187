/**
 * What a model expects of a weights file, without a GPU: names, shapes and layouts of its parameters and buffers.
 * Also the other way round: which of our models a file belongs to.
 */
import { boundless, dryDevice, PLAIN_DEVICE } from '../gpu/dry.ts';
import type { ModelOptions } from '../models/family.ts';
import { buildModel, type Network } from '../models/table.ts';
import { type Model, torchShape } from '../nn/index.ts';
import { sameShape } from '../tensor/shape.ts';
import { InputError } from '../text/input-error.ts';
import { readCard } from './card.ts';
import { listNames } from './formats/error.ts';
import type { StateDict, WeightsFile } from './formats/state.ts';
import {
  type ExpectedTensor,
  isCounter,
  isRunState,
  type LoadWeightsOptions,
  otherClasses,
  type PlanOptions,
  planLoad,
} from './load.ts';
import { besideBody, matchNames, namedLike, withoutPrefix } from './names.ts';

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
 * Whether a file has the whole body of a model, under the model's names: everything but the head, and nothing that would
 * be of a larger body. What lies beside it (`besideBody`), counters and the state of a run may be there.
 */
export function hasBody(model: Model, file: StateDict): boolean {
  const { tensors } = matchNames(file, model);
  for (const [name, { shape, layout, head }] of expectedTensors(model)) {
    const stored = tensors.get(name)?.shape;
    if (!head && !(stored && sameShape(stored, torchShape(shape, layout)))) return false;
  }
  const own = expectedTensors(model);
  const beside = besideBody(model, file);
  return [...tensors.keys()].every(
    (name) => own.has(name) || isCounter(name) || isRunState(name) || beside(name),
  );
}

/** The set of tensors in a file that a model fits: the one that was taken for the weights, else another one beside it. */
export function weightsFor(model: Model, file: WeightsFile): WeightsFile {
  const body = [...expectedTensors(model)].filter(([, { head }]) => !head).map(([name]) => name);
  const found = (one: WeightsFile): WeightsFile => withoutPrefix(one, [body]) ?? withoutPrefix(one) ?? one;
  const first = found(file);
  if (hasBody(model, first.tensors)) return first;
  for (const { read } of file.others ?? []) {
    const other = found(read());
    if (hasBody(model, other.tensors)) return other;
  }
  return first;
}

/**
 * Every network that a file's tensors fit, in the table's order: names lead to the families, shapes decide. There may be
 * two: an EfficientNet of ours has a twin with TensorFlow's padding (tf_…), which no name and no shape can tell.
 */
export async function detectModels(file: StateDict): Promise<string[]> {
  const build = await shapeBuilder();
  return namedLike(file.keys()).flatMap(({ networks }) =>
    networks.filter((name) => hasBody(build(name), file)),
  );
}

/** The number of classes of the file's last layer, or null where it has none that fits the model's body. */
export function classesIn(model: Model, tensors: StateDict): number | null {
  const name = `${model.classifier}.weight`;
  const shape = tensors.get(name)?.shape;
  const own = expectedTensors(model).get(name);
  return own && shape && otherClasses(shape, torchShape(own.shape, own.layout)) ? shape[0] : null;
}

/** The models that a file fits as a phrase: the one that its own header names, if it is among them. */
function showModels(fitting: readonly string[], { metadata, name }: WeightsFile): string {
  const own = readCard(metadata, name).model?.name;
  return own && fitting.includes(own) ? own : fitting.join(' or ');
}

/**
 * What a file holds instead of the weights of `name` with ImageNet's 1000 classes, as `holds …` goes on; null where it
 * holds them. Only names and shapes are looked at.
 */
export async function heldInstead(name: string, file: WeightsFile): Promise<string | null> {
  const model = (await shapeBuilder())(name);
  const fitting = await detectModels(file.tensors);
  if (fitting.length === 0)
    return `the tensors of none of our models (${listNames([...file.tensors.keys()])}), not those of ${name}`;
  if (!fitting.includes(name)) return `weights of ${showModels(fitting, file)}, not of ${name}`;
  const classes = classesIn(model, matchNames(file.tensors, model).tensors);
  if (classes === model.numClasses) return null;
  return classes === null
    ? `weights of ${name} without its last layer`
    : `weights of ${name} for ${classes} classes, not for ImageNet's 1000`;
}

/**
 * `planLoad` for a model, with the file's tensors under the model's names. With `body` a file is taken whose body fits
 * whole: the head may be another one, and what is no part of the body may lie beside it.
 * @throws Error where they do not fit; it says which of our models the file belongs to, if it is another one
 */
export async function planFor(
  model: Model,
  file: WeightsFile,
  options: LoadWeightsOptions & Pick<PlanOptions, 'halves'> & { body?: boolean } = {},
): Promise<ReturnType<typeof planLoad>> {
  const { body = false, ...rest } = options;
  const expected = expectedTensors(model);
  const { tensors, notes } = matchNames(file.tensors, model);
  const allowed = body ? { replaceHead: true, beside: besideBody(model, file.tensors) } : {};
  try {
    return planLoad(
      expected,
      { ...file, tensors, notes: [...(file.notes ?? []), ...notes] },
      { ...rest, ...allowed },
    );
  } catch (error) {
    const fitting = await detectModels(file.tensors);
    const wanted = model.spec?.name;
    if (fitting.length === 0 || wanted === undefined || fitting.includes(wanted)) throw error;
    throw new InputError(
      `${file.name ?? 'the file'} holds weights of ${showModels(fitting, file)}, not of ${wanted}; name that model (--model of the commands)`,
      { cause: error },
    );
  }
}
