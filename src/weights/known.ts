/**
 * What is known of a file of weights: what its header says of itself (card.ts), and what the catalog says, which knows
 * the file by the name that it was asked for, or by its SHA-256. Conversion, `createModel` and the commands all ask here.
 */
import { weightProperties } from '../models/registry.ts';
import type { ModelSpec } from '../nn/index.ts';
import { readCard, type WeightsCard } from './card.ts';
import { entryOfHash, modelOptions, type WeightsEntry } from './catalog/catalog.ts';
import { IMAGENET_CLASSES } from './catalog/imagenet-classes.ts';
import { detectModels } from './expected.ts';
import { listNames } from './formats/error.ts';
import { readWeights } from './formats/read.ts';
import type { WeightsFile } from './formats/state.ts';
import { detectFamily, impliedOptions } from './names.ts';

export interface KnownWeights {
  file: WeightsFile;
  /** What the file says of itself, the catalog's words in the places that it leaves open; null where neither knows. */
  card: WeightsCard;
}

/**
 * Reads the bytes of a .pth, .pt or .safetensors file.
 * @param name of the file, for sentences
 * @param asked the catalog's entry, where the file was asked for by its name there
 * @throws WeightsError for unreadable files
 */
export async function readKnown(
  bytes: Uint8Array,
  name: string,
  asked: WeightsEntry | null = null,
): Promise<KnownWeights> {
  const file = await readWeights(bytes, name);
  const own = readCard(file.metadata);
  // A file of ours describes itself, so only others are hashed.
  const entry = asked ?? (own.model ? null : entryOfHash(await sha256(bytes)));
  if (!entry) return { file, card: own };
  const card: WeightsCard = {
    model: own.model ?? { name: entry.model, options: modelOptions(entry) },
    weights: own.weights ?? entry.name,
    preprocessing: own.preprocessing ?? entry.preprocessing,
    classes: own.classes ?? IMAGENET_CLASSES,
    licence: own.licence ?? entry.licence,
    source: own.source ?? entry.source,
  };
  return { file, card };
}

/** SHA-256 in hexadecimal digits. In browsers this needs a secure context, as WebGPU does. */
async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The model that weights are for: the one that their card names, else the one whose tensors they have. Names of timm
 * fit two, with PyTorch's padding and with TensorFlow's.
 * @throws Error asking for --model where that leaves two or none
 */
export async function modelFor({ file, card }: KnownWeights): Promise<string> {
  if (card.model) return card.model.name;
  const models = await detectModels(file.tensors);
  const style = detectFamily(file.tensors.keys())?.style;
  if (models.length === 1) return models[0];
  const twin = models.find((model) => model.startsWith('tf_') === (style === 'lukemelas'));
  if (twin && style !== 'timm') return twin;
  const remedy =
    models.length > 1
      ? `it fits ${models.join(' and ')}, which differ in padding and batch norm's epsilon only: say which with --model`
      : `its tensors (${listNames([...file.tensors.keys()])}) are those of none of our models; --model names one, and then says what does not fit`;
  throw new Error(`${file.name ?? 'the file'} does not say which model it is for: ${remedy}`);
}

/**
 * The properties of these weights (`weightProperties`) in a network called `name`: as their card says, which may name
 * a twin of it (tf_…) and stand for other ones; else as their names imply; else as the name stands for.
 */
export function propertiesIn(name: string, known: KnownWeights): ModelSpec['options'] {
  return weightProperties(name, statedProperties(known));
}

/** The properties that the card states or names imply; none where nobody says. */
export function statedProperties({ file, card: { model } }: KnownWeights): ModelSpec['options'] {
  return {
    ...impliedOptions(file.tensors.keys()),
    ...(model && weightProperties(model.name, model.options)),
  };
}
