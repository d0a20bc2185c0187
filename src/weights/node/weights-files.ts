/** Weights on the disk: paths, and the folder weights/ of this project. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Network } from '../../models/table.ts';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import { InputError } from '../../text/input-error.ts';
import { filesOf, noWeights } from '../catalog/catalog.ts';
import { CONFIG_FILE, CONFIGURED_FILES, isConfigured } from '../config.ts';
import { catalogEntry, type WeightsFiles } from '../door.ts';

/** The folder where weights ship and where fetched ones lie. */
export const WEIGHTS_FOLDER = new URL('../../../weights/', import.meta.url);

export const NODE_FILES: WeightsFiles = {
  file: weightsFileAt,
  async read(path) {
    const bytes = await bytesIfThere(path);
    if (!bytes) throw new InputError(noWeights(path));
    return bytes;
  },
  beside: async (path, name) => {
    const found = join(dirname(path), name);
    return (await statOrNull(found))?.isFile() ? bytesIfThere(found, MOST_CONFIG) : null;
  },
  inFolder: (file) => bytesIfThere(new URL(file, WEIGHTS_FOLDER)),
};

/** Bytes of what stands beside weights: names of 65,536 classes and their descriptions. */
const MOST_CONFIG = 2 ** 25;

/**
 * The file of weights that a path means: a file, or in a folder what timm calls its weights.
 * @throws Error, a sentence, where there is none; nothing but a regular file is one: a pipe or a device may never end
 */
export async function weightsFileAt(path: string): Promise<string> {
  const found = await statOrNull(path);
  if (!found) throw new InputError(noWeights(path));
  if (found.isFile()) return path;
  const inside = found.isDirectory() ? await weightsInFolder(path) : null;
  if (inside) return inside;
  throw new InputError(
    `${path} is no file; name a .pth, .pt or .safetensors file, or a folder with ${CONFIGURED_FILES.join(' or ')} in it`,
  );
}

/** What timm calls its weights in a folder; null where there is nothing of it. */
export async function weightsInFolder(folder: string): Promise<string | null> {
  for (const name of CONFIGURED_FILES) {
    const file = join(folder, name);
    if ((await statOrNull(file))?.isFile()) return file;
  }
  return null;
}

/**
 * The files that are read where weights are named for a network: a path, 'pretrained' or a name of the catalog.
 * @throws as `openNamed`
 */
export async function filesOfWeights(weights: string, network: Network): Promise<string[]> {
  const entry = catalogEntry(weights, network);
  if (!entry) return withConfig(await weightsFileAt(weights));
  const paths = filesOf(entry).map((file) => fileURLToPath(new URL(file, WEIGHTS_FOLDER)));
  return (await thereAmong(paths)).slice(0, 1);
}

/** A file of weights, and the config.json that is read beside it. */
export const withConfig = (file: string): Promise<string[]> =>
  thereAmong(isConfigured(file) ? [file, join(dirname(file), CONFIG_FILE)] : [file]);

async function thereAmong(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(statOrNull));
  return paths.filter((_, index) => found[index]);
}
