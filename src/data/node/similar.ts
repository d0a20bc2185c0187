/** Pictures that look the same (../look.ts), in files: each is decoded once, and its look kept for the process. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import sharp, { type Sharp } from 'sharp';
import { LOOK_SIDE, type Look, lookOf, similarPairs } from '../look.ts';
import type { Sample } from '../sample.ts';
import { decodeImage, imageSize, readImageFile } from './decode.ts';
import { checkJpegScans } from './jpeg.ts';
import { sniffFormat } from './sniff.ts';

/** Pixels from which a JPEG is decoded at a fraction of its size, which libjpeg does while it decodes. */
const LARGE = 2 ** 19;
const MOST_PIXELS = 100_000_000;

/** Looks of this process by file, length and time of change: runs of one list look at each picture once. */
const known = new Map<string, Look>();

/**
 * Groups of two samples or more that look the same, in the order of the samples; where a looks like b and b like c, all three.
 * A picture that cannot be read is in none: the loader says why when it comes to it.
 */
export async function similarGroups(
  samples: readonly Sample[],
  onLooked: (done: number) => void = () => undefined,
): Promise<Sample[][]> {
  const looks = new Array<Look>(samples.length).fill(null);
  let [next, done] = [0, 0];
  const work = async (): Promise<void> => {
    while (next < samples.length) {
      const index = next++;
      looks[index] = await lookAt(samples[index]!.file).catch(() => null);
      onLooked(++done);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const pairs = new Map<number, number[]>();
  for (const [a, b] of similarPairs(looks)) {
    const before = pairs.get(b);
    if (before) before.push(a);
    else pairs.set(b, [a]);
  }
  return [...pairs].map(([b, others]) => [samples[b]!, ...others.map((a) => samples[a]!)]);
}

async function lookAt(file: string): Promise<Look> {
  const { size, mtimeMs } = await stat(file);
  const key = `${file}\0${size}\0${mtimeMs}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const look = lookOf(await thumbnail(file));
  known.set(key, look);
  return look;
}

/** A picture squeezed to 32×32, in grey. */
async function thumbnail(file: string): Promise<Uint8Array> {
  const bytes = await readImageFile(file);
  const small = (picture: Sharp): Promise<Uint8Array> =>
    picture.removeAlpha().greyscale().resize(LOOK_SIDE, LOOK_SIDE, { fit: 'fill' }).raw().toBuffer();
  if (sniffFormat(bytes) === 'JPEG') {
    checkJpegScans(bytes);
    const { width, height } = await imageSize(bytes);
    if (width * height > LARGE && width * height <= MOST_PIXELS)
      return small(sharp(bytes, { ignoreIcc: true, autoOrient: true, limitInputPixels: false }));
  }
  const { width, height, pixels } = await decodeImage(bytes, file);
  return small(sharp(pixels, { raw: { width, height, channels: 3 } }));
}
