/** The options of `train` under "Pictures and loss": what they mean as settings, and what options settings come from. */
import type { Command } from 'commander';
import type { ColorJitter } from '../../data/color-jitter.ts';
import { SAMPLERS, type Sampler } from '../../data/sampler.ts';
import { type Augmentation, USUAL_AUGMENTATION } from '../../data/transforms.ts';
import { unknownName } from '../../text/suggest.ts';
import { type ClassWeights, isClassWeight } from '../../train/class-weights.ts';
import { fractionNumber, numberUpTo, oneOf, positiveUpTo } from '../command-line.ts';
import { UserError } from '../ui.ts';

/** As commander gives them. */
export interface PictureOptions {
  crop?: number;
  flip?: Flip;
  colorJitter?: number;
  erase?: number;
  mixup?: number;
  cutmix?: number;
  labelSmoothing?: number;
  /** 'auto', 'none' or NAME=WEIGHT,…; which names there are, only the pictures say. */
  classWeights?: string;
  sampler?: Sampler;
}

export const PICTURE_OPTIONS = [
  'crop',
  'flip',
  'colorJitter',
  'erase',
  'mixup',
  'cutmix',
  'labelSmoothing',
  'classWeights',
  'sampler',
] as const satisfies readonly (keyof PictureOptions)[];

export function pictureOptions(command: Command): void {
  command
    .optionsGroup('Pictures and loss:')
    .option('--crop <min>', 'least share of a picture in a crop; 1: none', positiveUpTo(1))
    .option('--flip <way>', 'horizontal, vertical, both or none', oneOf(WAYS))
    .option('--color-jitter <s>', 'brightness, contrast, saturation; hue by s/4', fractionNumber)
    .option('--erase <p>', 'how often a rectangle of a picture is erased', fractionNumber)
    .option('--mixup <alpha>', 'mixes pictures in pairs; 0.2 is usual', numberUpTo(1000))
    .option('--cutmix <alpha>', 'pastes a box of another picture; 1 is usual', numberUpTo(1000))
    .option('--label-smoothing <e>', 'share of a target that all classes get', fractionNumber)
    .option('--class-weights <w>', "in the loss: 'auto', 'none', or a=2,b=1")
    .option('--sampler <s>', 'shuffled, or balanced: classes equally often', oneOf(SAMPLERS));
}

const WAYS = ['horizontal', 'vertical', 'both', 'none'] as const;
type Flip = (typeof WAYS)[number];

/** Probabilities of flips. */
const FLIPS: Record<Flip, Required<Pick<Augmentation, 'flip' | 'verticalFlip'>>> = {
  horizontal: { flip: 0.5, verticalFlip: 0 },
  vertical: { flip: 0, verticalFlip: 0.5 },
  both: { flip: 0.5, verticalFlip: 0.5 },
  none: { flip: 0, verticalFlip: 0 },
};

/** SimCLR's proportion (Chen et al. 2020): hue a quarter of the rest. */
const jitterOf = (strength: number): ColorJitter =>
  strength === 0 ? {} : { brightness: strength, contrast: strength, saturation: strength, hue: strength / 4 };

/** The augmentation that options ask for; what they leave out is as in `byDefault`. */
export function augmentationOf(
  { crop, flip, colorJitter, erase }: PictureOptions,
  byDefault: Augmentation,
): Augmentation {
  const { scale, ratio, ...rest } = byDefault;
  // Without random crops a picture is cut to a square about its middle, as it is for validation, and not squeezed.
  const cropped = { scale: [crop, 1], ...(crop === 1 && { ratio: [1, 1] }) };
  const wanted = {
    ...(crop === undefined ? byDefault : { ...cropped, ...rest }),
    ...(flip && FLIPS[flip]),
    ...(colorJitter !== undefined && { colorJitter: jitterOf(colorJitter) }),
    ...(erase !== undefined && { erase }),
  };
  const usual: Record<string, unknown> = USUAL_AUGMENTATION;
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => !same(value, usual[name])));
}

/** What the options would be that give an augmentation. */
function asOptions(
  augmentation: Augmentation,
): Required<Pick<PictureOptions, 'crop' | 'flip' | 'colorJitter' | 'erase'>> {
  const { scale, flip, verticalFlip, colorJitter, erase } = { ...USUAL_AUGMENTATION, ...augmentation };
  const way = WAYS.find(
    (one) => FLIPS[one].flip > 0 === flip > 0 && FLIPS[one].verticalFlip > 0 === verticalFlip > 0,
  )!;
  return { crop: scale[0], flip: way, colorJitter: colorJitter.brightness ?? 0, erase };
}

/** The options that give an augmentation; those of which the default gives the same are left out. */
export function augmentationOptions(augmentation: Augmentation, byDefault: Augmentation): PictureOptions {
  const usual: Record<string, unknown> = asOptions(byDefault);
  return Object.fromEntries(
    Object.entries(asOptions(augmentation)).filter(([name, value]) => value !== usual[name]),
  );
}

/**
 * `--class-weights` for these classes: NAME=WEIGHT, separated by commas, where names may hold both signs themselves.
 * @throws UserError for what is none, and for a class that there is not
 */
export function classWeightsIn(text: string, classes: readonly string[]): ClassWeights {
  if (text === 'auto' || text === 'none') return text;
  if (text === '') throw new UserError(refusal(text, classes));
  const weights = new Map<string, number>();
  // Of two classes that a part may begin with, the longer: "a=1,b=2" may be one name.
  const names = [...classes].sort((a, b) => b.length - a.length);
  for (let rest = text; rest !== ''; ) {
    const found = names
      .map((name) => ({
        name,
        value: rest.startsWith(`${name}=`) ? NUMBER.exec(rest.slice(name.length + 1)) : null,
      }))
      .find(({ value }) => value !== null);
    if (!found) throw new UserError(refusal(rest, classes));
    const { name, value } = found;
    const weight = Number(value![1]);
    if (!isClassWeight(weight))
      throw new UserError(
        `--class-weights: the weight of ${name} is a number above 0, up to 1,000,000, not ${value![1]}`,
      );
    if (weights.has(name)) throw new UserError(`--class-weights names ${name} twice`);
    weights.set(name, weight);
    rest = rest.slice(name.length + 1 + value![0].length);
  }
  return Object.fromEntries(weights);
}

/** A number, and the comma behind it or the end. */
const NUMBER = /^([-+\d.eE]+)(?:,(?=.)|$)/;

/** Why nothing that is known begins with `rest`. */
function refusal(rest: string, classes: readonly string[]): string {
  const [, name] = /^(.*?)=[-+\d.eE]+(?:,|$)/.exec(rest) ?? [];
  if (name !== undefined && !classes.includes(name))
    return `--class-weights: ${unknownName('class', name, classes)}`;
  return `--class-weights: '${rest}' is no NAME=WEIGHT; give auto, none, or weights such as ${classes[0]}=2,${classes[1]}=1`;
}

/** `--class-weights` that gives these weights. */
export function classWeightsText(weights: ClassWeights): string {
  if (typeof weights === 'string') return weights;
  return Object.entries(weights)
    .map(([name, weight]) => `${name}=${weight}`)
    .join(',');
}
