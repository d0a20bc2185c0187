/**
 * One batch's work, stated as plain data so that it can be sent to whoever does it: a worker thread in Node
 * (node/worker.ts) or the thread that asks (in-thread.ts). They differ in how a picture is decoded, nothing else.
 */
import type { Cut } from '../nn/index.ts';
import { randomStream } from '../tensor/random.ts';
import { type RgbImage, whole } from './image.ts';
import { pixelsOf } from './input-size.ts';
import { PICTURE_MARK } from './picture-set.ts';
import type { Sample } from './sample.ts';
import { type Perturbation, perturbed, type ThroughJpeg } from './stress.ts';
import { type Augmentation, evalTransform, type Preprocessing, trainTransform } from './transforms.ts';
import { UnreadableImageError } from './unreadable.ts';

/** The work for one batch. */
export interface BatchJob {
  preprocessing: Preprocessing;
  /** How training pictures vary; none: the evaluation transform. */
  augmentation: Augmentation | undefined;
  /** What is done to each decoded picture before. */
  perturbation?: Perturbation | undefined;
  seed: number;
  pictures: PictureJob[];
}

/** Where a picture comes from: `image`, else `blob`, else `file`. */
export type PictureSource = Pick<Sample, 'file' | 'blob' | 'image'>;

/** One picture of a batch. Its random numbers hang on `index` and `view`. */
export interface PictureJob extends PictureSource {
  /** Its place in the data set. */
  index: number;
  /** Which of its random views it is shown in: the epoch, or one of fewer (`LoaderOptions.views`). */
  view: number;
}

/** What the part of a network in front of a cut made of pictures. */
export interface Features {
  /** One picture after the other. */
  values: Float32Array;
  /** Of one picture: `[h, w, c]`, or pooled `[c]`. */
  shape: readonly number[];
  /** Where the network goes on with them: `model.forwardFrom(x, cut)`. */
  cut: Cut;
}

/** What comes back for a batch: the readable pictures without gaps, and why the others are not among them. */
export interface BatchResult {
  /** `[readable.length, height, width, 3]`; empty where there are `features`. */
  images: Float32Array;
  features?: Features | undefined;
  /** Positions in `pictures` of those that `images` holds, in order. */
  readable: number[];
  unreadable: { position: number; reason: string }[];
  /** What stands for each of the readable pictures (picture-set.ts), one after the other; none where nobody made it. */
  marks: Uint8Array;
}

/** A picture as the transforms take it. */
export interface Decoded {
  image: RgbImage;
  /** `PICTURE_MARK` bytes that stand for the bytes it was made of. */
  mark?: Uint8Array;
}

/** Gives one picture. @throws UnreadableImageError where it is none, or damaged */
export type Decode = (picture: PictureSource) => Promise<Decoded>;

/**
 * Does the work of one batch, picture by picture. Whatever one of them meets, in a decoder or in the transform, costs that
 * picture only.
 * @param throughJpeg for the perturbation that needs it
 * @throws the signal's reason once `signal` is aborted; where preprocessing or augmentation make no sense
 */
export async function makeBatch(
  { preprocessing, augmentation, perturbation, seed, pictures }: BatchJob,
  decode: Decode,
  signal?: AbortSignal,
  throughJpeg?: ThroughJpeg,
): Promise<BatchResult> {
  const transform = augmentation ? trainTransform(preprocessing, augmentation) : evalTransform(preprocessing);
  const length = pixelsOf(preprocessing.inputSize) * 3;
  const images = new Float32Array(pictures.length * length);
  const readable: number[] = [];
  const unreadable: BatchResult['unreadable'] = [];
  const marks: Uint8Array[] = [];
  for (const [position, picture] of pictures.entries()) {
    signal?.throwIfAborted();
    const slot = images.subarray(readable.length * length, (readable.length + 1) * length);
    try {
      const random = randomStream(seed, 'augment', picture.view, picture.index);
      const { image, mark } = await decode(picture);
      const seen = perturbation
        ? await perturbed(whole(image), perturbation, picture.index, throughJpeg)
        : whole(image);
      transform(seen, random, slot);
      if (mark) marks.push(mark);
      readable.push(position);
    } catch (error) {
      unreadable.push({ position, reason: reasonOf(error) });
    }
  }
  return {
    images: images.subarray(0, readable.length * length),
    readable,
    unreadable,
    marks: joined(marks),
  };
}

function joined(marks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(marks.length * PICTURE_MARK);
  for (const [i, mark] of marks.entries()) whole.set(mark, i * PICTURE_MARK);
  return whole;
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreadableImageError) return error.reason;
  return `cannot be brought into the network's form: ${error instanceof Error ? error.message : error}`;
}
