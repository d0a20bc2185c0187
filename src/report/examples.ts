/** The pictures of a validation set that say most about a network: its surest mistakes and its surest right answers. */
import sharp from 'sharp';
import { loadBatches } from '../data/node/loader.ts';
import type { Sample } from '../data/sample.ts';
import type { Preprocessing } from '../data/transforms.ts';
import { shown } from '../text/shown.ts';
import type { Inference } from '../train/infer.ts';
import { argmax, percent, rowOf, softmaxRow } from '../train/metrics.ts';
import { COLOURS, type Tile } from './chart.ts';

/** A picture and what it was taken for. */
export interface Example {
  sample: Sample;
  predicted: number;
  /** Of the predicted class. */
  probability: number;
}

/** The `count` surest answers among the wrong ones and among the right ones, surest first. */
export function surest(inference: Inference, count: number): { wrong: Example[]; right: Example[] } {
  const examples = inference.samples.map((sample, index): Example => {
    const probabilities = softmaxRow(rowOf(inference, index));
    const predicted = argmax(probabilities);
    return { sample, predicted, probability: probabilities[predicted] };
  });
  const sorted = examples.sort((a, b) => b.probability - a.probability);
  const isRight = ({ sample, predicted }: Example): boolean => sample.label === predicted;
  return {
    wrong: sorted.filter((example) => !isRight(example)).slice(0, count),
    right: spread(sorted.filter(isRight), count),
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

/** The examples as the network saw them, with captions, for `chartPage`. */
export async function tilesOf(
  examples: readonly Example[],
  classes: readonly string[],
  preprocessing: Preprocessing,
): Promise<Tile[]> {
  if (examples.length === 0) return [];
  const tiles: Tile[] = [];
  const samples = examples.map(({ sample }) => sample);
  const { inputSize: side, mean, std } = preprocessing;
  for await (const batch of loadBatches(samples, { batchSize: samples.length, preprocessing }))
    for (const [i, sample] of batch.samples.entries()) {
      const values = batch.images.subarray(i * side * side * 3, (i + 1) * side * side * 3);
      const pixels = Uint8ClampedArray.from(values, (value, k) => 255 * (value * std[k % 3] + mean[k % 3]));
      const jpeg = await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
        .resize(196, 196, { kernel: side < 196 ? 'nearest' : 'lanczos3' })
        .jpeg({ quality: 78 })
        .toBuffer();
      const { predicted, probability } = examples.find((example) => example.sample === sample)!;
      const right = sample.label === predicted;
      tiles.push({
        href: `data:image/jpeg;base64,${jpeg.toString('base64')}`,
        caption: `${short(classes[predicted])} ${percent(probability)}\n${right ? '' : `is ${short(classes[sample.label])}`}`,
        colour: right ? COLOURS.green : COLOURS.orange,
      });
    }
  return tiles;
}

function short(name: string): string {
  const seen = shown(name);
  return seen.length > 13 ? `${seen.slice(0, 12)}…` : seen;
}
