/** The pictures of a search in memory, and what stands for those that it trains on. */
import { decodePicture } from '../../data/node/decode.ts';
import { fromSamples } from '../../data/node/loader.ts';
import { PictureSet } from '../../data/picture-set.ts';
import type { Sample } from '../../data/sample.ts';
import type { SearchPictures } from '../../search/options.ts';
import { inMemory, picturesOf } from '../../search/pictures.ts';
import type { TrainedOn } from '../../train/node/trained-on.ts';
import { say, UserError } from '../ui.ts';
import type { Setup } from './setup.ts';

/**
 * Decodes them, as far as memory is set aside for it; those that cannot be read are named and left out.
 * @throws UserError where there are too few to rank by
 */
export async function readPictures({
  set,
  settings,
}: Pick<Setup, 'set' | 'settings'>): Promise<{ pictures: SearchPictures; trainedOn: TrainedOn }> {
  const parts = partsOf(set, settings.seed);
  const skipped = new Set<string>();
  const onUnreadable = ({ message }: Error, { file }: Sample): void => {
    if (!skipped.has(file)) say(`skipped: ${message}`);
    skipped.add(file);
  };
  const marks = new Map<string, Uint8Array>();
  const decoded = await inMemory(
    parts,
    async (sample) => {
      const found = await decodePicture(sample);
      if (found.mark) marks.set(sample.file, found.mark);
      return found;
    },
    { onUnreadable },
  );
  const trained = new PictureSet();
  for (const { file } of parts.train) trained.add(marks.get(file) ?? new Uint8Array());
  const complete = parts.train.every(({ file }) => marks.has(file) || skipped.has(file));
  return {
    pictures: {
      ...decoded,
      source: (samples, options) => fromSamples(samples, { ...options, onUnreadable }),
    },
    trainedOn: { pictures: trained, complete },
  };
}

function partsOf(...given: Parameters<typeof picturesOf>): ReturnType<typeof picturesOf> {
  try {
    return picturesOf(...given);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(error.message, { cause: error });
  }
}
