/**
 * What values out of a file have to be, as rules that a table can be made of: settings, progress and cards are such
 * tables. A rule says what is wanted; the first place of a value that is something else becomes a sentence with its name:
 * `settings.batch is a whole number from 1 to 65,536, not '4'`. Nothing is built from a value before it passes.
 */

/** A place that does not hold what it should. */
export interface Fault {
  /** `settings.phases[0].lr` */
  place: string;
  wanted: string;
  found: string;
}

/** The first fault of a value that stands at `place`, or null. */
export type Rule = (value: unknown, place: string) => Fault | null;

/** A rule of one test, with the words for what passes it. */
export function rule(fits: (value: unknown) => boolean, wanted: string): Rule {
  return (value, place) => (fits(value) ? null : { place, wanted, found: show(value) });
}

export const whole = (least: number, most: number): Rule =>
  rule(
    (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    `a whole number ${range(least, most)}`,
  );

export const number = (least: number, most: number): Rule =>
  rule(
    (value) => typeof value === 'number' && value >= least && value <= most,
    `a number ${range(least, most)}`,
  );

export const text = (most: number): Rule =>
  rule(
    (value) => typeof value === 'string' && value.length <= most,
    `a text of at most ${figure(most)} characters`,
  );

export const flag: Rule = rule((value) => typeof value === 'boolean', 'true or false');

export const among = (list: readonly unknown[]): Rule =>
  rule((value) => list.includes(value), `one of ${list.join(', ')}`);

/** A number between two that it may not be. */
export const between = (low: number, high: number): Rule =>
  rule(
    (value) => typeof value === 'number' && value > low && value < high,
    `a number between ${figure(low)} and ${figure(high)}`,
  );

/** `inner`, or the field is not there. */
export const optional =
  (inner: Rule): Rule =>
  (value, place) =>
    value === undefined ? null : inner(value, place);

/** `inner`, or null. */
export const orNull =
  (inner: Rule): Rule =>
  (value, place) => {
    const fault = value === null ? null : inner(value, place);
    return fault && (fault.place === place ? { ...fault, wanted: `${fault.wanted}, or null` } : fault);
  };

/** A list of `least` to `most` values that each pass `inner`. */
export const list =
  (inner: Rule, least: number, most: number): Rule =>
  (value, place) => {
    const size = least === most ? figure(most) : `${figure(least)} to ${figure(most)}`;
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return { place, wanted: `a list of ${size}`, found: show(value) };
    for (const [index, item] of value.entries()) {
      const fault = inner(item, `${place}[${index}]`);
      if (fault) return fault;
    }
    return null;
  };

/** An object of any names, `most` of them at most, whose values each pass `inner`. */
export const record =
  (inner: Rule, most: number): Rule =>
  (value, place) => {
    if (!isObject(value) || Object.keys(value).length > most)
      return { place, wanted: `an object of at most ${figure(most)} fields`, found: show(value) };
    for (const [field, item] of Object.entries(value)) {
      const fault = inner(item, `${place}.${field.slice(0, 64)}`);
      if (fault) return fault;
    }
    return null;
  };

/** An object whose fields pass their rules; other fields are not looked at. */
export const object =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value, place) => {
    if (!isObject(value)) return { place, wanted: 'an object', found: show(value) };
    for (const [field, inner] of Object.entries(fields)) {
      const fault = inner(value[field], place === '' ? field : `${place}.${field}`);
      if (fault) return fault;
    }
    return null;
  };

/** `first`, and where a value passes it, each of the others in turn. */
export const all =
  (...rules: readonly Rule[]): Rule =>
  (value, place) => {
    for (const one of rules) {
      const fault = one(value, place);
      if (fault) return fault;
    }
    return null;
  };

/** Whether a value out of JSON is an object, no list and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `settings.batch is a whole number from 1 to 65,536, not '4'`. */
export function faultText({ place, wanted, found }: Fault): string {
  return `${place} is ${wanted}, not ${found}`;
}

/** @throws RangeError, the sentence of the first fault, where `value` does not pass */
export function demand(of: Rule, value: unknown, place: string): void {
  const fault = of(value, place);
  if (fault) throw new RangeError(faultText(fault));
}

/** What brackets and braces a JSON text may hold: each takes memory, the text but two bytes. */
const MOST_BRACKETS = 200_000;
const MOST_CHARACTERS = 8 * 2 ** 20;

/**
 * The value of a JSON text, of a length and with as many lists and objects as one may have.
 * @throws RangeError, a sentence that calls it `place`
 */
export function parseBounded(json: string, place: string): unknown {
  if (json.length > MOST_CHARACTERS)
    throw new RangeError(
      `${place} takes ${figure(json.length)} characters, of at most ${figure(MOST_CHARACTERS)}`,
    );
  let brackets = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) brackets++;
  }
  if (brackets > MOST_BRACKETS)
    throw new RangeError(`${place} holds ${figure(brackets)} brackets, of at most ${figure(MOST_BRACKETS)}`);
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new RangeError(`${place} is no JSON (${error instanceof Error ? error.message : error})`, {
      cause: error,
    });
  }
}

/** A bound that no number passes is not named. */
function range(least: number, most: number): string {
  if (most < Number.MAX_SAFE_INTEGER) return `from ${figure(least)} to ${figure(most)}`;
  return least > -Number.MAX_SAFE_INTEGER ? `of at least ${figure(least)}` : 'that is finite';
}

function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** A value in a few words, whatever it is: it may come from a file. */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null)
    return String(value);
  if (typeof value === 'string')
    return `'${value.slice(0, 32).replace(/[^\x20-\x7e]/g, '?')}${value.length > 32 ? '…' : ''}'`;
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
}
