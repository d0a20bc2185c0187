/**
 * What is searched: for each stage of MBConv blocks the values that its row of a network's table (src/models/
 * mbconv-table.ts) may take, as in MnasNet (Tan et al. 2019, section 4.1), whose blocks are also chosen stage by stage.
 *
 *   stage      kernels  expandRatios  widths        depths    squeezes      stride
 *     1        3        1             16            1         0             1
 *     2        3, 5     3, 6          24, 32        1, 2, 3   0, 0.25       2
 *
 * A choice picks one value in each column of each stage. Every choice is an ordinary network: `tableOf` gives its table, and
 * `buildModel` takes that.
 */
import { checkTable, type MBConvTable, TABLE_LIMITS } from '../models/mbconv-table.ts';
import type { Random } from '../tensor/random.ts';
import { among, demand, list, object, optional, type Rule, rule, whole } from '../text/rules.ts';

/** The columns of a stage that are chosen, in the order in which they are shown. */
export const COLUMNS = ['kernel', 'expandRatio', 'width', 'depth', 'squeeze'] as const;
export type Column = (typeof COLUMNS)[number];

/** What one stage of a network is made of; see `MBConvRow` for what the numbers mean. */
export type StageChoice = Readonly<Record<Column, number>>;

/** One network of a space: what was picked, stage by stage. */
export type Choice = readonly StageChoice[];

/** The values that a stage may take, each list in ascending order. */
export interface SpaceStage {
  stride: 1 | 2;
  kernels: readonly number[];
  expandRatios: readonly number[];
  widths: readonly number[];
  depths: readonly number[];
  squeezes: readonly number[];
}

/** A space of networks, plain JSON. What surrounds the stages is the same in all of them. */
export interface SearchSpace {
  name: string;
  stages: readonly SpaceStage[];
  stem: number;
  head: number;
  activation: MBConvTable['activation'];
  /** Height and width of the pictures. */
  inputSize: number;
  /** Probability of dropping a feature before the classifier. */
  dropout?: number;
}

/** Which list of a stage a column picks from. */
export const VALUES = {
  kernel: 'kernels',
  expandRatio: 'expandRatios',
  width: 'widths',
  depth: 'depths',
  squeeze: 'squeezes',
} as const satisfies Record<Column, keyof SpaceStage>;

/** For pictures of 32² to 64²: the stem and two stages halve, so that 4² to 8² places are left. */
export const SMALL_SPACE: SearchSpace = {
  name: 'small',
  stages: [
    {
      stride: 1,
      kernels: [3, 5],
      expandRatios: [1, 3],
      widths: [16, 24],
      depths: [1, 2],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [24, 32, 40],
      depths: [1, 2, 3],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [48, 64, 80],
      depths: [1, 2, 3],
      squeezes: [0, 0.25],
    },
    {
      stride: 1,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [64, 96, 128],
      depths: [1, 2],
      squeezes: [0, 0.25],
    },
  ],
  stem: 16,
  head: 256,
  activation: 'silu',
  inputSize: 32,
};

/** Around EfficientNet-B0 (Tan & Le 2019, table 1), which is one of its networks. */
export const B0_SPACE: SearchSpace = {
  name: 'b0',
  stages: [
    {
      stride: 1,
      kernels: [3, 5],
      expandRatios: [1],
      widths: [8, 16, 24],
      depths: [1, 2],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [16, 24, 32],
      depths: [1, 2, 3],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [32, 40, 48],
      depths: [1, 2, 3],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [64, 80, 96],
      depths: [2, 3, 4],
      squeezes: [0, 0.25],
    },
    {
      stride: 1,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [88, 112, 136],
      depths: [2, 3, 4],
      squeezes: [0, 0.25],
    },
    {
      stride: 2,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [160, 192, 224],
      depths: [2, 3, 4],
      squeezes: [0, 0.25],
    },
    {
      stride: 1,
      kernels: [3, 5],
      expandRatios: [3, 6],
      widths: [256, 320, 384],
      depths: [1, 2],
      squeezes: [0, 0.25],
    },
  ],
  stem: 32,
  head: 1280,
  activation: 'silu',
  inputSize: 224,
};

/** The spaces that have names. */
export const SPACES: readonly SearchSpace[] = [SMALL_SPACE, B0_SPACE];

/** How many values a list may have, and how many picks a stage: the exact optimum under a cost looks at each. */
const MOST_VALUES = 16;
const MOST_PICKS = 4096;

const ascending =
  (value: Rule): Rule =>
  (given, place) =>
    list(value, 1, MOST_VALUES)(given, place) ??
    rule(
      (values) => (values as number[]).every((entry, i, all) => i === 0 || entry > all[i - 1]!),
      'a list of ascending numbers',
    )(given, place);

const channels = whole(1, TABLE_LIMITS.channels);
const share = rule(
  (value) => typeof value === 'number' && value >= 0 && value < 1,
  'a number from 0 to below 1',
);

const SPACE = object({
  name: rule(
    (value) => typeof value === 'string' && /^[A-Za-z0-9][\w.-]{0,31}$/.test(value),
    'a name of up to 32 letters, digits, dots and dashes',
  ),
  stages: list(
    object({
      stride: among([1, 2]),
      kernels: ascending(among([1, 3, 5, 7])),
      expandRatios: ascending(whole(1, TABLE_LIMITS.expandRatio)),
      widths: ascending(channels),
      depths: ascending(whole(1, TABLE_LIMITS.repeats)),
      squeezes: ascending(share),
    } satisfies Record<keyof SpaceStage, Rule>),
    1,
    TABLE_LIMITS.rows,
  ),
  stem: channels,
  head: channels,
  activation: among(['relu', 'relu6', 'silu']),
  inputSize: whole(8, TABLE_LIMITS.inputSize),
  dropout: optional(share),
} satisfies Record<keyof SearchSpace, Rule>);

/**
 * The space that a value out of a file is; fields that it should not have are refused, since a misspelt one would be
 * searched without. Nothing is built.
 * @throws RangeError, a sentence that names the place
 */
export function checkSpace(value: unknown): SearchSpace {
  demand(SPACE, value, 'the space');
  const space = value as SearchSpace;
  noOthers(space, ['name', 'stages', 'stem', 'head', 'activation', 'inputSize', 'dropout'], 'the space');
  for (const [index, stage] of space.stages.entries()) {
    noOthers(stage, ['stride', ...Object.values(VALUES)], `the space.stages[${index}]`);
    const picks = COLUMNS.reduce((product, column) => product * stage[VALUES[column]].length, 1);
    if (picks > MOST_PICKS)
      throw new RangeError(
        `the space.stages[${index}] allows ${picks.toLocaleString('en-US')} picks, at most ${MOST_PICKS.toLocaleString('en-US')}; take shorter lists`,
      );
  }
  return structuredClone(space);
}

function noOthers(value: object, fields: readonly string[], place: string): void {
  const other = Object.keys(value).find((field) => !fields.includes(field));
  if (other !== undefined)
    throw new RangeError(`${place} has a field '${other.slice(0, 64)}'; it may have ${fields.join(', ')}`);
}

/** Everything that may be picked in a stage. */
export function stageChoices(stage: SpaceStage): StageChoice[] {
  let all: Partial<StageChoice>[] = [{}];
  for (const column of COLUMNS)
    all = all.flatMap((part) => stage[VALUES[column]].map((value) => ({ ...part, [column]: value })));
  return all as StageChoice[];
}

/** How many networks a space holds. */
export function countOf(space: SearchSpace): number {
  return space.stages.reduce(
    (product, stage) => COLUMNS.reduce((count, column) => count * stage[VALUES[column]].length, product),
    1,
  );
}

/** One value of each list. */
function pick(
  space: SearchSpace,
  from: (values: readonly number[], stage: number, column: Column) => number,
): Choice {
  return space.stages.map(
    (stage, index) =>
      Object.fromEntries(
        COLUMNS.map((column) => [column, from(stage[VALUES[column]], index, column)]),
      ) as StageChoice,
  );
}

/** The largest network: the last value everywhere. A weight-shared network has its shapes. */
export const largest = (space: SearchSpace): Choice => pick(space, (values) => values.at(-1)!);

/** The smallest network: the first value everywhere. */
export const smallest = (space: SearchSpace): Choice => pick(space, (values) => values[0]!);

/** A network drawn uniformly from the space, with the numbers of `random` from `first` on; it takes 5 a stage. */
export function randomChoice(space: SearchSpace, random: Random, first = 0): Choice {
  let counter = first;
  return pick(space, (values) => values[Math.floor(random(counter++) * values.length)]!);
}

/** What stands for a choice, readable and the same for equal choices: `k3e6w24d2s0.25-k5…`. */
export function keyOf(choice: Choice): string {
  return choice
    .map(
      ({ kernel, expandRatio, width, depth, squeeze }) =>
        `k${kernel}e${expandRatio}w${width}d${depth}s${squeeze}`,
    )
    .join('-');
}

/** Whether every value of a choice stands in its list. */
export function isOf(space: SearchSpace, choice: Choice): boolean {
  return (
    choice.length === space.stages.length &&
    choice.every((stage, index) =>
      COLUMNS.every((column) => space.stages[index]![VALUES[column]].includes(stage[column])),
    )
  );
}

/** The choice that a key out of a file stands for. @throws RangeError where it is none of the space's */
export function choiceOf(space: SearchSpace, key: string): Choice {
  const choice = key.split('-').map((stage) => {
    const found = /^k(\d+)e(\d+)w(\d+)d(\d+)s([\d.]+)$/.exec(stage);
    const [kernel, expandRatio, width, depth, squeeze] = found?.slice(1).map(Number) ?? [];
    return { kernel, expandRatio, width, depth, squeeze } as StageChoice;
  });
  if (!isOf(space, choice))
    throw new RangeError(`'${key.slice(0, 200)}' is no network of the space ${space.name}`);
  return choice;
}

/**
 * The table of a network of a space, for `buildModel`. Blocks are not dropped in training (dropPath 0): candidates learn for
 * minutes, not for the 350 epochs that call for it.
 */
export function tableOf(space: SearchSpace, choice: Choice, name: string): MBConvTable {
  const { stem, head, activation, inputSize, dropout = 0.2 } = space;
  const rows = choice.map(
    ({ expandRatio, kernel, width, depth, squeeze }, index) =>
      [expandRatio, kernel, space.stages[index]!.stride, width, depth, squeeze] as const,
  );
  return checkTable({ name, rows, stem, head, activation, inputSize, dropout, dropPath: 0 });
}
