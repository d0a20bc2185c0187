/**
 * What a weights file of this project says of itself, in the metadata of its header: strings under the keys below, so
 * that a file needs nothing beside it.
 *
 *   tessera.model          JSON: { name, options, table? }, what builds the architecture again; `table` where the network
 *                          is given as data (src/models/mbconv-table.ts), checked by whoever builds it
 *   tessera.weights        name in the catalog
 *   tessera.preprocessing  JSON: Preprocessing
 *   tessera.classes        'imagenet-1k', or a JSON list of names in the order of the outputs
 *   tessera.task           "labels" where several of the classes may hold of a picture, each with the sigmoid of its output for
 *                          probability; not there where one class does, and the probabilities are a softmax
 *   licence, source        an SPDX identifier, a page
 */
import { PREPROCESSING, type Preprocessing } from '../data/transforms.ts';
import type { ModelSpec } from '../nn/index.ts';
import {
  among,
  between,
  demand,
  list,
  object,
  optional,
  parseBounded,
  type Rule,
  text,
} from '../text/rules.ts';
import { IMAGENET_CLASSES } from './catalog/imagenet-classes.ts';
import { WeightsError } from './formats/error.ts';

export interface WeightsCard {
  model: ModelSpec | null;
  /** Name in the catalog. */
  weights: string | null;
  preprocessing: Preprocessing | null;
  /** Class names in the order of the outputs. */
  classes: readonly string[] | null;
  /** What is asked of a picture; null: nothing else than usual, which one of the classes it shows. */
  task: 'labels' | null;
  licence: string | null;
  source: string | null;
}

/** Key of the architecture. */
export const SPEC_KEY = 'tessera.model';
const WEIGHTS_KEY = 'tessera.weights';
const PREPROCESSING_KEY = 'tessera.preprocessing';
const CLASSES_KEY = 'tessera.classes';
const TASK_KEY = 'tessera.task';
const IMAGENET_1K = 'imagenet-1k';

/** The metadata that says all this; what is left out or null is not said. */
export function cardMetadata(card: Partial<WeightsCard>): Record<string, string> {
  const { model, weights, preprocessing, classes, task, licence, source } = card;
  const entries: [key: string, value: string | null | undefined][] = [
    [SPEC_KEY, model && JSON.stringify(model)],
    [WEIGHTS_KEY, weights],
    [PREPROCESSING_KEY, preprocessing && JSON.stringify(preprocessing)],
    [CLASSES_KEY, classes && (classes === IMAGENET_CLASSES ? IMAGENET_1K : JSON.stringify(classes))],
    [TASK_KEY, task && JSON.stringify(task)],
    ['licence', licence],
    ['source', source],
  ];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

const spec: Rule = object({
  name: text(256),
  options: object({ padding: optional(among(['torch', 'same'])), normEps: optional(between(0, 1)) }),
});
const classNames = list(text(1000), 1, 65_536);

/**
 * What a file's metadata says; null in each place where it says nothing.
 * @param file its name, for the sentence
 * @throws WeightsError where it says something that cannot be
 */
export function readCard(metadata: Record<string, string>, file = 'the file'): WeightsCard {
  const read = <Value>(key: string, of: Rule): Value | null => {
    const json = metadata[key];
    if (json === undefined) return null;
    try {
      const value = parseBounded(json, key);
      demand(of, value, key);
      return value as Value;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new WeightsError(
        'header',
        `${file} describes itself wrongly: ${error.message}. Convert its original again, or take another copy.`,
        { cause: error },
      );
    }
  };
  return {
    model: read<ModelSpec>(SPEC_KEY, spec),
    weights: metadata[WEIGHTS_KEY] ?? null,
    preprocessing: read<Preprocessing>(PREPROCESSING_KEY, PREPROCESSING),
    classes: metadata[CLASSES_KEY] === IMAGENET_1K ? IMAGENET_CLASSES : read(CLASSES_KEY, classNames),
    task: read<'labels'>(TASK_KEY, among(['labels'])),
    licence: metadata.licence ?? null,
    source: metadata.source ?? null,
  };
}
