/** Where a run or a prediction begins: which network, from which weights, and what those say of their pictures. */
import { heightWidth, type InputSize, mapSides, sizeArgument } from '../data/input-size.ts';
import type { Fit } from '../data/placing.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { modelNames, type Network, nameOf } from '../models/table.ts';
import { CATALOG, defaultEntry } from './catalog/catalog.ts';
import {
  catalogEntry,
  factsOf,
  type KnownWeights,
  modelFor,
  namedNetwork,
  openWeightsFrom,
  type WeightsFiles,
} from './door.ts';
import { shapeBuilder } from './expected.ts';

export interface Start {
  /** The network's name. */
  model: string;
  /** What builds it: its name, or the table that its weights carry. */
  network: Network;
  /** 'pretrained', a name of the catalog or a path, as they were named; null for random values. */
  weights: string | null;
  /** The weights, opened; null for random values. */
  known: KnownWeights | null;
  /** How pictures are prepared: as the weights were trained; ImageNet's usual way where nobody says. */
  preprocessing: Preprocessing;
  /** What had to be assumed of the weights, because neither their file nor the catalog says: a sentence, or null. */
  assumed: string | null;
}

/** The model where neither a model nor weights are named: the one whose weights ship. */
export const DEFAULT_MODEL = 'efficientnet_lite0';
/** The model that starts from random weights where none is named. */
const SCRATCH_MODEL = 'resnet18';

/** The weights of a model where none are named: those that ship, else none. */
export function defaultWeights(model: string): string | null {
  return defaultEntry(model)?.shipped ? 'pretrained' : null;
}

/**
 * Opens the weights that a command was given, and settles the model: the one that is named, else that of the catalog's
 * entry, else the one that the file says it is for, else the one whose tensors it has.
 * @param weights 'pretrained', 'none', a name of the catalog, or a path; by default what ships for the model
 * @throws Error, a sentence, for unknown models, for weights that are not there or not readable, and where the model
 * has to be named
 */
export async function openStartFrom(
  given: { model?: string; weights?: string },
  files: WeightsFiles,
): Promise<Start> {
  if (given.weights === 'none')
    return startWith(namedNetwork(given.model ?? SCRATCH_MODEL, null), null, null);
  const listed = CATALOG.find(({ name }) => name === given.weights);
  const model = given.model ?? listed?.model ?? DEFAULT_MODEL;
  const weights = given.weights ?? (modelNames().includes(model) ? defaultWeights(model) : null);
  if (weights === null) return startWith(namedNetwork(model, null), null, null);
  const entry = catalogEntry(weights, model);
  const known = await openWeightsFrom(weights, model, files).catch((error: unknown) => {
    namedNetwork(model, null); // A name that nobody knows is the fault to mend first.
    throw error;
  });
  const network = given.model ?? entry?.model ?? (await modelFor(known));
  return startWith(namedNetwork(network, known), weights, known);
}

/** The weights of a start in words. */
export function describeWeights({ model, weights, known }: Start): string {
  if (weights !== 'pretrained') return weights ?? 'random weights';
  return defaultWeights(model) ? 'the weights that ship' : known!.card.weights!;
}

async function startWith(
  network: Network,
  weights: string | null,
  known: KnownWeights | null,
): Promise<Start> {
  const { inputSize } = (await shapeBuilder())(network, { numClasses: 1 });
  const preprocessing = known?.card.preprocessing ?? atSize(IMAGENET_PREPROCESSING, inputSize);
  return {
    model: nameOf(network),
    network,
    weights,
    known,
    preprocessing,
    assumed: known && assumptions(network, weights!, known, preprocessing),
  };
}

/** What the file and the catalog leave open, and what is done for want of it. */
function assumptions(
  network: Network,
  weights: string,
  known: KnownWeights,
  { resizeSize, inputSize }: Preprocessing,
): string | null {
  const { saidBy, properties } = factsOf(known, network);
  const { padding, normEps } = properties;
  const parts: string[] = [];
  if (saidBy.preprocessing === 'assumed')
    parts.push(
      `pictures are prepared in ImageNet's usual way (resized to ${sizeArgument(resizeSize)}, cropped to ${sizeArgument(inputSize)}, its mean and deviation)`,
    );
  if (padding !== undefined && saidBy.properties === 'assumed')
    parts.push(
      `convolutions pad as in ${padding === 'same' ? 'TensorFlow' : 'PyTorch'} and batch norm's epsilon is ${normEps}, which is what ${nameOf(network)} stands for`,
    );
  if (parts.length === 0) return null;
  return `Neither ${weights} nor the catalog says all of how it was trained, so it is assumed that ${parts.join('; and that ')}.`;
}

/** ImageNet's usual preprocessing: torchvision's `Resize(256)`, `CenterCrop(224)`, mean and deviation. */
export const IMAGENET_PREPROCESSING: Preprocessing = {
  inputSize: 224,
  resizeSize: 256,
  interpolation: 'bilinear',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The same preprocessing for another input size: as much of a picture is cropped away. */
export function atSize(preprocessing: Preprocessing, size: InputSize): Preprocessing {
  const [before, resized] = [heightWidth(preprocessing.inputSize), heightWidth(preprocessing.resizeSize)];
  const resizeSize = mapSides(size, (side, axis) => Math.round((side * resized[axis]) / before[axis]));
  return { ...preprocessing, inputSize: size, resizeSize };
}

/**
 * The same preprocessing at another size, or with pictures fitted otherwise. Pictures that were cropped and are to be padded are
 * seen whole.
 */
export function preparedFor(
  natural: Preprocessing,
  { size, fit }: { size?: InputSize | undefined; fit?: Fit | undefined },
): Preprocessing {
  const { fit: before = 'crop', ...scaled } = size === undefined ? natural : atSize(natural, size);
  const now = fit ?? before;
  if (now === 'crop') return scaled;
  const resizeSize = before === 'pad' ? scaled.resizeSize : scaled.inputSize;
  return { ...scaled, resizeSize, fit: 'pad' };
}
