/**
 * From what people name as weights ('pretrained', a name of the catalog, a path, the bytes themselves) to the file and
 * what is known of it. Node's modules are only imported where a path is given, so that a browser can load weights.
 */
import {
  CATALOG,
  defaultEntry,
  filesOf,
  noWeights,
  WEIGHTS_FOLDER,
  type WeightsEntry,
} from './catalog/catalog.ts';
import { type KnownWeights, readKnown } from './known.ts';

/** A network and its twin of the same tensors, tf_… (TensorFlow's padding), take each other's weights. */
const architecture = (model: string): string => model.replace(/^tf_/, '');

/**
 * The catalog's weights that `weights` means for `model`, or null where it is a path.
 * @throws RangeError where they are another model's, or the catalog has none
 */
export function catalogEntry(weights: string, model: string): WeightsEntry | null {
  if (weights !== 'pretrained') {
    const entry = CATALOG.find(({ name }) => name === weights) ?? null;
    if (entry && architecture(entry.model) !== architecture(model))
      throw new RangeError(
        `${weights}: these are weights of ${entry.model}, not of ${model}; name that model (--model of the commands)`,
      );
    return entry;
  }
  const entry = defaultEntry(model);
  if (entry) return entry;
  const twin = CATALOG.find((one) => architecture(one.model) === architecture(model));
  throw new RangeError(
    `the catalog has no pretrained weights of '${model}'; ` +
      (twin ? `name those of its twin ${twin.model}, ${twin.name}, or ` : 'give ') +
      'the path of a .pth or .safetensors file as weights',
  );
}

/**
 * Opens weights of any kind, with what is known of them: preprocessing, classes, padding. `createModel` takes the
 * result, so that a file is read once.
 * @param model what 'pretrained' means the weights of
 * @throws RangeError for names that the catalog does not have, Error where there is no such file, WeightsError for
 * unreadable ones
 */
export async function openNamed(weights: string | Uint8Array, model: string): Promise<KnownWeights> {
  if (typeof weights !== 'string') return readKnown(weights, 'the file');
  const entry = catalogEntry(weights, model);
  return entry ? openEntry(entry) : readKnown(await weightsAt(weights), weights);
}

/** The bytes at a path. @throws Error, a sentence, where there are none */
export async function weightsAt(path: string): Promise<Uint8Array> {
  const { readFile } = await import('node:fs/promises');
  const { ifThere } = await import('../node/files.ts');
  const bytes = await ifThere(path, readFile(path));
  if (!bytes) throw new Error(noWeights(path));
  return bytes;
}

/** Reads weights of the catalog from the folder. */
async function openEntry(entry: WeightsEntry): Promise<KnownWeights> {
  const { name, shipped } = entry;
  const files = filesOf(entry);
  for (const file of files) {
    const bytes = await readFromFolder(file);
    if (bytes) return readKnown(bytes, `weights/${file}`, entry);
  }
  const remedy = shipped
    ? 'it comes with the project: restore it (git checkout weights)'
    : `fetch it first: npm run weights -- fetch ${name}`;
  throw new Error(`there is no weights/${files[files.length - 1]}; ${remedy}`);
}

/** The bytes of a file in the folder, over the network in a browser; null where it is not there. */
async function readFromFolder(file: string): Promise<Uint8Array | null> {
  const url = new URL(file, WEIGHTS_FOLDER);
  if (url.protocol !== 'file:') {
    const answer = await fetch(url);
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${url} answered ${answer.status} ${answer.statusText}`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  const { readFile } = await import('node:fs/promises');
  const { ifThere } = await import('../node/files.ts');
  return ifThere(url, readFile(url));
}
