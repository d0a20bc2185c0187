/** What the weights that a run starts from say of their pictures: a catalog name or a file. */
import type { Preprocessing } from '../data/transforms.ts';
import { statOrNull } from '../files.ts';
import { openWeights } from '../model-files.ts';
import { readCard } from '../weights/card.ts';
import { CATALOG, defaultEntry, noWeights } from '../weights/catalog.ts';
import { IMAGENET_CLASSES } from '../weights/imagenet-classes.ts';

export interface StartingWeights {
  /** As the weights were trained; ImageNet's usual one where they do not say. */
  preprocessing: Preprocessing | null;
  /** Names of the outputs, where the weights say. */
  classes: readonly string[] | null;
}

/** Whether `weights` is a name of the catalog, not a path. */
function inCatalog(weights: string): boolean {
  return weights === 'pretrained' || CATALOG.some(({ name }) => name === weights);
}

/** @throws Error, a sentence, where there is no such file of weights */
export async function checkWeightsFile(path: string): Promise<void> {
  const found = await statOrNull(path);
  if (!found) throw new Error(noWeights(path));
  if (!found.isFile()) throw new Error(`${path} is no file; name a .pth, .pt or .safetensors file`);
}

/**
 * Looks into the weights without making a model or opening a device.
 * @param weights 'pretrained', a name of the catalog, or a path
 * @throws Error, a sentence, where there is no such file
 */
export async function startingWeights(model: string, weights: string): Promise<StartingWeights> {
  if (inCatalog(weights)) {
    const entry =
      weights === 'pretrained' ? defaultEntry(model) : CATALOG.find(({ name }) => name === weights);
    const classes = entry?.classes === 'imagenet-1k' ? IMAGENET_CLASSES : null;
    return { preprocessing: entry?.preprocessing ?? null, classes };
  }
  await checkWeightsFile(weights);
  if (!weights.endsWith('.safetensors')) return { preprocessing: null, classes: null };
  const { preprocessing, classes } = readCard((await openWeights(weights)).metadata);
  return { preprocessing, classes };
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
export function atSize(preprocessing: Preprocessing, size: number): Preprocessing {
  const { inputSize, resizeSize } = preprocessing;
  return { ...preprocessing, inputSize: size, resizeSize: Math.round((size * resizeSize) / inputSize) };
}
