/**
 * Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019): the pictures of a batch are mixed in pairs, and so is what should
 * be answered to them, so that a network learns from more than its pictures and is less sure of them.
 *
 *   mixup    x ← λ·x + (1 − λ)·x′                          t ← λ·t + (1 − λ)·t′
 *   CutMix   x ← x′ within a box, x outside of it          the same, λ: the share of the picture outside of the box
 *
 * As timm's `Mixup` in mode 'batch': one λ ~ Beta(α, α) for a batch, and picture n meets picture N − 1 − n, which is as good
 * as any since their order is random; the one in the middle of an odd number stays what it is. A CutMix box has its centre
 * anywhere and is cut off at the border, and λ is what is left.
 */
import { type Batch, pictureShape } from '../data/loader.ts';
import { labelsOf } from '../data/sample.ts';
import { type Random, randomStream } from '../tensor/random.ts';
import { symmetricBeta } from '../tensor/random-beta.ts';
import { demand, number, object, type Rule } from '../text/rules.ts';

/** A batch of mixed pictures, and what should come out: probabilities `[size, classes]`. */
export interface Mixed {
  batch: Batch;
  targets: Float32Array<ArrayBuffer>;
}

/**
 * Mixes the pictures of a batch with one another before the network sees them; the batch itself stays. What it draws
 * depends on its own seed and on the place of the batch.
 */
export type Mixer = (batch: Batch, classes: number, place: { epoch: number; index: number }) => Mixed;

export interface MixOptions {
  /** α of mixup; 0, the default: none. Zhang et al. take 0.2 for ImageNet and 1 for CIFAR-10. */
  mixup?: number;
  /** α of CutMix; 0, the default: none. Yun et al. take 1. With both, each batch has one or the other, as often. */
  cutmix?: number;
  /** Default 0. */
  seed?: number;
}

/** An α out of a file; λ of larger ones is 1/2 for all that one can see. */
export const MIX_ALPHA: Rule = number(0, 1000);

const ALPHAS: Rule = object({ mixup: MIX_ALPHA, cutmix: MIX_ALPHA });

/** Of `plainStep({ mix })`: what mixes; undefined where nothing is to be. @throws RangeError for an α that is none */
export function mixPictures({ mixup = 0, cutmix = 0, seed = 0 }: MixOptions): Mixer | undefined {
  demand(ALPHAS, { mixup, cutmix }, 'mixPictures');
  if (mixup === 0 && cutmix === 0) return undefined;
  return (batch, classes, { epoch, index }) => {
    if (batch.features)
      throw new Error(
        'mixPictures: this batch carries features of a FeatureCache, and what a network makes of mixed pictures is no mixture of what it makes of each; load it without the cache',
      );
    const random = randomStream(seed, 'mix', epoch, index);
    const cuts = cutmix > 0 && (mixup === 0 || random(0) < 0.5);
    const lambda = symmetricBeta(cuts ? cutmix : mixup, (counter) => random(3 + counter));
    const { images, share } = cuts ? cutMixed(batch, lambda, random) : mixedUp(batch, lambda);
    return { batch: { ...batch, images }, targets: mixedTargets(batch, classes, share) };
  };
}

/** New pictures, and how much of each is its own. */
interface MixedImages {
  images: Float32Array;
  share: number;
}

/** x ← λ·x + (1 − λ)·x′, rounded to float32 once. */
function mixedUp({ images: x, size }: Batch, lambda: number): MixedImages {
  const images = x.slice();
  const length = x.length / size;
  for (const [n, other] of pairs(size))
    for (let i = n * length, j = other * length; i < (n + 1) * length; i++, j++)
      images[i] = lambda * x[i] + (1 - lambda) * x[j];
  return { images, share: lambda };
}

/** Copies a box of √(1 − λ) of either side out of the other picture. Draws counters 1 and 2 for its centre. */
function cutMixed(batch: Batch, lambda: number, random: Random): MixedImages {
  const { images: x } = batch;
  const images = x.slice();
  const [size, height, width] = pictureShape(batch);
  /** The box's ends along an axis. */
  const span = (side: number, u: number): number[] => {
    const half = Math.trunc(side * Math.sqrt(1 - lambda)) >> 1;
    const centre = Math.floor(u * side);
    return [centre - half, centre + half].map((place) => Math.min(Math.max(place, 0), side));
  };
  const [[top, bottom], [left, right]] = [span(height, random(1)), span(width, random(2))];
  for (const [n, other] of pairs(size))
    for (let row = top; row < bottom; row++) {
      const from = (other * height + row) * width;
      images.set(x.subarray((from + left) * 3, (from + right) * 3), ((n * height + row) * width + left) * 3);
    }
  return { images, share: 1 - ((bottom - top) * (right - left)) / (height * width) };
}

/** Each picture and the one that it is mixed with, where that is another. */
function pairs(size: number): [n: number, other: number][] {
  return Array.from({ length: size }, (_, n): [number, number] => [n, size - 1 - n]).filter(
    ([n, other]) => n !== other,
  );
}

/** λ·t + (1 − λ)·t′ of the labels, [size, classes]. */
function mixedTargets(batch: Batch, classes: number, share: number): Float32Array<ArrayBuffer> {
  return batch.samples.some(({ labels }) => labels)
    ? mixedLabels(batch, classes, share)
    : mixedClasses(batch, classes, share);
}

/** Of pictures of several labels: what both have is 1, what one of them has is its share. */
function mixedLabels({ samples, size }: Batch, classes: number, share: number): Float32Array<ArrayBuffer> {
  const targets = new Float32Array(size * classes);
  for (const [n, sample] of samples.entries()) {
    const [own, others] = [sample, samples[size - 1 - n]].map((one) => new Set(labelsOf(one)));
    for (const label of new Set([...own, ...others]))
      targets[n * classes + label] = own.has(label) ? (others.has(label) ? 1 : share) : 1 - share;
  }
  return targets;
}

function mixedClasses({ labels, size }: Batch, classes: number, share: number): Float32Array<ArrayBuffer> {
  const targets = new Float32Array(size * classes);
  for (const [n, label] of labels.entries()) {
    const other = labels[size - 1 - n];
    targets[n * classes + label] = label === other ? 1 : share;
    if (label !== other) targets[n * classes + other] = 1 - share;
  }
  return targets;
}
