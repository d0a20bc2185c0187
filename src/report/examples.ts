/**
 * The pictures that say most about a network: its surest mistakes, its surest right answers and those it is least certain
 * of, as JPEGs for the report, each with what the network looked at.
 */
import sharp from 'sharp';
import { crop, type RgbImage } from '../data/image.ts';
import { heightWidth } from '../data/input-size.ts';
import type { Batch } from '../data/loader.ts';
import { decodePicture } from '../data/node/decode.ts';
import { loadBatches } from '../data/node/loader.ts';
import { ownPart } from '../data/placing.ts';
import type { Sample } from '../data/sample.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { borderShare, type Heatmap, within } from '../explain/heatmap.ts';
import { overlay } from '../explain/overlay.ts';
import type { Inference } from '../train/infer.ts';
import { largest, predictions, rowOf, softmaxRow } from '../train/metrics.ts';
import type { PictureRow, ShownPicture } from './document.ts';

/** A picture and what it was taken for. */
export interface Example {
  sample: Sample;
  predicted: number;
  /** Of the predicted class. */
  probability: number;
  /** How far the second class is behind the first. */
  margin: number;
}

/** What a network looked at: for each picture of a batch the map of its class. */
export type Explain = (batch: Batch, classes: Int32Array) => Promise<Heatmap[]>;

export interface DrawOptions {
  classes: readonly string[];
  preprocessing: Preprocessing;
  /** No maps where it is not given. */
  explain?: Explain | null;
}

export interface ExampleOptions extends DrawOptions {
  /** What each picture is taken for, where a threshold says so; the likeliest class by default. */
  called?: Int32Array;
  /** Pictures in a row. Default 8. */
  count?: number;
}

/** Pictures at a time: maps of few need little memory beside a network that trains. */
const AT_A_TIME = 8;
/** Longer side of a picture in the report, pixels: two of them and their maps side by side fill a card on a fine screen. */
const SIDE = 192;

/**
 * The rows of the report; one without pictures is left out. A picture that cannot be read any more is too. `missing` says
 * what could not be made.
 */
export async function exampleRows(
  inference: Inference,
  options: ExampleOptions,
): Promise<{ pictures: PictureRow[]; missing: string[] }> {
  const { count = 8, called } = options;
  const { wrong, right, unsure } = telling(inference, count, called);
  const rows = [
    {
      title: 'Surest mistakes',
      words:
        'Wrong, and certain: a label may be wrong, or the network looks at something else than it should.',
      examples: wrong,
    },
    { title: 'Surest hits', words: 'Right, and certain; the classes take turns.', examples: right },
    {
      title: 'Least certain',
      words: 'The two likeliest classes are closest to each other.',
      examples: unsure,
    },
  ];
  // A picture may stand in two rows.
  const all = [...new Map(rows.flatMap(({ examples }) => examples).map((one) => [one.sample, one])).values()];
  const { classes } = options;
  const { drawn, missing } = await drawnPictures(all, options, ({ sample, predicted }) => ({
    actual: classes[sample.label],
    predicted: classes[predicted],
  }));
  const pictures = rows
    .map(({ title, words, examples }) => ({
      title,
      words,
      pictures: examples.flatMap(({ sample }) => drawn.get(sample) ?? []),
    }))
    .filter((row) => row.pictures.length > 0);
  return { pictures, missing };
}

/** The `count` surest answers among the wrong ones and among the right ones, surest first, and the least certain. */
export function telling(
  inference: Inference,
  count: number,
  called: Int32Array = predictions(inference),
): { wrong: Example[]; right: Example[]; unsure: Example[] } {
  const examples = inference.samples.map((sample, index): Example => {
    const probabilities = softmaxRow(rowOf(inference, index));
    const [first, second] = largest(probabilities, 2);
    const predicted = called[index];
    const margin = probabilities[first] - (probabilities[second] ?? 0);
    return { sample, predicted, probability: probabilities[predicted], margin };
  });
  const sorted = examples.toSorted((a, b) => b.probability - a.probability);
  const isRight = ({ sample, predicted }: Example): boolean => sample.label === predicted;
  return {
    wrong: sorted.filter((example) => !isRight(example)).slice(0, count),
    right: spread(sorted.filter(isRight), count),
    unsure: examples.toSorted((a, b) => a.margin - b.margin).slice(0, count),
  };
}

/** The first examples of each class in turn, so that the surest class does not fill the row. */
function spread(examples: readonly Example[], count: number): Example[] {
  const byClass = new Map<number, Example[]>();
  for (const example of examples) {
    const members = byClass.get(example.predicted);
    if (members) members.push(example);
    else byClass.set(example.predicted, [example]);
  }
  const chosen: Example[] = [];
  for (let rank = 0; chosen.length < count && rank < examples.length; rank++)
    for (const members of byClass.values())
      if (members[rank] && chosen.length < count) chosen.push(members[rank]);
  return chosen;
}

/** What is said of an example. */
export type SaidOf = (example: Example) => Pick<ShownPicture, 'actual' | 'predicted' | 'right' | 'said'>;

/**
 * The examples as the network saw them, by their samples, and what it looked at; where that fails, without, and `missing` says
 * so: a network that is trained has its report, whatever its maps come to.
 */
export async function drawnPictures(
  examples: readonly Example[],
  options: DrawOptions,
  saidOf: SaidOf,
): Promise<{ drawn: Map<Sample, ShownPicture>; missing: string[] }> {
  const missing: string[] = [];
  const drawn = await draw(examples, options, saidOf).catch((error: unknown) => {
    if (!options.explain) throw error;
    missing.push(
      `What the network looked at could not be shown: ${error instanceof Error ? error.message : error}`,
    );
    return draw(examples, { ...options, explain: null }, saidOf);
  });
  return { drawn, missing };
}

async function draw(
  examples: readonly Example[],
  { preprocessing, explain }: DrawOptions,
  saidOf: SaidOf,
): Promise<Map<Sample, ShownPicture>> {
  const drawn = new Map<Sample, ShownPicture>();
  if (examples.length === 0) return drawn;
  const bySample = new Map(examples.map((example) => [example.sample, example]));
  const { inputSize, fit, mean, std } = preprocessing;
  const [height, width] = heightWidth(inputSize);
  const length = height * width * 3;
  const samples = examples.map(({ sample }) => sample);
  for await (const batch of loadBatches(samples, { batchSize: AT_A_TIME, preprocessing })) {
    const shown = batch.samples.map((sample) => bySample.get(sample)!);
    const answers = Int32Array.from(shown, ({ predicted }) => predicted);
    const maps = explain ? await explain(batch, answers) : [];
    for (const [i, example] of shown.entries()) {
      const { sample, probability } = example;
      const values = batch.images.subarray(i * length, (i + 1) * length);
      const pixels = Uint8ClampedArray.from(values, (value, k) => 255 * (value * std[k % 3] + mean[k % 3]));
      const input = { width, height, pixels: new Uint8Array(pixels.buffer) };
      // A border is nothing of the picture's.
      const part =
        fit === 'pad'
          ? ownPart((await decodePicture(sample)).image, preprocessing)
          : { left: 0, top: 0, width, height };
      const seen = await resized(crop(input, part));
      const map = maps[i] && within(maps[i], part, inputSize);
      drawn.set(sample, {
        file: sample.file,
        ...saidOf(example),
        probability,
        jpeg: await jpegOf(seen),
        border: map ? finite(borderShare(map)) : null,
        heatmap: map ? await jpegOf(overlay(map, seen)) : null,
      });
    }
  }
  return drawn;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

async function resized({ width, height, pixels }: RgbImage): Promise<RgbImage> {
  const raw = { width, height, channels: 3 } as const;
  const longer = Math.max(width, height);
  const kernel = longer < SIDE ? 'nearest' : 'lanczos3';
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round((side * SIDE) / longer)));
  const data = await sharp(pixels, { raw }).resize(w, h, { kernel, fit: 'fill' }).raw().toBuffer();
  return { width: w, height: h, pixels: data };
}

export function jpegOf({ width, height, pixels }: RgbImage): Promise<Uint8Array> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 80, mozjpeg: true })
    .toBuffer();
}
