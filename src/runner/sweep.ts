/**
 * The file of `train --sweep`: which settings of a run are tried. A grid tries each value with each other,
 *
 *     { "settings": { "lr": [0.001, 0.003, 0.01], "label-smoothing": [0, 0.1] }, "seeds": 3 }
 *
 * and `draw` tries so many that are drawn at random, each setting by itself (Bergstra & Bengio 2012: where few of the settings
 * matter, draws try more values of these than a grid of as many runs),
 *
 *     { "draw": 12, "seed": 0, "settings": { "lr": { "log": [1e-4, 1e-2] }, "warmup": { "from": 0, "to": 0.5 },
 *       "epochs": { "from": 5, "to": 20, "step": 5 }, "model": ["resnet18", "efficientnet_lite0"] } }
 *
 * Draws are counter-based: the i-th value of a setting hangs on the seed, its name and i, and not on the other settings.
 */
import { randomKey, uniformAt } from '../tensor/random.ts';
import {
  all,
  demand,
  isObject,
  list,
  number,
  object,
  optional,
  parseBounded,
  type Rule,
  record,
  rule,
  whole,
} from '../text/rules.ts';
import { unknownName } from '../text/suggest.ts';

/** A value of an option, as JSON has it; null leaves the option out. */
export type Value = string | number | boolean | null;
/** Options by their names without dashes in front, as `train-from`. */
export type Setting = Readonly<Record<string, Value>>;

/** `lr=0.01,warmup=0.1`; an option that is left out is `default`, and the empty setting an empty text. */
export const settingText = (setting: Setting): string =>
  Object.entries(setting)
    .map(([name, value]) => `${name}=${value === null ? 'default' : value}`)
    .join(',');

/** Where the value of a setting stands in the file: `settings.lr[2]`. */
export type PlaceOf = (name: string, value: Value) => string;

export interface Sweep {
  /** The settings to try, each once, in their order. */
  settings: Setting[];
  /** For sentences. */
  placeOf: PlaceOf;
  seeds: number | null;
  folds: number | null;
}

/** Runs of one command, at most: more are a mistake, or the work of many commands. */
export const MOST_TRIALS = 1000;
export const MOST_FOLDS = 100;
const MOST_SETTINGS = 64;
const MOST_VALUES = 1000;
const MOST_CHARACTERS = 4096;
/** Draws until that many are found that differ, for each that is wanted. */
const TRIES = 100;

type Logarithmic = { log: [number, number] };
type Linear = { from: number; to: number; step?: number };
type Values = Value[] | Logarithmic | Linear;

export const VALUE = rule(
  (value) =>
    value === null ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value)) ||
    (typeof value === 'string' && value.length <= MOST_CHARACTERS),
  'a text, a number, true, false or null',
);

const LIST: Rule = all(list(VALUE, 1, MOST_VALUES), (values, place) => {
  const twice = (values as Value[]).findIndex((value, index, them) => them.indexOf(value) < index);
  return twice < 0
    ? null
    : rule(() => false, 'a value that is not there before')((values as Value[])[twice], `${place}[${twice}]`);
});

const figure = number(-Number.MAX_VALUE, Number.MAX_VALUE);
const above = rule(
  (value) => typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY,
  'a number above 0',
);

/** Fields of an object: those that are known, and no others. */
const only =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value, place) => {
    const fault = object(fields)(value, place);
    if (fault) return fault;
    const other = Object.keys(value as object).find((field) => !Object.hasOwn(fields, field));
    return other === undefined
      ? null
      : {
          place: place === '' ? 'a field' : `a field of ${place}`,
          wanted: `one of ${Object.keys(fields).join(', ')}`,
          found: `'${other.slice(0, 64)}'`,
        };
  };

const LOG: Rule = all(only({ log: list(above, 2, 2) }), (value, place) => {
  const [low, high] = (value as Logarithmic).log;
  return rule(() => low < high, `a number above ${low}`)(high, `${place}.log[1]`);
});
const LINEAR: Rule = all(only({ from: figure, to: figure, step: optional(above) }), (value, place) => {
  const { from, to } = value as Linear;
  return rule(() => from < to, `a number above ${from}`)(to, `${place}.to`);
});

/** What a setting is drawn from. */
const DRAWN: Rule = (value, place) => {
  if (Array.isArray(value)) return LIST(value, place);
  if (isObject(value) && 'log' in value) return LOG(value, place);
  if (isObject(value)) return LINEAR(value, place);
  return rule(() => false, 'a list of values, { "log": [a, b] } or { "from": a, "to": b }')(value, place);
};

/** What a setting of a grid is. */
const LISTED: Rule = (value, place) =>
  isObject(value)
    ? { place, wanted: 'a list of values (ranges are drawn from: add "draw": N)', found: 'an object' }
    : LIST(value, place);

const rulesWith = (values: Rule): Rule =>
  only({
    settings: record(values, MOST_SETTINGS),
    draw: optional(whole(1, MOST_TRIALS)),
    seed: optional(whole(0, Number.MAX_SAFE_INTEGER)),
    seeds: optional(whole(1, MOST_TRIALS)),
    folds: optional(whole(2, MOST_FOLDS)),
  });

interface SweepFile {
  settings: Record<string, Values>;
  draw?: number;
  seed?: number;
  seeds?: number;
  folds?: number;
}

/**
 * The settings that a file asks for.
 * @param names of options that may be tried
 * @param place what sentences call the file
 * @throws RangeError, a sentence with the place in the file
 */
export function readSweep(json: string, names: readonly string[], place: string): Sweep {
  const value = parseBounded(json, place);
  try {
    return sweepOf(value, names);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${place}: ${error.message}`, { cause: error });
  }
}

function sweepOf(value: unknown, names: readonly string[]): Sweep {
  const draws = isObject(value) && value.draw !== undefined;
  if (!isObject(value)) throw new RangeError('it is an object with "settings"');
  demand(rulesWith(draws ? DRAWN : LISTED), value, '');
  const { settings, draw, seed, seeds = null, folds = null } = value as unknown as SweepFile;
  if (seed !== undefined && draw === undefined)
    throw new RangeError('seed is of draws; add "draw": N, or leave it out (seeds of runs are "seeds": N)');
  const fields = Object.entries(settings);
  if (fields.length === 0) throw new RangeError('settings is an object of one setting at least');
  for (const [name] of fields)
    if (!names.includes(name)) throw new RangeError(`settings: ${unknownName('setting', name, names)}`);
  const placeOf: PlaceOf = (name, given) => {
    const values = settings[name];
    return `settings.${name}${Array.isArray(values) ? `[${values.indexOf(given)}]` : ''}`;
  };
  const found = draw === undefined ? grid(fields as [string, Value[]][]) : drawn(fields, draw, seed ?? 0);
  return { settings: found, placeOf, seeds, folds };
}

/** Every value with every other, the last name's changing first. */
function grid(fields: readonly (readonly [string, readonly Value[]])[]): Setting[] {
  const count = fields.reduce((product, [, values]) => product * values.length, 1);
  if (count > MOST_TRIALS)
    throw new RangeError(
      `its grid has ${count.toLocaleString('en-US')} settings, of at most ${MOST_TRIALS.toLocaleString('en-US')}; "draw": N tries some of them`,
    );
  return fields.reduce<Setting[]>(
    (before, [name, values]) => before.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** `count` settings that differ. */
function drawn(fields: readonly (readonly [string, Values])[], count: number, seed: number): Setting[] {
  const found = new Map<string, Setting>();
  for (let draw = 0; found.size < count && draw < TRIES * count; draw++) {
    const setting = Object.fromEntries(
      fields.map(([name, values]) => [
        name,
        valueAt(values, uniformAt(randomKey(seed, `sweep ${name}`, 0), draw)),
      ]),
    );
    const key = JSON.stringify(setting);
    if (!found.has(key)) found.set(key, setting);
  }
  if (found.size < count)
    throw new RangeError(
      `draw asks for ${count} settings, and ${TRIES * count} draws found ${found.size} that differ; ask for fewer, or leave "draw" out for a grid of lists`,
    );
  return [...found.values()];
}

/** The value of a setting at a place from 0 to below 1. Numbers of ranges are short: three digits, or whole steps. */
function valueAt(values: Values, at: number): Value {
  if (Array.isArray(values)) return values[Math.floor(at * values.length)];
  if ('log' in values) {
    const [low, high] = values.log;
    return within(rounded(low * (high / low) ** at, 3), low, high);
  }
  const { from, to, step } = values;
  if (step === undefined) return within(rounded(from + at * (to - from), 3), from, to);
  const steps = Math.floor((to - from) / step + 1e-9);
  return rounded(from + step * Math.floor(at * (steps + 1)), 12);
}

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));
const within = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
