/**
 * The one error that the weights parsers throw.
 *
 * A reader of files from the internet must never answer with "Cannot read properties of undefined": every
 * refusal is a sentence, and it carries the stage at which the file was refused, so that a fuzz test can count
 * how deep its files get.
 */

/** How far a file was read: recognised → header (directory, JSON, magic) → objects → tensors. */
export type Stage = 'sniff' | 'header' | 'objects' | 'tensors';

/** A weights file that cannot or must not be read. `message` is a sentence; `stage` says where reading ended. */
export class WeightsError extends Error {
  readonly stage: Stage;

  constructor(stage: Stage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WeightsError';
    this.stage = stage;
  }
}

const SHOWN = 8;

/** `a, b, c and 12 more`: a list of names that stays readable when a thousand of them are wrong. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map(shorten).join(', ');
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
}

/** A name out of a file for use in a message: cut at 80 characters, control characters escaped. */
export function shorten(name: string): string {
  const cut = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return printable(JSON.stringify(cut).slice(1, -1));
}

/** Control characters, breaks between lines, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text out of a file as a terminal may see it: what is no character to look at stands as JSON would escape it. A name
 * that is printed raw could paint over other lines, or answer for the user.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped;
  });
}
