/** What is said about one picture: the likeliest classes, or each label of which several may hold. */
import type { Decided } from './decided.ts';
import type { Inference } from './infer.ts';
import { sigmoid } from './labels/answers.ts';
import { type Calling, largest, predicted, rowOf, softmaxRow } from './metrics.ts';

/** What answers it: the names of its outputs, and what is called of them. */
export interface Answering extends Decided {
  classes: readonly string[];
}

/** The array of these is the output of `predict --json`. */
export type Prediction = ClassPrediction | LabelPrediction;

export interface ClassPrediction {
  file: string;
  /** The class that is called where the checkpoint has a threshold for one, likeliest or not; else absent. */
  called?: string;
  topK: { index: number; label: string; probability: number; logit: number }[];
}

export interface LabelPrediction {
  file: string;
  /** The labels that are called, each from its threshold on. */
  called: string[];
  /** Of every label, in the order of the outputs; probabilities are sigmoids, each for itself. */
  labels: { index: number; label: string; probability: number; logit: number; called: boolean }[];
}

/** What a network says of every picture. @param k how many of the likeliest classes are named; of labels all are */
export function predictionsOf(answers: Inference, answering: Answering, k: number): Prediction[] {
  return answers.samples.map(({ file }, picture) =>
    predictionOf(file, rowOf(answers, picture), answering, k),
  );
}

/** The same of one picture. */
export const predictionOf = (
  file: string,
  logits: Float32Array,
  { classes, calling, thresholds }: Answering,
  k: number,
): Prediction =>
  thresholds ? labelled(file, logits, classes, thresholds) : classed(file, logits, classes, k, calling);

function classed(
  file: string,
  logits: Float32Array,
  classes: readonly string[],
  k: number,
  calling: Calling | undefined,
): ClassPrediction {
  const probabilities = softmaxRow(logits);
  const topK = largest(logits, k).map((index) => ({
    index,
    label: classes[index],
    probability: probabilities[index],
    logit: logits[index],
  }));
  return calling ? { file, called: classes[predicted(logits, calling)], topK } : { file, topK };
}

function labelled(
  file: string,
  logits: Float32Array,
  classes: readonly string[],
  thresholds: readonly number[],
): LabelPrediction {
  const labels = classes.map((label, index) => {
    const [logit, probability] = [logits[index], sigmoid(logits[index])];
    return { index, label, probability, logit, called: probability >= thresholds[index] };
  });
  return { file, called: labels.flatMap(({ label, called }) => (called ? [label] : [])), labels };
}
