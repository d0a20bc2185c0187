/**
 * The pictures of a search, in three parts that share none:
 *
 *   train   what networks learn from
 *   held    what they are ranked by: val/ where there is one, else what was split off train/ by the seed; at most 2,000
 *   fresh   what the search never sees: test/ where there is one, else half of the held ones, set aside at the start; at most
 *           10,000
 */
import type { Decode } from '../data/batch.ts';
import type { RgbImage } from '../data/image.ts';
import type { Batch, BatchSource, SampleSource } from '../data/loader.ts';
import type { DataSet, Sample } from '../data/sample.ts';
import type { Augmentation, Preprocessing } from '../data/transforms.ts';
import { UnreadableImageError } from '../data/unreadable.ts';
import { randomKey, shuffled, uniformAt } from '../tensor/random.ts';
import type { SearchPictures } from './options.ts';
import type { SearchSpace } from './space.ts';

/** Held pictures have halves, and fresh ones may be half of them. */
const FEWEST_HELD = 4;
/**
 * At the most: every candidate is measured on the held ones (two halves of 2,000 of CIFAR-10 rank networks with τ about 0.7),
 * the finals on the fresh ones.
 */
const MOST = { held: 2_000, fresh: 10_000 };

/**
 * The parts of a data set.
 * @throws RangeError where it holds back too few pictures to rank by
 */
export function picturesOf(data: DataSet, seed: number): Omit<SearchPictures, 'source'> {
  const { classes, train, val, test } = data;
  const least = test.length > 0 ? FEWEST_HELD : 2 * FEWEST_HELD;
  if (val.length < least)
    throw new RangeError(
      `networks are ranked by pictures that they do not learn from, and there are ${val.length} of these; a search needs ${least} at the least (some hundred to say anything): put more into val/, or into train/ where there is no val/`,
    );
  const mixed = classMixed(val, seed);
  const half = test.length > 0 ? mixed.length : Math.ceil(mixed.length / 2);
  const [unseen, are] =
    test.length > 0
      ? [test, 'test/']
      : [
          mixed.slice(half),
          `half of the ${mixed.length.toLocaleString('en-US')} pictures that were held back, set aside at the start`,
        ];
  const held = mixed.slice(0, Math.min(half, MOST.held));
  if (unseen.length <= MOST.fresh) return { classes, train, held, fresh: unseen, freshIs: are };
  const fresh = classMixed(unseen, seed).slice(0, MOST.fresh);
  return { classes, train, held, fresh, freshIs: `${fresh.length.toLocaleString('en-US')} of ${are}` };
}

/**
 * The same pictures such that any run of them has about the classes' shares of the whole: the r-th picture of a class of n,
 * in a random order of its own, stands at (r + u)/n of the way.
 *
 * Children of a weight-shared network are measured with the statistics of the batch, and a folder lists its pictures class
 * by class: the mean and variance of a batch of cats alone shift every channel that tells cats from dogs to where neither
 * was in training. The halves of the held pictures are the two halves of this order, so that they ask the same question.
 */
export function classMixed(samples: readonly Sample[], seed: number): Sample[] {
  const members = new Map<number, Sample[]>();
  for (const sample of samples) {
    const own = members.get(sample.label);
    if (own) own.push(sample);
    else members.set(sample.label, [sample]);
  }
  const offsets = randomKey(seed, 'class-mixed', 0);
  const placed: { sample: Sample; place: number; label: number }[] = [];
  for (const [label, own] of members) {
    const offset = uniformAt(offsets, label);
    const order = shuffled(own.length, seed, label, 'class-mixed');
    for (const [rank, index] of order.entries())
      placed.push({ sample: own[index]!, place: (rank + offset) / own.length, label });
  }
  return placed.sort((a, b) => a.place - b.place || a.label - b.label).map(({ sample }) => sample);
}

/** What is done to a picture for the networks of a space: all of it, and ImageNet's statistics. */
export const preprocessingOf = ({ inputSize }: Pick<SearchSpace, 'inputSize'>): Preprocessing => ({
  inputSize,
  resizeSize: inputSize,
  interpolation: 'bilinear',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
});

/** The parts of the pictures as networks get them. */
export interface SearchSources {
  train: SampleSource;
  held: SampleSource;
  fresh: SampleSource;
}

/** Modest variation: candidates learn for few epochs, in which strong augmentation has nothing to prevent. */
export const AUGMENTATION: Augmentation = { scale: [0.6, 1], flip: 0.5 };

/** What networks are trained on and measured by; a plan's seconds are measured on the same. */
export function sourcesOf(
  { source, train, held, fresh }: Pick<SearchPictures, 'source' | 'train' | 'held' | 'fresh'>,
  space: Pick<SearchSpace, 'inputSize'>,
  { batch, seed }: { batch: number; seed: number },
): SearchSources {
  const common = { batchSize: batch, preprocessing: preprocessingOf(space), seed };
  return {
    train: source(train, { ...common, train: true, augmentation: AUGMENTATION }),
    held: source(held, common),
    fresh: source(fresh, common),
  };
}

/** Bytes of decoded pictures that are kept. */
const MOST_BYTES = 512 * 2 ** 20;
/** Pictures that are decoded at a time. */
const AT_ONCE = 16;

/**
 * The same pictures, decoded once and kept as far as they fit into `most` bytes: small ones are trained on for many epochs by
 * many networks. Those that do not fit are read from their files each time; the bits are the same. Pictures that cannot be
 * read are told and left out.
 */
export async function inMemory<Pictures extends Pick<SearchPictures, 'train' | 'held' | 'fresh'>>(
  pictures: Pictures,
  decode: Decode,
  { most = MOST_BYTES, onUnreadable }: InMemoryOptions = {},
): Promise<Pictures> {
  let bytes = 0;
  const kept = async (sample: Sample): Promise<Sample | null> => {
    if (sample.image || bytes >= most) return sample;
    try {
      const image = compact((await decode(sample)).image);
      if (bytes + image.pixels.length > most) return sample;
      bytes += image.pixels.length;
      return { ...sample, image };
    } catch (error) {
      if (!(error instanceof UnreadableImageError)) throw error;
      onUnreadable?.(error, sample);
      return null;
    }
  };
  const part = async (samples: readonly Sample[]): Promise<Sample[]> => {
    const done: Sample[] = [];
    for (let i = 0; i < samples.length; i += AT_ONCE)
      for (const sample of await Promise.all(samples.slice(i, i + AT_ONCE).map(kept)))
        if (sample) done.push(sample);
    return done;
  };
  return {
    ...pictures,
    train: await part(pictures.train),
    held: await part(pictures.held),
    fresh: await part(pictures.fresh),
  };
}

export interface InMemoryOptions {
  /** Bytes of pictures that are kept. Default 512 MiB. */
  most?: number;
  onUnreadable?: (error: UnreadableImageError, sample: Sample) => void;
}

/** A copy where the pixels are a view of more: a worker thread would be sent all of what they are a view of. */
function compact(image: RgbImage): RgbImage {
  const { pixels } = image;
  return pixels.byteLength === pixels.buffer.byteLength ? image : { ...image, pixels: pixels.slice() };
}

/**
 * The endless course of a source's epochs, cut into chunks: an epoch of this source is `chunk` batches of the course, and
 * the course ends behind batch `end`. The n-th step of every network takes batch n, so that networks are ranked by what they
 * are and not by what they happened to see. What is left of an epoch behind its last full batch is dropped, as in timm's
 * training: steps are planned by full batches.
 */
export function courseOf(source: SampleSource, chunk: number, end: number): BatchSource {
  const full = Math.max(1, Math.floor(source.samples.length / source.options.batchSize));
  return {
    batches: chunk,
    async *load(epoch, startBatch = 0): AsyncGenerator<Batch, void, undefined> {
      const first = epoch * chunk;
      const last = Math.min(first + chunk, end);
      for (let at = first + startBatch; at < last; ) {
        const turn = Math.floor(at / full);
        const stop = Math.min((turn + 1) * full, last);
        for await (const batch of source.load(turn, at % full)) {
          const place = turn * full + batch.index;
          if (place >= stop) break;
          yield { ...batch, index: place - first };
          if (place === stop - 1) break;
        }
        at = stop;
      }
    },
  };
}
