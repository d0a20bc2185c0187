/**
 * The front door for weights: whatever people name as weights ('pretrained', a name of the catalog, a path or address,
 * the bytes themselves, a file opened already) → its tensors, its card, and who said what is known of them. Everything
 * that loads passes through here, so what is taken for true of a file is decided in one place:
 *
 *   what a file says of itself (card.ts), else what timm's config.json beside it says (config.ts), else what the catalog
 *   says, which knows the file by the name that it was asked for or by its SHA-256, else what the tensors' names imply,
 *   else what the network's name stands for, which is assumed
 *
 * Nothing here reads files: where bytes come from is handed in (`WeightsFiles`), for Node by node/weights-files.ts, for
 * browsers by web-files.ts.
 */
import type { Preprocessing } from '../data/transforms.ts';
import type { WeightProperties } from '../models/family.ts';
import {
  architectureOf,
  familyOf,
  modelNames,
  type Network,
  nameOf,
  networkOf,
  weightProperties,
} from '../models/table.ts';
import { InputError } from '../text/input-error.ts';
import { readCard, type WeightsCard } from './card.ts';
import { CATALOG, defaultEntry, entryOfHash, filesOf, type WeightsEntry } from './catalog/catalog.ts';
import { IMAGENET_CLASSES } from './catalog/imagenet-classes.ts';
import { CONFIG_FILE, checkConfig, isConfigured, readConfig, type WeightsConfig } from './config.ts';
import { detectModels, shapeBuilder } from './expected.ts';
import { listNames, shorten, WeightsError } from './formats/error.ts';
import { readWeights } from './formats/read.ts';
import type { WeightsFile } from './formats/state.ts';
import { callsThem, impliedProperties, namedLike, networkAmong, strangeNames } from './names.ts';

/** Where bytes come from. */
export interface WeightsFiles {
  /** The path of the file that a path or an address means: where that is a folder, of the weights in it (config.ts). */
  file(path: string): Promise<string>;
  /** The bytes at a path or an address. @throws Error, a sentence, where there are none */
  read(path: string): Promise<Uint8Array>;
  /** The bytes of the file `name` beside the one at a path or an address; null where it is not there. */
  beside(path: string, name: string): Promise<Uint8Array | null>;
  /** The bytes of a file in the folder of weights; null where it is not there. */
  inFolder(file: string): Promise<Uint8Array | null>;
}

/** Who said something of a file of weights. */
export type Authority = 'file' | 'config' | 'catalog' | 'names' | 'assumed';

/** A file of weights, opened. */
export interface KnownWeights {
  file: WeightsFile;
  /** What the file says of itself; in the places that it leaves open what its config.json says, else the catalog. */
  card: WeightsCard;
  /** Who filled in each place of the card that is not null. */
  saidBy: Readonly<Partial<Record<keyof WeightsCard, Exclude<Authority, 'names' | 'assumed'>>>>;
}

/** What people name as weights. */
export type WeightsSource = string | Uint8Array | KnownWeights;

/** What there is to know of weights in a network, and who said so. */
export interface WeightsFacts {
  /** Padding and batch norm's epsilon, none of it left open; empty for a network without such a choice. */
  properties: WeightProperties;
  preprocessing: Preprocessing | null;
  classes: readonly string[] | null;
  saidBy: Record<'properties' | 'preprocessing' | 'classes', Authority>;
}

/**
 * Opens weights of any kind. `createModel` takes the result, so that a file is read once.
 * @param network what 'pretrained' means the weights of
 * @throws RangeError for names that the catalog does not have, Error where there is no such file, WeightsError for
 * unreadable ones
 */
export async function openWeightsFrom(
  source: WeightsSource,
  network: Network,
  files: WeightsFiles,
): Promise<KnownWeights> {
  if (source instanceof Uint8Array) return readKnown(source, 'the file');
  if (typeof source !== 'string') return source;
  const entry = catalogEntry(source, network);
  return entry ? openEntry(entry, files) : readKnownAt(source, files);
}

/**
 * Reads the weights at a path or an address, or in the folder that it is, with what timm's config.json beside them says.
 * @throws Error where there is no such file, WeightsError for unreadable ones and for a config.json that contradicts them
 */
export async function readKnownAt(path: string, files: WeightsFiles): Promise<KnownWeights> {
  const file = await files.file(path);
  const bytes = await files.read(file);
  return readKnown(bytes, file, { config: await configBeside(file, files) });
}

/** What timm's config.json beside a file says; null where there is none, or another program's. */
export async function configBeside(
  file: string,
  files: Pick<WeightsFiles, 'beside'>,
): Promise<WeightsConfig | null> {
  const bytes = isConfigured(file) ? await files.beside(file, CONFIG_FILE) : null;
  return bytes && readConfig(bytes, `${CONFIG_FILE} beside ${file}`);
}

/**
 * Reads the bytes of a .pth, .pt or .safetensors file.
 * @param name of the file, for sentences
 * @param also the catalog's entry, where the file was asked for by its name there, and what a config.json beside it says
 * @throws WeightsError for unreadable files, and where the config.json contradicts one
 */
export async function readKnown(
  bytes: Uint8Array,
  name: string,
  { asked = null, config = null }: { asked?: WeightsEntry | null; config?: WeightsConfig | null } = {},
): Promise<KnownWeights> {
  const read = networkAmong(await readWeights(bytes, name));
  const own = readCard(read.metadata, name);
  // A file of ours describes itself, and so does one with a config.json: only others are hashed. The start of a hash is
  // enough here: whoever can make a file of that start could as well have written a card.
  const beside = own.model ? null : config;
  if (beside) await checkConfig(beside, read, `${CONFIG_FILE} beside ${name}`);
  const file = beside ? { ...read, notes: [...(read.notes ?? []), ...beside.notes] } : read;
  const described = own.model !== null || beside !== null;
  const entry = asked ?? (described ? null : (entryOfHash(await sha256(bytes))?.entry ?? null));
  const listed: Partial<WeightsCard> = entry
    ? {
        model: { name: entry.model, options: entry.properties },
        weights: entry.name,
        preprocessing: entry.preprocessing,
        classes: IMAGENET_CLASSES,
        licence: entry.licence,
        source: entry.source,
      }
    : {};
  const card: Record<string, unknown> = {};
  const saidBy: Record<string, Authority> = {};
  const sources = [
    ['file', own],
    ['config', beside?.card ?? {}],
    ['catalog', listed],
  ] as const;
  for (const key of Object.keys(own) as (keyof WeightsCard)[]) {
    const [who, words] = sources.find(([, words]) => (words[key] ?? null) !== null) ?? [];
    card[key] = words?.[key] ?? null;
    if (who) saidBy[key] = who;
  }
  return { file, card: card as unknown as WeightsCard, saidBy: saidBy as KnownWeights['saidBy'] };
}

/** SHA-256 in hexadecimal digits. In browsers this needs a secure context, as WebGPU does. */
async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The catalog's weights that `weights` means for a network, or null where it is a path.
 * @throws RangeError where they are another network's, or the catalog has none
 */
export function catalogEntry(weights: string, network: Network): WeightsEntry | null {
  const entry = CATALOG.find(({ name }) => name === weights) ?? null;
  if (weights !== 'pretrained' && !entry) return null;
  const model = nameOf(network);
  const architecture = architectureOf(network);
  if (entry) {
    if (architectureOf(entry.model) === architecture) return entry;
    throw new RangeError(
      `${weights}: these are weights of ${entry.model}, not of ${model}; name that model (--model of the commands)`,
    );
  }
  const own = defaultEntry(model);
  if (own) return own;
  const twin = CATALOG.find((one) => architectureOf(one.model) === architecture);
  throw new RangeError(
    `the catalog has no pretrained weights of '${model}'; ` +
      (twin ? `name those of its twin ${twin.model}, ${twin.name}, or ` : 'give ') +
      'the path of a .pth or .safetensors file as weights',
  );
}

/** Reads weights of the catalog from the folder. */
async function openEntry(entry: WeightsEntry, folder: WeightsFiles): Promise<KnownWeights> {
  const { name, shipped } = entry;
  const files = filesOf(entry);
  for (const file of files) {
    const bytes = await folder.inFolder(file);
    if (bytes) return readKnown(bytes, `weights/${file}`, { asked: entry });
  }
  const remedy = shipped
    ? 'it comes with the project: restore it (git checkout weights)'
    : `fetch it first: npm run weights -- fetch ${name}`;
  throw new InputError(`there is no weights/${files[files.length - 1]}; ${remedy}`);
}

/**
 * The network that the card of weights names: one of ours, or the table that it carries; null where it names none that
 * is known here.
 * @throws WeightsError where its table is no sound one
 */
export function cardNetwork({ file, card: { model } }: KnownWeights): Network | null {
  if (!model) return null;
  try {
    const network = networkOf(model);
    return typeof network === 'string' && !modelNames().includes(network) ? null : network;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WeightsError('header', `${file.name ?? 'the file'} describes no network: ${error.message}.`, {
      cause: error,
    });
  }
}

/**
 * A network by the name that it was asked for: of the table of networks, else that of the table in the weights' card.
 * @throws RangeError where neither knows the name
 */
export function namedNetwork(network: Network, known: KnownWeights | null): Network {
  if (typeof network === 'string' && !modelNames().includes(network)) {
    const own = known && cardNetwork(known);
    if (own && nameOf(own) === network) return own;
  }
  familyOf(network);
  return network;
}

/**
 * The network that weights are for: the one that their card names, else the one whose tensors they have. Files under
 * timm's names fit two, with PyTorch's padding and with TensorFlow's.
 * @throws Error asking for --model where that leaves two or none
 */
export async function modelFor(known: KnownWeights): Promise<Network> {
  const { file, card } = known;
  // A name that is unknown here is refused where it is built, with what may have been meant.
  if (card.model) {
    const network = cardNetwork(known);
    if (network === null && known.saidBy.model === 'config')
      throw new InputError(
        `${file.name} is of timm's ${shorten(card.model.name)}, says ${CONFIG_FILE} beside it, and there is no such network here; --model names one whose weights it may be`,
      );
    return network ?? card.model.name;
  }
  const models = await detectModels(file.tensors);
  if (models.length === 1) return models[0];
  const [found] = namedLike(file.tensors.keys());
  const twins = found?.style.padding
    ? models.filter((model) => weightProperties(model).padding === found.style.padding)
    : models;
  if (twins.length === 1) return twins[0];
  if (twins.length > 1 && new Set(twins.map((model) => JSON.stringify(weightProperties(model)))).size === 1) {
    // The same network under two names: the one that calls its tensors as the file does.
    const build = await shapeBuilder();
    const style = (model: string) =>
      namedLike(file.tensors.keys()).some((one) => callsThem(build(model), one.style));
    return twins.find(style) ?? twins[0];
  }
  const stranger = models.length === 0 ? strangeNames(file.tensors.keys()) : null;
  if (stranger) throw new InputError(`${file.name ?? 'the file'} ${stranger}`);
  const remedy =
    models.length > 1
      ? `it fits ${models.join(' and ')}, which differ in padding and batch norm's epsilon only: say which with --model`
      : `its tensors (${listNames([...file.tensors.keys()])}) are those of none of our models; --model names one, and then says what does not fit`;
  throw new InputError(`${file.name ?? 'the file'} does not say which model it is for: ${remedy}`);
}

/**
 * What is known of weights in a network, and who said so: the card, which may name a twin of the network (tf_…) and
 * stand for other properties; else the tensors' names; else the network's own name, which is an assumption.
 */
export function factsOf(known: KnownWeights, network: Network): WeightsFacts {
  const { file, card, saidBy } = known;
  const named = cardNetwork(known);
  const implied = impliedProperties(file.tensors.keys());
  const stated = named && card.model ? weightProperties(named, card.model.options) : {};
  const says = (properties: WeightProperties): boolean => Object.keys(properties).length > 0;
  return {
    properties: weightProperties(network, { ...implied, ...stated }),
    preprocessing: card.preprocessing,
    classes: card.classes,
    saidBy: {
      properties: says(stated) ? saidBy.model! : says(implied) ? 'names' : 'assumed',
      preprocessing: saidBy.preprocessing ?? 'assumed',
      classes: saidBy.classes ?? 'assumed',
    },
  };
}
