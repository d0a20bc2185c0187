/** What `train` says where most pictures are smaller than the network's input: which --size takes less work. */
import { shorterSides } from '../../data/node/sides.ts';
import type { Sample } from '../../data/sample.ts';

/** Pictures that are looked at. */
const LOOKED_AT = 15;
/** Networks halve the side five times: what is advised is a multiple of this. */
const STEP = 32;
/** What is advised at least: five halvings leave maps of 4², and of a smaller side hardly anything. */
const LEAST = 128;
/** What is advised takes at most this share of the work, or it is not worth a word. */
const WORTH = 0.6;

/** Work in proportion: it goes with the pixels. */
const share = (side: number, size: number): number => (side / size) ** 2;

/**
 * A side for the network's input that suits pictures of these shorter sides better than `size`: a multiple of 32 that is no
 * smaller than half of them. Null where most are as large as `size`, and where nothing is gained.
 */
export function sizeFor(sides: readonly number[], size: number): number | null {
  const sorted = [...sides].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? size;
  const side = Math.max(STEP * Math.ceil(middle / STEP), LEAST);
  return middle < size && share(side, size) <= WORTH ? side : null;
}

/** The sentence; null where the size suits the pictures. */
export async function adviseSize(samples: readonly Sample[], size: number): Promise<string | null> {
  const sides = await shorterSides(samples, LOOKED_AT);
  const side = sizeFor(sides, size);
  if (side === null) return null;
  const smaller = sides.filter((one) => one <= side).length;
  return (
    `${smaller} of ${sides.length} pictures that were looked at are at most ${side} pixels on their shorter side, and the ` +
    `input has ${size}: they are enlarged. --size ${side} takes about ${Math.round(100 * share(side, size))} % of the work.`
  );
}
