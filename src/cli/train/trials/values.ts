/** Options of `train` out of a file: values of JSON under the names that one types, taken as the command line takes them. */
import { Command, InvalidArgumentError, type Option } from 'commander';
import type { KeptOptions } from '../../../runner/node/trial-plan.ts';
import type { Value } from '../../../runner/sweep.ts';
import { show } from '../../../text/rules.ts';
import { optionArgs } from '../../command-line.ts';
import type { TrainOptions } from '../settings.ts';

/** Declares the options of `train` on a command: src/cli/train.ts, which imports what is here. */
export type Declare = (command: Command) => void;

/** What is no setting of a run, but of its place, its process or of many runs. */
const NO_SETTINGS: ReadonlySet<string> = new Set([
  ...['data', 'out', 'overwrite', 'resume', 'memory', 'adapter', 'untuned', 'tensorboard', 'json'],
  ...['profile', 'cache', 'find-lr', 'sanity', 'seed', 'seeds', 'folds', 'fold', 'sweep', 'shard'],
]);

export class OptionValues {
  /** By the names that one types, without the dashes. */
  private readonly options: ReadonlyMap<string, Option>;

  constructor(declare: Declare) {
    const command = new Command();
    declare(command);
    this.options = new Map(command.options.map((option) => [option.long!.slice(2), option]));
  }

  /** Those of which a sweep may try values. */
  get tried(): string[] {
    return [...this.options.keys()].filter((name) => !NO_SETTINGS.has(name));
  }

  /** `trainFrom` of `train-from`. */
  attributeOf(name: string): keyof TrainOptions {
    return this.options.get(name)!.attributeName() as keyof TrainOptions;
  }

  /**
   * Options as commander would give them.
   * @throws RangeError, a sentence, for a value that the command line would refuse, and for a name that is no option's
   */
  take(setting: KeptOptions, placeOf: (name: string, value: Value) => string): TrainOptions {
    return Object.fromEntries(
      Object.entries(setting).map(([name, value]) => {
        const option = this.options.get(name);
        if (!option)
          throw new RangeError(`${placeOf(name, oneOf(value))}: train has no option --${name.slice(0, 64)}`);
        return [option.attributeName(), given(option, value, placeOf(name, oneOf(value)))];
      }),
    );
  }

  /** The same options as JSON keeps them; what is undefined is left out. */
  keep(options: TrainOptions): KeptOptions {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
      given.flatMap(([attribute, value]): [string, Value | readonly string[]][] => {
        const name = [...this.options].find(([, option]) => option.attributeName() === attribute)?.[0];
        return name === undefined ? [] : [[name, kept(attribute, value)]];
      }),
    );
  }
}

/** As JSON keeps it: what is no plain value as the word that one types, `160x320`, or several. */
function kept(attribute: string, value: unknown): Value | readonly string[] {
  if (typeof value !== 'object') return value as Value;
  const words = optionArgs({ [attribute]: value }).filter((_, place) => place % 2 === 1);
  return attribute === 'size' ? words[0] : words;
}

const oneOf = (value: Value | readonly string[]): Value =>
  typeof value === 'object' ? (value?.[0] ?? null) : value;

/** An option that is given once, or several times. */
function given(option: Option, value: Value | readonly string[], place: string): unknown {
  if (value === null || typeof value !== 'object') return taken(option, value, place);
  return value.reduce<unknown>((before, word) => parsedBy(option, word, place, before), undefined);
}

function taken(option: Option, value: Value, place: string): unknown {
  const refuse = (wanted: string): never => {
    throw new RangeError(`${place} is ${wanted}, not ${show(value)}`);
  };
  if (value === null) return undefined;
  if (option.isBoolean()) return typeof value === 'boolean' ? value || undefined : refuse('true or false');
  if (value === true && option.optional) return true;
  if (typeof value === 'boolean') return refuse(`a value of ${option.long}`);
  const parsed = parsedBy(option, value, place);
  if (typeof parsed === 'number' && typeof value !== 'number') return refuse('a number, without quotes');
  if (typeof parsed === 'string' && typeof value !== 'string') return refuse('a text');
  return parsed;
}

function parsedBy(
  { parseArg, long }: Option,
  value: string | number | true,
  place: string,
  before?: unknown,
): unknown {
  if (!parseArg) return String(value);
  try {
    return parseArg(String(value), before);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new RangeError(
      `${place}, ${show(value)}, is nothing for ${long}: ${error.message.replace(/\.$/, '')}`,
      {
        cause: error,
      },
    );
  }
}
