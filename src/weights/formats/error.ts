/**
 * The one error that the weights parsers throw.
 *
 * A reader of files from the internet must never answer with "Cannot read properties of undefined": every
 * refusal is a sentence, and it carries the stage at which the file was refused, so that a fuzz test can count
 * how deep its files get.
 */

import { InputError } from '../../text/input-error.ts';
import { shown } from '../../text/shown.ts';

/** How far a file was read: recognised → header (directory, JSON, magic) → objects → tensors. */
export type Stage = 'sniff' | 'header' | 'objects' | 'tensors';

/**
 * A weights file that cannot or must not be read. `message` is a sentence, and below it the lines of Python that help, where
 * there are such; `stage` says where reading ended.
 */
export class WeightsError extends InputError {
  readonly stage: Stage;
  readonly sentence: string;
  readonly python: readonly string[];

  constructor(
    stage: Stage,
    sentence: string,
    { python = [], ...options }: ErrorOptions & { python?: readonly string[] } = {},
  ) {
    super([sentence, ...python.map((line) => `  ${line}`)].join('\n'), options);
    this.name = 'WeightsError';
    this.stage = stage;
    this.sentence = sentence;
    this.python = python;
  }
}

const MOST_NAMES = 8;

/** `a, b, c and 12 more`: a list of names that stays readable when a thousand of them are wrong. */
export function listNames(names: readonly string[]): string {
  const some = names.slice(0, MOST_NAMES).map(shorten).join(', ');
  return names.length > MOST_NAMES ? `${some} and ${names.length - MOST_NAMES} more` : some;
}

/** A name out of a file for use in a message: cut at 80 characters, control characters escaped. */
export function shorten(name: string): string {
  const cut = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return shown(JSON.stringify(cut).slice(1, -1));
}
