/** Weights on the disk: paths, and the folder weights/ of this project. */
import { dirname, join } from 'node:path';
import { bytesIfThere, statOrNull } from '../../node/files.ts';
import { noWeights } from '../catalog/catalog.ts';
import type { WeightsFiles } from '../door.ts';

/** The folder where weights ship and where fetched ones lie. */
export const WEIGHTS_FOLDER = new URL('../../../weights/', import.meta.url);

export const NODE_FILES: WeightsFiles = {
  async read(path) {
    const found = await statOrNull(path);
    if (found) checkKind(path, found.isFile());
    const bytes = found && (await bytesIfThere(path));
    if (!bytes) throw new Error(noWeights(path));
    return bytes;
  },
  inFolder: (file) => bytesIfThere(new URL(file, WEIGHTS_FOLDER)),
  beside: (path, file) => bytesIfThere(join(dirname(path), file)),
};

/** @throws Error, a sentence, where there is no such file of weights */
export async function checkWeightsFile(path: string): Promise<void> {
  const found = await statOrNull(path);
  if (!found) throw new Error(noWeights(path));
  checkKind(path, found.isFile());
}

/** Nothing but a regular file is read: a pipe or a device may never end. */
function checkKind(path: string, file: boolean): void {
  if (!file) throw new Error(`${path} is no file; name a .pth, .pt or .safetensors file`);
}
