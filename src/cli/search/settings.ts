/** What a search is asked for: its options with the defaults filled in, as plan.json keeps them. */
import { MOST_SIZE } from '../../data/input-size.ts';
import { SOFT_EXPONENT } from '../../search/cost/target.ts';
import { METHOD_NAMES, usualMethod } from '../../search/methods/table.ts';
import { COST_UNITS, type CostUnit, type Target } from '../../search/result.ts';
import { checkSpace, type SearchSpace } from '../../search/space.ts';
import { among, demand, flag, number, object, orNull, type Rule, text, whole } from '../../text/rules.ts';
import { GROUP_BY } from '../../train/settings.ts';
import { DEFAULTS, type SearchArgs } from './options.ts';
import { SCALING, type Scaling } from './scaling.ts';

/** What a search may cost, before it is known what there is to have. */
export interface WishedTarget extends Omit<Target, 'value'> {
  /** Null: the median of what networks of the space cost (`usualCost`). */
  value: number | null;
}

/** Everything that decides a search, beside the pictures and what the adapter is measured to do. Plain JSON. */
export interface SearchSettings {
  /** Folder of the pictures; null for the demo data. */
  data: string | null;
  /** What the split must not part, beside copies. */
  groupBy: readonly string[];
  minutes: number;
  /** Its name. */
  method: string;
  space: SearchSpace;
  target: WishedTarget;
  batch: number;
  lr: number;
  seed: number;
  /** File of the checkpoint that teaches. */
  teacher: string | null;
  references: boolean;
  /** Of `--grid` and `--scale`; null for a search. */
  scaling: Scaling | null;
}

export function settingsOf(options: SearchArgs, space: SearchSpace, scaling: Scaling | null): SearchSettings {
  const {
    minutes = DEFAULTS.minutes,
    batch = DEFAULTS.batch,
    lr = DEFAULTS.lr,
    seed = DEFAULTS.seed,
  } = options;
  return {
    data: options.data ?? null,
    groupBy: options.groupBy ?? [],
    minutes,
    // What is scaled is not searched for, however long it may train.
    method: options.method ?? usualMethod(scaling ? 0 : minutes),
    space,
    target: scaling ? COUNTED : targetOf(options),
    batch,
    lr,
    seed,
    teacher: options.teacher ?? null,
    references: options.references ?? false,
    scaling,
  };
}

/** Networks of the grid are compared by multiply-adds. */
const COUNTED: WishedTarget = { unit: 'multiply-adds', value: null, exponent: null, batch: 1 };

function targetOf({ targetMs, targetMults, targetParams, soft, latencyBatch = 1 }: SearchArgs): WishedTarget {
  const exponent = soft === undefined ? null : soft === true ? SOFT_EXPONENT : soft;
  const [unit, value]: [CostUnit, number | null] =
    targetMults !== undefined
      ? ['multiply-adds', targetMults]
      : targetParams !== undefined
        ? ['parameters', targetParams]
        : ['ms', targetMs ?? null];
  return { unit, value, exponent, batch: latencyBatch };
}

const SETTINGS: Rule = object({
  data: orNull(text(10_000)),
  groupBy: GROUP_BY,
  minutes: number(Number.MIN_VALUE, 100_000),
  method: among(METHOD_NAMES),
  space: object({ inputSize: whole(8, MOST_SIZE) }),
  target: object({
    unit: among(COST_UNITS),
    value: orNull(number(Number.MIN_VALUE, 1e15)),
    exponent: orNull(number(0, 10)),
    batch: whole(1, 65_536),
  } satisfies Record<keyof WishedTarget, Rule>),
  batch: whole(2, 65_536),
  lr: number(Number.MIN_VALUE, 1e6),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  teacher: orNull(text(10_000)),
  references: flag,
  scaling: orNull(SCALING),
} satisfies Record<keyof SearchSettings, Rule>);

/** The settings that a value out of a file is. @throws RangeError, a sentence that names the place, where it is none */
export function checkSettings(value: unknown): SearchSettings {
  demand(object({}), value, 'settings');
  // Plans from before there were groups lack them.
  const whole = { groupBy: [], ...(value as object) };
  demand(SETTINGS, whole, 'settings');
  const settings = whole as unknown as SearchSettings;
  return { ...settings, space: checkSpace(settings.space) };
}
