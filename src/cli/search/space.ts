/** `--space`: a space by its name, or out of a file of one's own. */
import { shorterSides } from '../../data/node/sides.ts';
import type { Sample } from '../../data/sample.ts';
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

/** Pictures that are looked at, and how many times the networks' side theirs is before it is worth a word. */
const LOOKED_AT = 15;
const LARGE = 2;

/** Where nobody chose what networks see of the pictures, and most are much larger: a sentence with what sees more. */
export async function adviseSpace(
  { space, size }: SearchArgs,
  { inputSize }: SearchSpace,
  samples: readonly Sample[],
): Promise<string | null> {
  if (space !== undefined || size !== undefined) return null;
  const sides = (await shorterSides(samples, LOOKED_AT)).sort((a, b) => a - b);
  const middle = sides[Math.floor(sides.length / 2)] ?? inputSize;
  if (middle < LARGE * inputSize) return null;
  const b0 = B0_SPACE.inputSize;
  return (
    `Half of ${sides.length} pictures that were looked at have at least ${middle} pixels on their shorter side, and the networks see ` +
    `${inputSize}×${inputSize}: --size ${SMALL} sees more of them, --space b0 ${b0}×${b0}; a step takes about ${(SMALL / inputSize) ** 2} and ${Math.round((b0 / inputSize) ** 2)} times the pixels.`
  );
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
