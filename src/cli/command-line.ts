/** Arguments of the commands: numbers checked when they are read, and command lines to show to people. */
import { InvalidArgumentError } from 'commander';
import { sizeArgument } from '../data/input-size.ts';
import { checkPattern } from '../data/node/groups.ts';
import { shellWord } from '../text/shell.ts';
import { newestCheckpoint } from '../train/node/checkpoint.ts';
import { say, UserError } from './ui.ts';

/** A commander parser for whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(
        most === Number.MAX_SAFE_INTEGER
          ? `It must be a whole number of at least ${least}.`
          : `It must be a whole number from ${least} to ${most}.`,
      );
    return value;
  };
}

/** A commander parser for one of some words, which the option's line of help names itself. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word === undefined) throw new InvalidArgumentError(`It is one of ${words.join(', ')}.`);
    return word;
  };
}

/** A commander parser for numbers above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** A commander parser for numbers from 0 to `most`. */
export function numberUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= 0 && value <= most))
      throw new InvalidArgumentError(`It must be a number from 0 to ${most}.`);
    return value;
  };
}

/** A commander parser for numbers from 0 to 1. */
export const fractionNumber = numberUpTo(1);

/** A commander parser for numbers from 0 to below 1. */
export function decayNumber(text: string): number {
  const value = fractionNumber(text);
  if (value === 1) throw new InvalidArgumentError('It must be below 1.');
  return value;
}

/** A commander parser for numbers above 0, at most `most`. */
export function positiveUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value > 0 && value <= most))
      throw new InvalidArgumentError(`It must be a number above 0, at most ${most}.`);
    return value;
  };
}

/** A commander parser for factors that shrink. */
export const shrinkingFactor = positiveUpTo(1);

/** Where `train` puts its runs when it is not told. */
export const RUNS = 'runs';

/** The checkpoint that was named, or the newest one. */
export async function chosenCheckpoint(named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const newest = await newestCheckpoint(RUNS);
  if (!newest)
    throw new UserError(
      `there is no checkpoint under ${RUNS}/ yet; train one (${commandLine('train', [])}) or name one with --checkpoint`,
    );
  say(`No --checkpoint was given: the newest is ${newest}.`);
  return newest;
}

/** `--train-from` of `trainFrom`, which commander makes of it. */
export const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Options as they are typed; what is undefined or false is left out. */
export function optionArgs(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined || value === false
      ? []
      : value === true
        ? [flagOf(name)]
        : Array.isArray(value) && name !== 'size'
          ? value.flatMap((one) => [flagOf(name), String(one)])
          : [flagOf(name), name === 'size' ? sizeArgument(value) : String(value)],
  );
}

/** What `--group-by` was given, one after the other. @throws InputError for what names no groups */
export function grouping(how: string, before: readonly string[] = []): string[] {
  checkPattern(how);
  return [...before, how];
}

/** The option of the commands that split. */
export const GROUP_BY = [
  '--group-by <how>',
  "keep together on one side: 'folder', 'similar' or a pattern of names; several unite",
  grouping,
] as const;

/** `npm run train -- --data pictures`, as one types it: through npm where that is how this command was started. */
export function commandLine(name: string, args: readonly string[]): string {
  const start =
    process.env.npm_lifecycle_event || !process.argv[1]?.endsWith('tessera') ? 'npm run' : 'tessera';
  const dashes = start === 'npm run' && args.length > 0 ? ['--'] : [];
  return [start, name, ...dashes, ...args.map(shellWord)].join(' ');
}
