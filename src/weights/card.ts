/**
 * What a weights file of this project says of itself, in the metadata of its header: strings under the keys below, so
 * that a file needs nothing beside it. Whatever does not read as expected is another program's and is ignored.
 *
 *   tessera.model          JSON: { name, options, table? }, what builds the architecture again; `table` where the network
 *                          is given as data (src/models/mbconv-table.ts), checked by whoever builds it
 *   tessera.weights        name in the catalog
 *   tessera.preprocessing  JSON: Preprocessing
 *   tessera.classes        'imagenet-1k', or a JSON list of names in the order of the outputs
 *   licence, source        an SPDX identifier, a page
 */
import type { Preprocessing } from '../data/transforms.ts';
import type { ModelSpec } from '../nn/index.ts';
import { IMAGENET_CLASSES } from './catalog/imagenet-classes.ts';

export interface WeightsCard {
  model: ModelSpec | null;
  /** Name in the catalog. */
  weights: string | null;
  preprocessing: Preprocessing | null;
  /** Class names in the order of the outputs. */
  classes: readonly string[] | null;
  licence: string | null;
  source: string | null;
}

/** Key of the architecture. */
export const SPEC_KEY = 'tessera.model';
const WEIGHTS_KEY = 'tessera.weights';
const PREPROCESSING_KEY = 'tessera.preprocessing';
const CLASSES_KEY = 'tessera.classes';
const IMAGENET_1K = 'imagenet-1k';

/** The metadata that says all this; what is left out or null is not said. */
export function cardMetadata(card: Partial<WeightsCard>): Record<string, string> {
  const { model, weights, preprocessing, classes, licence, source } = card;
  const entries: [key: string, value: string | null | undefined][] = [
    [SPEC_KEY, model && JSON.stringify(model)],
    [WEIGHTS_KEY, weights],
    [PREPROCESSING_KEY, preprocessing && JSON.stringify(preprocessing)],
    [CLASSES_KEY, classes && (classes === IMAGENET_CLASSES ? IMAGENET_1K : JSON.stringify(classes))],
    ['licence', licence],
    ['source', source],
  ];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** What a file's metadata says; null in each place where it says nothing that can be used. */
export function readCard(metadata: Record<string, string>): WeightsCard {
  const spec = parse(metadata[SPEC_KEY]);
  const preprocessing = parse(metadata[PREPROCESSING_KEY]);
  return {
    model: isSpec(spec) ? spec : null,
    weights: metadata[WEIGHTS_KEY] ?? null,
    preprocessing: isPreprocessing(preprocessing) ? preprocessing : null,
    classes: readClasses(metadata[CLASSES_KEY]),
    licence: metadata.licence ?? null,
    source: metadata.source ?? null,
  };
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // another program's idea of this key
  }
}

/** Whether a value out of JSON is an object, no list and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSpec(value: unknown): value is ModelSpec {
  return isObject(value) && typeof value.name === 'string' && isObject(value.options);
}

/** Whether a value out of JSON says how pictures are prepared; a side has at most 65,535 pixels. */
export function isPreprocessing(value: unknown): value is Preprocessing {
  if (!isObject(value)) return false;
  const size = (side: unknown): boolean => Number.isInteger(side) && Number(side) > 0 && Number(side) < 65536;
  const three = (list: unknown): boolean =>
    Array.isArray(list) && list.length === 3 && list.every((one) => Number.isFinite(one));
  const filter = value.interpolation === 'bilinear' || value.interpolation === 'bicubic';
  return size(value.inputSize) && size(value.resizeSize) && filter && three(value.mean) && three(value.std);
}

function readClasses(text: string | undefined): readonly string[] | null {
  if (text === IMAGENET_1K) return IMAGENET_CLASSES;
  const value = parse(text);
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : null;
}
