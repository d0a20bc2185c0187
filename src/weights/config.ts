/**
 * What timm writes beside its weights (`push_to_hf_hub`, `save_for_hf`; timm/models/_hub.py, 1.0.31): a config.json with the
 * architecture and what it was built with, the names of the classes, and how pictures are prepared.
 *
 *   architecture, model_args          the network; padding and epsilon as timm's name and arguments have them
 *   label_names, label_descriptions   in the order of the outputs; descriptions are shown where there are any
 *   pretrained_cfg                    input_size, crop_pct, crop_mode, interpolation, mean, std: the size that timm tests at,
 *                                     if it says one
 */
import { MOST_SIZE, mapSides, sizeArgument, sizeOfSides } from '../data/input-size.ts';
import { PREPROCESSING, type Preprocessing } from '../data/transforms.ts';
import { modelNames, weightProperties } from '../models/table.ts';
import type { ModelSpec } from '../nn/index.ts';
import {
  between,
  demand,
  isObject,
  list,
  number,
  object,
  optional,
  orNull,
  parseBounded,
  type Rule,
  rule,
  text,
  whole,
} from '../text/rules.ts';
import type { WeightsCard } from './card.ts';
import { IMAGENET_CLASSES } from './catalog/imagenet-classes.ts';
import { classesIn, detectModels, hasBody, shapeBuilder, weightsFor } from './expected.ts';
import { listNames, shorten, WeightsError } from './formats/error.ts';
import type { WeightsFile } from './formats/state.ts';
import { matchNames } from './names.ts';

export const CONFIG_FILE = 'config.json';
/** The names that timm gives to weights, the first before the second. A config.json beside any other file is not asked. */
export const CONFIGURED_FILES = ['model.safetensors', 'pytorch_model.bin'] as const;

/** Whether a config.json beside a file of this path or address describes it. */
export const isConfigured = (path: string): boolean =>
  CONFIGURED_FILES.some((name) => path.split(/[/\\]/).at(-1) === name);

/** What a config.json says of the weights beside it. */
export interface WeightsConfig {
  card: Partial<WeightsCard>;
  /** 0 for a body without a last layer; null where it does not say. */
  numClasses: number | null;
  /** What is done otherwise than it says, in sentences. */
  notes: readonly string[];
}

/** timm's own for what a config.json leaves open (timm/data/config.py). */
const DEFAULT_CROP = 0.875;
const DEFAULT_MEAN = [0.485, 0.456, 0.406];
const DEFAULT_STD = [0.229, 0.224, 0.225];

const perhaps = (inner: Rule): Rule => optional(orNull(inner));
const size = list(whole(1, MOST_SIZE), 3, 3);
const share = between(0.01, 1.000001);
const name = text(1000);
const MOST_CLASSES = 65_536;
/** Names by output: { "0": "ant", "1": "bee" }. */
const labelled = rule(
  (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([index, label]) => /^\d{1,5}$/.test(index) && Number(index) < MOST_CLASSES && name(label, '') === null,
    ),
  'a list of texts, or texts by the number of their output',
);
const labels: Rule = (value, place) =>
  (isObject(value) ? labelled : list(name, 1, MOST_CLASSES))(value, place);
const described = rule(
  (value) => isObject(value) && Object.values(value).every((text) => name(text, '') === null),
  'texts by the name of their class',
);

const CONFIG = object({
  architecture: text(256),
  num_classes: perhaps(whole(0, MOST_CLASSES)),
  label_names: perhaps(labels),
  labels: perhaps(labels),
  label_descriptions: perhaps(described),
  model_args: perhaps(object({ bn_eps: perhaps(between(0, 1)), pad_type: perhaps(text(64)) })),
  pretrained_cfg: perhaps(object({})),
});
const PICTURES = object({
  input_size: perhaps(size),
  test_input_size: perhaps(size),
  crop_pct: perhaps(share),
  test_crop_pct: perhaps(share),
  crop_mode: perhaps(text(64)),
  interpolation: perhaps(text(64)),
  mean: perhaps(list(number(-1000, 1000), 3, 3)),
  std: perhaps(list(number(0.001, 1000), 3, 3)),
  license: perhaps(text(256)),
  origin_url: perhaps(text(1000)),
});

interface Config {
  architecture: string;
  num_classes?: number | null;
  label_names?: string[] | Record<string, string> | null;
  labels?: string[] | Record<string, string> | null;
  label_descriptions?: Record<string, string> | null;
  model_args?: Record<string, unknown> | null;
  pretrained_cfg?: Record<string, unknown> | null;
}

interface Pictures {
  input_size?: [number, number, number] | null;
  test_input_size?: [number, number, number] | null;
  crop_pct?: number | null;
  test_crop_pct?: number | null;
  crop_mode?: string | null;
  interpolation?: string | null;
  mean?: number[] | null;
  std?: number[] | null;
  license?: string | null;
  origin_url?: string | null;
}

/**
 * Reads a config.json.
 * @param place what sentences call it
 * @returns null where it is another library's: nothing is known of it then
 * @throws WeightsError where it says something that cannot be, or that no network here is
 */
export function readConfig(bytes: Uint8Array, place: string): WeightsConfig | null {
  try {
    const value = parseBounded(new TextDecoder().decode(bytes), 'it');
    if (!isObject(value) || value.architecture === undefined) return null;
    demand(CONFIG, value, '');
    const config = value as unknown as Config;
    // Before timm 0.9 what is of the pictures stood beside the architecture.
    const pictures = (config.pretrained_cfg ?? config) as Pictures;
    demand(PICTURES, pictures, config.pretrained_cfg ? 'pretrained_cfg' : '');
    return understood(config, pictures);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WeightsError(
      'header',
      `${place} cannot be taken: ${error.message}. Mend it, or put the weights elsewhere without it.`,
      { cause: error },
    );
  }
}

function understood(config: Config, pictures: Pictures): WeightsConfig {
  const notes: string[] = [];
  const classes = classesOf(config);
  const numClasses = config.num_classes ?? classes?.length ?? null;
  if (classes && classes.length !== numClasses)
    throw new RangeError(`num_classes is ${numClasses}, and ${classes.length} are named`);
  const card = {
    model: modelOf(config),
    preprocessing: preprocessingOf(pictures, notes),
    // As timm itself does (timm/data/imagenet_info.py, infer_imagenet_subset).
    classes: classes ?? (numClasses === IMAGENET_CLASSES.length ? IMAGENET_CLASSES : null),
    licence: pictures.license ?? null,
    source: pictures.origin_url ?? null,
  };
  return { card, numClasses, notes };
}

/** The names of the outputs, or null: their descriptions, where each has one of its own. */
function classesOf({ label_names, labels, label_descriptions, num_classes }: Config): string[] | null {
  const given = label_names ?? labels;
  if (!given) return null;
  const names = Array.isArray(given) ? given : withGaps(given, num_classes ?? 0);
  const texts = names.map((name) =>
    label_descriptions && Object.hasOwn(label_descriptions, name) ? label_descriptions[name] : name,
  );
  return new Set(texts).size === texts.length ? texts : names;
}

/** Names by output as a list; an output without a name is called by its number. */
function withGaps(names: Readonly<Record<string, string>>, atLeast: number): string[] {
  const last = Object.keys(names).reduce((most, index) => Math.max(most, Number(index)), -1);
  return Array.from({ length: Math.max(last + 1, atLeast) }, (_, index) =>
    Object.hasOwn(names, index) ? names[index] : `class ${index}`,
  );
}

/** Arguments of timm's networks that change nothing of what they answer. */
const HARMLESS = [
  ...['num_classes', 'drop_rate', 'drop_path_rate', 'drop_block_rate', 'bn_momentum', 'zero_init_last'],
  ...['pretrained', 'pretrained_cfg', 'scriptable', 'exportable', 'checkpoint_path', 'cache_dir'],
];

/** The architecture as a spec; a name that is none of ours is refused by whoever builds it. */
function modelOf({ architecture, model_args }: Config): ModelSpec {
  if (!modelNames().includes(architecture)) return { name: architecture, options: {} };
  const { in_chans = 3, bn_eps, pad_type, ...rest } = model_args ?? {};
  const tensorflow = architecture.startsWith('tf_');
  const options = {
    padding: (pad_type ?? (tensorflow ? 'same' : '')) === 'same' ? ('same' as const) : ('torch' as const),
    normEps: typeof bn_eps === 'number' ? bn_eps : tensorflow ? 1e-3 : 1e-5,
  };
  const open = Object.keys(weightProperties(architecture)).length > 0;
  const other = Object.entries(rest).flatMap(([key, value]) => {
    const usual =
      value === null || value === undefined || (key === 'global_pool' && /^(avg|fast)?$/.test(String(value)));
    return usual || HARMLESS.includes(key) ? [] : [key];
  });
  if (in_chans !== 3) other.push('in_chans');
  if (pad_type && pad_type !== 'same') other.push('pad_type');
  if (!open && (options.padding === 'same' || options.normEps !== 1e-5)) other.push('bn_eps', 'pad_type');
  if (other.length > 0)
    throw new RangeError(
      `it builds ${architecture} with ${listNames([...new Set(other)])}, of which there is no choice here`,
    );
  return { name: architecture, options: open ? options : {} };
}

/** Interpolations of timm, with those here that come nearest. */
const NEAREST: Readonly<Record<string, Preprocessing['interpolation']>> = {
  lanczos: 'bicubic',
  hamming: 'bilinear',
  box: 'bilinear',
  nearest: 'bilinear',
  random: 'bicubic',
};

/**
 * timm's evaluation (timm/data/transforms_factory.py): resized to the input over the crop's share, rounded down, and cropped;
 * with `crop_mode` 'border' the whole picture is resized to fit into that.
 */
function preprocessingOf(pictures: Pictures, notes: string[]): Preprocessing {
  const { input_size, test_input_size, crop_pct, test_crop_pct, crop_mode } = pictures;
  const [channels, height, width] = test_input_size ?? input_size ?? [3, 224, 224];
  if (channels !== 3)
    throw new RangeError(
      `its pictures are ${channels}×${height}×${width}, and networks here take three channels`,
    );
  const said = pictures.interpolation ?? 'bicubic';
  const interpolation = Object.hasOwn(NEAREST, said) ? NEAREST[said] : said;
  if (interpolation !== said)
    notes.push(`config.json resizes with ${said}; ${interpolation} is used instead.`);
  const pads = crop_mode === 'border';
  if (crop_mode && crop_mode !== 'center' && !pads)
    notes.push(
      `config.json crops in the way ${shorten(crop_mode)}; here the shorter side is resized and the middle is cropped.`,
    );
  const inputSize = sizeOfSides(height, width);
  const cropShare = test_crop_pct ?? crop_pct ?? DEFAULT_CROP;
  const preprocessing: Record<Exclude<keyof Preprocessing, 'fit'>, unknown> = {
    inputSize,
    resizeSize: mapSides(inputSize, (side) => Math.floor(side / cropShare)),
    ...(pads && { fit: 'pad' }),
    interpolation,
    mean: pictures.mean ?? DEFAULT_MEAN,
    std: pictures.std ?? DEFAULT_STD,
  };
  demand(PREPROCESSING, preprocessing, 'pretrained_cfg');
  return preprocessing as Preprocessing;
}

/**
 * Holds a config.json against the tensors beside it: the body of its network has to be there, and if there is a last
 * layer, it has to have as many classes.
 * @throws WeightsError, a sentence that names both
 */
export async function checkConfig(
  { card, numClasses }: WeightsConfig,
  file: WeightsFile,
  place: string,
): Promise<void> {
  const architecture = card.model!.name;
  if (!modelNames().includes(architecture)) return;
  const contradiction = (what: string): WeightsError =>
    new WeightsError(
      'tensors',
      `${place} contradicts ${file.name}: ${what}. Take both from one place, or put the weights elsewhere without it.`,
    );
  const model = (await shapeBuilder())(architecture, { numClasses: 1 });
  const { tensors } = weightsFor(model, file);
  if (!hasBody(model, tensors)) {
    const fitting = await detectModels(file.tensors);
    throw contradiction(
      `it says ${architecture}, and the tensors are those of ${fitting.length > 0 ? fitting.join(' or ') : 'none of our networks'}`,
    );
  }
  const inFile = classesIn(model, matchNames(tensors, model).tensors);
  if (inFile !== null && numClasses !== null && inFile !== numClasses)
    throw contradiction(`it says ${numClasses} classes, and the last layer has ${inFile}`);
}

/** What a config.json says, in a sentence. */
export function describeConfig({ card, numClasses }: WeightsConfig): string {
  const { model, preprocessing, classes } = card;
  const { resizeSize, inputSize, fit, interpolation } = preprocessing!;
  const outputs = numClasses ? `${numClasses} classes` : numClasses === 0 ? 'no last layer' : 'its classes';
  const named = classes ? ` (${listNames(classes.slice(0, 4))}${classes.length > 4 ? ', …' : ''})` : '';
  return (
    `config.json beside it says: timm's ${shorten(model!.name)}, ${outputs}${named}, ` +
    `pictures resized to ${fit === 'pad' ? 'fit into ' : ''}${sizeArgument(resizeSize)} (${interpolation}) and ${fit === 'pad' ? 'padded' : 'cropped'} to ${sizeArgument(inputSize)}.`
  );
}
