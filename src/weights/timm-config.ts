/**
 * timm's `config.json`, which lies beside a `model.safetensors` of the Hugging Face Hub and says of it what a card of ours
 * does: architecture, classes and preprocessing (timm/models/_hub.py: `save_config_for_hf`; timm/data/config.py).
 */
import { PREPROCESSING, type Preprocessing } from '../data/transforms.ts';
import { modelNames, weightProperties } from '../models/table.ts';
import { demand, list, number, object, optional, orNull, parseBounded, text, whole } from '../text/rules.ts';
import type { WeightsCard } from './card.ts';
import { WeightsError } from './formats/error.ts';

/** What the Hub calls a model's files. */
const OF_THE_HUB = /(?:^|[/\\])(?:model\.safetensors|pytorch_model\.bin)$/;
/** What lies beside them. */
export const CONFIG = 'config.json';

/** Whether a config may lie beside a file. */
export const mayHaveConfig = (path: string): boolean => OF_THE_HUB.test(path);

interface PretrainedConfig {
  input_size?: number[];
  test_input_size?: number[] | null;
  crop_pct?: number;
  test_crop_pct?: number | null;
  interpolation?: string;
  mean?: number[];
  std?: number[];
  license?: string | null;
  origin_url?: string | null;
}

interface Config {
  architecture?: string;
  label_names?: string[] | null;
  pretrained_cfg?: PretrainedConfig;
}

const size = list(whole(1, 4096), 3, 3);
const share = number(0.01, 10);
const RULE = object({
  architecture: optional(text(256)),
  label_names: optional(orNull(list(text(1000), 1, 65_536))),
  pretrained_cfg: optional(
    object({
      input_size: optional(size),
      test_input_size: optional(orNull(size)),
      crop_pct: optional(share),
      test_crop_pct: optional(orNull(share)),
      interpolation: optional(text(100)),
      mean: optional(list(number(-1000, 1000), 3, 3)),
      std: optional(list(number(0.001, 1000), 3, 3)),
      license: optional(orNull(text(1000))),
      origin_url: optional(orNull(text(10_000))),
    }),
  ),
});

/**
 * What a config says; null in each place where it says nothing that is known here.
 * @param file its name, for the sentence
 * @throws WeightsError where it says something that cannot be
 */
export function readTimmConfig(json: string, file: string): Partial<WeightsCard> {
  try {
    const config = parseBounded(json, 'it');
    demand(RULE, config, '');
    return cardOf(config as Config);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WeightsError(
      'header',
      `${file} describes its weights wrongly: ${error.message}. Take another copy of it, or move it away.`,
      { cause: error },
    );
  }
}

function cardOf({
  architecture,
  label_names,
  pretrained_cfg: pretrained = {},
}: Config): Partial<WeightsCard> {
  const name = architecture !== undefined && modelNames().includes(architecture) ? architecture : null;
  return {
    model: name === null ? null : { name, options: propertiesOf(name) },
    classes: label_names ?? null,
    preprocessing: preprocessingOf(pretrained),
    licence: pretrained.license ?? null,
    source: pretrained.origin_url ?? null,
  };
}

/** timm's norms have PyTorch's epsilon in every network whose name does not begin with `tf_`. */
function propertiesOf(name: string) {
  const own = weightProperties(name);
  const torch = Object.keys(own).length > 0 && !name.startsWith('tf_');
  return torch ? weightProperties(name, { padding: 'torch', normEps: 1e-5 }) : own;
}

/** The test size where there is one, as timm evaluates; null where something is missing or another resize is meant. */
function preprocessingOf(config: PretrainedConfig): Preprocessing | null {
  const { interpolation, mean, std } = config;
  const [, , inputSize] = config.test_input_size ?? config.input_size ?? [];
  const crop = config.test_crop_pct ?? config.crop_pct;
  if (inputSize === undefined || crop === undefined) return null;
  const preprocessing = { inputSize, resizeSize: Math.floor(inputSize / crop), interpolation, mean, std };
  return PREPROCESSING(preprocessing, '') === null ? (preprocessing as unknown as Preprocessing) : null;
}
