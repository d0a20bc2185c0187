/** The methods that have names; each is a file beside this one. */
import { unknownName } from '../../text/suggest.ts';
import type { Method } from '../method.ts';
import { halving } from './halving.ts';
import { random } from './random.ts';
import { supernet } from './supernet.ts';

export const METHODS: readonly Method[] = [halving, supernet, random];

/** @throws RangeError with the name that may have been meant */
export function methodNamed(name: string): Method {
  const found = METHODS.find((method) => method.name === name);
  if (found) return found;
  throw new RangeError(
    unknownName(
      'method',
      name,
      METHODS.map((method) => method.name),
    ),
  );
}
