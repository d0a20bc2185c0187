/** `--space`: a space by its name, or out of a file of one's own. */
import { bytesIfThere } from '../../node/files.ts';
import { B0_SPACE, checkSpace, type SearchSpace, SMALL_SPACE, SPACES } from '../../search/space.ts';
import { parseBounded } from '../../text/rules.ts';
import { unknownName } from '../../text/suggest.ts';
import { UserError } from '../ui.ts';
import type { SearchArgs } from './options.ts';

/** Pixels up to which the small space is taken where nobody names one. */
const SMALL = 64;
/** A space of some stages takes a thousand bytes. */
const MOST_BYTES = 2 ** 20;

/**
 * The space that is searched, for pictures of the size that was asked for.
 * @throws UserError, a sentence that names the file and the place in it
 */
export async function openSpace({ space: name, size }: SearchArgs): Promise<SearchSpace> {
  const space = name === undefined ? ((size ?? 0) > SMALL ? B0_SPACE : SMALL_SPACE) : await named(name);
  return size === undefined ? space : { ...space, inputSize: size };
}

async function named(name: string): Promise<SearchSpace> {
  const known = SPACES.find((space) => space.name === name);
  if (known) return known;
  const bytes = await bytesIfThere(name, MOST_BYTES);
  if (!bytes)
    throw new UserError(
      `--space: there is no file ${name}, and ${unknownName(
        'space',
        name,
        SPACES.map((space) => space.name),
      )}`,
    );
  try {
    return checkSpace(parseBounded(new TextDecoder().decode(bytes), 'the space'));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`--space ${name}: ${error.message}; docs/search.md describes the file`, {
      cause: error,
    });
  }
}
