/** The methods that have names; each is a file beside this one. */
import { unknownName } from '../../text/suggest.ts';
import type { Method } from '../method.ts';
import { halving } from './halving.ts';
import { random } from './random.ts';
import { supernet } from './supernet.ts';

export const METHODS: readonly Method[] = [halving, supernet, random];

export const METHOD_NAMES: readonly string[] = METHODS.map(({ name }) => name);

/** Those that are taken where nobody names one, and from how many minutes on; the first from 0. */
export const USUAL_METHODS: readonly { name: string; from: number }[] = METHODS.flatMap(
  ({ name, usualFrom: from }) => (from === undefined ? [] : [{ name, from }]),
).sort((a, b) => a.from - b.from);

/** What a search of so many minutes takes where nobody names a method. */
export const usualMethod = (minutes: number): string =>
  USUAL_METHODS.findLast(({ from }) => from <= minutes)!.name;

/** @throws RangeError with the name that may have been meant */
export function methodNamed(name: string): Method {
  const found = METHODS.find((method) => method.name === name);
  if (found) return found;
  throw new RangeError(unknownName('method', name, METHOD_NAMES));
}
