/** What `train` says where most pictures are smaller than the network's input: which --size takes less work. */
import {
  heightWidth,
  type InputSize,
  mapSides,
  pixelsOf,
  shorterSide,
  sizeArgument,
} from '../../data/input-size.ts';
import { type PictureSides, pictureSides } from '../../data/node/sides.ts';
import type { Sample } from '../../data/sample.ts';
import type { TrainSettings } from '../../train/settings.ts';

/** Pictures that are looked at. */
const LOOKED_AT = 15;
/** Networks halve the side five times: what is advised is a multiple of this. */
const STEP = 32;
/** What is advised at least for the shorter side: five halvings leave maps of 4², and of a smaller side hardly anything. */
const LEAST = 128;
/** What is advised takes at most this share of the work, or it is not worth a word. */
const WORTH = 0.6;

type Wanted = Pick<TrainSettings, 'size' | 'fit'>;

/** Work in proportion: it goes with the pixels. */
const share = (a: InputSize, b: InputSize): number => pixelsOf(a) / pixelsOf(b);

/**
 * The shorter side of the input of this aspect that shows a picture at its own size: of a square the picture's shorter side, or
 * its longer one where pictures are padded.
 */
function ownSide({ width, height }: PictureSides, { size, fit }: Wanted): number {
  const [H, W] = heightWidth(size);
  const scale = (fit === 'pad' ? Math.max : Math.min)(height / H, width / W);
  return Math.round(scale * Math.min(H, W));
}

/**
 * A size for the network's input, in the aspect of `size`, that suits pictures of these own sides (`ownSide`) better: multiples of
 * 32, the shorter side no smaller than half of them. Null where most are as large as `size`, and where nothing is gained.
 */
export function sizeFor(sides: readonly number[], size: InputSize): InputSize | null {
  const sorted = [...sides].sort((a, b) => a - b);
  const shorter = shorterSide(size);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? shorter;
  const side = Math.max(STEP * Math.ceil(middle / STEP), LEAST);
  const advised = mapSides(size, (length) => STEP * Math.round((length * side) / shorter / STEP));
  return middle < shorter && share(advised, size) <= WORTH ? advised : null;
}

/** The sentence; null where the size suits the pictures. */
export async function adviseSize(samples: readonly Sample[], wanted: Wanted): Promise<string | null> {
  const { size, fit } = wanted;
  const sides = (await pictureSides(samples, LOOKED_AT)).map((one) => ownSide(one, wanted));
  const advised = sizeFor(sides, size);
  if (advised === null) return null;
  const shorter = shorterSide(advised);
  const smaller = sides.filter((one) => one <= shorter).length;
  const small =
    typeof size === 'number'
      ? `are at most ${shorter} pixels on their ${fit === 'pad' ? 'longer' : 'shorter'} side`
      : `are no larger than ${sizeArgument(advised)}`;
  return (
    `${smaller} of ${sides.length} pictures that were looked at ${small}, and the ` +
    `input has ${sizeArgument(size)}: they are enlarged. --size ${sizeArgument(advised)} takes about ${Math.round(100 * share(advised, size))} % of the work.`
  );
}
