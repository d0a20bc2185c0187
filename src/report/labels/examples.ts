/**
 * The pictures that say most about a network of several labels: for each label, those about which it is most wrong, called
 * without it or missed with it, and what it looked at for that label.
 */
import type { Inference } from '../../train/infer.ts';
import { calledLabels, type LabelAnswers, sigmoid } from '../../train/labels/answers.ts';
import type { PictureRow } from '../document.ts';
import { type DrawOptions, drawnPictures, type Example } from '../examples.ts';

/** Labels with a row each, those with the most mistakes first, and pictures in a row. */
const MOST_ROWS = 12;
const IN_A_ROW = 6;

/** A mistake about one label. */
interface Mistake extends Example {
  /** How far the probability lies on the wrong side of the threshold, as a share of the way to the end. */
  by: number;
}

/** @param thresholds from which each label is called */
export async function labelExampleRows(
  inference: Inference,
  answers: LabelAnswers,
  thresholds: readonly number[],
  options: DrawOptions,
): Promise<{ pictures: PictureRow[]; missing: string[] }> {
  const { classes } = options;
  const called = calledLabels(answers, thresholds);
  const rows = classes
    .map((name, label) => ({ name, mistakes: mistakesOf(inference, answers, called, thresholds, label) }))
    .filter(({ mistakes }) => mistakes.length > 0)
    .sort((a, b) => b.mistakes.length - a.mistakes.length)
    .slice(0, MOST_ROWS)
    .map(({ name, mistakes }) => ({ name, count: mistakes.length, worst: mistakes.slice(0, IN_A_ROW) }));
  const { drawn, missing } = await drawnPictures(
    rows.flatMap(({ worst }) => worst),
    options,
    ({ sample, predicted, probability }) => {
      const has = sample.labels?.includes(predicted) ?? false;
      const true_ = (sample.labels ?? []).map((label) => classes[label]).join(', ') || 'none of the labels';
      return {
        actual: true_,
        predicted: classes[predicted],
        right: false,
        said: `${has ? 'missed' : 'called'}, ${(100 * probability).toFixed(1)} %; it has`,
      };
    },
  );
  const pictures = rows
    .map(({ name, count, worst }) => ({
      title: name,
      words: `Wrong about '${name}': ${count.toLocaleString('en-US')} of ${answers.count.toLocaleString('en-US')} pictures, the surest first. A label of the list may be wrong, or the network looks at something else than it should.`,
      pictures: worst.flatMap((one) => drawn.get(one.sample) ?? []),
    }))
    .filter((row) => row.pictures.length > 0);
  return { pictures, missing };
}

/** The pictures about which a label is wrong, the surest first. Each has a sample of its own: one may be wrong about two. */
function mistakesOf(
  { samples }: Inference,
  { logits, targets, classes }: LabelAnswers,
  called: Uint8Array,
  thresholds: readonly number[],
  label: number,
): Mistake[] {
  const threshold = thresholds[label];
  return samples
    .flatMap((sample, row): Mistake[] => {
      const at = row * classes + label;
      if (called[at] === targets[at]) return [];
      const probability = sigmoid(logits[at]);
      const by = called[at]
        ? (probability - threshold) / (1 - threshold)
        : (threshold - probability) / threshold;
      return [{ sample: { ...sample }, predicted: label, probability, margin: by, by }];
    })
    .sort((a, b) => b.by - a.by);
}
